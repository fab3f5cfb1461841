// Our own side, as a user writes it: no gradients where none are wanted, and each result given back.
import * as torch from '../../dist/index.js';
import { build } from './cresset_layers.mjs';
import { firstLosses, sideOf, unsupported } from './index.mjs';

/** Our tensor of `{ shape, dtype, data }`. */
export const tensorOf = ({ shape, dtype, data }) => {
  const t = torch.tensor(data).view(shape);
  return dtype === 'int64' ? t.to(torch.int64) : t;
};

const tensorsOf = (data) => Object.fromEntries(Object.entries(data.tensors).map(([name, t]) => [name, tensorOf(t)]));
const numbers = async (t) => Float32Array.from(await t.data(), Number);

function opSide(row, data) {
  const side = sideOf(row, 'cresset')(torch, tensorsOf(data));
  const { body, result = (out) => out } = typeof side === 'function' ? { body: side } : side;
  const mode = row.grad ? (f) => f() : torch.noGrad;
  const loop = (n) => {
    for (let i = 0; i < n; i++) body()?.dispose();
  };
  return {
    check: async () => {
      const out = row.awaited ? void (await body()) : result(mode(body));
      return Promise.all((out === undefined ? [] : [out].flat()).map(numbers));
    },
    run: row.awaited
      ? async (n) => {
        for (let i = 0; i < n; i++) await body();
      }
      : (n) => void mode(() => loop(n)),
  };
}

/** The network with its weights; `stateDict` has what is not a weight too. */
export function modelOf(row, data) {
  const model = build(torch, row.layers);
  const weights = new Map(Object.entries(data.weights).map(([name, t]) => [name, tensorOf(t)]));
  model.loadStateDict(new Map(Object.entries(model.stateDict()).map(([name, t]) => [name, weights.get(name) ?? t])));
  return model;
}

function networkSide(row, data) {
  const model = modelOf(row, data).eval();
  const { x } = tensorsOf(data);
  return {
    check: async () => [await numbers(torch.noGrad(() => model(x)))],
    run: (n) => void torch.noGrad(() => {
      for (let i = 0; i < n; i++) torch.scope(() => void model(x));
    }),
  };
}

/** The loop of a tutorial, and nothing more: memory is the engine's affair. */
export function trainingSide(row, data) {
  const { x, y } = tensorsOf(data);
  const lossFn = row.loss === 'bce' ? new torch.nn.BCEWithLogitsLoss() : new torch.nn.CrossEntropyLoss();
  let model, optimizer;
  const reset = () => {
    model = modelOf(row, data);
    optimizer = row.optimizer === 'Adam' ? new torch.optim.Adam(model.parameters(), { lr: row.lr }) : new torch.optim.SGD(model.parameters(), { lr: row.lr });
  };
  const step = () => {
    optimizer.zeroGrad();
    const loss = lossFn(model(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  };
  return {
    reset,
    check: () => {
      reset();
      return firstLosses(async () => Number(await step().item()));
    },
    run: (n) => {
      for (let i = 0; i < n; i++) step();
    },
  };
}

const MAKE = { op: opSide, network: networkSide, training: trainingSide };

/** Runs `f` where tensors are made on the CPU, whatever device is the default. */
export function onCpu(f) {
  const before = torch.getDefaultDevice();
  torch.setDefaultDevice('cpu');
  try {
    return f();
  } finally {
    torch.setDefaultDevice(before);
  }
}

/** The same program on the GPU, and on the CPU to compare with. A read waits for all that was asked for before it, so one of a single number ends what is timed. */
function gpuSides(row, data) {
  const mark = torch.zeros(1);
  const side = MAKE[row.kind](row, data);
  const other = onCpu(() => MAKE[row.kind](row, data));
  return [
    {
      ...side,
      run: async (n) => {
        await side.run(n);
        await mark.item();
      },
    },
    { ...Object.fromEntries(Object.entries(other).map(([name, f]) => [name, (...args) => onCpu(() => f(...args))])), form: 'CPU' },
  ];
}

export async function open({ simd, threads = 1, device = 'cpu' }) {
  await torch.init({ simd, threads, device });
  if (threads > 1 && torch.getNumThreads() !== threads) unsupported(`asked for ${threads} threads, this runtime gives ${torch.getNumThreads()}`);
  return {
    torch,
    onCpu,
    sides(row, data) {
      if (device === 'webgpu') return gpuSides(row, data);
      const side = MAKE[row.kind](row, data);
      if (threads === 1) return [side];
      const withThreads = (count) => ({
        ...side,
        run: (n) => {
          torch.setNumThreads(count);
          return side.run(n);
        },
      });
      return [withThreads(threads), { ...withThreads(1), form: '1 thread' }];
    },
  };
}
