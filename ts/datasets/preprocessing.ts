/**
 * Features brought to one scale. scikit-learn: `sklearn.preprocessing`.
 * @module
 */
import { ValueError } from '../errors.js';
import { tensor } from '../creation.js';
import { float32, float64 } from '../dtype.js';
import { cat, maximum, minimum, where } from '../generated/torch.js';
import { finfo } from '../info.js';
import { op } from '../runtime/call.js';
import { keepHandle } from '../runtime/handle.js';
import { scope } from '../runtime/scope.js';
import type { Tensor } from '../tensor.js';
import { known } from './random_state.js';

/** A transformation that is learned from samples. */
abstract class Scaler {
  /** How many samples {@link fit} saw: one number, or one for each feature (a tensor) if they have differently many NaN. */
  nSamplesSeen: number | Tensor = 0;

  /** Forgets what was learned. */
  protected abstract reset(): void;
  /** Learns from more samples: after batches, what {@link fit} learns from all of them. */
  abstract partialFit(x: Tensor): this;

  /** Learns from samples, a `[n, features]` tensor. NaN is left out. */
  fit(x: Tensor): this {
    this.reset();
    return this.partialFit(x);
  }

  /** The samples transformed: float32 stays float32, everything else becomes float64. */
  abstract transform(x: Tensor): Tensor;
  /** What {@link transform} was given, up to rounding. */
  abstract inverseTransform(x: Tensor): Tensor;

  /** {@link fit}, then {@link transform}. */
  fitTransform(x: Tensor): Tensor {
    return this.fit(x).transform(x);
  }

  /** What was learned lives as long as the scaler, whatever scope it was learned in. */
  protected hold<T extends Tensor | null>(t: T): T {
    if (t) keepHandle(t);
    return t;
  }
}

function notFitted(name: string): ValueError {
  return new ValueError(`This ${name} instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator.`);
}

function learned(name: string, t: Tensor | null): Tensor {
  if (t === null) throw notFitted(name);
  return t;
}

const EPSILON = finfo(float64).eps;

/** How many samples of each feature are numbers: `n` if all are. */
function counted(x: Tensor, n: number): number | Tensor {
  if (!x.isFloatingPoint()) return n;
  const missing = x.detach().isnan().sum(0);
  const [least, most] = [missing.min().itemSync(), missing.max().itemSync()];
  return least === most ? n - most : missing.neg().add(n);
}

function total(before: number | Tensor, now: number | Tensor): number | Tensor {
  return typeof before === 'number' && typeof now === 'number' ? before + now : asCounts(before).add(asCounts(now)).long();
}

function asCounts(n: number | Tensor): Tensor {
  return typeof n === 'number' ? tensor(n, { dtype: float64 }) : n.double();
}

/** Sums of columns without NaN, in numpy's order: row after row, and of a single column in pairs. */
function columnSums(x: Tensor): Tensor {
  const numbers = x.nanToNum(0, Infinity, -Infinity);
  return x.shape[1] === 1 ? pairwise(numbers.flatten()).unsqueeze(0) : inOrder(numbers);
}

/** The sum over dimension 0, one after the other. */
function inOrder(x: Tensor): Tensor {
  return x.cumsum(0).select(0, -1).clone();
}

/** The sum of a vector as numpy adds contiguous numbers: halves of halves, in the end eight sums side by side (`pairwise_sum`). */
function pairwise(x: Tensor): Tensor {
  const n = x.numel();
  if (n < 8) return inOrder(x);
  if (n > 128) {
    const half = Math.floor(n / 16) * 8;
    return pairwise(x.narrow(0, 0, half)).add(pairwise(x.narrow(0, half, n - half)));
  }
  const whole = n - (n % 8);
  let sums = inOrder(x.narrow(0, 0, whole).view(-1, 8));
  while (sums.numel() > 1) sums = sums.view(-1, 2).select(1, 0).add(sums.view(-1, 2).select(1, 1));
  return inOrder(cat([sums, x.narrow(0, whole, n - whole)]));
}

