/**
 * Losses for classification.
 * @module
 */
import type { Tensor } from '../tensor.js';
import { type Args, FACTORY, type FactoryOptions, anything, flag, int, intList, maybe, none, real } from './args.js';
import { ShapeError, ValueError } from '../errors.js';
import * as F from './functional.js';
import { Linear } from './linear.js';
import { Loss, type LossOptions } from './loss.js';
import { pyFloat } from '../runtime/python.js';
import { py } from './python.js';

/** Parameters of losses with weights by name. */
export interface WeightedLossOptions extends LossOptions {
  /** A weight for each class or element. Default: none. */
  readonly weight?: Tensor | null;
}
/** Parameters of losses with weights and an ignored class by name. */
export interface ClassLossOptions extends WeightedLossOptions {
  /** Targets with this class do not count. Default: -100. */
  readonly ignoreIndex?: number;
}

const WEIGHT = { weight: maybe(anything<Tensor>()) };
const NLL = { ...WEIGHT, ignoreIndex: int(-100) };

/** Negative log likelihood: minus the log-probability of the target's class. PyTorch: `torch.nn.NLLLoss`. */
export class NLLLoss extends Loss<typeof NLL> {
  declare weight: Tensor | null;

  constructor(...args: Args<[], [weight: Tensor | null], ClassLossOptions>) {
    super(args, NLL);
    this.registerBuffer('weight', this._p.weight);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.nllLoss(input, target, { weight: this.weight, ignoreIndex: this._p.ignoreIndex, reduction: this.reduction });
  }
}

const CROSS_ENTROPY = { ...NLL, labelSmoothing: real(0) };

/**
 * Softmax and negative log likelihood in one: logits `[N, C]`, `[C]` or `[N, C, d1, ...]` against class indices `[N]`,
 * `[]`, `[N, d1, ...]` or against probabilities of the logits' shape.
 *
 * PyTorch: `torch.nn.CrossEntropyLoss`.
 * @example
 * const loss = new nn.CrossEntropyLoss({ labelSmoothing: 0.1 })(logits, labels);
 */
export class CrossEntropyLoss extends Loss<typeof CROSS_ENTROPY> {
  declare weight: Tensor | null;

  constructor(...args: Args<[], [weight: Tensor | null], ClassLossOptions & { readonly labelSmoothing?: number }>) {
    super(args, CROSS_ENTROPY);
    this.registerBuffer('weight', this._p.weight);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { ignoreIndex, labelSmoothing } = this._p;
    return F.crossEntropy(input, target, { weight: this.weight, ignoreIndex, reduction: this.reduction, labelSmoothing });
  }
}

const LINEAR_CROSS_ENTROPY = {
  inFeatures: int(), numClasses: int(), outFeatures: intList([]), bias: flag(false), ...FACTORY,
  ...WEIGHT, ignoreIndex: maybe(int()), labelSmoothing: real(0), options: maybe(none()),
};

/** Parameters of {@link LinearCrossEntropyLoss} by name. */
export interface LinearCrossEntropyLossOptions extends WeightedLossOptions, FactoryOptions {
  readonly inFeatures?: number;
  readonly numClasses?: number;
  /** Dimensions d1, d2, ... of a loss for several places at once. Default: none. */
  readonly outFeatures?: readonly number[];
  /** Whether the linear layer has a bias. Default: false. */
  readonly bias?: boolean;
  /** Targets with this class do not count. Default: null, which is -100 for class indices. */
  readonly ignoreIndex?: number | null;
  /** In [0, 1]. Default: 0. */
  readonly labelSmoothing?: number;
}

/**
 * A linear layer to logits, and their {@link CrossEntropyLoss}: `[N, inFeatures]` or `[inFeatures]` against class indices
 * `[N, d1, ...]` or `[]`, or against probabilities `[N, numClasses, d1, ...]`. PyTorch's `options`, how to cut the work into
 * chunks, do not exist here.
 *
 * PyTorch: `torch.nn.LinearCrossEntropyLoss`.
 * @example
 * const loss = new nn.LinearCrossEntropyLoss(5, 10)(torch.randn(2, 5), torch.tensor([3, 7]));
 */
export class LinearCrossEntropyLoss extends Loss<typeof LINEAR_CROSS_ENTROPY> {
  declare weight: Tensor | null;
  readonly linear: Linear;

