/**
 * Schedules by a function, by steps, by a line, by a power.
 * @module
 */
import { ArgumentError, ValueError } from '../../errors.js';
import { pow } from '../../runtime/math.js';
import { arguments_, LRScheduler, type SchedulerArgs } from './scheduler.js';

/** A factor by epoch. */
export type LrLambda = (epoch: number) => number;

/** Options of {@link LambdaLR} and {@link MultiplicativeLR}. */
export interface LambdaOptions {
  /** A function of the epoch, or one per group. */
  lrLambda?: LrLambda | readonly LrLambda[];
  /** Index of the last epoch (default -1). */
  lastEpoch?: number;
}

type LambdaArgs = SchedulerArgs<[lrLambda: LrLambda | readonly LrLambda[], lastEpoch: number], LambdaOptions>;

/** A function per group; functions are not part of the state. */
abstract class ByFunction extends LRScheduler {
  readonly #lambdas: readonly LrLambda[];

  constructor(what: string, args: LambdaArgs) {
    const defaults = { lrLambda: undefined as unknown as LrLambda | readonly LrLambda[], lastEpoch: -1 };
    const o = arguments_(what, defaults, ['lrLambda', 'lastEpoch'], args);
    super(o.optimizer, o.lastEpoch);
    const n = o.optimizer.paramGroups.length;
    this.#lambdas = typeof o.lrLambda === 'function' ? new Array<LrLambda>(n).fill(o.lrLambda) : [...o.lrLambda];
    if (this.#lambdas.length !== n) throw new ValueError(`Expected ${n} lr_lambdas, but got ${this.#lambdas.length}`);
    for (const f of this.#lambdas) {
      if (typeof f !== 'function') throw new ArgumentError(`lrLambda should be a function, but got ${typeof f}`);
    }
    this.start();
  }

  /** The functions' values at the epoch. */
  protected factors(): number[] {
    return this.#lambdas.map((f) => f(this.lastEpoch));
  }
}

/**
 * The initial rate times a function of the epoch.
 *
 * PyTorch: `torch.optim.lr_scheduler.LambdaLR`.
 * @example
 * const scheduler = new optim.lrScheduler.LambdaLR(optimizer, (epoch) => 0.95 ** epoch);
 */
export class LambdaLR extends ByFunction {
  constructor(...args: LambdaArgs) {
    super('LambdaLR', args);
  }

  getLr(): number[] {
    return this.factors().map((f, i) => this.baseLrs[i]! * f);
  }
}

/**
 * The rate before times a function of the epoch.
 *
 * PyTorch: `torch.optim.lr_scheduler.MultiplicativeLR`.
 * @example
 * const scheduler = new optim.lrScheduler.MultiplicativeLR(optimizer, () => 0.95);
 */
export class MultiplicativeLR extends ByFunction {
  constructor(...args: LambdaArgs) {
    super('MultiplicativeLR', args);
  }

  getLr(): number[] {
    if (this.initial) return this.rates();
    const factors = this.factors();
    return this.rates().map((lr, i) => lr * factors[i]!);
  }
}

/** Options of {@link StepLR}. */
export interface StepLROptions {
  /** Epochs between decays. */
  stepSize?: number;
  /** Factor of the decay (default 0.1). */
  gamma?: number;
  /** Index of the last epoch (default -1). */
  lastEpoch?: number;
}

/**
 * Multiplies the rate by `gamma` every `stepSize` epochs.
 *
 * PyTorch: `torch.optim.lr_scheduler.StepLR`.
 * @example
 * const scheduler = new optim.lrScheduler.StepLR(optimizer, 30, { gamma: 0.1 });
 */
export class StepLR extends LRScheduler {
  stepSize: number;
  gamma: number;

  constructor(...args: SchedulerArgs<[stepSize: number, gamma: number, lastEpoch: number], StepLROptions>) {
    const defaults = { stepSize: undefined as unknown as number, gamma: 0.1, lastEpoch: -1 };
    const o = arguments_('StepLR', defaults, ['stepSize', 'gamma', 'lastEpoch'], args);
    super(o.optimizer, o.lastEpoch);
    this.stepSize = o.stepSize;
    this.gamma = o.gamma;
    this.start();
  }

  getLr(): number[] {
    const decays = this.lastEpoch !== 0 && this.lastEpoch % this.stepSize === 0;
    return this.rates().map((lr) => (decays ? lr * this.gamma : lr));
  }

