/**
 * Splitting and shuffling of samples. scikit-learn: `sklearn.model_selection.train_test_split`, `sklearn.utils.shuffle`.
 * @module
 */
import { tensor } from '../creation.js';
import { int64 } from '../dtype.js';
import { ValueError } from '../errors.js';
import { op } from '../runtime/call.js';
import { isTensor, type Tensor } from '../tensor.js';
import { known, type RandomState, seedOf } from './random_state.js';

/** What can be split: a tensor by its first dimension, or an array. */
export type Samples = Tensor | readonly unknown[];

/** Options of {@link trainTestSplit}. */
export interface SplitOptions {
  /** Share (below 1) or number of samples for testing. Default: what `trainSize` leaves, else 0.25. */
  testSize?: number | null;
  /** Share (below 1) or number of samples for training. Default: what `testSize` leaves. */
  trainSize?: number | null;
  /** The seed. Default: different each time. */
  randomState?: RandomState;
  /** Whether samples are drawn at random; without, the last ones are for testing. Default: true. */
  shuffle?: boolean;
  /** The class of each sample: both parts then have the classes in equal shares. */
  stratify?: Samples | null;
}

/** Each of the arrays twice: for training and for testing. */
export type Split<A extends readonly Samples[]> = A extends readonly [infer H, ...infer R extends readonly Samples[]] ? [H, H, ...Split<R>] : [];

function isSamples(x: unknown): x is Samples {
  return isTensor(x) || Array.isArray(x);
}

function size(name: string, x: Samples): number {
  if (!isTensor(x)) return x.length;
  if (x.ndim === 0) throw new ValueError(`${name}: a 0-d tensor has no samples`);
  return x.shape[0]!;
}

/** The last argument, if it is options, and the arrays before it, which must have equally many samples. */
function separate<O extends object>(name: string, args: readonly unknown[]): { arrays: Samples[]; options: O; n: number } {
  const last = args.at(-1);
  const hasOptions = args.length > 0 && !isSamples(last);
  const arrays = (hasOptions ? args.slice(0, -1) : [...args]) as Samples[];
  if (arrays.length === 0) throw new ValueError(`${name}: At least one array required as input`);
  for (const a of arrays) if (!isSamples(a)) throw new ValueError(`${name}: a tensor or an array is needed, not ${a === null ? 'null' : typeof a}`);
  const sizes = arrays.map((a) => size(name, a));
  if (sizes.some((k) => k !== sizes[0])) throw new ValueError(`${name}: Found input variables with inconsistent numbers of samples: [${sizes.join(', ')}]`);
  return { arrays, options: (hasOptions ? last : {}) as O, n: sizes[0]! };
}

/** Samples by their indices, an int64 tensor of which `list` holds the numbers. */
function pick(x: Samples, index: Tensor, list: readonly number[]): Samples {
  return isTensor(x) ? (op('index_select', x, 0, index) as Tensor) : list.map((i) => x[i]);
}

/** Numbers of samples (train, test) from shares or numbers. */
function sizes(n: number, testSize: number | null, trainSize: number | null): [train: number, test: number] {
  const given = testSize === null && trainSize === null ? { test: 0.25, train: null } : { test: testSize, train: trainSize };
  for (const [name, v] of [['testSize', given.test], ['trainSize', given.train]] as const) {
    if (v === null) continue;
    const fine = Number.isInteger(v) ? v > 0 && v < n : v > 0 && v < 1;
    if (!fine) throw new ValueError(`trainTestSplit: ${name}=${v} should be either positive and smaller than the number of samples ${n} or a share in (0, 1)`);
  }
  const share = (v: number | null): boolean => v !== null && !Number.isInteger(v);
  if (share(given.train) && share(given.test) && given.train! + given.test! > 1) {
    throw new ValueError(`trainTestSplit: The sum of testSize and trainSize = ${given.train! + given.test!}, should be in the (0, 1) range. Reduce testSize and/or trainSize.`);
  }
  let test = given.test === null ? null : share(given.test) ? Math.ceil(given.test * n) : given.test;
  let train = given.train === null ? null : share(given.train) ? Math.floor(given.train * n) : given.train;
  train ??= n - test!;
  test ??= n - train;
  if (train + test > n) throw new ValueError(`trainTestSplit: The sum of trainSize and testSize = ${train + test}, should be smaller than the number of samples ${n}. Reduce testSize and/or trainSize.`);
  if (train === 0) {
    throw new ValueError(`trainTestSplit: With nSamples=${n}, testSize=${testSize ?? 'null'} and trainSize=${trainSize ?? 'null'}, the resulting train set will be empty. Adjust any of the aforementioned parameters.`);
  }
  return [train, test];
}

