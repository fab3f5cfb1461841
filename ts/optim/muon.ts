/** @module */
import { op } from '../runtime/call.js';
import { zerosLike } from '../generated/torch.js';
import { bind, type Given } from './options.js';
import { type Hyper, Optimizer, type ParamGroup, scalarOf } from './optimizer.js';
import { learningRate, rule } from './validate.js';
import type { Tensor } from '../tensor.js';
import { repr } from './python.js';

/** Options of {@link Muon}. */
export interface MuonOptions {
  /** Learning rate (default 1e-3). */
  lr?: Hyper;
  /** Weight decay, on the weights themselves (default 0.1). */
  weightDecay?: number;
  /** Momentum factor (default 0.95). */
  momentum?: number;
  /** Nesterov momentum (default true). */
  nesterov?: boolean;
  /** Coefficients of the quintic polynomial of the iteration (default [3.4445, -4.775, 2.0315]). */
  nsCoefficients?: readonly [number, number, number];
  /** Least norm that the momentum is divided by (default 1e-7). */
  eps?: number;
  /** Number of iterations, less than 100 (default 5). */
  nsSteps?: number;
  /** How the rate depends on the shape: `original` (null means this) or `match_rms_adamw` (default null). */
  adjustLrFn?: 'original' | 'match_rms_adamw' | null;
}

const DEFAULTS = {
  lr: 1e-3 as Hyper,
  weightDecay: 0.1,
  momentum: 0.95,
  nesterov: true,
  nsCoefficients: [3.4445, -4.775, 2.0315] as readonly [number, number, number],
  eps: 1e-7,
  nsSteps: 5,
  adjustLrFn: null as 'original' | 'match_rms_adamw' | null,
};

/**
 * Muon: momentum, orthogonalised by Newton-Schulz iterations (Jordan 2024, https://kellerjordan.github.io/posts/muon/).
 * For the matrices of hidden layers; biases and embeddings need another optimizer.
 *
 * PyTorch: `torch.optim.Muon`.
 * @example
 * const optimizer = new optim.Muon(matrices, { lr: 0.02 });
 */
export class Muon extends Optimizer {
  constructor(
    ...args: Given<
      [lr: Hyper, weightDecay: number, momentum: number, nesterov: boolean, nsCoefficients: readonly [number, number, number], eps: number, nsSteps: number],
      MuonOptions
    >
  ) {
    const names = ['lr', 'weightDecay', 'momentum', 'nesterov', 'nsCoefficients', 'eps', 'nsSteps', 'adjustLrFn'] as const;
    const { params, options: o } = bind('Muon', DEFAULTS, names, args);
    learningRate(o.lr, 'Learning rate should be >= 0 but is: ');
    rule(o.momentum >= 0, `momentum should be >= 0 but is: ${repr(o.momentum)}`);
    rule(o.weightDecay >= 0, `weight decay should be >= 0 but is: ${repr(o.weightDecay)}`);
    rule([null, 'original', 'match_rms_adamw'].includes(o.adjustLrFn), `Adjust learning rate function ${String(o.adjustLrFn)} is not supported`);
    rule(o.nsCoefficients.length === 3, 'Coefficients must be a tuple of exactly 3 values');
    rule(o.nsSteps < 100, 'Number of steps must be less than 100 for computational efficiency');
    super(params, o);
    for (const { params } of this.paramGroups) {
      for (const p of params) rule(p.ndim === 2, `Muon only supports 2D parameters whereas we found a parameter with size: torch.Size([${[...p.shape].join(', ')}])`);
    }
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      const lr = scalarOf(o.lr);
      const { params, column } = this.collect(group, (p) => ({ momentum_buffer: zerosLike(p) }));
      const buffers = column('momentum_buffer');
      params.forEach((p, i) => {
        const rate = lr * ratio(p, o.adjustLrFn);
        op('muon_step', p, buffers[i]!, lr, rate, o.weightDecay, o.momentum, o.nesterov, [...o.nsCoefficients], o.nsSteps, o.eps);
      });
    }
  }
}

/** How much faster a matrix of this shape moves. */
function ratio(p: Tensor, how: 'original' | 'match_rms_adamw' | null): number {
  const [rows, columns] = p.shape as unknown as [number, number];
  return how === 'match_rms_adamw' ? 0.2 * Math.sqrt(Math.max(rows, columns)) : Math.sqrt(Math.max(1, rows / columns));
}
