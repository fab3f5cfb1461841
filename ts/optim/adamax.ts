/** @module */
import { op } from '../runtime/call.js';
import { zerosLike } from '../generated/torch.js';
import { adamax, type Rule } from './differentiable.js';
import { bind, type Given } from './options.js';
import { count, type Hyper, Optimizer, type ParamGroup, scalarOf } from './optimizer.js';
import { betas, learningRate, notNegative, type VariantOptions } from './validate.js';

/** Options of {@link Adamax}. */
export interface AdamaxOptions extends VariantOptions {
  /** Learning rate (default 2e-3). */
  lr?: Hyper;
  /** Coefficients of the running averages of gradient and infinity norm (default [0.9, 0.999]). */
  betas?: readonly [number, number];
  /** Added for numerical stability (default 1e-8). */
  eps?: number;
  /** L2 penalty (default 0). */
  weightDecay?: number;
}

const DEFAULTS = {
  lr: 2e-3 as Hyper,
  betas: [0.9, 0.999] as readonly [number, number],
  eps: 1e-8,
  weightDecay: 0,
  foreach: null as boolean | null,
  maximize: false,
  differentiable: false,
  capturable: false,
};

/**
 * Adamax, the variant of Adam on the infinity norm (Kingma and Ba 2014, arXiv 1412.6980).
 *
 * PyTorch: `torch.optim.Adamax`.
 * @example
 * const optimizer = new optim.Adamax(model.parameters(), { lr: 2e-3 });
 */
export class Adamax extends Optimizer {
  constructor(
    ...args: Given<[lr: Hyper, betas: readonly [number, number], eps: number, weightDecay: number, foreach: boolean | null], AdamaxOptions>
  ) {
    const { params, options: o } = bind('Adamax', DEFAULTS, ['lr', 'betas', 'eps', 'weightDecay', 'foreach'], args);
    learningRate(o.lr);
    notNegative(o.eps, 'epsilon value');
    betas(o.betas);
    notNegative(o.weightDecay, 'weight_decay value');
    super(params, o);
  }

  protected override get rule(): Rule {
    return adamax;
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      const { params, column } = this.collect(group, (p) => ({ step: count(0), exp_avg: zerosLike(p), exp_inf: zerosLike(p) }));
      if (params.length === 0) continue;
      op(
        'adamax_step', params, column('exp_avg'), column('exp_inf'), column('step'),
        scalarOf(o.lr), o.betas[0], o.betas[1], o.eps, o.weightDecay, o.maximize,
      );
    }
  }
}