function samples(name: string, x: Tensor): number {
  if (x.ndim !== 2 || x.shape[0] === 0) throw new ValueError(`${name}: expected a [samples, features] tensor with at least one sample, got shape [${[...x.shape].join(', ')}]`);
  return x.shape[0]!;
}

/** Options of {@link StandardScaler}. */
export interface StandardScalerOptions {
  /** Whether the mean is taken off. Default: true. */
  withMean?: boolean;
  /** Whether the features are divided by their standard deviation. Default: true. */
  withStd?: boolean;
}

/**
 * Features of mean 0 and standard deviation 1. scikit-learn: `StandardScaler`. The deviation is that of the population; a
 * constant feature is not divided.
 * @example
 * const scaler = new torch.datasets.StandardScaler();
 * const xTrainScaled = scaler.fitTransform(xTrain);
 * const xTestScaled = scaler.transform(xTest);
 */
export class StandardScaler extends Scaler {
  readonly withMean: boolean;
  readonly withStd: boolean;
  /** Mean of each feature, float64; null before {@link fit}, and when nothing is to be changed. */
  mean: Tensor | null = null;
  /** Variance of each feature; null without `withStd`. */
  var: Tensor | null = null;
  /** What each feature is divided by; null without `withStd`. */
  scale: Tensor | null = null;
  #fitted = false;

  constructor(options: StandardScalerOptions = {}) {
    super();
    known('StandardScaler', options, ['withMean', 'withStd']);
    this.withMean = options.withMean ?? true;
    this.withStd = options.withStd ?? true;
  }

  protected override reset(): void {
    this.mean = this.var = this.scale = null;
    this.nSamplesSeen = 0;
    this.#fitted = false;
  }

  override partialFit(x: Tensor): this {
    const n = samples('StandardScaler', x);
    const [mean, variance, scale, seen] = scope(() => {
      const now = counted(x, n);
      return [...this.#merged(x.detach().double(), now), total(this.nSamplesSeen, now)] as const;
    });
    this.#fitted = true;
    this.nSamplesSeen = typeof seen === 'number' ? seen : this.hold(seen);
    this.mean = this.withMean || this.withStd ? this.hold(mean) : null;
    this.var = this.withStd ? this.hold(variance) : null;
    this.scale = this.withStd ? this.hold(scale) : null;
    return this;
  }

  /** Mean, variance and scale of the samples seen before and those of `x` (sklearn/utils/extmath.py, `_incremental_mean_and_var`). */
  #merged(x: Tensor, seen: number | Tensor): [mean: Tensor, variance: Tensor, scale: Tensor] {
    const before = asCounts(this.nSamplesSeen);
    const now = asCounts(seen);
    const sum = columnSums(x);
    // Without mean and deviation nothing was learnt, and nothing will be kept.
    const lastSum = (this.mean ?? sum.mul(0)).mul(before);
    const all = before.add(now);
    const mean = lastSum.add(sum).div(all);
    const away = x.sub(sum.div(now));
    const correction = columnSums(away);
    const squares = columnSums(away.square()).sub(correction.square().div(now));
    const ratio = before.div(now);
    const between = ratio.div(all).mul(lastSum.div(ratio).sub(sum).square());
    const merged = (this.var ?? sum.mul(0)).mul(before).add(squares).add(between);
    const variance = where(before.eq(0), squares, merged).div(all);
    // The scale of a feature that is constant up to rounding is 1.
    const noise = all.mul(EPSILON).mul(variance).add(all.mul(mean).mul(EPSILON).square());
    const scale = where(variance.le(noise), variance.mul(0).add(1), variance.sqrt());
    return [mean, variance, scale];
  }

