/** @module */
import { op } from '../runtime/call.js';
import { zerosLike } from '../generated/torch.js';
import { rmsprop, type Rule } from './differentiable.js';
import { bind, type Given } from './options.js';
import { count, type Hyper, Optimizer, type ParamGroup, scalarOf } from './optimizer.js';
import { learningRate, notNegative, type VariantOptions } from './validate.js';

/** Options of {@link RMSprop}. */
export interface RMSpropOptions extends VariantOptions {
  /** Learning rate (default 1e-2). */
  lr?: Hyper;
  /** Smoothing constant (default 0.99). */
  alpha?: number;
  /** Added for numerical stability (default 1e-8). */
  eps?: number;
  /** L2 penalty (default 0). */
  weightDecay?: number;
  /** Momentum factor (default 0). */
  momentum?: number;
  /** Whether the gradient is normalised by an estimate of its variance (default false). */
  centered?: boolean;
}

const DEFAULTS = {
  lr: 1e-2 as Hyper,
  alpha: 0.99,
  eps: 1e-8,
  weightDecay: 0,
  momentum: 0,
  centered: false,
  capturable: false,
  foreach: null as boolean | null,
  maximize: false,
  differentiable: false,
};

/**
 * RMSprop (Hinton's lecture 6; centered as in Graves 2013, arXiv 1308.0850). The square root is taken before `eps` is added.
 *
 * PyTorch: `torch.optim.RMSprop`.
 * @example
 * const optimizer = new optim.RMSprop(model.parameters(), { lr: 1e-3, momentum: 0.9 });
 */
export class RMSprop extends Optimizer {
  constructor(
    ...args: Given<[lr: Hyper, alpha: number, eps: number, weightDecay: number, momentum: number, centered: boolean], RMSpropOptions>
  ) {
    const { params, options: o } = bind('RMSprop', DEFAULTS, ['lr', 'alpha', 'eps', 'weightDecay', 'momentum', 'centered'], args);
    learningRate(o.lr);
    notNegative(o.eps, 'epsilon value');
    notNegative(o.momentum, 'momentum value');
    notNegative(o.weightDecay, 'weight_decay value');
    notNegative(o.alpha, 'alpha value');
    super(params, o);
  }

  protected override get rule(): Rule {
    return rmsprop;
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      const { params, column } = this.collect(group, (p) => ({
        step: count(0),
        square_avg: zerosLike(p),
        ...(o.momentum > 0 && { momentum_buffer: zerosLike(p) }),
        ...(o.centered && { grad_avg: zerosLike(p) }),
      }));
      if (params.length === 0) continue;
      const buffers = o.momentum > 0 ? column('momentum_buffer') : [];
      const means = o.centered ? column('grad_avg') : [];
      op(
        'rmsprop_step', params, column('square_avg'), buffers, means, column('step'),
        scalarOf(o.lr), o.alpha, o.eps, o.weightDecay, o.momentum, o.maximize,
      );
    }
  }
}
