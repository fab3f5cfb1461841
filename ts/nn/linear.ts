/**
 * Linear maps.
 * @module
 */
import { ValueError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type Args, FACTORY, type FactoryOptions, bind, flag, int } from './args.js';
import { empty } from '../generated/torch.js';
import * as F from './functional.js';
import { kaimingUniform_, uniform_ } from './init.js';
import { Layer } from './layer.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';
import { py } from './python.js';

/**
 * Gives back its input; takes any arguments and ignores them.
 *
 * PyTorch: `torch.nn.Identity`.
 * @example
 * new nn.Identity(54, { unused: true })(x); // x
 */
export class Identity extends Layer {
  constructor(..._ignored: unknown[]) {
    super();
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return input;
  }
}

/** Parameters of {@link Linear} by name. */
export interface LinearOptions extends FactoryOptions {
  readonly inFeatures?: number;
  readonly outFeatures?: number;
  /** Whether there is a bias. Default: true. */
  readonly bias?: boolean;
}

/**
 * `y = x Wᵀ + b` over the last dimension: `[..., inFeatures]` to `[..., outFeatures]`.
 *
 * `weight` is `[outFeatures, inFeatures]`, `bias` `[outFeatures]`, both from U(-1/√inFeatures, 1/√inFeatures).
 *
 * PyTorch: `torch.nn.Linear`.
 * @example
 * const y = new nn.Linear(20, 30)(torch.randn(128, 20)); // [128, 30]
 */
export class Linear extends Layer {
  readonly inFeatures: number;
  readonly outFeatures: number;
  declare weight: Parameter;
  declare bias: Parameter | null;

  constructor(...args: Args<[inFeatures: number, outFeatures: number], [bias: boolean], LinearOptions>) {
    super();
    const p = bind('Linear', args, { inFeatures: int(), outFeatures: int(), bias: flag(true), ...FACTORY });
    this.inFeatures = p.inFeatures;
    this.outFeatures = p.outFeatures;
    const make = { device: p.device, dtype: p.dtype };
    this.registerParameter('weight', new Parameter(empty([p.outFeatures, p.inFeatures], make)));
    this.registerParameter('bias', p.bias ? new Parameter(empty([p.outFeatures], make)) : null);
    this.resetParameters();
  }

  /** Draws weight and bias anew. */
  resetParameters(): void {
    kaimingUniform_(this.weight, { a: Math.sqrt(5) });
    if (this.bias) {
      const bound = this.inFeatures > 0 ? 1 / Math.sqrt(this.inFeatures) : 0;
      uniform_(this.bias, -bound, bound);
    }
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.linear(input, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${py(this.bias !== null)}`;
  }
}

/** The linear layer inside {@link MultiheadAttention}; it differs from {@link Linear} in its printed name. */
export class NonDynamicallyQuantizableLinear extends Linear {}

/** Parameters of {@link Bilinear} by name. */
export interface BilinearOptions extends FactoryOptions {
  readonly in1Features?: number;
  readonly in2Features?: number;
  readonly outFeatures?: number;
  /** Whether there is a bias. Default: true. */
  readonly bias?: boolean;
}

/**
 * `y = x1ᵀ A x2 + b`: `[..., in1Features]` and `[..., in2Features]` to `[..., outFeatures]`.
 *
 * PyTorch: `torch.nn.Bilinear`.
 * @example
 * const y = new nn.Bilinear(20, 30, 40)(torch.randn(128, 20), torch.randn(128, 30)); // [128, 40]
 */
export class Bilinear extends Module {
  static override readonly inputs: readonly string[] = ['input1', 'input2'];

  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  declare weight: Parameter;
  declare bias: Parameter | null;

  constructor(...args: Args<[in1Features: number, in2Features: number, outFeatures: number], [bias: boolean], BilinearOptions>) {
    super();
    const p = bind('Bilinear', args, { in1Features: int(), in2Features: int(), outFeatures: int(), bias: flag(true), ...FACTORY });
    if (p.in1Features <= 0) throw new ValueError(`in1_features must be > 0, but got ${p.in1Features}`);
    this.in1Features = p.in1Features;
    this.in2Features = p.in2Features;
    this.outFeatures = p.outFeatures;
    const make = { device: p.device, dtype: p.dtype };
    this.registerParameter('weight', new Parameter(empty([p.outFeatures, p.in1Features, p.in2Features], make)));
    this.registerParameter('bias', p.bias ? new Parameter(empty([p.outFeatures], make)) : null);
    this.resetParameters();
  }

  /** Draws weight and bias anew. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.weight.shape[1]!);
    uniform_(this.weight, -bound, bound);
    if (this.bias) uniform_(this.bias, -bound, bound);
  }

  override forward(input1: Tensor, input2: Tensor): Tensor {
    return F.bilinear(input1, input2, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in1_features=${this.in1Features}, in2_features=${this.in2Features}, out_features=${this.outFeatures}, bias=${py(this.bias !== null)}`;
  }
}
