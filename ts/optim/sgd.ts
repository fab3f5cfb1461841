/** @module */
import { op } from '../runtime/call.js';
import { zerosLike } from '../generated/torch.js';
import { keep } from '../runtime/scope.js';
import { isTensor, type Tensor } from '../tensor.js';
import { sgd, type Rule } from './differentiable.js';
import { bind, type Given } from './options.js';
import { type Hyper, Optimizer, type ParamGroup, scalarOf } from './optimizer.js';
import { learningRate, notNegative, rule, type VariantOptions, variants } from './validate.js';

/** Options of {@link SGD}. */
export interface SGDOptions extends Omit<VariantOptions, 'capturable'> {
  /** Learning rate (default 1e-3). */
  lr?: Hyper;
  /** Momentum factor (default 0). */
  momentum?: number;
  /** Dampening of the momentum (default 0). */
  dampening?: number;
  /** L2 penalty (default 0). */
  weightDecay?: Hyper;
  /** Nesterov momentum; needs momentum and no dampening (default false). */
  nesterov?: boolean;
  /** Accepted for PyTorch's sake (default null). */
  fused?: boolean | null;
}

const DEFAULTS = {
  lr: 1e-3 as Hyper,
  momentum: 0,
  dampening: 0,
  weightDecay: 0 as Hyper,
  nesterov: false,
  maximize: false,
  foreach: null as boolean | null,
  differentiable: false,
  fused: null as boolean | null,
};

/**
 * Stochastic gradient descent, optionally with (Nesterov) momentum. The buffer starts as the first gradient, and the
 * velocity is not scaled by the learning rate (unlike Sutskever et al. 2013).
 *
 * PyTorch: `torch.optim.SGD`.
 * @example
 * const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
 */
export class SGD extends Optimizer {
  constructor(...args: Given<[lr: Hyper, momentum: number, dampening: number, weightDecay: Hyper, nesterov: boolean], SGDOptions>) {
    const { params, options: o } = bind('SGD', DEFAULTS, ['lr', 'momentum', 'dampening', 'weightDecay', 'nesterov'], args);
    learningRate(o.lr);
    notNegative(o.momentum, 'momentum value');
    notNegative(o.weightDecay, 'weight_decay value');
    rule(!o.nesterov || (o.momentum > 0 && o.dampening === 0), 'Nesterov momentum requires a momentum and zero dampening');
    super(params, o);
    variants(o);
  }

  protected override get rule(): Rule {
    return sgd;
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      if (o.differentiable) {
        this.differentiate(group, () => ({}));
        continue;
      }
      const run = (params: readonly Tensor[], buffers: readonly Tensor[], fresh: boolean): void => {
        if (params.length === 0) return;
        op('sgd_step', params, buffers, fresh, scalarOf(o.lr), scalarOf(o.weightDecay), o.momentum, o.dampening, o.nesterov, o.maximize);
      };
      const active = this.withGrad(group.params);
      if (o.momentum === 0) {
        run(active, [], false);
        continue;
      }
      // A parameter that gets its first gradient only now starts its momentum now.
      const buffers = active.map((p) => this.state.get(p)?.['momentum_buffer']);
      const old = active.map((_, i) => i).filter((i) => isTensor(buffers[i]));
      const fresh = active.map((_, i) => i).filter((i) => !isTensor(buffers[i]));
      run(pick(active, old), pick(buffers as Tensor[], old), false);
      const made = pick(active, fresh).map((p) => {
        const buffer = keep(zerosLike(p));
        this.state.set(p, { momentum_buffer: buffer });
        return buffer;
      });
      run(pick(active, fresh), made, true);
    }
  }
}

function pick<T>(list: readonly T[], at: readonly number[]): T[] {
  return at.map((i) => list[i]!);
}
