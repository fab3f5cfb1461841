/**
 * Changes of shape as modules.
 * @module
 */
import type { Tensor } from '../tensor.js';
import { type Args, anything, bind, int } from './args.js';
import { Layer } from './layer.js';
import { py } from './python.js';

/**
 * Joins the dimensions from `startDim` to `endDim` into one. Default: 1 and -1, that is, all but the batch.
 *
 * PyTorch: `torch.nn.Flatten`.
 * @example
 * new nn.Flatten()(torch.rand(32, 28, 28)).shape; // -> torch.Size([32, 784])
 */
export class Flatten extends Layer {
  readonly startDim: number;
  readonly endDim: number;

  constructor(...args: Args<[], [startDim: number, endDim: number], { readonly startDim?: number; readonly endDim?: number }>) {
    super();
    const p = bind('Flatten', args, { startDim: int(1), endDim: int(-1) });
    this.startDim = p.startDim;
    this.endDim = p.endDim;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }

  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`;
  }
}

/**
 * Splits dimension `dim` into the sizes `unflattenedSize`; one of them may be -1.
 *
 * PyTorch: `torch.nn.Unflatten`.
 * @example
 * new nn.Unflatten(1, [2, 5])(torch.rand(3, 10)).shape; // -> torch.Size([3, 2, 5])
 */
export class Unflatten extends Layer {
  readonly dim: number;
  readonly unflattenedSize: readonly number[];

  constructor(
    ...args: Args<[dim: number, unflattenedSize: readonly number[]], [], { readonly dim?: number; readonly unflattenedSize?: readonly number[] }>
  ) {
    super();
    const p = bind('Unflatten', args, { dim: int(), unflattenedSize: anything<readonly number[]>(...([] as (readonly number[])[])) });
    this.dim = p.dim;
    this.unflattenedSize = p.unflattenedSize;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return input.unflatten(this.dim, [...this.unflattenedSize]);
  }

  override extraRepr(): string {
    return `dim=${this.dim}, unflattened_size=${py(this.unflattenedSize)}`;
  }
}
