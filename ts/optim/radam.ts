/** @module */
import { op } from '../runtime/call.js';
import { zerosLike } from '../generated/torch.js';
import { radam, type Rule } from './differentiable.js';
import { bind, type Given } from './options.js';
import { count, type Hyper, Optimizer, type ParamGroup, scalarOf } from './optimizer.js';
import { betas, learningRate, notNegative, type VariantOptions } from './validate.js';

/** Options of {@link RAdam}. */
export interface RAdamOptions extends VariantOptions {
  /** Learning rate (default 1e-3). */
  lr?: Hyper;
  /** Coefficients of the running averages of gradient and squared gradient (default [0.9, 0.999]). */
  betas?: readonly [number, number];
  /** Added for numerical stability (default 1e-8). */
  eps?: number;
  /** L2 penalty, or weight decay if decoupled (default 0). */
  weightDecay?: number;
  /** Decays the weights themselves, as AdamW does (default false). */
  decoupledWeightDecay?: boolean;
}

const DEFAULTS = {
  lr: 1e-3 as Hyper,
  betas: [0.9, 0.999] as readonly [number, number],
  eps: 1e-8,
  weightDecay: 0,
  decoupledWeightDecay: false,
  maximize: false,
  foreach: null as boolean | null,
  capturable: false,
  differentiable: false,
};

/**
 * RAdam: Adam that starts without the adaptive rate while its variance cannot be known (Liu et al. 2019, arXiv 1908.03265).
 *
 * PyTorch: `torch.optim.RAdam`.
 * @example
 * const optimizer = new optim.RAdam(model.parameters(), { lr: 1e-3 });
 */
export class RAdam extends Optimizer {
  constructor(
    ...args: Given<[lr: Hyper, betas: readonly [number, number], eps: number, weightDecay: number, decoupledWeightDecay: boolean], RAdamOptions>
  ) {
    const { params, options: o } = bind('RAdam', DEFAULTS, ['lr', 'betas', 'eps', 'weightDecay', 'decoupledWeightDecay'], args);
    learningRate(o.lr);
    notNegative(o.eps, 'epsilon value');
    betas(o.betas);
    notNegative(o.weightDecay, 'weight_decay value');
    super(params, o);
  }

  protected override get rule(): Rule {
    return radam;
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      const { params, column } = this.collect(group, (p) => ({ step: count(0), exp_avg: zerosLike(p), exp_avg_sq: zerosLike(p) }));
      if (params.length === 0) continue;
      op(
        'radam_step', params, column('exp_avg'), column('exp_avg_sq'), column('step'),
        scalarOf(o.lr), o.betas[0], o.betas[1], o.eps, o.weightDecay, o.maximize, o.decoupledWeightDecay,
      );
    }
  }
}
