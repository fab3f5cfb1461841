/**
 * Shapes as PyTorch shows them.
 * @module
 */
import { shown } from './runtime/console.js';

/**
 * The sizes of a tensor: a read-only array of numbers that prints as `torch.Size([2, 3])`. PyTorch: `torch.Size`.
 * @example
 * const [batch, features] = x.shape;
 */
export class Size extends Array<number> {
  /** Array methods give plain arrays: `shape.map(...)` is not a shape. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** The number of elements a tensor of this shape has. PyTorch: `torch.Size.numel`. */
  numel(): number {
    let n = 1;
    for (let i = 0; i < this.length; i++) n *= this[i]!;
    return n;
  }

  override toString(): string {
    return `torch.Size([${this.join(', ')}])`;
  }

  static {
    shown(this.prototype);
  }
}

/** A Size of `length` numbers from `words[at]` on. @internal */
export function sizeFrom(words: ArrayLike<number>, at: number, length: number): Size {
  const s: number[] = [];
  for (let i = 0; i < length; i++) s.push(words[at + i]!);
  // Constructing a subclass of Array takes three times as long, freezing it ten times.
  return Object.setPrototypeOf(s, Size.prototype) as Size;
}
