/**
 * Datasets. PyTorch: `torch.utils.data`.
 * @module
 */
import { tensor } from '../creation.js';
import { int64 } from '../dtype.js';
import { ArgumentError, IndexError, ShapeError, ValueError } from '../errors.js';
import { randperm } from '../generated/torch.js';
import { type Generator as RandomGenerator } from '../random.js';
import { type Tensor } from '../tensor.js';

/** Anything with a length and samples by index: a {@link Dataset}, or an object of yours. */
export interface MapStyle<T> {
  readonly length: number;
  /** The sample (PyTorch: `__getitem__`); a promise of it makes the dataset one for `for await` only. */
  getItem(index: number): T | Promise<T>;
  /** Several samples at once, where that is faster (PyTorch: `__getitems__`). */
  getItems?(indices: readonly number[]): T[] | Promise<T[]>;
  /** A whole batch as the default collation would make it, where that is faster. */
  getBatch?(indices: readonly number[]): unknown;
}

/** What a {@link DataLoader} takes samples from by index. */
export type AnyMapStyle<T> = MapStyle<T> | readonly T[];

/** A sample of a dataset or array; a negative index counts from the end where the dataset allows it. @internal */
export function sampleOf<T>(dataset: AnyMapStyle<T>, index: number): T | Promise<T> {
  if (!Array.isArray(dataset)) return (dataset as MapStyle<T>).getItem(index);
  if (index < -dataset.length || index >= dataset.length) throw new IndexError(`index ${index} is out of range for ${dataset.length} samples`);
  return (dataset as readonly T[]).at(index)!;
}

/**
 * A dataset with a known length and samples by index. Extend it, or give an array or any object with `length` and `getItem`.
 *
 * PyTorch: `torch.utils.data.Dataset` (`__len__` is `length`, `__getitem__` is `getItem`).
 * @example
 * class Squares extends Dataset<[number, number]> {
 *   get length() { return 100; }
 *   getItem(i: number): [number, number] { return [i, i * i]; }
 * }
 */
export abstract class Dataset<T> implements MapStyle<T> {
  declare getItems?: (indices: readonly number[]) => T[] | Promise<T[]>;
  declare getBatch?: (indices: readonly number[]) => unknown;
  abstract get length(): number;
  abstract getItem(index: number): T | Promise<T>;

  /** The samples of this dataset, then those of another. PyTorch: `dataset + other`. */
  add<U>(other: AnyMapStyle<U>): ConcatDataset<T | U> {
    return new ConcatDataset<T | U>([this, other]);
  }

  /** The samples in order. */
  *[Symbol.iterator](): Generator<T | Promise<T>, void, undefined> {
    for (let i = 0; i < this.length; i++) yield this.getItem(i);
  }
}

/**
 * A dataset that is a stream: implement `[Symbol.iterator]` or `[Symbol.asyncIterator]`, and `length` if it is known.
 *
 * PyTorch: `torch.utils.data.IterableDataset`.
 * @example
 * class Lines extends IterableDataset<string> {
 *   constructor(readonly file: Blob) { super(); }
 *   override async *[Symbol.asyncIterator]() { yield* (await this.file.text()).split('\n'); }
 * }
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- what a stream may have, it need not have
export abstract class IterableDataset<T> {
  /** The samples of this dataset, then those of another. PyTorch: `dataset + other`. */
  add<U>(other: IterableDataset<U>): ChainDataset<T | U> {
    return new ChainDataset<T | U>([this as IterableDataset<T | U>, other as IterableDataset<T | U>]);
  }
}

/** What a stream may have. */
export interface IterableDataset<T> {
  readonly length?: number | undefined;
  [Symbol.iterator]?(): Iterator<T>;
  [Symbol.asyncIterator]?(): AsyncIterator<T>;
}

/**
 * Samples are rows of tensors: `getItem(i)` is `[tensors[0].at(i), tensors[1].at(i), ...]`.
 *
 * PyTorch: `torch.utils.data.TensorDataset`.
 * @example
 * const dataset = new TensorDataset(torch.rand(12, 3), torch.arange(12));
 */
export class TensorDataset<const T extends readonly Tensor[] = Tensor[]> extends Dataset<{ -readonly [K in keyof T]: Tensor }> {
  readonly tensors: T;

