/** @module */
import { op } from '../runtime/call.js';
import { zerosLike } from '../generated/torch.js';
import { adam, type Rule } from './differentiable.js';
import { bind, type Given } from './options.js';
import { count, type Hyper, Optimizer, type OptimizerStateDict, type ParamGroup, scalarOf } from './optimizer.js';
import { betas, learningRate, notNegative, rule, type VariantOptions, variants } from './validate.js';
import { isTensor } from '../tensor.js';

/** Options of {@link Adam} and {@link AdamW}. */
export interface AdamOptions extends VariantOptions {
  /** Learning rate (default 1e-3). */
  lr?: Hyper;
  /** Coefficients of the running averages of gradient and squared gradient (default [0.9, 0.999]). */
  betas?: readonly [Hyper, Hyper];
  /** Added for numerical stability (default 1e-8). */
  eps?: number;
  /** L2 penalty of Adam (default 0), weight decay of AdamW (default 1e-2). */
  weightDecay?: number;
  /** Uses the maximum of all second moments so far (Reddi et al. 2018, arXiv 1904.09237; default false). */
  amsgrad?: boolean;
  /** Accepted for PyTorch's sake (default null). */
  fused?: boolean | null;
  /** Decays the weights themselves, as AdamW does (default false). */
  decoupledWeightDecay?: boolean;
}

const DEFAULTS = {
  lr: 1e-3 as Hyper,
  betas: [0.9, 0.999] as readonly [Hyper, Hyper],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
  foreach: null as boolean | null,
  capturable: false,
  differentiable: false,
  fused: null as boolean | null,
  decoupledWeightDecay: false,
};

const NAMES = ['lr', 'betas', 'eps', 'weightDecay', 'amsgrad'] as const;

/** Constructor arguments of {@link Adam} and {@link AdamW}. */
export type AdamArgs = Given<[lr: Hyper, betas: readonly [Hyper, Hyper], eps: number, weightDecay: number, amsgrad: boolean], AdamOptions>;

/**
 * Adam (Kingma and Ba 2014, arXiv 1412.6980).
 *
 * PyTorch: `torch.optim.Adam`.
 * @example
 * const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
 */
export class Adam extends Optimizer {
  constructor(...args: AdamArgs) {
    const { params, options: o } = bind('Adam', DEFAULTS, NAMES, args);
    const tensors = [o.lr, ...o.betas].map((x) => isTensor(x));
    const names = ['lr', 'betas[0]', 'betas[1]'];
    tensors.forEach((is, i) => {
      rule(!is || !o.foreach || o.capturable, `${names[i]!} as a Tensor is not supported for capturable=False and foreach=True`);
    });
    learningRate(o.lr);
    notNegative(o.eps, 'epsilon value');
    betas(o.betas);
    notNegative(o.weightDecay, 'weight_decay value');
    rule(tensors[1] === tensors[2], 'betas must be either both floats or both Tensors');
    super(params, o);
    variants(o);
  }

  protected override get rule(): Rule {
    return adam;
  }

  protected update(): void {
    for (const group of this.paramGroups) {
      const o = group as ParamGroup & typeof DEFAULTS;
      const { params, column } = this.collect(group, (p) => ({
        step: count(0),
        exp_avg: zerosLike(p),
        exp_avg_sq: zerosLike(p),
        ...(o.amsgrad && { max_exp_avg_sq: zerosLike(p) }),
      }));
      if (params.length === 0) continue;
      const maxima = o.amsgrad ? column('max_exp_avg_sq') : [];
      op(
        'adam_step', params, column('exp_avg'), column('exp_avg_sq'), maxima, column('step'),
        scalarOf(o.lr), scalarOf(o.betas[0]), scalarOf(o.betas[1]), o.eps, o.weightDecay, o.maximize, o.decoupledWeightDecay,
      );
    }
  }
}

/**
 * AdamW: Adam whose weight decay acts on the weights, not through the moments (Loshchilov and Hutter 2017, arXiv 1711.05101).
 *
 * PyTorch: `torch.optim.AdamW`.
 * @example
 * const optimizer = new optim.AdamW(model.parameters(), { lr: 3e-4, weightDecay: 0.01 });
 */
export class AdamW extends Adam {
  constructor(...args: AdamArgs) {
    const { params, options } = bind('AdamW', { ...DEFAULTS, weightDecay: 1e-2 }, NAMES, args);
    super(params, { ...options, decoupledWeightDecay: true });
  }

  override loadStateDict(dict: OptimizerStateDict): void {
    super.loadStateDict(dict);
    // Dicts from before the option existed do not say so, and others may come from Adam.
    for (const group of this.paramGroups) group['decoupledWeightDecay'] = true;
  }
}