  constructor(...args: Args<[inFeatures: number, numClasses: number], [], LinearCrossEntropyLossOptions>) {
    super(args, LINEAR_CROSS_ENTROPY);
    const { inFeatures, numClasses, outFeatures, bias, device, dtype, weight, labelSmoothing } = this._p;
    if (weight !== null && (weight.ndim !== 1 || weight.shape[0] !== numClasses)) {
      throw new ShapeError(`LinearCrossEntropyLoss: expected weight shape to be (${numClasses},), got (${[...weight.shape].join(', ')})`);
    }
    if (labelSmoothing < 0 || labelSmoothing > 1) {
      throw new ValueError(`LinearCrossEntropyLoss: expected label_smoothing to be in range [0, 1], got ${pyFloat(labelSmoothing)}`);
    }
    this.registerBuffer('weight', weight);
    this.linear = new Linear(inFeatures, outFeatures.reduce((a, b) => a * b, numClasses), { bias, device, dtype });
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { inFeatures, numClasses, outFeatures, ignoreIndex, labelSmoothing } = this._p;
    const linearBias = this.linear.bias?.reshape([numClasses, ...outFeatures]) ?? null;
    return F.linearCrossEntropy(input, this.linear.weight.reshape([numClasses, ...outFeatures, inFeatures]), target, {
      linearBias, reduction: this.reduction, weight: this.weight, ignoreIndex, labelSmoothing,
    });
  }

  override extraRepr(): string {
    const { inFeatures, numClasses, outFeatures, bias, ignoreIndex, labelSmoothing } = this._p;
    return (
      `in_features=${inFeatures}, num_classes=${numClasses}, out_features=${py(outFeatures)}, bias=${py(bias)}, reduction=${this.reduction}, ` +
      `ignore_index=${py(ignoreIndex)}, label_smoothing=${pyFloat(labelSmoothing)}, options=None`
    );
  }
}

/** `-(t log p + (1 - t) log(1 - p))` of probabilities `p`. PyTorch: `torch.nn.BCELoss`. */
export class BCELoss extends Loss<typeof WEIGHT> {
  declare weight: Tensor | null;

  constructor(...args: Args<[], [weight: Tensor | null], WeightedLossOptions>) {
    super(args, WEIGHT);
    this.registerBuffer('weight', this._p.weight);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropy(input, target, { weight: this.weight, reduction: this.reduction });
  }
}

/**
 * {@link BCELoss} of `sigmoid(input)`, computed so that nothing overflows; `posWeight` weighs positive targets.
 *
 * PyTorch: `torch.nn.BCEWithLogitsLoss`.
 * @example
 * const loss = new nn.BCEWithLogitsLoss()(logits, target);
 */
export class BCEWithLogitsLoss extends Loss<typeof WEIGHT & { posWeight: (typeof WEIGHT)['weight'] }> {
  declare weight: Tensor | null;
  declare posWeight: Tensor | null;

  constructor(...args: Args<[], [weight: Tensor | null], WeightedLossOptions & { readonly posWeight?: Tensor | null }>) {
    super(args, { ...WEIGHT, posWeight: WEIGHT.weight });
    this.registerBuffer('weight', this._p.weight);
    this.registerBuffer('pos_weight', this._p.posWeight);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropyWithLogits(input, target, { weight: this.weight, posWeight: this.posWeight, reduction: this.reduction });
  }
}

/** One {@link BCEWithLogitsLoss} a class, averaged over the classes. PyTorch: `torch.nn.MultiLabelSoftMarginLoss`. */
export class MultiLabelSoftMarginLoss extends Loss<typeof WEIGHT> {
  declare weight: Tensor | null;

  constructor(...args: Args<[], [weight: Tensor | null], WeightedLossOptions>) {
    super(args, WEIGHT);
    this.registerBuffer('weight', this._p.weight);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelSoftMarginLoss(input, target, { weight: this.weight, reduction: this.reduction });
  }
}

const CTC = { blank: int(0), zeroInfinity: flag(false) };

/** Connectionist temporal classification (Graves et al., 2006). PyTorch: `torch.nn.CTCLoss`. */
export class CTCLoss extends Loss<typeof CTC> {
  static override readonly inputs: readonly string[] = ['logProbs', 'targets', 'inputLengths', 'targetLengths'];

  constructor(...args: Args<[], [blank: number], LossOptions & { readonly blank?: number; readonly zeroInfinity?: boolean }>) {
    super(args, CTC);
  }

  override forward(logProbs: Tensor, targets: Tensor, inputLengths: Tensor | number[], targetLengths: Tensor | number[]): Tensor {
    // Both lengths are tensors or both lists: each pair has a signature of its own.
    return F.ctcLoss(logProbs, targets, inputLengths as number[], targetLengths as number[], { ...this._p, reduction: this.reduction });
  }
}
