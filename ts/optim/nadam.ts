/** @module */
import { op } from '../runtime/call.js';
import { zerosLike } from '../generated/torch.js';
import { nadam, type Rule } from './differentiable.js';
import { bind, type Given } from './options.js';
import { count, type Hyper, Optimizer, type ParamGroup, scalarOf } from './optimizer.js';
import { betas, learningRate, notNegative, type VariantOptions } from './validate.js';

/** Options of {@link NAdam}. */
export interface NAdamOptions extends VariantOptions {
  /** Learning rate (default 2e-3). */
  lr?: Hyper;
  /** Coefficients of the running averages of gradient and squared gradient (default [0.9, 0.999]). */
  betas?: readonly [number, number];
  /** Added for numerical stability (default 1e-8). */
  eps?: number;
  /** L2 penalty, or weight decay if decoupled (default 0). */
  weightDecay?: number;
  /** Decay of the momentum (default 4e-3). */
  momentumDecay?: number;
  /** Decays the weights themselves, as AdamW does (default false). */
  decoupledWeightDecay?: boolean;
}

const DEFAULTS = {
  lr: 2e-3 as Hyper,
  betas: [0.9, 0.999] as readonly [number, number],
  eps: 1e-8,
  weightDecay: 0,
  momentumDecay: 4e-3,
  decoupledWeightDecay: false,
  maximize: false,
  foreach: null as boolean | null,
  capturable: false,
  differentiable: false,
};

/**
 * NAdam: Adam with Nesterov momentum (Dozat 2016).
 *
 * PyTorch: `torch.optim.NAdam`.
 * @example
 * const optimizer = new optim.NAdam(model.parameters(), { lr: 2e-3 });
 */
export class NAdam extends Optimizer {
  constructor(
    ...args: Given<
      [lr: Hyper, betas: readonly [number, number], eps: number, weightDecay: number, momentumDecay: number, decoupledWeightDecay: boolean],
      NAdamOptions
    >
  ) {
    const { params, options: o } = bind('NAdam', DEFAULTS, ['lr', 'betas', 'eps', 'weightDecay', 'momentumDecay', 'decoupledWeightDecay'], args);
    learningRate(o.lr);
    notNegative(o.eps, 'epsilon value');
    betas(o.betas);
    notNegative(o.weightDecay, 'weight_decay value');
    notNegative(o.momentumDecay, 'momentum_decay value');
    super(params, o);
  }

  protected override get rule(): Rule {
    return nadam;
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      const { params, column } = this.collect(group, (p) => ({
        step: count(0),
        mu_product: count(1),
        exp_avg: zerosLike(p),
        exp_avg_sq: zerosLike(p),
      }));
      if (params.length === 0) continue;
      op(
        'nadam_step', params, column('exp_avg'), column('exp_avg_sq'), column('mu_product'), column('step'),
        scalarOf(o.lr), o.betas[0], o.betas[1], o.eps, o.weightDecay, o.momentumDecay, o.maximize, o.decoupledWeightDecay,
      );
    }
  }
}
