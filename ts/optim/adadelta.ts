/** @module */
import { op } from '../runtime/call.js';
import { zerosLike } from '../generated/torch.js';
import { adadelta, type Rule } from './differentiable.js';
import { bind, type Given } from './options.js';
import { count, type Hyper, Optimizer, type ParamGroup, scalarOf } from './optimizer.js';
import { learningRate, notNegative, rule, type VariantOptions } from './validate.js';
import { repr } from './python.js';

/** Options of {@link Adadelta}. */
export interface AdadeltaOptions extends VariantOptions {
  /** Factor of the step (default 1.0). */
  lr?: Hyper;
  /** Coefficient of the running average of squared gradients (default 0.9). */
  rho?: number;
  /** Added for numerical stability (default 1e-6). */
  eps?: number;
  /** L2 penalty (default 0). */
  weightDecay?: number;
}

const DEFAULTS = {
  lr: 1 as Hyper,
  rho: 0.9,
  eps: 1e-6,
  weightDecay: 0,
  foreach: null as boolean | null,
  capturable: false,
  maximize: false,
  differentiable: false,
};

/**
 * Adadelta (Zeiler 2012, arXiv 1212.5701).
 *
 * PyTorch: `torch.optim.Adadelta`.
 * @example
 * const optimizer = new optim.Adadelta(model.parameters());
 */
export class Adadelta extends Optimizer {
  constructor(
    ...args: Given<[lr: Hyper, rho: number, eps: number, weightDecay: number, foreach: boolean | null], AdadeltaOptions>
  ) {
    const { params, options: o } = bind('Adadelta', DEFAULTS, ['lr', 'rho', 'eps', 'weightDecay', 'foreach'], args);
    learningRate(o.lr);
    rule(o.rho >= 0 && o.rho <= 1, `Invalid rho value: ${repr(o.rho)}`);
    notNegative(o.eps, 'epsilon value');
    notNegative(o.weightDecay, 'weight_decay value');
    super(params, o);
  }

  protected override get floats(): readonly string[] {
    return ['lr'];
  }

  protected override get rule(): Rule {
    return adadelta;
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      const { params, column } = this.collect(group, (p) => ({ step: count(0), square_avg: zerosLike(p), acc_delta: zerosLike(p) }));
      if (params.length === 0) continue;
      op(
        'adadelta_step', params, column('square_avg'), column('acc_delta'), column('step'),
        scalarOf(o.lr), o.rho, o.eps, o.weightDecay, o.maximize,
      );
    }
  }
}
