/** @module */
import { ArgumentError, ValueError } from '../errors.js';
import type { Generator } from '../random.js';
import { type Collated, defaultCollate, defaultConvert } from './collate.js';
import { type AnyMapStyle, isMapStyle, iterate, IterableDataset, type MapStyle, sampleOf } from './dataset.js';
import { BatchSampler, drawSeed, RandomSampler, SequentialSampler } from './sampler.js';
import { breathe } from '../runtime/turn.js';

/** Options of {@link DataLoader}. */
export interface DataLoaderOptions<T, B> {
  /** Samples in a batch; null gives single samples (default 1). */
  batchSize?: number | null;
  /** A new random order each epoch (default false). */
  shuffle?: boolean | null;
  /** In which order samples are taken; excludes `shuffle`. */
  sampler?: (Iterable<number> & { readonly length?: number }) | null;
  /** Which samples make up each batch; excludes `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  batchSampler?: (Iterable<readonly number[]> & { readonly length?: number }) | null;
  /** Accepted for PyTorch's sake; samples are fetched on the calling thread (default 0). */
  numWorkers?: number;
  /** Makes a batch of samples (default {@link defaultCollate}). */
  collateFn?: ((samples: T[]) => B) | null;
  /** Accepted for PyTorch's sake (default false). */
  pinMemory?: boolean;
  /** Leaves out a last batch that is not full (default false). */
  dropLast?: boolean;
  /** Where the order comes from (default null: the global generator). */
  generator?: Generator | null;
}

/** The samples of an array, a dataset or a stream. */
type SampleOf<D> = D extends IterableDataset<infer T> ? T : D extends readonly (infer T)[] ? T : D extends MapStyle<infer T> ? T : unknown;

/**
 * Batches of a dataset, epoch after epoch.
 *
 * `for (const batch of loader)` works for datasets that give samples at once; `for await (const batch of loader)` for
 * all, and lets the event loop turn every few milliseconds, which keeps a page alive and memory bounded.
 *
 * PyTorch: `torch.utils.data.DataLoader`.
 * @example
 * const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 64, shuffle: true });
 * for await (const [xb, yb] of loader) train(xb, yb);
 */
export class DataLoader<const D extends AnyMapStyle<unknown> | IterableDataset<unknown>, B = Collated<SampleOf<D>>> {
  readonly dataset: D;
  readonly batchSize: number | null;
  readonly dropLast: boolean;
  readonly sampler: Iterable<number> & { readonly length?: number };
  readonly batchSampler: (Iterable<readonly number[]> & { readonly length?: number }) | null;
  readonly generator: Generator | null;
  readonly numWorkers: number;
  readonly collateFn: (samples: SampleOf<D>[]) => B;
  /** Whether the collation is the default one, which a dataset may offer faster. */
  readonly #plain: boolean;

  constructor(
    dataset: D,
    batchSize: number | null | DataLoaderOptions<SampleOf<D>, B> = 1,
    shuffle: boolean | null | DataLoaderOptions<SampleOf<D>, B> = null,
    options: DataLoaderOptions<SampleOf<D>, B> = {},
  ) {
    const o: DataLoaderOptions<SampleOf<D>, B> = { ...options };
    if (typeof shuffle === 'object') Object.assign(o, shuffle);
    else o.shuffle = shuffle;
    if (typeof batchSize === 'object' && batchSize !== null) Object.assign(o, batchSize);
    else o.batchSize = batchSize;
    check(dataset, o);
    this.dataset = dataset;
    this.generator = o.generator ?? null;
    this.numWorkers = o.numWorkers ?? 0;
    this.dropLast = o.dropLast ?? false;
    const size = o.batchSampler ? null : o.batchSize === undefined ? 1 : o.batchSize;
    this.batchSize = size;
    const source = dataset as AnyMapStyle<unknown>;
    const order = (): Iterable<number> =>
      o.shuffle ? new RandomSampler(source, { generator: this.generator }) : new SequentialSampler(source);
    this.sampler = dataset instanceof IterableDataset ? [] : (o.sampler ?? order());
    this.batchSampler = o.batchSampler ?? (size === null ? null : new BatchSampler(this.sampler, size, this.dropLast));
    this.#plain = !o.collateFn;
    const byDefault = this.batchSampler ? defaultCollate : defaultConvert;
    this.collateFn = o.collateFn ?? (byDefault as unknown as (samples: SampleOf<D>[]) => B);
  }

  /** The number of batches. @throws if a stream or sampler has no length. */
  get length(): number {
    if (this.dataset instanceof IterableDataset) {
      const n = this.dataset.length;
      if (n === undefined) throw new ArgumentError(`DataLoader: ${this.dataset.constructor.name} has no length, so the number of batches is not known`);
      if (this.batchSize === null) return n;
      return this.dropLast ? Math.floor(n / this.batchSize) : Math.ceil(n / this.batchSize);
    }
    const n = (this.batchSampler ?? this.sampler).length;
    if (n === undefined) throw new ArgumentError('DataLoader: the sampler has no length, so the number of batches is not known');
    return n;
  }

