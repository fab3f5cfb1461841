/**
 * Losses with margins.
 * @module
 */
import type { Tensor } from '../tensor.js';
import { type Args, anything, flag, int, maybe, real } from './args.js';
import { PairwiseDistance } from './distance.js';
import * as F from './functional.js';
import type { DistanceFunction } from './functional.js';
import { Loss, type LossOptions } from './loss.js';

/** Parameters of losses with a margin by name. */
export interface MarginLossOptions extends LossOptions {
  readonly margin?: number;
}
type MarginArgs = Args<[], [margin: number], MarginLossOptions>;

const HINGE = { margin: real(1) };

/** `x` for targets 1, `max(0, margin - x)` for targets -1. Default: `margin = 1`. PyTorch: `torch.nn.HingeEmbeddingLoss`. */
export class HingeEmbeddingLoss extends Loss<typeof HINGE> {
  constructor(...args: MarginArgs) {
    super(args, HINGE);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.hingeEmbeddingLoss(input, target, { margin: this._p.margin, reduction: this.reduction });
  }
}

const NO_MARGIN = { margin: real(0) };

/** `1 - cos(x1, x2)` for targets 1, `max(0, cos(x1, x2) - margin)` for targets -1. Default: `margin = 0`. PyTorch: `torch.nn.CosineEmbeddingLoss`. */
export class CosineEmbeddingLoss extends Loss<typeof NO_MARGIN> {
  static override readonly inputs: readonly string[] = ['input1', 'input2', 'target'];

  constructor(...args: MarginArgs) {
    super(args, NO_MARGIN);
  }

  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return F.cosineEmbeddingLoss(input1, input2, target, { margin: this._p.margin, reduction: this.reduction });
  }
}

/** `max(0, -target (x1 - x2) + margin)`. Default: `margin = 0`. PyTorch: `torch.nn.MarginRankingLoss`. */
export class MarginRankingLoss extends Loss<typeof NO_MARGIN> {
  static override readonly inputs: readonly string[] = ['input1', 'input2', 'target'];

  constructor(...args: MarginArgs) {
    super(args, NO_MARGIN);
  }

  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return F.marginRankingLoss(input1, input2, target, { margin: this._p.margin, reduction: this.reduction });
  }
}

/** `log(1 + exp(-target x))`. PyTorch: `torch.nn.SoftMarginLoss`. */
export class SoftMarginLoss extends Loss {
  constructor(...args: Args<[], [], LossOptions>) {
    super(args, {});
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.softMarginLoss(input, target, { reduction: this.reduction });
  }
}

const MULTI = { p: int(1), margin: real(1), weight: maybe(anything<Tensor>()) };

/** `Σ max(0, margin - x[y] + x[i])ᵖ / C` over the classes `i ≠ y`. Default: `p = 1, margin = 1`. PyTorch: `torch.nn.MultiMarginLoss`. */
export class MultiMarginLoss extends Loss<typeof MULTI> {
  declare weight: Tensor | null;

  constructor(
    ...args: Args<[], [p: number, margin: number, weight: Tensor | null], MarginLossOptions & { readonly p?: number; readonly weight?: Tensor | null }>
  ) {
    super(args, MULTI);
    this.registerBuffer('weight', this._p.weight);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { p, margin } = this._p;
    return F.multiMarginLoss(input, target, { p, margin, weight: this.weight, reduction: this.reduction });
  }
}

/** `Σ max(0, 1 - (x[y] - x[i])) / C` over target classes `y` (up to the first -1) and others `i`. PyTorch: `torch.nn.MultiLabelMarginLoss`. */
export class MultiLabelMarginLoss extends Loss {
  constructor(...args: Args<[], [], LossOptions>) {
    super(args, {});
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelMarginLoss(input, target, { reduction: this.reduction });
  }
}

const TRIPLET = { margin: real(1), p: real(2), eps: real(1e-6), swap: flag(false) };

/**
 * `max(0, d(anchor, positive) - d(anchor, negative) + margin)` with p-norm distances; `swap` also looks at
 * `d(positive, negative)`. Default: `margin = 1, p = 2`. PyTorch: `torch.nn.TripletMarginLoss`.
 */
export class TripletMarginLoss extends Loss<typeof TRIPLET> {
  static override readonly inputs: readonly string[] = ['anchor', 'positive', 'negative'];

  constructor(
    ...args: Args<[], [margin: number, p: number, eps: number, swap: boolean], MarginLossOptions & { readonly p?: number; readonly eps?: number; readonly swap?: boolean }>
  ) {
    super(args, TRIPLET);
  }

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return F.tripletMarginLoss(anchor, positive, negative, { ...this._p, reduction: this.reduction });
  }
}

const WITH_DISTANCE = { distanceFunction: maybe(anything<DistanceFunction>()), margin: real(1), swap: flag(false) };

/** {@link TripletMarginLoss} with a distance of one's own. Default: {@link PairwiseDistance}. PyTorch: `torch.nn.TripletMarginWithDistanceLoss`. */
export class TripletMarginWithDistanceLoss extends Loss<typeof WITH_DISTANCE> {
  static override readonly inputs: readonly string[] = ['anchor', 'positive', 'negative'];

  /** A module among the children if it is one, as in PyTorch. */
  declare readonly distanceFunction: DistanceFunction;

  constructor(...args: Args<[], [], MarginLossOptions & { readonly distanceFunction?: DistanceFunction | null; readonly swap?: boolean }>) {
    super(args, WITH_DISTANCE);
    this._put('distance_function', this._p.distanceFunction ?? new PairwiseDistance());
  }

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { distanceFunction, reduction } = this;
    return F.tripletMarginWithDistanceLoss(anchor, positive, negative, { ...this._p, distanceFunction, reduction });
  }
}
