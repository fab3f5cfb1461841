/**
 * Activations.
 * @module
 */
import { getDefaultDtype } from '../dtype.js';
import { ValueError } from '../errors.js';
import { full } from '../generated/torch.js';
import type { Tensor } from '../tensor.js';
import { type Args, FACTORY, type FactoryOptions, bind, flag, int, real, text } from './args.js';
import * as F from './functional.js';
import { Layer } from './layer.js';
import { Parameter } from './parameter.js';
import { pyFloat } from '../runtime/python.js';
import { py } from './python.js';

/** The one parameter of activations that may overwrite their input. */
export interface InplaceOptions {
  /** Whether the input is overwritten. Default: false. */
  readonly inplace?: boolean;
}

/** An activation without other parameters than `inplace`. */
abstract class Inplace extends Layer {
  readonly inplace: boolean;

  constructor(...args: Args<[], [inplace: boolean], InplaceOptions>) {
    super();
    this.inplace = bind(this._getName(), args, { inplace: flag(false) }).inplace;
  }

  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : '';
  }
}

/** An activation without parameters. */
abstract class Plain extends Layer {
  constructor(...args: [] | [Record<string, never>]) {
    super();
    bind(this._getName(), args, {});
  }
}

/** `max(0, x)`. PyTorch: `torch.nn.ReLU`. */
export class ReLU extends Inplace {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.relu(input, this.inplace);
  }
}

/** `min(max(0, x), 6)`. PyTorch: `torch.nn.ReLU6`. */
export class ReLU6 extends Inplace {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.relu6(input, this.inplace);
  }
}

/** `x · sigmoid(x)`. PyTorch: `torch.nn.SiLU`. */
export class SiLU extends Inplace {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.silu(input, this.inplace);
  }
}

/** `x · tanh(softplus(x))`. PyTorch: `torch.nn.Mish`. */
export class Mish extends Inplace {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.mish(input, this.inplace);
  }
}

/** `x · min(max(x + 3, 0), 6) / 6`. PyTorch: `torch.nn.Hardswish`. */
export class Hardswish extends Inplace {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.hardswish(input, this.inplace);
  }

  override extraRepr(): string {
    return '';
  }
}

/** `min(max(x / 6 + 1/2, 0), 1)`. PyTorch: `torch.nn.Hardsigmoid`. */
export class Hardsigmoid extends Inplace {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.hardsigmoid(input, this.inplace);
  }

  override extraRepr(): string {
    return '';
  }
}

/** Exponential linear unit that keeps zero mean and unit variance (Klambauer et al., 2017). PyTorch: `torch.nn.SELU`. */
export class SELU extends Inplace {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.selu(input, this.inplace);
  }
}

/** `1 / (1 + exp(-x))`. PyTorch: `torch.nn.Sigmoid`. */
export class Sigmoid extends Plain {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return input.sigmoid();
  }
}

/** `tanh(x)`. PyTorch: `torch.nn.Tanh`. */
export class Tanh extends Plain {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return input.tanh();
  }
}

/** `log(sigmoid(x))`. PyTorch: `torch.nn.LogSigmoid`. */
export class LogSigmoid extends Plain {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.logsigmoid(input);
  }
}

/** `x / (1 + |x|)`. PyTorch: `torch.nn.Softsign`. */
export class Softsign extends Plain {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.softsign(input);
  }
}

/** `x - tanh(x)`. PyTorch: `torch.nn.Tanhshrink`. */
export class Tanhshrink extends Plain {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.tanhshrink(input);
  }
}

/**
 * `x` above `threshold`, else `value`.
 *
 * PyTorch: `torch.nn.Threshold`.
 * @example
 * new nn.Threshold(0.1, 20)(x);
 */
export class Threshold extends Layer {
  readonly threshold: number;
  readonly value: number;
  readonly inplace: boolean;

  constructor(
    ...args: Args<[threshold: number, value: number], [inplace: boolean], InplaceOptions & { readonly threshold?: number; readonly value?: number }>
  ) {
    super();
    const p = bind('Threshold', args, { threshold: real(), value: real(), inplace: flag(false) });
    this.threshold = p.threshold;
    this.value = p.value;
    this.inplace = p.inplace;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.threshold(input, this.threshold, this.value, this.inplace);
  }