/** Classes as a tensor of numbers; values of an array in the order in which they sort, as `numpy.unique` numbers them. */
function classes(y: Samples): { numbers: Tensor; made: boolean } {
  if (isTensor(y)) return { numbers: y, made: false };
  const unique = [...new Set(y)].sort((a, b) => ((a as number) < (b as number) ? -1 : 1));
  const place = new Map(unique.map((v, i) => [v, i]));
  return { numbers: tensor(y.map((v) => place.get(v)!), { dtype: int64 }), made: true };
}

/**
 * Splits samples into those for training and those for testing. scikit-learn: `train_test_split`, with its choice of
 * samples for the same `randomState`.
 * @param args tensors (split along their first dimension) or arrays with equally many samples, then the options.
 * @returns for each of them the training part and the testing part.
 * @example
 * const [xTrain, xTest, yTrain, yTest] = torch.datasets.trainTestSplit(x, y, { testSize: 0.2, randomState: 42 });
 * @throws {@link ValueError} if sizes do not fit or a class has too few members to stratify.
 */
export function trainTestSplit<const A extends readonly Samples[]>(...args: readonly [...A, SplitOptions]): Split<A>;
export function trainTestSplit<const A extends readonly Samples[]>(...args: A): Split<A>;
export function trainTestSplit(...args: readonly unknown[]): unknown {
  const { arrays, options, n } = separate<SplitOptions>('trainTestSplit', args);
  known('trainTestSplit', options, ['testSize', 'trainSize', 'randomState', 'shuffle', 'stratify']);
  const [train, test] = sizes(n, options.testSize ?? null, options.trainSize ?? null);
  const stratify = options.stratify ?? null;
  if (options.shuffle === false) {
    if (stratify !== null) throw new ValueError('trainTestSplit: Stratified train/test split is not implemented for shuffle=false');
    return arrays.flatMap((a): unknown[] => (isTensor(a) ? [a.narrow(0, 0, train), a.narrow(0, train, test)] : [a.slice(0, train), a.slice(train, train + test)]));
  }
  const y = stratify === null ? null : classes(stratify);
  const index = [...(op('train_test_indices', n, train, test, y?.numbers ?? null, seedOf('trainTestSplit', options.randomState)) as Iterable<Tensor>)];
  if (y?.made) y.numbers.dispose();
  return apply(arrays, index);
}

/**
 * Puts samples into random order, the same for all arrays. scikit-learn: `sklearn.utils.shuffle`, with its order for the
 * same `randomState`.
 * @param args tensors (by their first dimension) or arrays with equally many samples, then `{ randomState, nSamples }`.
 * @returns the shuffled samples: one result for one array, else a list.
 * @example
 * const [xs, ys] = torch.datasets.shuffle(x, y, { randomState: 0 });
 */
export function shuffle<S extends Samples>(x: S, options?: ShuffleOptions): S;
export function shuffle<const A extends readonly Samples[]>(...args: readonly [...A, ShuffleOptions] | A): { -readonly [K in keyof A]: A[K] };
export function shuffle(...args: readonly unknown[]): Samples | Samples[] {
  const { arrays, options, n } = separate<ShuffleOptions>('shuffle', args);
  known('shuffle', options, ['randomState', 'nSamples']);
  const most = options.nSamples ?? n;
  if (!Number.isInteger(most) || most < 1 || most > n) throw new ValueError(`shuffle: Cannot sample ${most} out of arrays with dim ${n} when replace is False`);
  const all = op('shuffled_indices', n, seedOf('shuffle', options.randomState)) as Tensor;
  const index = most === n ? all : all.narrow(0, 0, most);
  if (index !== all) all.dispose();
  const out = apply(arrays, [index]);
  return out.length === 1 ? out[0]! : out;
}

/** Options of {@link shuffle}. */
export interface ShuffleOptions {
  /** The seed. Default: different each time. */
  randomState?: RandomState;
  /** How many samples are wanted. Default: all. */
  nSamples?: number | null;
}

/** The parts of each array that the index tensors name; the index tensors are used up. */
function apply(arrays: readonly Samples[], index: readonly Tensor[]): Samples[] {
  const lists = arrays.some((a) => !isTensor(a)) ? index.map((t) => Array.from(t.tolistSync() as (number | bigint)[], Number)) : index.map(() => []);
  const out = arrays.flatMap((a) => index.map((t, i) => pick(a, t, lists[i]!)));
  for (const t of index) t.dispose();
  return out;
}
