/**
 * Normalisation within a sample.
 * @module
 */
import { empty } from '../generated/torch.js';
import { ValueError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type Args, FACTORY, type FactoryOptions, bind, flag, int, ints, maybe, real } from './args.js';
import * as F from './functional.js';
import { ones_, zeros_ } from './init.js';
import { Layer } from './layer.js';
import { Parameter } from './parameter.js';
import { pyFloat } from '../runtime/python.js';
import { py, pyTuple } from './python.js';
import type { Size } from './sizes.js';

/** Parameters of {@link LayerNorm} by name. */
export interface LayerNormOptions extends FactoryOptions {
  readonly normalizedShape?: Size;
  /** Default: 1e-5. */
  readonly eps?: number;
  /** Whether weight and bias are learnt. Default: true. */
  readonly elementwiseAffine?: boolean;
  /** Whether, with `elementwiseAffine`, there is a bias. Default: true. */
  readonly bias?: boolean;
}

/**
 * Normalises over the last dimensions, those of `normalizedShape`, then scales and shifts each element.
 *
 * PyTorch: `torch.nn.LayerNorm`.
 * @example
 * new nn.LayerNorm(10)(torch.randn(20, 5, 10));
 */
export class LayerNorm extends Layer {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly elementwiseAffine: boolean;
  declare weight: Parameter | null;
  declare bias: Parameter | null;

  constructor(...args: Args<[normalizedShape: Size], [eps: number, elementwiseAffine: boolean, bias: boolean], LayerNormOptions>) {
    super();
    const p = bind('LayerNorm', args, { normalizedShape: ints(), eps: real(1e-5), elementwiseAffine: flag(true), bias: flag(true), ...FACTORY });
    const shape = typeof p.normalizedShape === 'number' ? [p.normalizedShape] : [...p.normalizedShape];
    const make = { device: p.device, dtype: p.dtype };
    this.normalizedShape = shape;
    this.eps = p.eps;
    this.elementwiseAffine = p.elementwiseAffine;
    this.registerParameter('weight', p.elementwiseAffine ? new Parameter(empty(shape, make)) : null);
    this.registerParameter('bias', p.elementwiseAffine && p.bias ? new Parameter(empty(shape, make)) : null);
    this.resetParameters();
  }

  /** Weight 1, bias 0. */
  resetParameters(): void {
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.layerNorm(input, [...this.normalizedShape], this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return (
      `${pyTuple(this.normalizedShape)}, eps=${pyFloat(this.eps)}, elementwise_affine=${py(this.elementwiseAffine)}, ` +
      `bias=${py(this.bias !== null)}`
    );
  }
}

/** Parameters of {@link RMSNorm} by name. */
export interface RMSNormOptions extends FactoryOptions {
  readonly normalizedShape?: Size;
  /** Default: the smallest step of the input's dtype at 1. */
  readonly eps?: number | null;
  /** Whether a weight is learnt. Default: true. */
  readonly elementwiseAffine?: boolean;
}

/** Divides by the root mean square over the last dimensions (Zhang and Sennrich, 2019). PyTorch: `torch.nn.RMSNorm`. */
export class RMSNorm extends Layer {
  readonly normalizedShape: readonly number[];
  readonly eps: number | null;
  readonly elementwiseAffine: boolean;
  declare weight: Parameter | null;

  constructor(...args: Args<[normalizedShape: Size], [eps: number | null, elementwiseAffine: boolean], RMSNormOptions>) {
    super();
    const p = bind('RMSNorm', args, { normalizedShape: ints(), eps: maybe(real()), elementwiseAffine: flag(true), ...FACTORY });
    const shape = typeof p.normalizedShape === 'number' ? [p.normalizedShape] : [...p.normalizedShape];
    this.normalizedShape = shape;
    this.eps = p.eps;
    this.elementwiseAffine = p.elementwiseAffine;
    this.registerParameter('weight', p.elementwiseAffine ? new Parameter(empty(shape, { device: p.device, dtype: p.dtype })) : null);
    this.resetParameters();
  }

