/** @module */
import { op } from '../runtime/call.js';
import { fullLike } from '../generated/torch.js';
import { adagrad, type Rule } from './differentiable.js';
import { bind, type Given } from './options.js';
import { count, type Hyper, kept, Optimizer, type ParamGroup, type ParameterState, scalarOf } from './optimizer.js';
import { learningRate, notNegative, type VariantOptions, variants } from './validate.js';
import type { Tensor } from '../tensor.js';

/** Options of {@link Adagrad}. */
export interface AdagradOptions extends Omit<VariantOptions, 'capturable'> {
  /** Learning rate (default 1e-2). */
  lr?: Hyper;
  /** Decay of the learning rate (default 0). */
  lrDecay?: number;
  /** L2 penalty (default 0). */
  weightDecay?: number;
  /** What the sums of squared gradients start from (default 0). */
  initialAccumulatorValue?: number;
  /** Added for numerical stability (default 1e-10). */
  eps?: number;
  /** Accepted for PyTorch's sake (default null). */
  fused?: boolean | null;
}

const DEFAULTS = {
  lr: 1e-2 as Hyper,
  lrDecay: 0,
  eps: 1e-10,
  weightDecay: 0,
  initialAccumulatorValue: 0,
  foreach: null as boolean | null,
  maximize: false,
  differentiable: false,
  fused: null as boolean | null,
};

/**
 * Adagrad (Duchi, Hazan and Singer 2011).
 *
 * PyTorch: `torch.optim.Adagrad`.
 * @example
 * const optimizer = new optim.Adagrad(model.parameters(), { lr: 0.01 });
 */
export class Adagrad extends Optimizer {
  constructor(
    ...args: Given<[lr: Hyper, lrDecay: number, weightDecay: number, initialAccumulatorValue: number, eps: number, foreach: boolean | null], AdagradOptions>
  ) {
    const { params, options: o } = bind('Adagrad', DEFAULTS, ['lr', 'lrDecay', 'weightDecay', 'initialAccumulatorValue', 'eps', 'foreach'], args);
    learningRate(o.lr);
    notNegative(o.lrDecay, 'lr_decay value');
    notNegative(o.weightDecay, 'weight_decay value');
    notNegative(o.initialAccumulatorValue, 'initial_accumulator_value value');
    notNegative(o.eps, 'epsilon value');
    super(params, o);
    variants(o);
    for (const { params } of this.paramGroups) for (const p of params) this.state.set(p, kept(this.#start(p)));
  }

  #start(p: Tensor): ParameterState {
    return { step: count(0), sum: fullLike(p, this.defaults['initialAccumulatorValue'] as number) };
  }

  protected override get rule(): Rule {
    return adagrad;
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      const { params, column } = this.collect(group, (p) => this.#start(p));
      if (params.length === 0) continue;
      op('adagrad_step', params, column('sum'), column('step'), scalarOf(o.lr), o.lrDecay, o.eps, o.weightDecay, o.maximize);
    }
  }
}
