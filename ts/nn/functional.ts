/**
 * `torch.nn.functional`: the functions behind the modules.
 *
 * They are declared in the engine (crates/core/src/ops) and generated from there. Only what calls a function of the
 * user's is written here, in terms of the engine's.
 * @module
 */
import { ShapeError, ValueError } from '../errors.js';
import * as generated from '../generated/functional.js';
import type { Tensor } from '../tensor.js';
import { type Args, anything, bind, flag, maybe, real, text } from './args.js';

export * from '../generated/functional.js';

type Sizes = number | readonly number[];

/** What max pooling takes by name. */
interface Windows {
  readonly kernelSize?: Sizes;
  readonly stride?: Sizes | null;
  readonly padding?: Sizes;
  readonly dilation?: Sizes;
  readonly ceilMode?: boolean;
  readonly returnIndices?: boolean;
}
type Asked = { readonly returnIndices: true };
type NotAsked = { readonly returnIndices?: false };

/** The engine's declaration says "one tensor or two"; here the types say when it is two: when indices are asked for. */
interface MaxPool {
  (input: Tensor, kernelSize: Sizes, stride: Sizes | null, padding: Sizes, dilation: Sizes, ceilMode: boolean, returnIndices: true): [values: Tensor, indices: Tensor];
  (input: Tensor, kernelSize: Sizes, options: Windows & Asked): [values: Tensor, indices: Tensor];
  (input: Tensor, options: Windows & Asked): [values: Tensor, indices: Tensor];
  (input: Tensor, kernelSize: Sizes, stride?: Sizes | null, padding?: Sizes, dilation?: Sizes, ceilMode?: boolean, returnIndices?: false): Tensor;
  (input: Tensor, kernelSize: Sizes, options: Windows & NotAsked): Tensor;
  (input: Tensor, kernelSize: Sizes, stride: Sizes | null, options: Windows & NotAsked): Tensor;
  (input: Tensor, kernelSize: Sizes, stride: Sizes | null, padding: Sizes, options: Windows & NotAsked): Tensor;
  (input: Tensor, options: Windows & NotAsked): Tensor;
  (input: Tensor, options: Windows): Tensor | Tensor[];
}

interface AdaptiveMaxPool {
  (input: Tensor, outputSize: number | readonly (number | null)[], returnIndices?: false | NotAsked): Tensor;
  (input: Tensor, outputSize: number | readonly (number | null)[], returnIndices: true | Asked): [values: Tensor, indices: Tensor];
  (input: Tensor, outputSize: number | readonly (number | null)[], returnIndices: boolean): Tensor | Tensor[];
}

/** The largest value of each window; with `returnIndices` also where it stood. PyTorch: `torch.nn.functional.max_pool1d`. */
export const maxPool1d = generated.maxPool1d as MaxPool;
/** The largest value of each window; with `returnIndices` also where it stood. PyTorch: `torch.nn.functional.max_pool2d`. */
export const maxPool2d = generated.maxPool2d as MaxPool;
/** The largest value of each window; with `returnIndices` also where it stood. PyTorch: `torch.nn.functional.max_pool3d`. */
export const maxPool3d = generated.maxPool3d as MaxPool;
/** Max pooling to a given size. PyTorch: `torch.nn.functional.adaptive_max_pool1d`. */
export const adaptiveMaxPool1d = generated.adaptiveMaxPool1d as unknown as AdaptiveMaxPool;
/** Max pooling to a given size. PyTorch: `torch.nn.functional.adaptive_max_pool2d`. */
export const adaptiveMaxPool2d = generated.adaptiveMaxPool2d as unknown as AdaptiveMaxPool;
/** Max pooling to a given size. PyTorch: `torch.nn.functional.adaptive_max_pool3d`. */
export const adaptiveMaxPool3d = generated.adaptiveMaxPool3d as unknown as AdaptiveMaxPool;

/** A distance between batches of vectors. */
export type DistanceFunction = (a: Tensor, b: Tensor) => Tensor;

/** Parameters of {@link tripletMarginWithDistanceLoss} by name. */
export interface TripletMarginWithDistanceOptions {
  /** Default: {@link pairwiseDistance}. */
  readonly distanceFunction?: DistanceFunction | null;
  /** Default: 1. */
  readonly margin?: number;
  /** Whether the smaller one of d(anchor, negative) and d(positive, negative) counts. Default: false. */
  readonly swap?: boolean;
  /** `'mean'`, `'sum'` or `'none'`. Default: `'mean'`. */
  readonly reduction?: string;
}

/**
 * max(0, margin + d(anchor, positive) - d(anchor, negative)) with a distance of one's own.
 *
 * PyTorch: `torch.nn.functional.triplet_margin_with_distance_loss`.
 * @example
 * F.tripletMarginWithDistanceLoss(a, p, n, { distanceFunction: (x, y) => x.sub(y).abs().sum(-1) });
 */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  ...rest: Args<[], [], TripletMarginWithDistanceOptions>
): Tensor {
  const o = bind('tripletMarginWithDistanceLoss', rest, {
    distanceFunction: maybe(anything<DistanceFunction>()),
    margin: real(1),
    swap: flag(false),
    reduction: text('mean'),
  });
  if (!['none', 'mean', 'sum'].includes(o.reduction)) throw new ValueError(`${o.reduction} is not a valid value for reduction`);
  const [a, p, n] = [anchor, positive, negative].map((t) => t.shape.length);
  if (a !== p || p !== n) {
    throw new ShapeError(
      'The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: ' +
        `anchor ${a}D, positive ${p}D, and negative ${n}D inputs`,
    );
  }
  const distance = o.distanceFunction ?? ((x: Tensor, y: Tensor) => generated.pairwiseDistance(x, y));
  const near = distance(anchor, positive);
  let far = distance(anchor, negative);
  if (o.swap) far = far.minimum(distance(positive, negative));
  const losses = near.sub(far).add(o.margin).clampMin(0);
  return o.reduction === 'none' ? losses : o.reduction === 'mean' ? losses.mean() : losses.sum();
}
