/**
 * The softmax family.
 * @module
 */
import { ShapeError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type Args, bind, int, maybe } from './args.js';
import * as F from './functional.js';
import { Layer } from './layer.js';
import { py } from './python.js';

/** The dimension that sums to one; PyTorch guesses one when it is not given, and so do we. */
abstract class OverDim extends Layer {
  readonly dim: number | null;

  constructor(...args: Args<[], [dim: number | null], { readonly dim?: number | null }>) {
    super();
    this.dim = bind(this._getName(), args, { dim: maybe(int()) }).dim;
  }

  /** @internal PyTorch's guess (torch/nn/functional.py, `_get_softmax_dim`). */
  _dim(input: Tensor): number {
    const n = input.shape.length;
    return this.dim ?? (n === 0 || n === 1 || n === 3 ? 0 : 1);
  }

  override extraRepr(): string {
    return `dim=${py(this.dim)}`;
  }
}

/**
 * `exp(x) / Σ exp(x)` along `dim`.
 *
 * PyTorch: `torch.nn.Softmax`.
 * @example
 * new nn.Softmax(1)(logits);
 */
export class Softmax extends OverDim {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.softmax(input, this._dim(input));
  }
}

/** Softmax of `-x` along `dim`. PyTorch: `torch.nn.Softmin`. */
export class Softmin extends OverDim {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.softmin(input, this._dim(input));
  }
}

/** The logarithm of softmax along `dim`. PyTorch: `torch.nn.LogSoftmax`. */
export class LogSoftmax extends OverDim {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.logSoftmax(input, this._dim(input));
  }
}

/** Softmax over the channels of `[N, C, H, W]` or `[C, H, W]`. PyTorch: `torch.nn.Softmax2d`. */
export class Softmax2d extends Layer {
  constructor(...args: [] | [Record<string, never>]) {
    super();
    bind('Softmax2d', args, {});
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    const n = input.shape.length;
    if (n !== 3 && n !== 4) throw new ShapeError(`Softmax2d: expected input to be 3D or 4D, got ${n}D instead`);
    return F.softmax(input, -3);
  }
}
