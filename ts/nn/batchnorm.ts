/**
 * Batch and instance normalisation.
 * @module
 */
import { tensor } from '../creation.js';
import { empty, ones, zeros } from '../generated/torch.js';
import { cpu } from '../device.js';
import { float32, int64 } from '../dtype.js';
import { ShapeError, ValueError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type Args, FACTORY, type FactoryOptions, bind, flag, int, maybe, real } from './args.js';
import * as F from './functional.js';
import { ones_, zeros_ } from './init.js';
import { noGrad } from '../autograd.js';
import { Layer } from './layer.js';
import { Parameter } from './parameter.js';
import { pyFloat } from '../runtime/python.js';
import { py } from './python.js';

/** Parameters of batch and instance normalisation by name. */
export interface BatchNormOptions extends FactoryOptions {
  readonly numFeatures?: number;
  /** Added to the variance. Default: 1e-5. */
  readonly eps?: number;
  /** Share of the new statistics in the running ones; null: all batches count alike. Default: 0.1. */
  readonly momentum?: number | null;
  /** Whether weight and bias are learnt. Default: true for batch, false for instance normalisation. */
  readonly affine?: boolean;
  /** Whether running statistics are kept for evaluation. Default: true for batch, false for instance normalisation. */
  readonly trackRunningStats?: boolean;
  /** Whether, with `affine`, there is a bias. Default: true. */
  readonly bias?: boolean;
}
type NormArgs = Args<
  [numFeatures: number],
  [eps: number, momentum: number | null, affine: boolean, trackRunningStats: boolean],
  BatchNormOptions
>;

/** What both families hold: learnt scale and shift, running statistics. */
abstract class NormBase extends Layer {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  declare weight: Parameter | null;
  declare bias: Parameter | null;
  declare runningMean: Tensor | null;
  declare runningVar: Tensor | null;
  declare numBatchesTracked: Tensor | null;

  constructor(args: readonly unknown[], usual: boolean) {
    super();
    const p = bind(this._getName(), args, {
      numFeatures: int(),
      eps: real(1e-5),
      momentum: maybe(real(), 0.1),
      affine: flag(usual),
      trackRunningStats: flag(usual),
      ...FACTORY,
      bias: flag(true),
    });
    const make = { device: p.device, dtype: p.dtype };
    const n = p.numFeatures;
    this.numFeatures = n;
    this.eps = p.eps;
    this.momentum = p.momentum;
    this.affine = p.affine;
    this.trackRunningStats = p.trackRunningStats;
    this.registerParameter('weight', p.affine ? new Parameter(empty([n], make)) : null);
    this.registerParameter('bias', p.affine && p.bias ? new Parameter(empty([n], make)) : null);
    this.registerBuffer('running_mean', p.trackRunningStats ? zeros([n], make) : null);
    this.registerBuffer('running_var', p.trackRunningStats ? ones([n], make) : null);
    this.registerBuffer('num_batches_tracked', p.trackRunningStats ? tensor(0, { dtype: int64, device: p.device }) : null);
    this.resetParameters();
  }

  /** Running mean 0, variance 1, no batch seen. */
  resetRunningStats(): void {
    noGrad(() => {
      this.runningMean?.zero_();
      this.runningVar?.fill_(1);
      this.numBatchesTracked?.zero_();
    });
  }

  /** Weight 1, bias 0, running statistics as at first. */
  resetParameters(): void {
    this.resetRunningStats();
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
  }

  /** State dicts from before PyTorch 0.4.1, and many published weights, lack the counter. @internal */
  override _optionalKeys(): readonly string[] {
    return ['num_batches_tracked'];
  }

  override extraRepr(): string {
    return (
      `${this.numFeatures}, eps=${pyFloat(this.eps)}, momentum=${this.momentum === null ? 'None' : pyFloat(this.momentum)}, affine=${py(this.affine)}, ` +
      `bias=${py(this.bias !== null)}, track_running_stats=${py(this.trackRunningStats)}`
    );
  }
}

/**
 * A step of the average over all batches, where the count cannot be read at once: `step` replaces the statistics by the batch's, and
 * what they were is mixed in afterwards.
 */
function averaged(count: Tensor, statistics: readonly Tensor[], step: () => Tensor): Tensor {
  const before = statistics.map((s) => s.clone());
  const out = step();
  noGrad(() => {
    const share = count.to(float32).reciprocal();
    statistics.forEach((s, i) => s.copy_(before[i]!.lerp(s, share)));
    share.dispose();
  });
  before.forEach((s) => s.dispose());
  return out;
}

