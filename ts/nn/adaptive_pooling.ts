/**
 * Pooling to a given output size.
 * @module
 */
import { ValueError } from '../errors.js';
import type { Pooled } from './pooling.js';
import type { Tensor } from '../tensor.js';
import { type Args, anything, bind, flag } from './args.js';
import * as F from './functional.js';
import { Layer } from './layer.js';
import { py } from './python.js';

/** A size for all dimensions or one for each; null keeps the input's. */
export type OutputSize = number | readonly (number | null)[];

/** Parameters of adaptive pooling by name. */
export interface AdaptivePoolOptions {
  readonly outputSize?: OutputSize;
  /** For max pooling: whether the places of the maxima are given too. Default: false. */
  readonly returnIndices?: boolean;
}

const SIZE = { outputSize: anything<OutputSize>(...([] as OutputSize[])) };

/** The wanted size with the input's own where it is null. */
function resolve(who: string, size: OutputSize, input: Tensor, n: number): number[] {
  if (typeof size === 'number') return new Array<number>(n).fill(size);
  if (size.length !== n) throw new ValueError(`${who}: output_size must have ${n} numbers, got ${py(size)}`);
  return size.map((s, i) => s ?? input.shape[input.shape.length - n + i]!);
}

abstract class AdaptiveAvgPoolNd extends Layer {
  readonly outputSize: OutputSize;

  constructor(...args: Args<[outputSize: OutputSize], [], AdaptivePoolOptions>) {
    super();
    this.outputSize = bind(this._getName(), args, SIZE).outputSize;
  }

  override extraRepr(): string {
    return `output_size=${py(this.outputSize)}`;
  }
}

/** Means of `outputSize` equal parts of `[N, C, L]` or `[C, L]`. PyTorch: `torch.nn.AdaptiveAvgPool1d`. */
export class AdaptiveAvgPool1d extends AdaptiveAvgPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool1d(input, resolve('AdaptiveAvgPool1d', this.outputSize, input, 1));
  }
}

/**
 * Means of `outputSize` equal parts of `[N, C, H, W]` or `[C, H, W]`.
 *
 * PyTorch: `torch.nn.AdaptiveAvgPool2d`.
 * @example
 * new nn.AdaptiveAvgPool2d(1)(torch.randn(8, 64, 7, 7)).shape; // -> torch.Size([8, 64, 1, 1])
 */
export class AdaptiveAvgPool2d extends AdaptiveAvgPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool2d(input, resolve('AdaptiveAvgPool2d', this.outputSize, input, 2));
  }
}

/** Means of `outputSize` equal parts of `[N, C, D, H, W]` or `[C, D, H, W]`. PyTorch: `torch.nn.AdaptiveAvgPool3d`. */
export class AdaptiveAvgPool3d extends AdaptiveAvgPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool3d(input, resolve('AdaptiveAvgPool3d', this.outputSize, input, 3));
  }
}

abstract class AdaptiveMaxPoolNd extends Layer {
  readonly outputSize: OutputSize;
  readonly returnIndices: boolean;

  constructor(...args: Args<[outputSize: OutputSize], [returnIndices: boolean], AdaptivePoolOptions>) {
    super();
    const p = bind(this._getName(), args, { ...SIZE, returnIndices: flag(false) });
    this.outputSize = p.outputSize;
    this.returnIndices = p.returnIndices;
  }

  override extraRepr(): string {
    return `output_size=${py(this.outputSize)}`;
  }
}

/** Maxima of `outputSize` equal parts of `[N, C, L]` or `[C, L]`. PyTorch: `torch.nn.AdaptiveMaxPool1d`. */
export class AdaptiveMaxPool1d<Indices extends boolean = false> extends AdaptiveMaxPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Pooled<Indices> {
    return F.adaptiveMaxPool1d(input, resolve('AdaptiveMaxPool1d', this.outputSize, input, 1), this.returnIndices) as Pooled<Indices>;
  }
}

/** Maxima of `outputSize` equal parts of `[N, C, H, W]` or `[C, H, W]`. PyTorch: `torch.nn.AdaptiveMaxPool2d`. */
export class AdaptiveMaxPool2d<Indices extends boolean = false> extends AdaptiveMaxPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Pooled<Indices> {
    return F.adaptiveMaxPool2d(input, resolve('AdaptiveMaxPool2d', this.outputSize, input, 2), this.returnIndices) as Pooled<Indices>;
  }
}

/** Maxima of `outputSize` equal parts of `[N, C, D, H, W]` or `[C, D, H, W]`. PyTorch: `torch.nn.AdaptiveMaxPool3d`. */
export class AdaptiveMaxPool3d<Indices extends boolean = false> extends AdaptiveMaxPoolNd {
  static override readonly passesOn = true;
  override forward(input: Tensor): Pooled<Indices> {
    return F.adaptiveMaxPool3d(input, resolve('AdaptiveMaxPool3d', this.outputSize, input, 3), this.returnIndices) as Pooled<Indices>;
  }
}
