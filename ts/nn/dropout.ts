/**
 * Dropout.
 * @module
 */
import { ValueError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type Args, bind, flag, real } from './args.js';
import * as F from './functional.js';
import { Layer } from './layer.js';
import { pyFloat } from '../runtime/python.js';
import { py } from './python.js';

/** Parameters of the dropout modules by name. */
export interface DropoutOptions {
  /** Probability of an element, or channel, to be zeroed. Default: 0.5. */
  readonly p?: number;
  /** Whether the input is overwritten. Default: false. */
  readonly inplace?: boolean;
}

abstract class DropoutModule extends Layer {
  readonly p: number;
  readonly inplace: boolean;

  constructor(...args: Args<[], [p: number, inplace: boolean], DropoutOptions>) {
    super();
    const { p, inplace } = bind(this._getName(), args, { p: real(0.5), inplace: flag(false) });
    if (!(p >= 0 && p <= 1)) throw new ValueError(`dropout probability has to be between 0 and 1, but got ${p}`);
    this.p = p;
    this.inplace = inplace;
  }

  override extraRepr(): string {
    return `p=${pyFloat(this.p)}, inplace=${py(this.inplace)}`;
  }
}

/**
 * In training, zeroes each element with probability `p` and scales the others by `1 / (1 - p)`; in evaluation gives its
 * input back.
 *
 * PyTorch: `torch.nn.Dropout`.
 * @example
 * const y = new nn.Dropout(0.2)(torch.randn(20, 16));
 */
export class Dropout extends DropoutModule {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.dropout(input, this.p, this.training, this.inplace);
  }
}

/** Zeroes whole channels of `[N, C, L]` or `[C, L]`. PyTorch: `torch.nn.Dropout1d`. */
export class Dropout1d extends DropoutModule {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.dropout1d(input, this.p, this.training, this.inplace);
  }
}

/** Zeroes whole channels of `[N, C, H, W]`. PyTorch: `torch.nn.Dropout2d`. */
export class Dropout2d extends DropoutModule {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.dropout2d(input, this.p, this.training, this.inplace);
  }
}

/** Zeroes whole channels of `[N, C, D, H, W]` or `[C, D, H, W]`. PyTorch: `torch.nn.Dropout3d`. */
export class Dropout3d extends DropoutModule {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.dropout3d(input, this.p, this.training, this.inplace);
  }
}

/** Dropout that keeps zero mean and unit variance, for networks of {@link SELU}. PyTorch: `torch.nn.AlphaDropout`. */
export class AlphaDropout extends DropoutModule {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.alphaDropout(input, this.p, this.training, this.inplace);
  }
}

/** {@link AlphaDropout} of whole channels. PyTorch: `torch.nn.FeatureAlphaDropout`. */
export class FeatureAlphaDropout extends DropoutModule {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.featureAlphaDropout(input, this.p, this.training, this.inplace);
  }
}