  /** @throws {@link ShapeError} if the tensors differ in their first size. */
  constructor(...tensors: T) {
    super();
    if (tensors.length === 0) throw new ArgumentError('TensorDataset: at least one tensor is needed');
    const sizes = tensors.map((t) => t.shape[0]);
    if (sizes.some((n) => n === undefined || n !== sizes[0])) {
      const given = sizes.map((n) => n ?? 'none (0-d)').join(', ');
      throw new ShapeError(`TensorDataset: Size mismatch between tensors: first sizes are ${given}, they must be equal`);
    }
    this.tensors = tensors;
    /** One gather per tensor: the same batch as stacking the samples, without making them. */
    this.getBatch = (indices) => {
      const n = this.length;
      const list = tensor(
        indices.map((i) => (i < 0 ? i + n : i)),
        { dtype: int64 },
      );
      const batch = this.tensors.map((t) => t.indexSelect(0, list));
      list.dispose();
      return batch;
    };
  }

  get length(): number {
    return this.tensors[0]!.shape[0]!;
  }

  getItem(index: number): { -readonly [K in keyof T]: Tensor } {
    return this.tensors.map((t) => t.at(index)) as { -readonly [K in keyof T]: Tensor };
  }
}

/**
 * Some samples of a dataset.
 *
 * PyTorch: `torch.utils.data.Subset`.
 * @example
 * const firstHundred = new Subset(dataset, [...Array(100).keys()]);
 */
export class Subset<T> extends Dataset<T> {
  readonly dataset: AnyMapStyle<T>;
  readonly indices: readonly number[];

