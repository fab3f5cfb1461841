/**
 * Pooling over windows.
 * @module
 */
import type { Tensor } from '../tensor.js';
import { type Args, bind, flag, int, ints, maybe, real } from './args.js';
import * as F from './functional.js';
import { Layer } from './layer.js';
import { py, pyTuple } from './python.js';
import { type Size, repeat } from './sizes.js';

/** Parameters of max pooling by name. */
export interface MaxPoolOptions {
  readonly kernelSize?: Size;
  /** Default: the kernel size. */
  readonly stride?: Size | null;
  /** Minus infinity on both sides. Default: 0. */
  readonly padding?: Size;
  /** Distance between the window's elements. Default: 1. */
  readonly dilation?: Size;
  /** Whether the places of the maxima are given too, for unpooling. Default: false. */
  readonly returnIndices?: boolean;
  /** Whether a window may begin inside and end outside the input. Default: false. */
  readonly ceilMode?: boolean;
}

type MaxPoolArgs = Args<
  [kernelSize: Size],
  [stride: Size | null, padding: Size, dilation: Size, returnIndices: boolean, ceilMode: boolean],
  MaxPoolOptions
>;

/**
 * What max pooling gives: a tensor, or with `returnIndices` two. The option is not seen by the types, so a layer that has it
 * says so: `new nn.MaxPool2d<true>(2, { returnIndices: true })`.
 */
export type Pooled<Indices extends boolean> = Indices extends true ? [values: Tensor, indices: Tensor] : Tensor;

abstract class MaxPoolNd extends Layer {
  readonly kernelSize: Size;
  readonly stride: Size;
  readonly padding: Size;
  readonly dilation: Size;
  readonly returnIndices: boolean;
  readonly ceilMode: boolean;

  constructor(...args: MaxPoolArgs) {
    super();
    const spec = { kernelSize: ints(), stride: maybe(ints()), padding: ints(0), dilation: ints(1), returnIndices: flag(false), ceilMode: flag(false) };
    const p = bind(this._getName(), args, spec);
    this.kernelSize = p.kernelSize;
    this.stride = p.stride ?? p.kernelSize;
    this.padding = p.padding;
    this.dilation = p.dilation;
    this.returnIndices = p.returnIndices;
    this.ceilMode = p.ceilMode;
  }

  /** @internal What F.maxPool takes after the input. */
  get _options(): { kernelSize: Size; stride: Size; padding: Size; dilation: Size; ceilMode: boolean; returnIndices: boolean } {
    const { kernelSize, stride, padding, dilation, ceilMode, returnIndices } = this;
    return { kernelSize, stride, padding, dilation, ceilMode, returnIndices };
  }

  override extraRepr(): string {
    return (
      `kernel_size=${py(this.kernelSize)}, stride=${py(this.stride)}, padding=${py(this.padding)}, ` +
      `dilation=${py(this.dilation)}, ceil_mode=${py(this.ceilMode)}`
    );
  }
}

/** The largest of each window of `[N, C, L]` or `[C, L]`. PyTorch: `torch.nn.MaxPool1d`. */
export class MaxPool1d<Indices extends boolean = false> extends MaxPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Pooled<Indices> {
    return F.maxPool1d(input, this._options) as Pooled<Indices>;
  }
}

/**
 * The largest of each window of `[N, C, H, W]` or `[C, H, W]`; with `returnIndices` also where it stood.
 *
 * PyTorch: `torch.nn.MaxPool2d`.
 * @example
 * new nn.MaxPool2d(2)(torch.randn(8, 16, 28, 28)).shape; // -> torch.Size([8, 16, 14, 14])
 */
export class MaxPool2d<Indices extends boolean = false> extends MaxPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Pooled<Indices> {
    return F.maxPool2d(input, this._options) as Pooled<Indices>;
  }
}

/** The largest of each window of `[N, C, D, H, W]` or `[C, D, H, W]`. PyTorch: `torch.nn.MaxPool3d`. */
export class MaxPool3d<Indices extends boolean = false> extends MaxPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Pooled<Indices> {
    return F.maxPool3d(input, this._options) as Pooled<Indices>;
  }
}

