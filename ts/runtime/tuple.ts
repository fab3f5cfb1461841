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

/** The class of an op's results: an array whose items also have names, printed as PyTorch prints them. */
export function tupleClass(op: string, names: readonly string[]): TupleClass {
  let c = classes.get(op);
  if (!c) classes.set(op, (c = makeClass(op, names)));
  return c;
}

function makeClass(op: string, names: readonly string[]): TupleClass {
  const Named = class extends TensorTuple {
    override toString(): string {
      if (names.every((n) => n === '')) return `(${this.map(String).join(', ')})`;
      return `torch.return_types.${op}(\n${names.map((n, i) => `${n}=${String(this[i])}`).join(',\n')})`;
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
