/**
 * Sliding blocks as columns.
 * @module
 */
import type { Tensor } from '../tensor.js';
import { type Args, bind, ints } from './args.js';
import * as F from './functional.js';
import { Layer } from './layer.js';
import { py } from './python.js';
import type { Size } from './sizes.js';

/** Parameters of {@link Unfold} and {@link Fold} by name. */
export interface FoldOptions {
  /** For {@link Fold}: the size of the image. */
  readonly outputSize?: Size;
  readonly kernelSize?: Size;
  /** Default: 1. */
  readonly dilation?: Size;
  /** Default: 0. */
  readonly padding?: Size;
  /** Default: 1. */
  readonly stride?: Size;
}
const WINDOW = { kernelSize: ints(), dilation: ints(1), padding: ints(0), stride: ints(1) };

/** The blocks of `[N, C, H, W]` as columns `[N, C kH kW, blocks]`. PyTorch: `torch.nn.Unfold`. */
export class Unfold extends Layer {
  readonly kernelSize: Size;
  readonly dilation: Size;
  readonly padding: Size;
  readonly stride: Size;

  constructor(...args: Args<[kernelSize: Size], [dilation: Size, padding: Size, stride: Size], FoldOptions>) {
    super();
    const p = bind('Unfold', args, WINDOW);
    this.kernelSize = p.kernelSize;
    this.dilation = p.dilation;
    this.padding = p.padding;
    this.stride = p.stride;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.unfold(input, this.kernelSize, this.dilation, this.padding, this.stride);
  }

  override extraRepr(): string {
    return `kernel_size=${py(this.kernelSize)}, dilation=${py(this.dilation)}, padding=${py(this.padding)}, stride=${py(this.stride)}`;
  }
}

/** The sum of overlapping blocks `[N, C kH kW, blocks]` as an image `[N, C, H, W]`. PyTorch: `torch.nn.Fold`. */
export class Fold extends Layer {
  readonly outputSize: Size;
  readonly kernelSize: Size;
  readonly dilation: Size;
  readonly padding: Size;
  readonly stride: Size;

  constructor(...args: Args<[outputSize: Size, kernelSize: Size], [dilation: Size, padding: Size, stride: Size], FoldOptions>) {
    super();
    const p = bind('Fold', args, { outputSize: ints(), ...WINDOW });
    this.outputSize = p.outputSize;
    this.kernelSize = p.kernelSize;
    this.dilation = p.dilation;
    this.padding = p.padding;
    this.stride = p.stride;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.fold(input, this.outputSize, this.kernelSize, this.dilation, this.padding, this.stride);
  }

  override extraRepr(): string {
    return (
      `output_size=${py(this.outputSize)}, kernel_size=${py(this.kernelSize)}, dilation=${py(this.dilation)}, ` +
      `padding=${py(this.padding)}, stride=${py(this.stride)}`
    );
  }
}