/** Parameters of unpooling by name. */
export interface MaxUnpoolOptions {
  readonly kernelSize?: Size;
  /** Default: the kernel size. */
  readonly stride?: Size | null;
  /** Default: 0. */
  readonly padding?: Size;
}

abstract class MaxUnpoolNd extends Layer {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];

  constructor(n: number, args: readonly unknown[]) {
    super();
    const who = this._getName();
    const p = bind(who, args, { kernelSize: ints(), stride: maybe(ints()), padding: ints(0) });
    this.kernelSize = repeat(who, 'kernel_size', p.kernelSize, n);
    this.stride = repeat(who, 'stride', p.stride ?? p.kernelSize, n);
    this.padding = repeat(who, 'padding', p.padding, n);
  }

  override extraRepr(): string {
    return `kernel_size=${pyTuple(this.kernelSize)}, stride=${pyTuple(this.stride)}, padding=${pyTuple(this.padding)}`;
  }
}
type UnpoolArgs = Args<[kernelSize: Size], [stride: Size | null, padding: Size], MaxUnpoolOptions>;

/** Puts the maxima of {@link MaxPool1d} back where they stood, zeros elsewhere. PyTorch: `torch.nn.MaxUnpool1d`. */
export class MaxUnpool1d extends MaxUnpoolNd {
  constructor(...args: UnpoolArgs) {
    super(1, args);
  }

  static override readonly passesOn = true;
  override forward(input: Tensor, indices: Tensor, outputSize: readonly number[] | null = null): Tensor {
    return F.maxUnpool1d(input, indices, [...this.kernelSize], [...this.stride], [...this.padding], outputSize && [...outputSize]);
  }
}

/** Puts the maxima of {@link MaxPool2d} back where they stood, zeros elsewhere. PyTorch: `torch.nn.MaxUnpool2d`. */
export class MaxUnpool2d extends MaxUnpoolNd {
  constructor(...args: UnpoolArgs) {
    super(2, args);
  }

  static override readonly passesOn = true;
  override forward(input: Tensor, indices: Tensor, outputSize: readonly number[] | null = null): Tensor {
    return F.maxUnpool2d(input, indices, [...this.kernelSize], [...this.stride], [...this.padding], outputSize && [...outputSize]);
  }
}

/** Puts the maxima of {@link MaxPool3d} back where they stood, zeros elsewhere. PyTorch: `torch.nn.MaxUnpool3d`. */
export class MaxUnpool3d extends MaxUnpoolNd {
  constructor(...args: UnpoolArgs) {
    super(3, args);
  }

  static override readonly passesOn = true;
  override forward(input: Tensor, indices: Tensor, outputSize: readonly number[] | null = null): Tensor {
    return F.maxUnpool3d(input, indices, [...this.kernelSize], [...this.stride], [...this.padding], outputSize && [...outputSize]);
  }
}

/** Parameters of average pooling by name. */
export interface AvgPoolOptions {
  readonly kernelSize?: Size;
  /** Default: the kernel size. */
  readonly stride?: Size | null;
  /** Zeros on both sides. Default: 0. */
  readonly padding?: Size;
  /** Whether a window may begin inside and end outside the input. Default: false. */
  readonly ceilMode?: boolean;
  /** Whether the zeros around count in the mean. Default: true. */
  readonly countIncludePad?: boolean;
}

/** The mean of each window of `[N, C, L]` or `[C, L]`. PyTorch: `torch.nn.AvgPool1d`. */
export class AvgPool1d extends Layer {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;

  constructor(...args: Args<[kernelSize: Size], [stride: Size | null, padding: Size, ceilMode: boolean, countIncludePad: boolean], AvgPoolOptions>) {
    super();
    const spec = { kernelSize: ints(), stride: maybe(ints()), padding: ints(0), ceilMode: flag(false), countIncludePad: flag(true) };
    const p = bind('AvgPool1d', args, spec);
    this.kernelSize = repeat('AvgPool1d', 'kernel_size', p.kernelSize, 1);
    this.stride = repeat('AvgPool1d', 'stride', p.stride ?? p.kernelSize, 1);
    this.padding = repeat('AvgPool1d', 'padding', p.padding, 1);
    this.ceilMode = p.ceilMode;
    this.countIncludePad = p.countIncludePad;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.avgPool1d(input, [...this.kernelSize], [...this.stride], [...this.padding], this.ceilMode, this.countIncludePad);
  }

