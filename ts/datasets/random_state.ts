/**
 * `randomState`, scikit-learn's name for a seed, and numpy's stream of that seed.
 * @module
 */
import { tensor } from '../creation.js';
import { float64, int64 } from '../dtype.js';
import { ValueError } from '../errors.js';
import { empty } from '../generated/torch.js';
import { Generator } from '../random.js';
import type { Tensor } from '../tensor.js';

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

/** Pairs of words drawn at once. */
const BLOCK = 256;

/**
 * The stream of numpy's `RandomState(seed)`, for what is put together from ops here. The generators that are one op have
 * it in the engine (crates/cpu/src/random/numpy.rs).
 *
 * Words come from the engine: PyTorch's Mersenne Twister and numpy's start alike from one seed. Normal numbers take their
 * logarithm from the engine too, which differs from numpy's in the last bit at times.
 * @internal
 */
export class NumpyRandom {
  readonly #generator = new Generator();
  /** Words that were drawn, and how many of them are used up. */
  #words = new Uint32Array(0);
  #used = 0;
  /** The first number of a normal pair whose second was given. */
  #waiting: number | null = null;

  constructor(seed: number) {
    this.#generator.manualSeed(seed);
  }

  /** A word of 32 bits. */
  #word(): number {
    if (this.#used === this.#words.length) {
      // Integers of the whole range of int64 are pairs of words, the upper one drawn first.
      const pairs = empty(BLOCK, { dtype: int64 }).random_(-(2 ** 63), null, { generator: this.#generator });
      this.#words = Uint32Array.from([...(pairs.dataSync() as BigInt64Array)].flatMap((n) => [Number(BigInt.asUintN(32, n >> 32n)), Number(BigInt.asUintN(32, n))]));
      this.#used = 0;
      pairs.dispose();
    }
    return this.#words[this.#used++]!;
  }

  /** `random_sample()`. */
  sample(): number {
    const a = this.#word() >>> 5;
    const b = this.#word() >>> 6;
    return (a * 67_108_864 + b) / 9_007_199_254_740_992;
  }

  /** `uniform(size=shape)`. */
  uniform(shape: readonly number[]): Tensor {
    return filled(shape, Float64Array.from({ length: numel(shape) }, () => this.sample()));
  }

  /** `standard_normal(size=shape)`: Marsaglia's polar method, two at a time, the second given first. */
  normal(shape: readonly number[]): Tensor {
    const count = numel(shape);
    const first = this.#waiting === null ? [] : [this.#waiting];
    const pairs: [x: number, y: number, square: number][] = [];
    while (first.length + 2 * pairs.length < count) {
      const x = 2 * this.sample() - 1;
      const y = 2 * this.sample() - 1;
      const square = x * x + y * y;
      if (square < 1 && square !== 0) pairs.push([x, y, square]);
    }
    const squares = tensor(Float64Array.from(pairs, ([, , square]) => square), { dtype: float64 });
    const logarithms = squares.log();
    const logs = logarithms.dataSync();
    squares.dispose();
    logarithms.dispose();
    const numbers = pairs.flatMap(([x, y, square], i) => {
      const f = Math.sqrt((-2 * Number(logs[i])) / square);
      return [f * y, f * x];
    });
    const all = [...first, ...numbers];
    if (count > 0) this.#waiting = all.length > count ? all[count]! : null;
    return filled(shape, Float64Array.from(all.slice(0, count)));
  }

  /** An integer in [0, most], most below 2^32: masked words until one fits. */
  #interval(most: number): number {
    if (most === 0) return 0;
    const mask = 0xffff_ffff >>> Math.clz32(most);
    for (;;) {
      const word = (this.#word() & mask) >>> 0;
      if (word <= most) return word;
    }
  }

  /** `permutation(n)`. */
  permutation(n: number): number[] {
    const items = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i >= 1; i--) {
      const j = this.#interval(i);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }
}

function numel(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

function filled(shape: readonly number[], values: Float64Array): Tensor {
  const flat = tensor(values, { dtype: float64 });
  const out = flat.reshape([...shape]);
  if (out !== flat) flat.dispose();
  return out;
}
