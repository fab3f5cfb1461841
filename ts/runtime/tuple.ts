/**
 * Results with several parts: `const { values, indices } = x.max(1)` and `const [v, i] = x.max(1)`.
 * @module
 */
import { shown } from './console.js';
import { snake } from './python.js';

/** A result with several parts, in PyTorch's order; the parts have names too. */
export class TensorTuple extends Array<unknown> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

interface TupleClass {
  of(...items: unknown[]): TensorTuple;
}

/** Results whose parts have names here, while PyTorch gives them as plain tuples: they print as such. */
const PLAIN: ReadonlySet<string> = new Set([
  'var_mean', 'std_mean', 'rnn_tanh', 'rnn_relu', 'gru', 'lstm', 'lstm_cell', 'native_batch_norm', 'native_layer_norm', 'native_group_norm',
  'nn_functional_multi_head_attention_forward',
]);

const classes = new Map<string, TupleClass>();

/**
 * The class of a function's results: an array whose items also have names, printed as PyTorch prints them.
 * @param name the public name: `'max'`, `'linalg.luFactor'`.
 */
export function tupleClass(name: string, names: readonly string[]): TupleClass {
  let c = classes.get(name);
  if (!c) classes.set(name, (c = makeClass(snake(name.replaceAll('.', '_')), names)));
  return c;
}

function makeClass(name: string, names: readonly string[]): TupleClass {
  const plain = PLAIN.has(name) || names.every((n) => n === '');
  const Named = class extends TensorTuple {
    override toString(): string {
      if (plain) return `(${this.map(String).join(', ')})`;
      return `torch.return_types.${name}(\n${names.map((n, i) => `${snake(n)}=${String(this[i])}`).join(',\n')})`;
    }

    static {
      shown(this.prototype);
    }
  };
  names.forEach((name, i) => {
    if (name === '') return;
    Object.defineProperty(Named.prototype, name, {
      get(this: TensorTuple): unknown {
        return this[i];
      },
      configurable: true,
    });
  });
  return Named;
}
