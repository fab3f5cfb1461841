/**
 * Distances between vectors.
 * @module
 */
import type { Tensor } from '../tensor.js';
import { type Args, bind, flag, int, real } from './args.js';
import * as F from './functional.js';
import { Module } from './module.js';

/** Parameters of {@link CosineSimilarity} by name. */
export interface CosineSimilarityOptions {
  /** Default: 1. */
  readonly dim?: number;
  /** The product of the norms is at least this. Default: 1e-8. */
  readonly eps?: number;
}

/** The cosine of the angle between vectors along `dim`. PyTorch: `torch.nn.CosineSimilarity`. */
export class CosineSimilarity extends Module {
  static override readonly inputs: readonly string[] = ['x1', 'x2'];

  readonly dim: number;
  readonly eps: number;

  constructor(...args: Args<[], [dim: number, eps: number], CosineSimilarityOptions>) {
    super();
    ({ dim: this.dim, eps: this.eps } = bind('CosineSimilarity', args, { dim: int(1), eps: real(1e-8) }));
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return F.cosineSimilarity(x1, x2, this.dim, this.eps);
  }
}

/** Parameters of {@link PairwiseDistance} by name. */
export interface PairwiseDistanceOptions {
  /** Which norm. Default: 2. */
  readonly p?: number;
  /** Added to the difference. Default: 1e-6. */
  readonly eps?: number;
  /** Default: false. */
  readonly keepdim?: boolean;
}

/** The p-norm of `x1 - x2 + eps` along the last dimension. PyTorch: `torch.nn.PairwiseDistance`. */
export class PairwiseDistance extends Module {
  static override readonly inputs: readonly string[] = ['x1', 'x2'];

  readonly norm: number;
  readonly eps: number;
  readonly keepdim: boolean;

  constructor(...args: Args<[], [p: number, eps: number, keepdim: boolean], PairwiseDistanceOptions>) {
    super();
    const p = bind('PairwiseDistance', args, { p: real(2), eps: real(1e-6), keepdim: flag(false) });
    this.norm = p.p;
    this.eps = p.eps;
    this.keepdim = p.keepdim;
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return F.pairwiseDistance(x1, x2, this.norm, this.eps, this.keepdim);
  }
}
