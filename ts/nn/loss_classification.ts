/**
 * Losses for classification.
 * @module
 */
import type { Tensor } from '../tensor.js';
import { type Args, anything, flag, int, maybe, real } from './args.js';
import * as F from './functional.js';
import { Loss, type LossOptions } from './loss.js';

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