  override extraRepr(): string {
    return `threshold=${py(this.threshold)}, value=${py(this.value)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

/** `x` where positive, else `x` times a slope drawn from U(lower, upper) in training, their mean in evaluation. PyTorch: `torch.nn.RReLU`. */
export class RReLU extends Layer {
  readonly lower: number;
  readonly upper: number;
  readonly inplace: boolean;

  constructor(...args: Args<[], [lower: number, upper: number, inplace: boolean], InplaceOptions & { readonly lower?: number; readonly upper?: number }>) {
    super();
    const p = bind('RReLU', args, { lower: real(1 / 8), upper: real(1 / 3), inplace: flag(false) });
    this.lower = p.lower;
    this.upper = p.upper;
    this.inplace = p.inplace;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.rrelu(input, this.lower, this.upper, this.training, this.inplace);
  }

  override extraRepr(): string {
    return `lower=${pyFloat(this.lower)}, upper=${pyFloat(this.upper)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

/** `min(max(x, minVal), maxVal)`. Default: -1 and 1. PyTorch: `torch.nn.Hardtanh`. */
export class Hardtanh extends Layer {
  readonly minVal: number;
  readonly maxVal: number;
  readonly inplace: boolean;

  constructor(...args: Args<[], [minVal: number, maxVal: number, inplace: boolean], InplaceOptions & { readonly minVal?: number; readonly maxVal?: number }>) {
    super();
    const p = bind('Hardtanh', args, { minVal: real(-1), maxVal: real(1), inplace: flag(false) });
    if (p.maxVal <= p.minVal) throw new ValueError(`max_val must be larger than min_val, got min_val: ${p.minVal} and max_val: ${p.maxVal}`);
    this.minVal = p.minVal;
    this.maxVal = p.maxVal;
    this.inplace = p.inplace;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.hardtanh(input, this.minVal, this.maxVal, this.inplace);
  }

  override extraRepr(): string {
    return `min_val=${pyFloat(this.minVal)}, max_val=${pyFloat(this.maxVal)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

/** `x` where positive, else `alpha (exp(x) - 1)`. Default: `alpha = 1`. PyTorch: `torch.nn.ELU`. */
export class ELU extends Layer {
  readonly alpha: number;
  readonly inplace: boolean;

  constructor(...args: Args<[], [alpha: number, inplace: boolean], InplaceOptions & { readonly alpha?: number }>) {
    super();
    ({ alpha: this.alpha, inplace: this.inplace } = bind(this._getName(), args, { alpha: real(1), inplace: flag(false) }));
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.elu(input, this.alpha, this.inplace);
  }

  override extraRepr(): string {
    return `alpha=${pyFloat(this.alpha)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

/** `max(0, x) + min(0, alpha (exp(x / alpha) - 1))`. Default: `alpha = 1`. PyTorch: `torch.nn.CELU`. */
export class CELU extends ELU {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.celu(input, this.alpha, this.inplace);
  }
}

/** The first half of dimension `dim` times the sigmoid of the second. Default: -1. PyTorch: `torch.nn.GLU`. */
export class GLU extends Layer {
  readonly dim: number;

  constructor(...args: Args<[], [dim: number], { readonly dim?: number }>) {
    super();
    this.dim = bind('GLU', args, { dim: int(-1) }).dim;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.glu(input, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** `x Φ(x)`, or with `approximate = 'tanh'` its approximation. Default: `'none'`. PyTorch: `torch.nn.GELU`. */
export class GELU extends Layer {
  readonly approximate: string;

  constructor(...args: Args<[], [approximate: string], { readonly approximate?: string }>) {
    super();
    this.approximate = bind('GELU', args, { approximate: text('none') }).approximate;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.gelu(input, { approximate: this.approximate });
  }

  override extraRepr(): string {
    return `approximate=${py(this.approximate)}`;
  }
}

/** `x` where `|x| > lambd`, else 0. Default: 0.5. PyTorch: `torch.nn.Hardshrink`. */
export class Hardshrink extends Layer {
  readonly lambd: number;

  constructor(...args: Args<[], [lambd: number], { readonly lambd?: number }>) {
    super();
    this.lambd = bind(this._getName(), args, { lambd: real(0.5) }).lambd;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.hardshrink(input, this.lambd);
  }

  override extraRepr(): string {
    return pyFloat(this.lambd);
  }
}

/** `x` moved towards zero by `lambd`, not past it. Default: 0.5. PyTorch: `torch.nn.Softshrink`. */
export class Softshrink extends Hardshrink {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.softshrink(input, this.lambd);
  }
}

/** `x` where positive, else `negativeSlope · x`. Default: 0.01. PyTorch: `torch.nn.LeakyReLU`. */
export class LeakyReLU extends Layer {
  readonly negativeSlope: number;
  readonly inplace: boolean;

  constructor(...args: Args<[], [negativeSlope: number, inplace: boolean], InplaceOptions & { readonly negativeSlope?: number }>) {
    super();
    const p = bind('LeakyReLU', args, { negativeSlope: real(0.01), inplace: flag(false) });
    this.negativeSlope = p.negativeSlope;
    this.inplace = p.inplace;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.leakyRelu(input, this.negativeSlope, this.inplace);
  }

  override extraRepr(): string {
    return `negative_slope=${pyFloat(this.negativeSlope)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

/** `log(1 + exp(beta x)) / beta`, and `x` where `beta x > threshold`. Default: 1 and 20. PyTorch: `torch.nn.Softplus`. */
export class Softplus extends Layer {
  readonly beta: number;
  readonly threshold: number;

  constructor(...args: Args<[], [beta: number, threshold: number], { readonly beta?: number; readonly threshold?: number }>) {
    super();
    ({ beta: this.beta, threshold: this.threshold } = bind('Softplus', args, { beta: real(1), threshold: real(20) }));
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.softplus(input, this.beta, this.threshold);
  }

  override extraRepr(): string {
    return `beta=${pyFloat(this.beta)}, threshold=${pyFloat(this.threshold)}`;
  }
}

/**
 * `x` where positive, else `weight · x` with a learnt weight for all or for each channel. Default: one, 0.25.
 *
 * PyTorch: `torch.nn.PReLU`.
 */
export class PReLU extends Layer {
  readonly numParameters: number;
  readonly init: number;
  declare weight: Parameter;

  constructor(...args: Args<[], [numParameters: number, init: number], FactoryOptions & { readonly numParameters?: number; readonly init?: number }>) {
    super();
    const p = bind('PReLU', args, { numParameters: int(1), init: real(0.25), ...FACTORY });
    this.numParameters = p.numParameters;
    this.init = p.init;
    this.registerParameter('weight', new Parameter(full([p.numParameters], p.init, { device: p.device, dtype: p.dtype ?? getDefaultDtype() })));
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.prelu(input, this.weight);
  }

  override extraRepr(): string {
    return `num_parameters=${this.numParameters}`;
  }
}
