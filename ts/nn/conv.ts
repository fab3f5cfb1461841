/**
 * Convolutions.
 * @module
 */
import { empty } from '../generated/torch.js';
import { ValueError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type Args, type Bound, FACTORY, type FactoryOptions, type Kind, anything, bind, flag, int, ints, text } from './args.js';
import * as F from './functional.js';
import { kaimingUniform_, uniform_ } from './init.js';
import { Layer } from './layer.js';
import { Parameter } from './parameter.js';
import { pyTuple } from './python.js';
import { type Size, repeat } from './sizes.js';
import { scope } from '../runtime/scope.js';

/** Parameters of convolutions by name. */
export interface ConvOptions extends FactoryOptions {
  readonly inChannels?: number;
  readonly outChannels?: number;
  readonly kernelSize?: Size;
  /** Default: 1. */
  readonly stride?: Size;
  /** Zeros (or see `paddingMode`) around the input; `'same'` keeps the size, `'valid'` is 0. Default: 0. */
  readonly padding?: Size | 'same' | 'valid';
  /** Distance between the kernel's elements. Default: 1. */
  readonly dilation?: Size;
  /** Channels are convolved in this many separate groups. Default: 1. */
  readonly groups?: number;
  /** Default: true. */
  readonly bias?: boolean;
  /** `'zeros'`, `'reflect'`, `'replicate'` or `'circular'`. Default: `'zeros'`. */
  readonly paddingMode?: string;
}

/** Parameters of transposed convolutions by name. */
export interface ConvTransposeOptions extends Omit<ConvOptions, 'padding'> {
  readonly padding?: Size;
  /** Added to one side of the output's size. Default: 0. */
  readonly outputPadding?: Size;
}

type ConvArgs = Args<
  [inChannels: number, outChannels: number, kernelSize: Size],
  [stride: Size, padding: Size | 'same' | 'valid', dilation: Size, groups: number, bias: boolean, paddingMode: string],
  ConvOptions
>;
type ConvTransposeArgs = Args<
  [inChannels: number, outChannels: number, kernelSize: Size],
  [stride: Size, padding: Size, outputPadding: Size, groups: number, bias: boolean, dilation: Size, paddingMode: string],
  ConvTransposeOptions
>;

const CHANNELS = { inChannels: int(), outChannels: int(), kernelSize: ints() };
const CONV = {
  ...CHANNELS,
  stride: ints(1),
  padding: anything<Size | string>(0),
  dilation: ints(1),
  groups: int(1),
  bias: flag(true),
  paddingMode: text('zeros'),
  ...FACTORY,
} satisfies Record<string, Kind<unknown>>;
const CONV_TRANSPOSE = {
  ...CHANNELS,
  stride: ints(1),
  padding: ints(0) as Kind<Size | string>,
  outputPadding: ints(0),
  groups: int(1),
  bias: flag(true),
  dilation: ints(1),
  paddingMode: text('zeros'),
  ...FACTORY,
} satisfies Record<string, Kind<unknown>>;

const PADDING_MODES = ['zeros', 'reflect', 'replicate', 'circular'];

/** What all convolutions have: options, weight and bias, printing. */
abstract class ConvNd extends Layer {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | string;
  readonly dilation: readonly number[];
  readonly outputPadding: readonly number[];
  readonly groups: number;
  readonly paddingMode: string;
  declare weight: Parameter;
  declare bias: Parameter | null;

  constructor(n: number, transposed: boolean, p: Omit<Bound<typeof CONV_TRANSPOSE>, 'outputPadding'> & { outputPadding: Size }) {
    super();
    const who = this._getName();
    const each = (what: string, size: Size): number[] => repeat(who, what, size, n);
    if (p.groups <= 0) throw new ValueError('groups must be a positive integer');
    if (p.inChannels % p.groups !== 0) throw new ValueError(`in_channels (${p.inChannels}) must be divisible by groups (${p.groups})`);
    if (p.outChannels % p.groups !== 0) throw new ValueError(`out_channels (${p.outChannels}) must be divisible by groups (${p.groups})`);
    if (!PADDING_MODES.includes(p.paddingMode)) {
      throw new ValueError(`padding_mode must be one of ${PADDING_MODES.join(', ')}, but got padding_mode='${p.paddingMode}'`);
    }
    if (transposed && p.paddingMode !== 'zeros') throw new ValueError(`Only "zeros" padding mode is supported for ${who}`);
    this.inChannels = p.inChannels;
    this.outChannels = p.outChannels;
    this.kernelSize = each('kernel_size', p.kernelSize);
    this.stride = each('stride', p.stride);
    this.dilation = each('dilation', p.dilation);
    this.outputPadding = each('output_padding', p.outputPadding);
    if (typeof p.padding === 'string') {
      if (p.padding !== 'same' && p.padding !== 'valid') {
        throw new ValueError(`Invalid padding string '${p.padding}', should be one of valid, same`);
      }
      if (p.padding === 'same' && this.stride.some((s) => s !== 1)) throw new ValueError("padding='same' is not supported for strided convolutions");
      this.padding = p.padding;
    } else {
      this.padding = each('padding', p.padding);
    }
    this.groups = p.groups;
    this.paddingMode = p.paddingMode;
    const [rows, columns] = transposed ? [p.inChannels, p.outChannels] : [p.outChannels, p.inChannels];
    const make = { device: p.device, dtype: p.dtype };
    this.registerParameter('weight', new Parameter(empty([rows, columns / p.groups, ...this.kernelSize], make)));
    this.registerParameter('bias', p.bias ? new Parameter(empty([p.outChannels], make)) : null);
    this.resetParameters();
  }

