/**
 * What the plotting functions accept as numbers.
 * @module
 */
import { ArgumentError } from '../errors.js';
import { type Tensor, isTensor } from '../tensor.js';

/** A list of numbers: an array, a typed array, or a tensor on the CPU (read row by row). */
export type Values = readonly number[] | ArrayLike<number> | Tensor;

/** `values` as an array of numbers. @internal */
export function numbers(values: Values, what: string): number[] {
  if (isTensor(values)) return Array.from(values.dataSync() as ArrayLike<number | bigint>, Number);
  if (values === null || typeof values !== 'object' || !('length' in values)) {
    throw new ArgumentError(`plot: ${what} must be an array, a typed array or a tensor; it is ${String(values)}`);
  }
  return Array.from(values, Number);
}

/** Throws unless the lists are of one length. @internal */
export function sameLength(name: string, ...lists: (readonly unknown[])[]): void {
  if (lists.some((list) => list.length !== lists[0]!.length)) {
    throw new ArgumentError(`plot.${name}: the lists must be of one length; they have ${lists.map((list) => list.length).join(', ')}`);
  }
}
