/**
 * How good predicted classes are: accuracy, precision, recall, F1, confusion matrix, as scikit-learn defines them.
 *
 * True labels come first, as in scikit-learn. Labels are lists, typed arrays or tensors of class numbers (or booleans).
 * @module
 */
import { tensor } from '../creation.js';
import { float64, int64 } from '../dtype.js';
import { ShapeError, ValueError } from '../errors.js';
import { isTensor, type Tensor } from '../tensor.js';

/** Class numbers, one per sample. */
export type Labels = readonly number[] | readonly boolean[] | ArrayLike<number | bigint> | Tensor;

/** How the scores of the classes become one: see {@link precision}. */
export type Average = 'binary' | 'micro' | 'macro' | 'weighted';

/** Options of {@link precision}, {@link recall} and {@link f1}. */
export interface ScoreOptions<A extends Average | null = Average | null> {
  /** Default 'binary'. */
  average?: A;
  /** The class that is scored when `average` is 'binary' (default 1). */
  posLabel?: number;
  /** The classes in question, in this order (default: all that occur, sorted). */
  labels?: readonly number[];
  /** The score where a division by zero would be (default 0). */
  zeroDivision?: number;
}

function list(labels: Labels, what: string): number[] {
  if (!isTensor(labels)) return Array.from(labels as ArrayLike<number>, Number);
  if (labels.ndim !== 1) throw new ShapeError(`${what}: labels must be a vector, not of shape [${[...labels.shape].join(', ')}]; squeeze() removes sizes of 1`);
  return Array.from(labels.dataSync() as ArrayLike<number | bigint>, Number);
}

function pair(what: string, yTrue: Labels, yPred: Labels): [number[], number[]] {
  const [t, p] = [list(yTrue, what), list(yPred, what)];
  if (t.length !== p.length) throw new ShapeError(`${what}: Found input variables with inconsistent numbers of samples: [${t.length}, ${p.length}]`);
  if (t.length === 0) throw new ShapeError(`${what}: Found empty input array while a minimum of 1 is required.`);
  return [t, p];
}

function classes(...lists: readonly number[][]): number[] {
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}

/**
 * The share of predictions that are right, or their number.
 *
 * scikit-learn: `accuracy_score`.
 * @example
 * metrics.accuracy([0, 1, 2, 3], [0, 2, 1, 3]); // -> 0.5
 */
export function accuracy(yTrue: Labels, yPred: Labels, { normalize = true }: { normalize?: boolean } = {}): number {
  const [t, p] = pair('accuracy', yTrue, yPred);
  const right = t.filter((label, i) => label === p[i]).length;
  return normalize ? right / t.length : right;
}

/** Options of {@link confusionMatrix}. */
export interface ConfusionOptions {
  /** The classes in question, in this order (default: all that occur, sorted). */
  labels?: readonly number[];
  /** Shares instead of counts: of the rows ('true'), the columns ('pred') or everything ('all') (default null). */
  normalize?: 'true' | 'pred' | 'all' | null;
}

/**
 * How often each true class (row) was predicted as each class (column): int64 [classes, classes], or float64 shares.
 *
 * scikit-learn: `confusion_matrix`.
 * @example
 * metrics.confusionMatrix([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2]);
 * // tensor([[2, 0, 0],
 * //         [0, 0, 1],
 * //         [1, 0, 2]])
 */
export function confusionMatrix(yTrue: Labels, yPred: Labels, { labels, normalize = null }: ConfusionOptions = {}): Tensor {
  const [t, p] = pair('confusionMatrix', yTrue, yPred);
  const names = labels ?? classes(t, p);
  const counts = count(t, p, names);
  if (normalize === null) return tensor(counts, { dtype: int64 });
  const total = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
  const columns = names.map((_, j) => total(counts.map((row) => row[j]!)));
  const all = total(columns);
  const shares = counts.map((row) => {
    const ofRow = total(row);
    return row.map((n, j) => ratio(n, normalize === 'true' ? ofRow : normalize === 'pred' ? columns[j]! : all, 0));
  });
  return tensor(shares, { dtype: float64 });
}

function count(t: readonly number[], p: readonly number[], names: readonly number[]): number[][] {
  const place = new Map(names.map((name, i) => [name, i]));
  const counts = names.map(() => new Array<number>(names.length).fill(0));
  t.forEach((label, i) => {
    const [row, column] = [place.get(label), place.get(p[i]!)];
    if (row !== undefined && column !== undefined) counts[row]![column]!++;
  });
  return counts;
}

/** Of one class: predicted and right, predicted, true. */
interface Tally {
  right: number;
  predicted: number;
  actual: number;
}