  /** Draws weight and bias anew. */
  resetParameters(): void {
    kaimingUniform_(this.weight, { a: Math.sqrt(5) });
    const fanIn = this.weight.shape.slice(1).reduce((a, b) => a * b, 1);
    if (this.bias && fanIn !== 0) {
      const bound = 1 / Math.sqrt(fanIn);
      uniform_(this.bias, -bound, bound);
    }
  }

  /** @internal Convolves the input, after the padding that a convolution itself cannot do. */
  _convolve(input: Tensor, conv: typeof F.conv1d): Tensor {
    const run = (x: Tensor, padding: number[]): Tensor => conv(x, this.weight, this.bias, [...this.stride], padding, [...this.dilation], this.groups);
    // F.conv also takes the words; its type says so in a signature of its own.
    if (this.paddingMode === 'zeros') return run(input, (typeof this.padding === 'string' ? this.padding : [...this.padding]) as number[]);
    // Last dimension first, both sides, as F.pad takes it; 'same' puts the odd one behind.
    const around = this.kernelSize.flatMap((_, i) => {
      const d = this.kernelSize.length - 1 - i;
      if (typeof this.padding !== 'string') return [this.padding[d]!, this.padding[d]!];
      if (this.padding === 'valid') return [0, 0];
      const total = this.dilation[d]! * (this.kernelSize[d]! - 1);
      return [Math.floor(total / 2), total - Math.floor(total / 2)];
    });
    return scope(() => run(F.pad(input, around, this.paddingMode), this.kernelSize.map(() => 0)));
  }

  override extraRepr(): string {
    const differs = (values: readonly number[], usual: number): boolean => values.some((v) => v !== usual);
    let s = `${this.inChannels}, ${this.outChannels}, kernel_size=${pyTuple(this.kernelSize)}, stride=${pyTuple(this.stride)}`;
    if (typeof this.padding === 'string') s += `, padding=${this.padding}`;
    else if (differs(this.padding, 0)) s += `, padding=${pyTuple(this.padding)}`;
    if (differs(this.dilation, 1)) s += `, dilation=${pyTuple(this.dilation)}`;
    if (differs(this.outputPadding, 0)) s += `, output_padding=${pyTuple(this.outputPadding)}`;
    if (this.groups !== 1) s += `, groups=${this.groups}`;
    if (this.bias === null) s += ', bias=False';
    if (this.paddingMode !== 'zeros') s += `, padding_mode=${this.paddingMode}`;
    return s;
  }
}

/**
 * Convolution of `[N, inChannels, L]` or `[inChannels, L]`; weight `[outChannels, inChannels / groups, k]`.
 *
 * PyTorch: `torch.nn.Conv1d`.
 * @example
 * new nn.Conv1d(16, 33, 3, { stride: 2 })(torch.randn(20, 16, 50)).shape; // -> torch.Size([20, 33, 24])
 */
export class Conv1d extends ConvNd {
  constructor(...args: ConvArgs) {
    super(1, false, { ...bind('Conv1d', args, CONV), outputPadding: 0 });
  }

  static override readonly passesOn = true;
  override forward(x: Tensor): Tensor {
    return this._convolve(x, F.conv1d);
  }
}

/**
 * Convolution of `[N, inChannels, H, W]` or `[inChannels, H, W]`; weight `[outChannels, inChannels / groups, kH, kW]`.
 *
 * PyTorch: `torch.nn.Conv2d`.
 * @example
 * new nn.Conv2d(3, 16, 5, { padding: 2 })(torch.randn(8, 3, 28, 28)).shape; // -> torch.Size([8, 16, 28, 28])
 */
