/**
 * `randomState`, scikit-learn's name for a seed.
 * @module
 */
import { ValueError } from '../errors.js';

/**
 * A seed from 0 to 2^32 - 1, for scikit-learn's numbers of the same seed. Without one (or with null) the numbers are
 * different each time.
 */
export type RandomState = number | null;

/** The seed, or one drawn by chance. @internal */
export function seedOf(name: string, randomState: RandomState | undefined): number {
  if (randomState === undefined || randomState === null) return crypto.getRandomValues(new Uint32Array(1))[0]!;
  if (!Number.isInteger(randomState) || randomState < 0 || randomState >= 2 ** 32) {
    throw new ValueError(`${name}: randomState must be an integer from 0 to 2^32 - 1, not ${String(randomState)}`);
  }
  return randomState;
}

/** Refuses options that do not exist: a misspelt one would silently have no effect. @internal */
export function known(name: string, options: object, names: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!names.includes(key)) throw new ValueError(`${name}: there is no option '${key}'; known are ${names.join(', ')}`);
  }
}