  override extraRepr(): string {
    return `kernel_size=${pyTuple(this.kernelSize)}, stride=${pyTuple(this.stride)}, padding=${pyTuple(this.padding)}`;
  }
}

/** Parameters of average pooling over areas and volumes by name. */
export interface AvgPoolNdOptions extends AvgPoolOptions {
  /** Divide by this instead of the window's size. Default: none. */
  readonly divisorOverride?: number | null;
}

abstract class AvgPoolNd extends Layer {
  readonly kernelSize: Size;
  readonly stride: Size;
  readonly padding: Size;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | null;

  constructor(
    ...args: Args<
      [kernelSize: Size],
      [stride: Size | null, padding: Size, ceilMode: boolean, countIncludePad: boolean, divisorOverride: number | null],
      AvgPoolNdOptions
    >
  ) {
    super();
    const window = { kernelSize: ints(), stride: maybe(ints()), padding: ints(0) };
    const p = bind(this._getName(), args, { ...window, ceilMode: flag(false), countIncludePad: flag(true), divisorOverride: maybe(int()) });
    this.kernelSize = p.kernelSize;
    this.stride = p.stride ?? p.kernelSize;
    this.padding = p.padding;
    this.ceilMode = p.ceilMode;
    this.countIncludePad = p.countIncludePad;
    this.divisorOverride = p.divisorOverride;
  }

  /** @internal What F.avgPool takes after the input. */
  get _options(): Required<AvgPoolNdOptions> {
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    return { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride };
  }

  override extraRepr(): string {
    return `kernel_size=${py(this.kernelSize)}, stride=${py(this.stride)}, padding=${py(this.padding)}`;
  }
}

/** The mean of each window of `[N, C, H, W]` or `[C, H, W]`. PyTorch: `torch.nn.AvgPool2d`. */
export class AvgPool2d extends AvgPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.avgPool2d(input, this._options);
  }
}

/** The mean of each window of `[N, C, D, H, W]` or `[C, D, H, W]`. PyTorch: `torch.nn.AvgPool3d`. */
export class AvgPool3d extends AvgPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.avgPool3d(input, this._options);
  }
}

/** Parameters of power-average pooling by name. */
export interface LPPoolOptions {
  readonly normType?: number;
  readonly kernelSize?: Size;
  /** Default: the kernel size. */
  readonly stride?: Size | null;
  readonly ceilMode?: boolean;
}

abstract class LPPoolNd extends Layer {
  readonly normType: number;
  readonly kernelSize: Size;
  readonly stride: Size | null;
  readonly ceilMode: boolean;

  constructor(...args: Args<[normType: number, kernelSize: Size], [stride: Size | null, ceilMode: boolean], LPPoolOptions>) {
    super();
    const p = bind(this._getName(), args, { normType: real(), kernelSize: ints(), stride: maybe(ints()), ceilMode: flag(false) });
    this.normType = p.normType;
    this.kernelSize = p.kernelSize;
    this.stride = p.stride;
    this.ceilMode = p.ceilMode;
  }

  override extraRepr(): string {
    return `norm_type=${py(this.normType)}, kernel_size=${py(this.kernelSize)}, stride=${py(this.stride)}, ceil_mode=${py(this.ceilMode)}`;
  }
}

/** The p-norm `(Σ xᵖ)^(1/p)` of each window of `[N, C, L]` or `[C, L]`. PyTorch: `torch.nn.LPPool1d`. */
export class LPPool1d extends LPPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.lpPool1d(input, this.normType, this.kernelSize, this.stride, this.ceilMode);
  }
}

/** The p-norm of each window of `[N, C, H, W]` or `[C, H, W]`. PyTorch: `torch.nn.LPPool2d`. */
export class LPPool2d extends LPPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.lpPool2d(input, this.normType, this.kernelSize, this.stride, this.ceilMode);
  }
}

/** The p-norm of each window of `[N, C, D, H, W]` or `[C, D, H, W]`. PyTorch: `torch.nn.LPPool3d`. */
export class LPPool3d extends LPPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.lpPool3d(input, this.normType, this.kernelSize, this.stride, this.ceilMode);
  }
}
