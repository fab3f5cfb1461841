/**
 * Features brought to one scale. scikit-learn: `sklearn.preprocessing`.
 * @module
 */
import { ValueError } from '../errors.js';
import { op } from '../runtime/call.js';
import { keepHandle } from '../runtime/handle.js';
import type { Tensor } from '../tensor.js';
import { known } from './random_state.js';

/** A transformation that is learned from samples. */
abstract class Scaler {
  /** How many samples {@link fit} saw. */
  nSamplesSeen = 0;

  /** Learns from samples, a `[n, features]` tensor. */
  abstract fit(x: Tensor): this;
  /** The samples transformed: float32 stays float32, everything else becomes float64. */
  abstract transform(x: Tensor): Tensor;
  /** What {@link transform} was given, up to rounding. */
  abstract inverseTransform(x: Tensor): Tensor;

  /** {@link fit}, then {@link transform}. */
  fitTransform(x: Tensor): Tensor {
    return this.fit(x).transform(x);
  }

  /** What was learned lives as long as the scaler, whatever scope it was learned in. */
  protected hold(t: Tensor): Tensor {
    keepHandle(t);
    return t;
  }
}

function learned(name: string, t: Tensor | null): Tensor {
  if (t === null) throw new ValueError(`This ${name} instance is not fitted yet. Call fit() before using it.`);
  return t;
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
  /** Mean of each feature, float64; null before {@link fit}. */
  mean: Tensor | null = null;
  /** Variance of each feature. */
  var: Tensor | null = null;
  /** What each feature is divided by. */
  scale: Tensor | null = null;

  constructor(options: StandardScalerOptions = {}) {
    super();
    known('StandardScaler', options, ['withMean', 'withStd']);
    this.withMean = options.withMean ?? true;
    this.withStd = options.withStd ?? true;
  }

  override fit(x: Tensor): this {
    this.nSamplesSeen = samples('StandardScaler', x);
    const [mean, variance, scale] = op('standard_scaler_fit', x.detach()) as Iterable<Tensor>;
    this.mean = this.hold(mean!);
    this.var = this.hold(variance!);
    this.scale = this.hold(scale!);
    return this;
  }

  override transform(x: Tensor): Tensor {
    return op('scale_columns', x, ...this.#numbers()) as Tensor;
  }

  override inverseTransform(x: Tensor): Tensor {
    return op('unscale_columns', x, ...this.#numbers()) as Tensor;
  }

  #numbers(): [Tensor | null, Tensor | null] {
    const [mean, scale] = [learned('StandardScaler', this.mean), learned('StandardScaler', this.scale)];
    return [this.withMean ? mean : null, this.withStd ? scale : null];
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
  /** Least value of each feature, float64; null before {@link fit}. */
  dataMin: Tensor | null = null;
  /** Largest value of each feature. */
  dataMax: Tensor | null = null;
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

  override fit(x: Tensor): this {
    this.nSamplesSeen = samples('MinMaxScaler', x);
    const [least, most] = op('min_max_scaler_fit', x.detach()) as Iterable<Tensor>;
    const [scale, min] = op('min_max_scaler_scale', least, most, ...this.featureRange) as Iterable<Tensor>;
    this.dataMin = this.hold(least!);
    this.dataMax = this.hold(most!);
    this.scale = this.hold(scale!);
    this.min = this.hold(min!);
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