  protected override closedForm(): number[] {
    return this.baseLrs.map((lr) => lr * pow(this.gamma, Math.floor(this.lastEpoch / this.stepSize)));
  }
}

/** Options of {@link MultiStepLR}. */
export interface MultiStepLROptions {
  /** Epochs at which the rate decays. */
  milestones?: readonly number[];
  /** Factor of the decay (default 0.1). */
  gamma?: number;
  /** Index of the last epoch (default -1). */
  lastEpoch?: number;
}

/**
 * Multiplies the rate by `gamma` at each of the milestones.
 *
 * PyTorch: `torch.optim.lr_scheduler.MultiStepLR`.
 * @example
 * const scheduler = new optim.lrScheduler.MultiStepLR(optimizer, [30, 80], { gamma: 0.1 });
 */
export class MultiStepLR extends LRScheduler {
  /** How often each milestone was given. */
  milestones: Record<number, number> = {};
  gamma: number;

  constructor(...args: SchedulerArgs<[milestones: readonly number[], gamma: number, lastEpoch: number], MultiStepLROptions>) {
    const defaults = { milestones: undefined as unknown as readonly number[], gamma: 0.1, lastEpoch: -1 };
    const o = arguments_('MultiStepLR', defaults, ['milestones', 'gamma', 'lastEpoch'], args);
    super(o.optimizer, o.lastEpoch);
    for (const m of o.milestones) this.milestones[m] = (this.milestones[m] ?? 0) + 1;
    this.gamma = o.gamma;
    this.start();
  }

  getLr(): number[] {
    const times = this.milestones[this.lastEpoch] ?? 0;
    return this.rates().map((lr) => (times ? lr * pow(this.gamma, times) : lr));
  }

  protected override closedForm(): number[] {
    const past = Object.entries(this.milestones).filter(([m]) => Number(m) <= this.lastEpoch);
    const times = past.reduce((n, [, count]) => n + count, 0);
    return this.baseLrs.map((lr) => lr * pow(this.gamma, times));
  }
}

/** Options of {@link ConstantLR}. */
export interface ConstantLROptions {
  /** Factor until `totalIters`, 0 to 1 (default 1/3). */
  factor?: number;
  /** Epochs with the factor (default 5). */
  totalIters?: number;
  /** Index of the last epoch (default -1). */
  lastEpoch?: number;
}

/**
 * Multiplies the rate by a constant for the first epochs.
 *
 * PyTorch: `torch.optim.lr_scheduler.ConstantLR`.
 * @example
 * const scheduler = new optim.lrScheduler.ConstantLR(optimizer, { factor: 0.5, totalIters: 4 });
 */
export class ConstantLR extends LRScheduler {
  factor: number;
  totalIters: number;

  constructor(...args: SchedulerArgs<[factor: number, totalIters: number, lastEpoch: number], ConstantLROptions>) {
    const o = arguments_('ConstantLR', { factor: 1 / 3, totalIters: 5, lastEpoch: -1 }, ['factor', 'totalIters', 'lastEpoch'], args);
    if (!(o.factor >= 0 && o.factor <= 1)) throw new ValueError('Constant multiplicative factor expected to be between 0 and 1.');
    super(o.optimizer, o.lastEpoch);
    this.factor = o.factor;
    this.totalIters = o.totalIters;
    this.start();
  }

  getLr(): number[] {
    if (this.lastEpoch === 0) return this.rates().map((lr) => lr * this.factor);
    return this.rates().map((lr) => (this.lastEpoch === this.totalIters ? lr * (1 / this.factor) : lr));
  }

  protected override closedForm(): number[] {
    return this.baseLrs.map((lr) => lr * (this.lastEpoch >= this.totalIters ? 1 : this.factor));
  }
}

/** Options of {@link LinearLR}. */
export interface LinearLROptions {
  /** Factor at the start, above 0 and up to 1 (default 1/3). */
  startFactor?: number;
  /** Factor at the end, 0 to 1 (default 1). */
  endFactor?: number;
  /** Epochs until the end (default 5). */
  totalIters?: number;
  /** Index of the last epoch (default -1). */
  lastEpoch?: number;
}

/**
 * Changes the factor of the rate along a line.
 *
 * PyTorch: `torch.optim.lr_scheduler.LinearLR`.
 * @example
 * const warmup = new optim.lrScheduler.LinearLR(optimizer, { startFactor: 0.1, totalIters: 10 });
 */
export class LinearLR extends LRScheduler {
  startFactor: number;
  endFactor: number;
  totalIters: number;

