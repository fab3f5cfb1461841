// PyTorch, in a Python process that gets rows and repetition counts and answers with seconds (pytorch.py).
import { fromBase64, toBase64 } from './base64.mjs';
import { CHECKED, unsupported } from './index.mjs';

/** Tensors by name as Python reads them. */
export const encode = (tensors) => Object.fromEntries(Object.entries(tensors).map(([name, { shape, dtype, data }]) => [name, { shape, dtype, data: toBase64(data) }]));

export async function open({ python, threads = 1 }) {
  if (!python) unsupported('no python3 here has torch');
  const { cores } = await python({ do: 'hello' });
  const side = async (row, data, form, more) => {
    const { kind, layers, loss, optimizer, lr, grad } = row;
    const id = await python({ do: 'open', row: { kind, layers, loss, optimizer, lr, grad, code: row.sides?.pytorch }, tensors: encode(data.tensors), weights: encode(data.weights), threads, ...more });
    return {
      form,
      check: async () => (await python({ do: 'check', id, steps: CHECKED })).map(fromBase64),
      run: (n) => python({ do: 'run', id, n }),
      ...(kind === 'training' ? { reset: () => python({ do: 'reset', id }) } : {}),
      close: () => python({ do: 'close', id }),
    };
  };
  return {
    async sides(row, data) {
      if (row.kind === 'op' && !row.sides.pytorch) unsupported('the row has no side for it');
      const large = row.kind !== 'op';
      return [
        await side(row, data),
        ...(row.optimizer === 'Adam' ? [await side(row, data, 'fused Adam', { fused: true })] : []),
        ...(large && threads === 1 && cores > 1 ? [await side(row, data, `${cores} threads`, { threads: cores })] : []),
      ];
    },
  };
}
