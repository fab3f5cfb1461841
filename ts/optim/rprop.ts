/** @module */
import { op } from '../runtime/call.js';
import { fullLike, zerosLike } from '../generated/torch.js';
import { rprop, type Rule } from './differentiable.js';
import { bind, type Given } from './options.js';
import { count, type Hyper, Optimizer, type ParamGroup, scalarOf } from './optimizer.js';
import { learningRate, rule, type VariantOptions } from './validate.js';
import { repr } from './python.js';

/** Options of {@link Rprop}. */
export interface RpropOptions extends VariantOptions {
  /** First step size (default 1e-2). */
  lr?: Hyper;
  /** Factors by which a step shrinks and grows (default [0.5, 1.2]). */
  etas?: readonly [number, number];
  /** Smallest and largest step (default [1e-6, 50]). */
  stepSizes?: readonly [number, number];
}

const DEFAULTS = {
  lr: 1e-2 as Hyper,
  etas: [0.5, 1.2] as readonly [number, number],
  stepSizes: [1e-6, 50] as readonly [number, number],
  foreach: null as boolean | null,
  maximize: false,
  differentiable: false,
  capturable: false,
};

/**
 * Resilient backpropagation (Riedmiller and Braun 1993): only the sign of the gradient counts.
 *
 * PyTorch: `torch.optim.Rprop`.
 * @example
 * const optimizer = new optim.Rprop(model.parameters());
 */
export class Rprop extends Optimizer {
  constructor(
    ...args: Given<[lr: Hyper, etas: readonly [number, number], stepSizes: readonly [number, number]], RpropOptions>
  ) {
    const { params, options: o } = bind('Rprop', DEFAULTS, ['lr', 'etas', 'stepSizes'], args);
    learningRate(o.lr);
    const [minus, plus] = o.etas;
    rule(minus > 0 && minus < 1 && plus > 1, `Invalid eta values: ${repr(minus)}, ${repr(plus)}`);
    super(params, o);
  }

  protected override get rule(): Rule {
    return rprop;
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      const { params, column } = this.collect(group, (p) => ({
        step: count(0),
        prev: zerosLike(p),
        step_size: fullLike(p, scalarOf(o.lr)),
      }));
      if (params.length === 0) continue;
      op('rprop_step', params, column('prev'), column('step_size'), column('step'), ...o.etas, ...o.stepSizes, o.maximize);
    }
  }
}