  constructor(...args: SchedulerArgs<[startFactor: number, endFactor: number, totalIters: number, lastEpoch: number], LinearLROptions>) {
    const defaults = { startFactor: 1 / 3, endFactor: 1, totalIters: 5, lastEpoch: -1 };
    const o = arguments_('LinearLR', defaults, ['startFactor', 'endFactor', 'totalIters', 'lastEpoch'], args);
    if (!(o.startFactor > 0 && o.startFactor <= 1)) {
      throw new ValueError('Starting multiplicative factor expected to be greater than 0 and less or equal to 1.');
    }
    if (!(o.endFactor >= 0 && o.endFactor <= 1)) throw new ValueError('Ending multiplicative factor expected to be between 0 and 1.');
    super(o.optimizer, o.lastEpoch);
    this.startFactor = o.startFactor;
    this.endFactor = o.endFactor;
    this.totalIters = o.totalIters;
    this.start();
  }

  getLr(): number[] {
    if (this.lastEpoch === 0) return this.rates().map((lr) => lr * this.startFactor);
    if (this.initial || this.lastEpoch > this.totalIters) return this.rates();
    const rise = this.endFactor - this.startFactor;
    const before = this.totalIters * this.startFactor + (this.lastEpoch - 1) * rise;
    return this.rates().map((lr) => lr * (1 + rise / before));
  }

  protected override closedForm(): number[] {
    const done = Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.baseLrs.map((lr) => lr * (this.startFactor + (this.endFactor - this.startFactor) * done));
  }
}

/** Options of {@link ExponentialLR}. */
export interface ExponentialLROptions {
  /** Factor of each epoch. */
  gamma?: number;
  /** Index of the last epoch (default -1). */
  lastEpoch?: number;
}

/**
 * Multiplies the rate by `gamma` every epoch.
 *
 * PyTorch: `torch.optim.lr_scheduler.ExponentialLR`.
 * @example
 * const scheduler = new optim.lrScheduler.ExponentialLR(optimizer, 0.95);
 */
export class ExponentialLR extends LRScheduler {
  gamma: number;

  constructor(...args: SchedulerArgs<[gamma: number, lastEpoch: number], ExponentialLROptions>) {
    const o = arguments_('ExponentialLR', { gamma: undefined as unknown as number, lastEpoch: -1 }, ['gamma', 'lastEpoch'], args);
    super(o.optimizer, o.lastEpoch);
    this.gamma = o.gamma;
    this.start();
  }

  getLr(): number[] {
    return this.rates().map((lr) => (this.initial ? lr : lr * this.gamma));
  }

  protected override closedForm(): number[] {
    return this.baseLrs.map((lr) => lr * pow(this.gamma, this.lastEpoch));
  }
}

/** Options of {@link PolynomialLR}. */
export interface PolynomialLROptions {
  /** Epochs until the rate is 0 (default 5). */
  totalIters?: number;
  /** Power of the polynomial (default 1). */
  power?: number;
  /** Index of the last epoch (default -1). */
  lastEpoch?: number;
}

/**
 * Lets the rate fall to 0 along a power of the time left.
 *
 * PyTorch: `torch.optim.lr_scheduler.PolynomialLR`.
 * @example
 * const scheduler = new optim.lrScheduler.PolynomialLR(optimizer, { totalIters: 100, power: 0.9 });
 */
export class PolynomialLR extends LRScheduler {
  totalIters: number;
  power: number;

  constructor(...args: SchedulerArgs<[totalIters: number, power: number, lastEpoch: number], PolynomialLROptions>) {
    const o = arguments_('PolynomialLR', { totalIters: 5, power: 1, lastEpoch: -1 }, ['totalIters', 'power', 'lastEpoch'], args);
    super(o.optimizer, o.lastEpoch);
    this.totalIters = o.totalIters;
    this.power = o.power;
    this.start();
  }

  getLr(): number[] {
    if (this.initial || this.lastEpoch > this.totalIters) return this.rates();
    const left = (epoch: number): number => 1 - epoch / this.totalIters;
    const factor = pow(left(this.lastEpoch) / left(this.lastEpoch - 1), this.power);
    return this.rates().map((lr) => lr * factor);
  }

  protected override closedForm(): number[] {
    const left = 1 - Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.baseLrs.map((lr) => lr * pow(left, this.power));
  }
}