/** A score of one tally. */
type Score = (t: Tally, zero: number) => number;

function ratio(a: number, b: number, zero: number): number {
  return b === 0 ? zero : a / b;
}

const PRECISION: Score = (t, zero) => ratio(t.right, t.predicted, zero);
const RECALL: Score = (t, zero) => ratio(t.right, t.actual, zero);
const F1: Score = (t, zero) => ratio(2 * t.right, t.predicted + t.actual, zero);

function score(what: string, by: Score, yTrue: Labels, yPred: Labels, options: ScoreOptions): number | number[] {
  const { average = 'binary', posLabel = 1, zeroDivision = 0 } = options;
  const [t, p] = pair(what, yTrue, yPred);
  const present = classes(t, p);
  let names = options.labels ?? present;
  if (average === 'binary') {
    if (present.length > 2) {
      throw new ValueError(
        `${what}: Target is multiclass but average='binary'. Please choose another average setting, one of [null, 'micro', 'macro', 'weighted'].`,
      );
    }
    if (present.length === 2 && !present.includes(posLabel)) {
      throw new ValueError(`${what}: pos_label=${posLabel} is not a valid label. It should be one of [${present.join(', ')}]`);
    }
    names = [posLabel];
  }
  const tallies = names.map((name): Tally => {
    const tally = { right: 0, predicted: 0, actual: 0 };
    t.forEach((label, i) => {
      tally.actual += Number(label === name);
      tally.predicted += Number(p[i] === name);
      tally.right += Number(label === name && p[i] === name);
    });
    return tally;
  });
  const scores = tallies.map((tally) => by(tally, zeroDivision));
  switch (average) {
    case null:
      return scores;
    case 'binary':
      return scores[0]!;
    case 'macro':
      return scores.reduce((a, b) => a + b, 0) / scores.length;
    case 'micro': {
      const sum = (key: keyof Tally): number => tallies.reduce((n, tally) => n + tally[key], 0);
      return by({ right: sum('right'), predicted: sum('predicted'), actual: sum('actual') }, zeroDivision);
    }
    case 'weighted': {
      const all = tallies.reduce((n, tally) => n + tally.actual, 0);
      return all === 0 ? zeroDivision : scores.reduce((total, s, i) => total + s * tallies[i]!.actual, 0) / all;
    }
    default:
      throw new ValueError(`${what}: average has to be one of [null, 'binary', 'micro', 'macro', 'weighted'], not ${String(average)}`);
  }
}

/**
 * Of the samples predicted to be of a class, the share that is.
 *
 * `average` 'binary' scores the class `posLabel`; 'micro' counts all classes together; 'macro' is the mean over the
 * classes; 'weighted' that mean weighted by how often each class occurs; null gives a score per class.
 *
 * scikit-learn: `precision_score`.
 * @example
 * metrics.precision([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], { average: 'macro' }); // -> 0.2222...
 */
export function precision(yTrue: Labels, yPred: Labels, options: ScoreOptions<null> & { average: null }): number[];
export function precision(yTrue: Labels, yPred: Labels, options?: ScoreOptions<Average>): number;
export function precision(yTrue: Labels, yPred: Labels, options: ScoreOptions = {}): number | number[] {
  return score('precision', PRECISION, yTrue, yPred, options);
}

/**
 * Of the samples of a class, the share that is predicted to be. Options as of {@link precision}.
 *
 * scikit-learn: `recall_score`.
 * @example
 * metrics.recall([0, 1, 1, 1], [0, 1, 0, 1]); // -> 0.6666...
 */
export function recall(yTrue: Labels, yPred: Labels, options: ScoreOptions<null> & { average: null }): number[];
export function recall(yTrue: Labels, yPred: Labels, options?: ScoreOptions<Average>): number;
export function recall(yTrue: Labels, yPred: Labels, options: ScoreOptions = {}): number | number[] {
  return score('recall', RECALL, yTrue, yPred, options);
}

/**
 * The harmonic mean of precision and recall. Options as of {@link precision}.
 *
 * scikit-learn: `f1_score`.
 * @example
 * metrics.f1([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], { average: 'micro' }); // -> 0.3333...
 */
export function f1(yTrue: Labels, yPred: Labels, options: ScoreOptions<null> & { average: null }): number[];
export function f1(yTrue: Labels, yPred: Labels, options?: ScoreOptions<Average>): number;
export function f1(yTrue: Labels, yPred: Labels, options: ScoreOptions = {}): number | number[] {
  return score('f1', F1, yTrue, yPred, options);
}

export { accuracy as accuracyScore, f1 as f1Score, precision as precisionScore, recall as recallScore };