  /** Weight 1. */
  resetParameters(): void {
    if (this.weight) ones_(this.weight);
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.rmsNorm(input, [...this.normalizedShape], this.weight, this.eps);
  }

  override extraRepr(): string {
    const eps = this.eps === null ? 'None' : pyFloat(this.eps);
    return `${pyTuple(this.normalizedShape)}, eps=${eps}, elementwise_affine=${py(this.elementwiseAffine)}`;
  }
}

/** Parameters of {@link GroupNorm} by name. */
export interface GroupNormOptions extends FactoryOptions {
  readonly numGroups?: number;
  readonly numChannels?: number;
  /** Default: 1e-5. */
  readonly eps?: number;
  /** Whether weight and bias are learnt. Default: true. */
  readonly affine?: boolean;
  /** Whether, with `affine`, there is a bias. Default: true. */
  readonly bias?: boolean;
}

/**
 * Normalises groups of channels of `[N, C, *]` (Wu and He, 2018).
 *
 * PyTorch: `torch.nn.GroupNorm`.
 * @example
 * new nn.GroupNorm(3, 6)(torch.randn(20, 6, 10, 10));
 */
export class GroupNorm extends Layer {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  readonly affine: boolean;
  declare weight: Parameter | null;
  declare bias: Parameter | null;

  constructor(...args: Args<[numGroups: number, numChannels: number], [eps: number, affine: boolean], GroupNormOptions>) {
    super();
    const sizes = { numGroups: int(), numChannels: int() };
    const p = bind('GroupNorm', args, { ...sizes, eps: real(1e-5), affine: flag(true), ...FACTORY, bias: flag(true) });
    if (p.numChannels % p.numGroups !== 0) {
      throw new ValueError(`num_channels (${p.numChannels}) must be divisible by num_groups (${p.numGroups})`);
    }
    const make = { device: p.device, dtype: p.dtype };
    this.numGroups = p.numGroups;
    this.numChannels = p.numChannels;
    this.eps = p.eps;
    this.affine = p.affine;
    this.registerParameter('weight', p.affine ? new Parameter(empty([p.numChannels], make)) : null);
    this.registerParameter('bias', p.affine && p.bias ? new Parameter(empty([p.numChannels], make)) : null);
    this.resetParameters();
  }

  /** Weight 1, bias 0. */
  resetParameters(): void {
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.groupNorm(input, this.numGroups, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return `${this.numGroups}, ${this.numChannels}, eps=${pyFloat(this.eps)}, affine=${py(this.affine)}, bias=${py(this.bias !== null)}`;
  }
}

/** Parameters of {@link LocalResponseNorm} by name. */
export interface LocalResponseNormOptions {
  readonly size?: number;
  /** Default: 1e-4. */
  readonly alpha?: number;
  /** Default: 0.75. */
  readonly beta?: number;
  /** Default: 1. */
  readonly k?: number;
}

/** Divides by a power of the mean square of `size` neighbouring channels (Krizhevsky et al., 2012). PyTorch: `torch.nn.LocalResponseNorm`. */
export class LocalResponseNorm extends Layer {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  constructor(...args: Args<[size: number], [alpha: number, beta: number, k: number], LocalResponseNormOptions>) {
    super();
    const p = bind('LocalResponseNorm', args, { size: int(), alpha: real(1e-4), beta: real(0.75), k: real(1) });
    this.size = p.size;
    this.alpha = p.alpha;
    this.beta = p.beta;
    this.k = p.k;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.localResponseNorm(input, this.size, this.alpha, this.beta, this.k);
  }

  override extraRepr(): string {
    return `${this.size}, alpha=${pyFloat(this.alpha)}, beta=${pyFloat(this.beta)}, k=${pyFloat(this.k)}`;
  }
}
