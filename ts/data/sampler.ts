/**
 * Samplers: in which order a {@link DataLoader} takes the samples. Random numbers are drawn as PyTorch draws them.
 * @module
 */
import { asTensor } from '../creation.js';
import { empty } from '../generated/torch.js';
import { float64, int64 } from '../dtype.js';
import { ArgumentError, ValueError } from '../errors.js';
import { multinomial, randint, randperm } from '../generated/torch.js';
import { Generator } from '../random.js';
import { isTensor, type Tensor } from '../tensor.js';

/** An iterable of indices; `length` where it is known. */
export interface Sampler<T = number> extends Iterable<T> {
  readonly length?: number;
}

/** Anything that has a length. */
export interface Sized {
  readonly length: number;
}

type Indices = globalThis.Generator<number, void, undefined>;

/** The elements of a temporary index tensor. */
function take(t: Tensor): number[] {
  const list = t.tolistSync() as number[];
  t.dispose();
  return list;
}

/** A seed: two words of the generator's stream. */
export function drawSeed(generator: Generator | null): number | bigint {
  const t = empty([], { dtype: int64, device: 'cpu' });
  t.random_(generator ? { generator } : {});
  const seed = t.itemSync() as number | bigint;
  t.dispose();
  return seed;
}

/** 0, 1, 2, ... PyTorch: `torch.utils.data.SequentialSampler`. */
export class SequentialSampler implements Sampler {
  readonly dataSource: Sized;

  constructor(dataSource: Sized) {
    this.dataSource = dataSource;
  }

  get length(): number {
    return this.dataSource.length;
  }

  *[Symbol.iterator](): Indices {
    for (let i = 0; i < this.dataSource.length; i++) yield i;
  }
}

/** Options of {@link RandomSampler}. */
export interface RandomSamplerOptions {
  /** Draws with replacement (default false). */
  replacement?: boolean;
  /** How many samples an epoch has (default null: as many as the data). */
  numSamples?: number | null;
  /** Where the numbers come from (default null: a new generator each epoch, seeded from the global one). */
  generator?: Generator | null;
}

/**
 * A random order, or draws with replacement.
 *
 * PyTorch: `torch.utils.data.RandomSampler`.
 */
export class RandomSampler implements Sampler {
  readonly dataSource: Sized;
  readonly replacement: boolean;
  readonly generator: Generator | null;
  readonly #numSamples: number | null;

  constructor(
    dataSource: Sized,
    replacement: boolean | RandomSamplerOptions = false,
    numSamples: number | null = null,
    generator: Generator | null = null,
  ) {
    const options = typeof replacement === 'boolean' ? { replacement, numSamples, generator } : replacement;
    this.dataSource = dataSource;
    this.replacement = options.replacement ?? false;
    this.generator = options.generator ?? null;
    this.#numSamples = options.numSamples ?? null;
    if (!Number.isInteger(this.numSamples) || this.numSamples <= 0) {
      throw new ValueError(`num_samples should be a positive integer value, but got num_samples=${this.numSamples}`);
    }
  }

  /** How many samples an epoch has; the data may have grown since. */
  get numSamples(): number {
    return this.#numSamples ?? this.dataSource.length;
  }

  get length(): number {
    return this.numSamples;
  }

  *[Symbol.iterator](): Indices {
    const n = this.dataSource.length;
    let generator = this.generator;
    if (generator === null) {
      const seed = drawSeed(null);
      generator = new Generator();
      generator.manualSeed(seed);
    }
    const count = this.numSamples;
    if (this.replacement) {
      for (let k = 0; k < Math.floor(count / 32); k++) yield* take(randint(0, n, [32], { generator, dtype: int64, device: 'cpu' }));
      yield* take(randint(0, n, [count % 32], { generator, dtype: int64, device: 'cpu' }));
    } else {
      for (let k = 0; k < Math.floor(count / n); k++) yield* take(randperm(n, { generator, device: 'cpu' }));
      // Drawn even when nothing of it is used: a generator of the caller's moves on as it does in PyTorch.
      yield* take(randperm(n, { generator, device: 'cpu' })).slice(0, count % n);
    }
  }
}

/**
 * A random order of given indices.
 *
 * PyTorch: `torch.utils.data.SubsetRandomSampler`.
 */
