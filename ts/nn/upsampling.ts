/**
 * Enlarging, and moving channels into space.
 * @module
 */
import type { Tensor } from '../tensor.js';
import { type Args, anything, bind, flag, int, ints, maybe, text } from './args.js';
import * as F from './functional.js';
import { Layer } from './layer.js';
import { pyFloat } from '../runtime/python.js';
import { py } from './python.js';
import type { Size } from './sizes.js';

/** Parameters of {@link Upsample} by name. */
export interface UpsampleOptions {
  /** The output's size. Either this or `scaleFactor`. */
  readonly size?: Size | null;
  /** The output's size as a multiple of the input's. */
  readonly scaleFactor?: Size | null;
  /** `'nearest'`, `'linear'`, `'bilinear'`, `'bicubic'` or `'trilinear'`. Default: `'nearest'`. */
  readonly mode?: string;
  /** Whether corner pixels stay where they are, for the linear and cubic modes. Default: false. */
  readonly alignCorners?: boolean | null;
  readonly recomputeScaleFactor?: boolean | null;
}

/**
 * Enlarges `[N, C, L]`, `[N, C, H, W]` or `[N, C, D, H, W]`.
 *
 * PyTorch: `torch.nn.Upsample`.
 * @example
 * new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' })(torch.rand(1, 1, 2, 2)).shape; // -> torch.Size([1, 1, 4, 4])
 */
export class Upsample extends Layer {
  readonly size: Size | null;
  readonly scaleFactor: Size | null;
  readonly mode: string;
  readonly alignCorners: boolean | null;
  readonly recomputeScaleFactor: boolean | null;

  constructor(
    ...args: Args<[], [size: Size | null, scaleFactor: Size | null, mode: string, alignCorners: boolean | null], UpsampleOptions>
  ) {
    super();
    const p = bind('Upsample', args, {
      size: maybe(ints()),
      scaleFactor: anything<Size | null>(null),
      mode: text('nearest'),
      alignCorners: maybe(flag()),
      recomputeScaleFactor: maybe(flag()),
    });
    this.size = p.size;
    this.scaleFactor = p.scaleFactor;
    this.mode = p.mode;
    this.alignCorners = p.alignCorners;
    this.recomputeScaleFactor = p.recomputeScaleFactor;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    const { size, scaleFactor, mode, alignCorners, recomputeScaleFactor } = this;
    return F.interpolate(input, { size, scaleFactor, mode, alignCorners, recomputeScaleFactor });
  }

  override extraRepr(): string {
    const factor = this.scaleFactor;
    const shown = typeof factor === 'number' ? pyFloat(factor) : factor === null ? '' : `(${factor.map(pyFloat).join(', ')})`;
    return `${factor === null ? `size=${py(this.size)}` : `scale_factor=${shown}`}, mode=${py(this.mode)}`;
  }
}

type Upsample2dArgs = Args<[], [size: Size | null, scaleFactor: Size | null], Pick<UpsampleOptions, 'size' | 'scaleFactor'>>;
const SIZES = { size: maybe(ints()), scaleFactor: anything<Size | null>(null) };

/** Enlarges `[N, C, H, W]` by repeating pixels. PyTorch: `torch.nn.UpsamplingNearest2d`. */
export class UpsamplingNearest2d extends Upsample {
  constructor(...args: Upsample2dArgs) {
    super({ ...bind('UpsamplingNearest2d', args, SIZES), mode: 'nearest' });
  }
}

/** Enlarges `[N, C, H, W]` bilinearly, corners fixed. PyTorch: `torch.nn.UpsamplingBilinear2d`. */
export class UpsamplingBilinear2d extends Upsample {
  constructor(...args: Upsample2dArgs) {
    super({ ...bind('UpsamplingBilinear2d', args, SIZES), mode: 'bilinear', alignCorners: true });
  }
}

/** `[*, C r², H, W]` to `[*, C, H r, W r]` with r = `upscaleFactor` (Shi et al., 2016). PyTorch: `torch.nn.PixelShuffle`. */
export class PixelShuffle extends Layer {
  readonly upscaleFactor: number;

  constructor(...args: Args<[upscaleFactor: number], [], { readonly upscaleFactor?: number }>) {
    super();
    this.upscaleFactor = bind('PixelShuffle', args, { upscaleFactor: int() }).upscaleFactor;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.pixelShuffle(input, this.upscaleFactor);
  }

  override extraRepr(): string {
    return `upscale_factor=${this.upscaleFactor}`;
  }
}

/** The reverse of {@link PixelShuffle}. PyTorch: `torch.nn.PixelUnshuffle`. */
export class PixelUnshuffle extends Layer {
  readonly downscaleFactor: number;

  constructor(...args: Args<[downscaleFactor: number], [], { readonly downscaleFactor?: number }>) {
    super();
    this.downscaleFactor = bind('PixelUnshuffle', args, { downscaleFactor: int() }).downscaleFactor;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.pixelUnshuffle(input, this.downscaleFactor);
  }

  override extraRepr(): string {
    return `downscale_factor=${this.downscaleFactor}`;
  }
}

/** Deals the channels of `[N, C, *]` out over `groups` (Zhang et al., 2018). PyTorch: `torch.nn.ChannelShuffle`. */
export class ChannelShuffle extends Layer {
  readonly groups: number;

  constructor(...args: Args<[groups: number], [], { readonly groups?: number }>) {
    super();
    this.groups = bind('ChannelShuffle', args, { groups: int() }).groups;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.channelShuffle(input, this.groups);
  }

  override extraRepr(): string {
    return `groups=${this.groups}`;
  }
}
