/** @module */
import { op } from '../runtime/call.js';
import { zerosLike } from '../generated/torch.js';
import type { Tensor } from '../tensor.js';
import { bind, type Given } from './options.js';
import { type Hyper, kept, Optimizer, type ParamGroup, scalarOf } from './optimizer.js';
import { repr } from './python.js';
import { betas, learningRate, rule } from './validate.js';

/** Options of {@link SparseAdam}. */
export interface SparseAdamOptions {
  /** Learning rate (default 1e-3). */
  lr?: Hyper;
  /** Coefficients of the running averages of gradient and squared gradient (default [0.9, 0.999]). */
  betas?: readonly [number, number];
  /** Added for numerical stability (default 1e-8). */
  eps?: number;
  /** Maximizes the objective instead of minimizing it (default false). */
  maximize?: boolean;
}

const DEFAULTS = { lr: 1e-3 as Hyper, betas: [0.9, 0.999] as readonly [number, number], eps: 1e-8, maximize: false };

/**
 * Adam for sparse gradients, such as those of `nn.Embedding(..., { sparse: true })`: only the rows that occur in the
 * gradient are updated, moments included.
 *
 * PyTorch: `torch.optim.SparseAdam`.
 * @example
 * const optimizer = new optim.SparseAdam(embedding.parameters(), { lr: 0.1 });
 */
export class SparseAdam extends Optimizer {
  constructor(...args: Given<[lr: Hyper, betas: readonly [number, number], eps: number, maximize: boolean], SparseAdamOptions>) {
    const { params, options: o } = bind('SparseAdam', DEFAULTS, ['lr', 'betas', 'eps', 'maximize'], args);
    learningRate(o.lr);
    rule(scalarOf(o.lr) > 0, `Invalid learning rate: ${repr(scalarOf(o.lr))}`);
    rule(o.eps > 0, `Invalid epsilon value: ${repr(o.eps)}`);
    betas(o.betas);
    super(params, o);
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      for (const p of this.withGrad(group.params)) {
        let state = this.state.get(p);
        if (!state) this.state.set(p, (state = kept({ step: 0, exp_avg: zerosLike(p), exp_avg_sq: zerosLike(p) })));
        // A number, unlike the other optimizers' steps: so it is in PyTorch's dicts.
        const step = scalarOf(state['step'] as Hyper) + 1;
        state['step'] = step;
        const { exp_avg, exp_avg_sq } = state as { exp_avg: Tensor; exp_avg_sq: Tensor };
        op('sparse_adam_step', p, exp_avg, exp_avg_sq, step, scalarOf(o.lr), ...o.betas, o.eps, o.maximize);
      }
    }
  }
}