  constructor(dataset: AnyMapStyle<T>, indices: readonly number[]) {
    super();
    this.dataset = dataset;
    this.indices = indices;
    const inner = dataset as Partial<MapStyle<T>>;
    // Offered only where the dataset has them: a loader looks whether they are there.
    if (inner.getItems) this.getItems = (list) => inner.getItems!(list.map((i) => this.#index(i)));
    if (inner.getBatch) this.getBatch = (list) => inner.getBatch!(list.map((i) => this.#index(i)));
  }

  /** An index of the dataset; negative positions count from the end. */
  #index(position: number): number {
    const i = this.indices.at(position);
    if (i === undefined) throw new IndexError(`Subset: index ${position} is out of range for ${this.indices.length} samples`);
    return i;
  }

  get length(): number {
    return this.indices.length;
  }

  getItem(index: number): T | Promise<T> {
    return sampleOf(this.dataset, this.#index(index));
  }
}

/**
 * Datasets one after another.
 *
 * PyTorch: `torch.utils.data.ConcatDataset`.
 */
export class ConcatDataset<T> extends Dataset<T> {
  readonly datasets: readonly AnyMapStyle<T>[];
  /** Where each dataset ends. */
  readonly cumulativeSizes: readonly number[];

  constructor(datasets: Iterable<AnyMapStyle<T>>) {
    super();
    this.datasets = [...datasets];
    if (this.datasets.length === 0) throw new ValueError('datasets should not be an empty iterable');
    if (this.datasets.some((d) => d instanceof IterableDataset)) throw new ArgumentError('ConcatDataset does not support IterableDataset');
    let total = 0;
    this.cumulativeSizes = this.datasets.map((d) => (total += d.length));
  }

  get length(): number {
    return this.cumulativeSizes.at(-1)!;
  }

  getItem(index: number): T | Promise<T> {
    const n = this.length;
    if (-index > n) throw new ValueError('absolute value of index should not exceed dataset length');
    const i = index < 0 ? index + n : index;
    const k = this.cumulativeSizes.findIndex((end) => i < end);
    if (k < 0) throw new IndexError(`ConcatDataset: index ${index} is out of range for ${n} samples`);
    return sampleOf(this.datasets[k]!, i - (k === 0 ? 0 : this.cumulativeSizes[k - 1]!));
  }
}

/**
 * Streams one after another.
 *
 * PyTorch: `torch.utils.data.ChainDataset`.
 */
export class ChainDataset<T> extends IterableDataset<T> {
  readonly datasets: readonly IterableDataset<T>[];

  constructor(datasets: Iterable<IterableDataset<T>>) {
    super();
    this.datasets = [...datasets];
    for (const d of this.datasets) {
      if (!(d instanceof IterableDataset)) throw new ArgumentError('ChainDataset only supports IterableDataset');
    }
  }

  override get length(): number | undefined {
    return this.datasets.reduce<number | undefined>((n, d) => (n === undefined || d.length === undefined ? undefined : n + d.length), 0);
  }

  override *[Symbol.iterator](): Generator<T, void, undefined> {
    for (const d of this.datasets) yield* iterate(d);
  }

  override async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (const d of this.datasets) {
      if (d[Symbol.asyncIterator]) yield* d as AsyncIterable<T>;
      else yield* iterate(d);
    }
  }
}

/** A stream's iterable, or an error that says why there is none. @internal */
export function iterate<T>(d: IterableDataset<T>): Iterable<T> {
  if (!d[Symbol.iterator]) {
    throw new ArgumentError(`${d.constructor.name}: the dataset has only an asynchronous iterator; use \`for await\``);
  }
  return d as Iterable<T>;
}

/**
 * Samples of several datasets side by side: as an array, or as an object when the datasets are given by name.
 *
 * PyTorch: `torch.utils.data.StackDataset`.
 * @example
 * const pairs = new StackDataset(images, captions);
 * const named = new StackDataset({ image: images, text: captions });
 */
export class StackDataset extends Dataset<unknown> {
  readonly datasets: readonly AnyMapStyle<unknown>[] | Readonly<Record<string, AnyMapStyle<unknown>>>;

  constructor(...datasets: AnyMapStyle<unknown>[] | [Record<string, AnyMapStyle<unknown>>]) {
    super();
    const [first] = datasets;
    if (first === undefined) throw new ValueError('At least one dataset should be passed');
    const named = datasets.length === 1 && !isMapStyle(first);
    this.datasets = named ? (first as Record<string, AnyMapStyle<unknown>>) : (datasets as AnyMapStyle<unknown>[]);
    const all = this.#all();
    if (all.length === 0) throw new ValueError('At least one dataset should be passed');
    if (all.some((d) => d.length !== all[0]!.length)) throw new ValueError('Size mismatch between datasets');
  }

  #all(): AnyMapStyle<unknown>[] {
    return Object.values(this.datasets) as AnyMapStyle<unknown>[];
  }

  get length(): number {
    return this.#all()[0]!.length;
  }

  getItem(index: number): unknown {
    const samples = this.#all().map((d) => sampleOf(d, index));
    if (Array.isArray(this.datasets)) return samples;
    return Object.fromEntries(Object.keys(this.datasets).map((name, i) => [name, samples[i]]));
  }
}

/** Whether a loader can take samples from it by index. @internal */
export function isMapStyle(x: unknown): x is AnyMapStyle<unknown> {
  return Array.isArray(x) || typeof (x as Partial<MapStyle<unknown>> | null)?.getItem === 'function';
}

/** Options of {@link randomSplit}. */
export interface RandomSplitOptions {
  /** Where the shuffle comes from (default: the global generator). */
  generator?: RandomGenerator | null;
}

/**
 * Splits a dataset at random into parts of the given lengths, or of the given fractions, which sum to 1.
 *
 * PyTorch: `torch.utils.data.random_split`.
 * @example
 * const [train, test] = randomSplit(dataset, [0.8, 0.2]);
 */
export function randomSplit<T>(
  dataset: AnyMapStyle<T>,
  lengths: readonly number[],
  options: RandomGenerator | RandomSplitOptions | null = null,
): Subset<T>[] {
  const generator = options !== null && 'generator' in options ? options.generator : (options as RandomGenerator | null);
  const n = dataset.length;
  const total = sum(lengths);
  let sizes = [...lengths];
  if (total <= 1 && Math.abs(total - 1) <= 1e-9) {
    lengths.forEach((f, i) => {
      if (f < 0 || f > 1) throw new ValueError(`Fraction at index ${i} is not between 0 and 1`);
    });
    sizes = lengths.map((f) => Math.floor(n * f));
    const rest = n - sum(sizes);
    for (let i = 0; i < rest; i++) sizes[i % sizes.length]!++;
    sizes.forEach((size, i) => {
      if (size === 0) console.warn(`Length of split at index ${i} is 0. This might result in an empty dataset.`);
    });
  }
  if (sum(sizes) !== n) throw new ValueError('Sum of input lengths does not equal the length of the input dataset!');
  const order = randperm(n, { device: 'cpu', ...(generator ? { generator } : {}) });
  const indices = order.tolistSync() as number[];
  order.dispose();
  let start = 0;
  return sizes.map((size) => new Subset(dataset, indices.slice(start, (start += size))));
}

function sum(xs: readonly number[]): number {
  return xs.reduce((a, b) => a + b, 0);
}
