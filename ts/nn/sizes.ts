/**
 * Sizes given once or once per dimension.
 * @module
 */
import { ValueError } from '../errors.js';

/** A number for all dimensions, or one for each. */
export type Size = number | readonly number[];

/** `3` as `[3, 3]`; a list must have `n` numbers. */
export function repeat(who: string, what: string, size: Size, n: number): number[] {
  if (typeof size === 'number') return new Array<number>(n).fill(size);
  if (size.length !== n) throw new ValueError(`${who}: ${what} must have ${n} numbers, got (${size.join(', ')})`);
  return [...size];
}