  override transform(x: Tensor): Tensor {
    return scope(() => op('scale_columns', x, ...this.#numbers(x)) as Tensor);
  }

  override inverseTransform(x: Tensor): Tensor {
    return scope(() => op('unscale_columns', x, ...this.#numbers(x)) as Tensor);
  }

  /** Mean and scale, rounded to the dtype of the samples before they are used, as scikit-learn does. */
  #numbers(x: Tensor): [Tensor | null, Tensor | null] {
    if (!this.#fitted) throw notFitted('StandardScaler');
    const rounded = (t: Tensor | null): Tensor | null => (x.dtype === float32 ? (t?.float() ?? null) : t);
    return [this.withMean ? rounded(this.mean) : null, rounded(this.scale)];
  }
}

/** Options of {@link MinMaxScaler}. */
export interface MinMaxScalerOptions {
  /** Where the features of the fitted samples will lie. Default: [0, 1]. */
  featureRange?: readonly [number, number];
  /** Whether transformed features are kept inside that range. Default: false. */
  clip?: boolean;
}

/**
 * Features between 0 and 1, or in another range. scikit-learn: `MinMaxScaler`.
 * @example
 * const x01 = new torch.datasets.MinMaxScaler().fitTransform(x);
 */
export class MinMaxScaler extends Scaler {
  readonly featureRange: readonly [number, number];
  readonly clip: boolean;
  /** Least value of each feature, float32 if the samples are, else float64; null before {@link fit}. */
  dataMin: Tensor | null = null;
  /** Largest value of each feature. */
  dataMax: Tensor | null = null;
  /** Largest less least value. */
  dataRange: Tensor | null = null;
  /** What each feature is multiplied by. */
  scale: Tensor | null = null;
  /** What is added then. */
  min: Tensor | null = null;

  constructor(options: MinMaxScalerOptions = {}) {
    super();
    known('MinMaxScaler', options, ['featureRange', 'clip']);
    this.featureRange = options.featureRange ?? [0, 1];
    this.clip = options.clip ?? false;
    const [low, high] = this.featureRange;
    if (!(low < high)) throw new ValueError(`MinMaxScaler: Minimum of desired feature range must be smaller than maximum. Got (${low}, ${high}).`);
  }

  protected override reset(): void {
    this.dataMin = this.dataMax = this.dataRange = this.scale = this.min = null;
    this.nSamplesSeen = 0;
  }

  override partialFit(x: Tensor): this {
    const n = samples('MinMaxScaler', x);
    const [low, high] = this.featureRange;
    const dtype = x.dtype === float32 ? float32 : float64;
    const learnt = scope(() => {
      let [least, most] = [...(op('min_max_scaler_fit', x.detach()) as Iterable<Tensor>)].map((t) => t.to(dtype)) as [Tensor, Tensor];
      if (this.dataMin !== null && this.dataMax !== null) [least, most] = [minimum(this.dataMin, least), maximum(this.dataMax, most)];
      const range = most.sub(least);
      // A feature that is constant up to rounding is not scaled.
      const divisor = range.maskedFill(range.lt(10 * finfo(range.dtype).eps), 1);
      const scale = divisor.mul(0).add(high - low).div(divisor);
      return [least, most, range, scale, least.mul(scale).neg().add(low)] as const;
    });
    this.nSamplesSeen = (this.nSamplesSeen as number) + n;
    const [least, most, range, scale, min] = learnt;
    this.dataMin = this.hold(least);
    this.dataMax = this.hold(most);
    this.dataRange = this.hold(range);
    this.scale = this.hold(scale);
    this.min = this.hold(min);
    return this;
  }

  override transform(x: Tensor): Tensor {
    const out = op('unscale_columns', x, ...this.#numbers()) as Tensor;
    return this.clip ? out.clamp_(...this.featureRange) : out;
  }

  override inverseTransform(x: Tensor): Tensor {
    return op('scale_columns', x, ...this.#numbers()) as Tensor;
  }

  #numbers(): [Tensor, Tensor] {
    return [learned('MinMaxScaler', this.min), learned('MinMaxScaler', this.scale)];
  }
}