  *[Symbol.iterator](): globalThis.Generator<B, void, undefined> {
    // PyTorch draws a seed for its workers at the start of every epoch, even without workers.
    drawSeed(this.generator);
    if (this.dataset instanceof IterableDataset) {
      const stream = iterate(this.dataset as IterableDataset<SampleOf<D>>);
      if (this.batchSize === null) for (const sample of stream) yield this.collateFn(sample as SampleOf<D>[]);
      else for (const samples of this.#groups(stream)) yield this.collateFn(samples);
      return;
    }
    for (const index of this.batchSampler ?? this.sampler) {
      const batch = this.#fetch(index);
      if (batch instanceof Promise) {
        batch.catch(() => undefined);
        throw new ArgumentError('DataLoader: the dataset gives its samples asynchronously; use `for await (const batch of loader)`');
      }
      yield batch;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<B, void, undefined> {
    drawSeed(this.generator);
    if (this.dataset instanceof IterableDataset) {
      const stream = this.dataset as IterableDataset<SampleOf<D>>;
      const samples = (stream[Symbol.asyncIterator] ? stream : iterate(stream)) as AsyncIterable<SampleOf<D>>;
      let group: SampleOf<D>[] = [];
      for await (const sample of samples) {
        await breathe();
        if (this.batchSize === null) yield this.collateFn(sample as SampleOf<D>[]);
        else if (group.push(sample) === this.batchSize) {
          yield this.collateFn(group);
          group = [];
        }
      }
      if (group.length > 0 && !this.dropLast) yield this.collateFn(group);
      return;
    }
    for (const index of this.batchSampler ?? this.sampler) {
      await breathe();
      yield await this.#fetch(index);
    }
  }

  /** A stream's samples in lists of a batch's size. */
  *#groups(stream: Iterable<SampleOf<D>>): globalThis.Generator<SampleOf<D>[], void, undefined> {
    let group: SampleOf<D>[] = [];
    for (const sample of stream) {
      if (group.push(sample) === this.batchSize) {
        yield group;
        group = [];
      }
    }
    if (group.length > 0 && !this.dropLast) yield group;
  }

  /** The batch (or the single sample) at these indices. */
  #fetch(index: number | readonly number[]): B | Promise<B> {
    const dataset = this.dataset as unknown as MapStyle<SampleOf<D>>;
    if (typeof index === 'number') return then(sampleOf(dataset, index), (sample) => this.collateFn(sample as SampleOf<D>[]));
    if (this.#plain && dataset.getBatch) return dataset.getBatch(index) as B | Promise<B>;
    const samples = dataset.getItems ? dataset.getItems(index) : together(index.map((i) => sampleOf(dataset, i)));
    return then(samples, (list) => this.collateFn(list));
  }
}

function then<A, R>(value: A | Promise<A>, fn: (value: A) => R): R | Promise<R> {
  return value instanceof Promise ? value.then(fn) : fn(value);
}

function together<T>(samples: (T | Promise<T>)[]): T[] | Promise<T[]> {
  return samples.some((x) => x instanceof Promise) ? Promise.all(samples) : (samples as T[]);
}

/** PyTorch's checks of options that exclude each other. */
function check(dataset: unknown, o: DataLoaderOptions<never, unknown>): void {
  const known = ['batchSize', 'shuffle', 'sampler', 'batchSampler', 'numWorkers', 'collateFn', 'pinMemory', 'dropLast', 'generator'];
  for (const name of Object.keys(o)) {
    if (!known.includes(name)) throw new ArgumentError(`DataLoader: unknown option '${name}'; it takes ${known.join(', ')}`);
  }
  if ((o.numWorkers ?? 0) < 0) throw new ValueError('num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.');
  if (dataset instanceof IterableDataset) {
    for (const name of ['shuffle', 'sampler', 'batchSampler'] as const) {
      if (o[name]) throw new ValueError(`DataLoader with IterableDataset: expected unspecified ${name} option, but got ${name}=${String(o[name])}`);
    }
  } else if (!isMapStyle(dataset)) {
    throw new ArgumentError('DataLoader: the dataset must be an array, an IterableDataset, or have `length` and `getItem(index)`');
  }
  if (o.sampler && o.shuffle) throw new ValueError('sampler option is mutually exclusive with shuffle');
  if (o.batchSampler && ((o.batchSize ?? 1) !== 1 || o.shuffle || o.sampler || o.dropLast)) {
    throw new ValueError('batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last');
  }
  if (o.batchSize === null && !o.batchSampler && o.dropLast) {
    throw new ValueError('batch_size=None option disables auto-batching and is mutually exclusive with drop_last');
  }
}