export class SubsetRandomSampler implements Sampler {
  readonly indices: readonly number[];
  readonly generator: Generator | null;

  constructor(indices: readonly number[], generator: Generator | { generator?: Generator | null } | null = null) {
    this.indices = indices;
    this.generator = generatorOf(generator);
  }

  get length(): number {
    return this.indices.length;
  }

  *[Symbol.iterator](): Indices {
    const { generator } = this;
    for (const i of take(randperm(this.indices.length, { device: 'cpu', ...(generator ? { generator } : {}) }))) yield this.indices[i]!;
  }
}

/** Options of {@link WeightedRandomSampler}. */
export interface WeightedRandomSamplerOptions {
  /** Draws with replacement (default true). */
  replacement?: boolean;
  generator?: Generator | null;
}

/**
 * Draws indices with the given probabilities (weights need not sum to one).
 *
 * PyTorch: `torch.utils.data.WeightedRandomSampler`.
 * @example
 * const sampler = new WeightedRandomSampler(labels.map((y) => 1 / count[y]), labels.length);
 */
export class WeightedRandomSampler implements Sampler {
  readonly weights: Tensor;
  readonly numSamples: number;
  readonly replacement: boolean;
  readonly generator: Generator | null;

  constructor(
    weights: readonly number[] | Tensor,
    numSamples: number,
    replacement: boolean | WeightedRandomSamplerOptions = true,
    generator: Generator | null = null,
  ) {
    if (!Number.isInteger(numSamples) || numSamples <= 0) {
      throw new ValueError(`num_samples should be a positive integer value, but got num_samples=${String(numSamples)}`);
    }
    const options = typeof replacement === 'boolean' ? { replacement, generator } : replacement;
    this.weights = isTensor(weights) ? weights.to(float64) : asTensor([...weights], { dtype: float64 });
    if (this.weights.ndim !== 1) {
      throw new ValueError(`weights should be a 1d sequence but given weights have shape (${[...this.weights.shape].join(', ')})`);
    }
    this.numSamples = numSamples;
    this.replacement = options.replacement ?? true;
    this.generator = options.generator ?? null;
  }

  get length(): number {
    return this.numSamples;
  }

  *[Symbol.iterator](): Indices {
    const { generator } = this;
    yield* take(multinomial(this.weights, this.numSamples, this.replacement, generator ? { generator } : {}));
  }
}

/**
 * Groups the indices of another sampler into batches.
 *
 * PyTorch: `torch.utils.data.BatchSampler`.
 * @example
 * [...new BatchSampler(new SequentialSampler({ length: 10 }), 3, false)]; // -> [ [ 0, 1, 2 ], [ 3, 4, 5 ], [ 6, 7, 8 ], [ 9 ] ]
 */
export class BatchSampler implements Sampler<number[]> {
  readonly sampler: Iterable<number> & { readonly length?: number };
  readonly batchSize: number;
  readonly dropLast: boolean;

  constructor(sampler: Iterable<number> & { readonly length?: number }, batchSize: number, dropLast: boolean) {
    if (!Number.isInteger(batchSize) || batchSize <= 0) {
      throw new ValueError(`batch_size should be a positive integer value, but got batch_size=${String(batchSize)}`);
    }
    if (typeof dropLast !== 'boolean') throw new ValueError(`drop_last should be a boolean value, but got drop_last=${String(dropLast)}`);
    this.sampler = sampler;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
  }

  /** @throws if the sampler's length is not known. */
  get length(): number {
    const n = this.sampler.length;
    if (n === undefined) throw new ArgumentError('BatchSampler: the sampler has no length, so the number of batches is not known');
    return this.dropLast ? Math.floor(n / this.batchSize) : Math.ceil(n / this.batchSize);
  }

  *[Symbol.iterator](): globalThis.Generator<number[], void, undefined> {
    let batch: number[] = [];
    for (const i of this.sampler) {
      batch.push(i);
      if (batch.length === this.batchSize) {
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0 && !this.dropLast) yield batch;
  }
}

function generatorOf(x: Generator | { generator?: Generator | null } | null): Generator | null {
  return x instanceof Generator ? x : (x?.generator ?? null);
}
