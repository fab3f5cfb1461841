/** @module */
import { op } from '../runtime/call.js';
import { zeros, zerosLike } from '../generated/torch.js';
import { bind, type Given } from './options.js';
import { count, type Hyper, Optimizer, type ParamGroup, type ParameterState, scalarOf } from './optimizer.js';
import { learningRate, rule, type VariantOptions } from './validate.js';
import type { Tensor } from '../tensor.js';
import { repr } from './python.js';

/** Options of {@link Adafactor}. */
export interface AdafactorOptions extends Pick<VariantOptions, 'foreach' | 'maximize'> {
  /** Largest relative step, and rate of the weight decay (default 1e-2). */
  lr?: Hyper;
  /** Power of the step by which the second moment's coefficient decays (default -0.8). */
  beta2Decay?: number;
  /** Stabilises the division (null: the dtype's epsilon), and the smallest scale of a parameter (default [null, 1e-3]). */
  eps?: readonly [number | null, number];
  /** Clipping threshold of the update (default 1). */
  d?: number;
  /** Weight decay (default 0). */
  weightDecay?: number;
}

const DEFAULTS = {
  lr: 1e-2 as Hyper,
  beta2Decay: -0.8,
  eps: [null, 1e-3] as readonly [number | null, number],
  d: 1,
  weightDecay: 0,
  foreach: null as boolean | null,
  maximize: false,
};

/**
 * Adafactor: the second moment of a matrix is kept as row and column averages (Shazeer and Stern 2018, arXiv 1804.04235).
 *
 * PyTorch: `torch.optim.Adafactor`.
 * @example
 * const optimizer = new optim.Adafactor(model.parameters());
 */
export class Adafactor extends Optimizer {
  constructor(
    ...args: Given<[lr: Hyper, beta2Decay: number, eps: readonly [number | null, number], d: number, weightDecay: number], AdafactorOptions>
  ) {
    const { params, options: o } = bind('Adafactor', DEFAULTS, ['lr', 'beta2Decay', 'eps', 'd', 'weightDecay'], args);
    learningRate(o.lr, 'Learning rate should be >= 0 but is: ');
    rule(o.beta2Decay <= 0, `beta2_decay should be <= 0 but is: ${repr(o.beta2Decay)}`);
    rule(o.eps[0] === null || o.eps[0] >= 0, `epsilon1 should be >= 0 but is: ${repr(o.eps[0])}`);
    rule(o.eps[1] >= 0, `epsilon2 should be >= 0 but is: ${repr(o.eps[1])}`);
    rule(o.d >= 1, `Clipping threshold d should be >= 1 but is: ${repr(o.d)}`);
    rule(o.weightDecay >= 0, `weight_decay should be >= 0 but is: ${repr(o.weightDecay)}`);
    super(params, o);
  }

  protected override get floats(): readonly string[] {
    return ['d', 'weightDecay'];
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      const { params, states } = this.collect(group, start);
      params.forEach((p, i) => {
        const s = states[i] as Record<string, Tensor>;
        const variances = p.ndim > 1 ? [s['row_var']!, s['col_var']!] : [s['variance']!];
        op('adafactor_step', p, variances, s['step']!, scalarOf(o.lr), o.beta2Decay, ...o.eps, o.d, o.weightDecay, o.maximize);
      });
    }
  }
}

function start(p: Tensor): ParameterState {
  if (p.ndim < 2) return { step: count(0), variance: zerosLike(p) };
  const without = (back: number): number[] => [...p.shape].map((n, i) => (i === p.ndim - back ? 1 : n));
  return { step: count(0), row_var: zeros(without(1), { dtype: p.dtype }), col_var: zeros(without(2), { dtype: p.dtype }) };
}