export class Conv2d extends ConvNd {
  constructor(...args: ConvArgs) {
    super(2, false, { ...bind('Conv2d', args, CONV), outputPadding: 0 });
  }

  static override readonly passesOn = true;
  override forward(x: Tensor): Tensor {
    return this._convolve(x, F.conv2d);
  }
}

/** Convolution of `[N, inChannels, D, H, W]` or `[inChannels, D, H, W]`. PyTorch: `torch.nn.Conv3d`. */
export class Conv3d extends ConvNd {
  constructor(...args: ConvArgs) {
    super(3, false, { ...bind('Conv3d', args, CONV), outputPadding: 0 });
  }

  static override readonly passesOn = true;
  override forward(x: Tensor): Tensor {
    return this._convolve(x, F.conv3d);
  }
}

/** What transposed convolutions share: the choice of an output size. */
abstract class ConvTransposeNd extends ConvNd {
  /** @internal The output padding that gives `outputSize`, the module's own when none is asked for. */
  _outputPadding(input: Tensor, outputSize: readonly number[] | null): number[] {
    if (outputSize === null) return [...this.outputPadding];
    const n = this.kernelSize.length;
    const front = input.shape.length === n + 2 ? 2 : 1;
    const size = outputSize.length === front + n ? outputSize.slice(front) : outputSize;
    if (size.length !== n) {
      throw new ValueError(
        `ConvTranspose${n}D: for ${input.shape.length}D input, output_size must have ${n} or ${front + n} elements (got ${outputSize.length})`,
      );
    }
    const padding = this.padding as readonly number[];
    const least = this.kernelSize.map(
      (k, d) => (input.shape[d + front]! - 1) * this.stride[d]! - 2 * padding[d]! + this.dilation[d]! * (k - 1) + 1,
    );
    const most = least.map((m, d) => m + this.stride[d]! - 1);
    if (size.some((s, d) => s < least[d]! || s > most[d]!)) {
      throw new ValueError(
        `requested an output size of [${size.join(', ')}], but valid sizes range from [${least.join(', ')}] to [${most.join(', ')}] ` +
          `(for an input of [${input.shape.slice(2).join(', ')}])`,
      );
    }
    return size.map((s, d) => s - least[d]!);
  }

  /** @internal */
  get _padding(): number[] {
    return [...(this.padding as readonly number[])];
  }
}

/**
 * The gradient of {@link Conv1d} as a layer; `forward(input, outputSize)` may ask for one of the possible output sizes.
 * PyTorch: `torch.nn.ConvTranspose1d`.
 */
export class ConvTranspose1d extends ConvTransposeNd {
  constructor(...args: ConvTransposeArgs) {
    super(1, true, bind('ConvTranspose1d', args, CONV_TRANSPOSE));
  }

  static override readonly passesOn = true;
  override forward(input: Tensor, outputSize: readonly number[] | null = null): Tensor {
    const extra = this._outputPadding(input, outputSize);
    return F.convTranspose1d(input, this.weight, this.bias, [...this.stride], this._padding, extra, this.groups, [...this.dilation]);
  }
}

/**
 * The gradient of {@link Conv2d} as a layer.
 *
 * PyTorch: `torch.nn.ConvTranspose2d`.
 * @example
 * new nn.ConvTranspose2d(16, 8, 2, { stride: 2 })(torch.randn(1, 16, 7, 7)).shape; // -> torch.Size([1, 8, 14, 14])
 */
export class ConvTranspose2d extends ConvTransposeNd {
  constructor(...args: ConvTransposeArgs) {
    super(2, true, bind('ConvTranspose2d', args, CONV_TRANSPOSE));
  }

  static override readonly passesOn = true;
  override forward(input: Tensor, outputSize: readonly number[] | null = null): Tensor {
    const extra = this._outputPadding(input, outputSize);
    return F.convTranspose2d(input, this.weight, this.bias, [...this.stride], this._padding, extra, this.groups, [...this.dilation]);
  }
}

/** The gradient of {@link Conv3d} as a layer. PyTorch: `torch.nn.ConvTranspose3d`. */
export class ConvTranspose3d extends ConvTransposeNd {
  constructor(...args: ConvTransposeArgs) {
    super(3, true, bind('ConvTranspose3d', args, CONV_TRANSPOSE));
  }

  static override readonly passesOn = true;
  override forward(input: Tensor, outputSize: readonly number[] | null = null): Tensor {
    const extra = this._outputPadding(input, outputSize);
    return F.convTranspose3d(input, this.weight, this.bias, [...this.stride], this._padding, extra, this.groups, [...this.dilation]);
  }
}
