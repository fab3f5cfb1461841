/**
 * Losses for regression and distributions.
 *
 * PyTorch's deprecated parameters `size_average` and `reduce` are left out: `reduction` says it all.
 * @module
 */
import { ValueError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type Args, type Bound, type Kind, bind, flag, real, text } from './args.js';
import * as F from './functional.js';
import { Module } from './module.js';

/** The parameter of every loss by name. */
export interface LossOptions {
  /** `'mean'` and `'sum'` give one number, `'none'` one for each element. Default: `'mean'`. */
  readonly reduction?: string;
}

/** Base of the losses: their parameters and the reduction. */
export abstract class Loss<S extends Record<string, Kind<unknown>> = Record<string, never>> extends Module {
  static override readonly inputs: readonly string[] = ['input', 'target'];

  readonly reduction: string;
  /** The parameters as given or by default. @internal */
  readonly _p: Bound<S>;

  constructor(args: readonly unknown[], spec: S) {
    super();
    const { reduction, ...rest } = bind(this._getName(), args, { ...spec, reduction: text('mean') }) as Record<string, unknown>;
    if (!['none', 'mean', 'sum', 'batchmean'].includes(reduction as string)) {
      throw new ValueError(`${String(reduction)} is not a valid value for reduction`);
    }
    this.reduction = reduction as string;
    this._p = rest as Bound<S>;
  }
}
type Only<O extends LossOptions = LossOptions> = Args<[], [], O>;

/**
 * `|input - target|`.
 *
 * PyTorch: `torch.nn.L1Loss`.
 * @example
 * const loss = new nn.L1Loss()(prediction, target);
 */
export class L1Loss extends Loss {
  constructor(...args: Only) {
    super(args, {});
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.l1Loss(input, target, { reduction: this.reduction });
  }
}

/**
 * `(input - target)²`.
 *
 * PyTorch: `torch.nn.MSELoss`.
 * @example
 * const loss = new nn.MSELoss()(prediction, target);
 */
export class MSELoss extends Loss {
  constructor(...args: Only) {
    super(args, {});
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, { reduction: this.reduction });
  }
}

const SMOOTH = { beta: real(1) };

/** Parabola `d² / (2 beta)` where `d = |input - target|` is below `beta`, else `d - beta / 2`. Default: `beta = 1`. PyTorch: `torch.nn.SmoothL1Loss`. */
export class SmoothL1Loss extends Loss<typeof SMOOTH> {
  constructor(...args: Only<LossOptions & { readonly beta?: number }>) {
    super(args, SMOOTH);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(input, target, { reduction: this.reduction, beta: this._p.beta });
  }
}

const HUBER = { delta: real(1) };

/** `d² / 2` where `d = |input - target|` is below `delta`, else `delta (d - delta / 2)`. Default: `delta = 1`. PyTorch: `torch.nn.HuberLoss`. */
export class HuberLoss extends Loss<typeof HUBER> {
  constructor(...args: Only<LossOptions & { readonly delta?: number }>) {
    super(args, HUBER);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.huberLoss(input, target, { reduction: this.reduction, delta: this._p.delta });
  }
}

const KL = { logTarget: flag(false) };

/**
 * Kullback-Leibler divergence `target (log target - input)` of log-probabilities `input`; `reduction: 'batchmean'` is
 * the mathematical one. Default: `logTarget = false`. PyTorch: `torch.nn.KLDivLoss`.
 */
export class KLDivLoss extends Loss<typeof KL> {
  constructor(...args: Only<LossOptions & { readonly logTarget?: boolean }>) {
    super(args, KL);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.klDiv(input, target, { reduction: this.reduction, logTarget: this._p.logTarget });
  }
}

const POISSON = { logInput: flag(true), full: flag(false), eps: real(1e-8) };

/**
 * Negative log likelihood of a Poisson distribution with rate `exp(input)`, or `input` when `logInput` is false; `full`
 * adds Stirling's term. PyTorch: `torch.nn.PoissonNLLLoss`.
 */
export class PoissonNLLLoss extends Loss<typeof POISSON> {
  constructor(
    ...args: Args<[], [logInput: boolean, full: boolean], LossOptions & { readonly logInput?: boolean; readonly full?: boolean; readonly eps?: number }>
  ) {
    super(args, POISSON);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.poissonNllLoss(input, target, { ...this._p, reduction: this.reduction });
  }
}

const GAUSSIAN = { full: flag(false), eps: real(1e-6) };

/** Negative log likelihood of a normal distribution with mean `input` and variance `variance`. PyTorch: `torch.nn.GaussianNLLLoss`. */
export class GaussianNLLLoss extends Loss<typeof GAUSSIAN> {
  static override readonly inputs: readonly string[] = ['input', 'target', 'variance'];

  constructor(...args: Only<LossOptions & { readonly full?: boolean; readonly eps?: number }>) {
    super(args, GAUSSIAN);
  }

  override forward(input: Tensor, target: Tensor, variance: Tensor | number): Tensor {
    return F.gaussianNllLoss(input, target, variance, { ...this._p, reduction: this.reduction });
  }
}
