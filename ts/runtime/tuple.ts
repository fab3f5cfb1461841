/**
 * Results with several parts: `const { values, indices } = x.max(1)` and `const [v, i] = x.max(1)`.
 * @module
 */

/** A result with several parts, in PyTorch's order; the parts have names too. */
export class TensorTuple extends Array<unknown> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

interface TupleClass {
  of(...items: unknown[]): TensorTuple;
}

const classes = new Map<string, TupleClass>();

/** Functions whose results are plain tuples in PyTorch, so that no names are printed. */
const PLAIN: ReadonlySet<string> = new Set(['stdMean', 'varMean']);

/** The class of a function's results: an array whose items also have names, printed as PyTorch prints them. */
export function tupleClass(name: string, names: readonly string[]): TupleClass {
  let c = classes.get(name);
  if (!c) classes.set(name, (c = makeClass(name, names)));
  return c;
}

function makeClass(name: string, names: readonly string[]): TupleClass {
  const plain = PLAIN.has(name) || names.every((n) => n === '');
  // `linalg.luFactor` is `torch.return_types.linalg_lu_factor`.
  const type = name.replace('.', '_').replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
  const Named = class extends TensorTuple {
    override toString(): string {
      if (plain) return `(${this.map(String).join(', ')})`;
      return `torch.return_types.${type}(\n${names.map((n, i) => `${n}=${String(this[i])}`).join(',\n')})`;
    }
    [Symbol.for('nodejs.util.inspect.custom')](): string {
      return this.toString();
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