abstract class BatchNormNd extends NormBase {
  constructor(...args: NormArgs) {
    super(args, true);
  }

  /** @internal Numbers of dimensions the input may have. */
  abstract get _dims(): readonly number[];

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    const d = input.shape.length;
    if (!this._dims.includes(d)) throw new ShapeError(`expected ${this._dims.map((n) => `${n}D`).join(' or ')} input (got ${d}D input)`);
    let factor = this.momentum ?? 0;
    if (this.training && this.trackRunningStats && this.numBatchesTracked) {
      const count = this.numBatchesTracked;
      noGrad(() => count.add_(1));
      if (this.momentum === null && count.device === cpu) factor = 1 / Number(count.itemSync());
    }
    const useRunning = !this.training || this.trackRunningStats;
    const fromBatch = this.training || (this.runningMean === null && this.runningVar === null);
    const mean = useRunning ? this.runningMean : null;
    const variance = useRunning ? this.runningVar : null;
    const forward = (factor: number): Tensor => F.batchNorm(input, mean, variance, this.weight, this.bias, fromBatch, factor, this.eps);
    if (fromBatch && this.momentum === null && this.numBatchesTracked && mean && variance && mean.device !== cpu) {
      return averaged(this.numBatchesTracked, [mean, variance], () => forward(1));
    }
    return forward(factor);
  }
}

/** Normalises each channel of `[N, C]` or `[N, C, L]` over the rest (Ioffe and Szegedy, 2015). PyTorch: `torch.nn.BatchNorm1d`. */
export class BatchNorm1d extends BatchNormNd {
  override get _dims(): readonly number[] {
    return [2, 3];
  }
}

/**
 * Normalises each channel of `[N, C, H, W]` over batch and image, then scales and shifts it; in evaluation with the
 * running statistics.
 *
 * PyTorch: `torch.nn.BatchNorm2d`.
 * @example
 * new nn.BatchNorm2d(100)(torch.randn(20, 100, 35, 45));
 */
export class BatchNorm2d extends BatchNormNd {
  override get _dims(): readonly number[] {
    return [4];
  }
}

/** Normalises each channel of `[N, C, D, H, W]` over the rest. PyTorch: `torch.nn.BatchNorm3d`. */
export class BatchNorm3d extends BatchNormNd {
  override get _dims(): readonly number[] {
    return [5];
  }
}

abstract class InstanceNormNd extends NormBase {
  constructor(...args: NormArgs) {
    super(args, false);
  }

  /** @internal Dimensions of an input without batch. */
  abstract get _unbatched(): number;

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    const d = input.shape.length;
    const n = this._unbatched;
    if (d !== n && d !== n + 1) throw new ShapeError(`expected ${n}D or ${n + 1}D input (got ${d}D input)`);
    const channels = input.shape[d - n]!;
    if (channels !== this.numFeatures && this.affine) {
      throw new ValueError(`expected input's size at dim=${d - n} to match num_features (${this.numFeatures}), but got: ${channels}.`);
    }
    if (d === n + 1) return this.#normalised(input);
    const batch = input.unsqueeze(0);
    const out = this.#normalised(batch);
    const only = out.squeeze(0);
    batch.dispose();
    out.dispose();
    return only;
  }

  #normalised(input: Tensor): Tensor {
    const fromInput = this.training || !this.trackRunningStats;
    return F.instanceNorm(input, this.runningMean, this.runningVar, this.weight, this.bias, fromInput, this.momentum ?? 0, this.eps);
  }
}

/** Normalises each channel of each sample of `[N, C, L]` or `[C, L]`. PyTorch: `torch.nn.InstanceNorm1d`. */
export class InstanceNorm1d extends InstanceNormNd {
  override get _unbatched(): number {
    return 2;
  }
}

/** Normalises each channel of each sample of `[N, C, H, W]` or `[C, H, W]`. PyTorch: `torch.nn.InstanceNorm2d`. */
export class InstanceNorm2d extends InstanceNormNd {
  override get _unbatched(): number {
    return 3;
  }
}

/** Normalises each channel of each sample of `[N, C, D, H, W]` or `[C, D, H, W]`. PyTorch: `torch.nn.InstanceNorm3d`. */
export class InstanceNorm3d extends InstanceNormNd {
  override get _unbatched(): number {
    return 4;
  }
}
