/** @module */
import { op } from '../runtime/call.js';
import { zerosLike } from '../generated/torch.js';
import { asgd, type Rule } from './differentiable.js';
import { bind, type Given } from './options.js';
import { count, type Hyper, Optimizer, type ParamGroup, scalarOf } from './optimizer.js';
import { learningRate, notNegative, type VariantOptions } from './validate.js';

/** Options of {@link ASGD}. */
export interface ASGDOptions extends VariantOptions {
  /** Learning rate (default 1e-2). */
  lr?: Hyper;
  /** Decay (default 1e-4). */
  lambd?: number;
  /** Power of the decay of the step (default 0.75). */
  alpha?: number;
  /** Step at which averaging starts (default 1e6). */
  t0?: number;
  /** L2 penalty (default 0). */
  weightDecay?: number;
}

const DEFAULTS = {
  lr: 1e-2 as Hyper,
  lambd: 1e-4,
  alpha: 0.75,
  t0: 1e6,
  weightDecay: 0,
  foreach: null as boolean | null,
  maximize: false,
  differentiable: false,
  capturable: false,
};

/**
 * Averaged stochastic gradient descent (Polyak and Juditsky 1992). The average of a parameter is `ax` in its state.
 *
 * PyTorch: `torch.optim.ASGD`.
 * @example
 * const optimizer = new optim.ASGD(model.parameters(), { lr: 0.01, t0: 1000 });
 */
export class ASGD extends Optimizer {
  constructor(
    ...args: Given<
      [lr: Hyper, lambd: number, alpha: number, t0: number, weightDecay: number, foreach: boolean | null, maximize: boolean, differentiable: boolean, capturable: boolean],
      ASGDOptions
    >
  ) {
    const names = ['lr', 'lambd', 'alpha', 't0', 'weightDecay', 'foreach', 'maximize', 'differentiable', 'capturable'] as const;
    const { params, options: o } = bind('ASGD', DEFAULTS, names, args);
    learningRate(o.lr);
    notNegative(o.weightDecay, 'weight_decay value');
    super(params, o);
  }

  protected override get floats(): readonly string[] {
    return ['t0'];
  }

  protected override get rule(): Rule {
    return asgd;
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      const { params, column } = this.collect(group, (p) => ({
        step: count(0),
        eta: count(scalarOf(o.lr)),
        mu: count(1),
        ax: zerosLike(p),
      }));
      if (params.length === 0) continue;
      op(
        'asgd_step', params, column('ax'), column('eta'), column('mu'), column('step'),
        scalarOf(o.lr), o.lambd, o.alpha, o.t0, o.weightDecay, o.maximize,
      );
    }
  }
}
