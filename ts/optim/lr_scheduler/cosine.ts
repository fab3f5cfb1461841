/**
 * Cosine schedules (Loshchilov and Hutter 2016, arXiv 1608.03983).
 * @module
 */
import { ValueError } from '../../errors.js';
import { cos, log, pow } from '../../runtime/math.js';
import { repr } from '../python.js';
import { arguments_, LRScheduler, type SchedulerArgs } from './scheduler.js';

/** Options of {@link CosineAnnealingLR}. */
export interface CosineAnnealingLROptions {
  /** Epochs until the rate is least. */
  TMax?: number;
  /** Least rate (default 0). */
  etaMin?: number;
  /** Index of the last epoch (default -1). */
  lastEpoch?: number;
}

/**
 * Lets the rate fall to `etaMin` within `TMax` epochs along half a cosine, and rise again after.
 *
 * PyTorch: `torch.optim.lr_scheduler.CosineAnnealingLR`.
 * @example
 * const scheduler = new optim.lrScheduler.CosineAnnealingLR(optimizer, 100);
 */
export class CosineAnnealingLR extends LRScheduler {
  TMax: number;
  etaMin: number;

  constructor(...args: SchedulerArgs<[TMax: number, etaMin: number, lastEpoch: number], CosineAnnealingLROptions>) {
    const defaults = { TMax: undefined as unknown as number, etaMin: 0, lastEpoch: -1 };
    const o = arguments_('CosineAnnealingLR', defaults, ['TMax', 'etaMin', 'lastEpoch'], args);
    super(o.optimizer, o.lastEpoch);
    this.TMax = o.TMax;
    this.etaMin = o.etaMin;
    this.start();
  }

  getLr(): number[] {
    const { TMax, etaMin, lastEpoch } = this;
    if (this.initial) return this.rates();
    if (this.stepCount === 1 && lastEpoch > 0) return this.closedForm();
    const height = (epoch: number): number => 1 + cos((Math.PI * epoch) / TMax);
    if ((lastEpoch - 1 - TMax) % (2 * TMax) === 0) {
      // At the bottom the recursive form would divide by zero.
      return this.rates().map((lr, i) => lr + ((this.baseLrs[i]! - etaMin) * (1 - cos(Math.PI / TMax))) / 2);
    }
    return this.rates().map((lr) => (height(lastEpoch) / height(lastEpoch - 1)) * (lr - etaMin) + etaMin);
  }

  protected override closedForm(): number[] {
    const height = 1 + cos((Math.PI * this.lastEpoch) / this.TMax);
    return this.baseLrs.map((lr) => this.etaMin + ((lr - this.etaMin) * height) / 2);
  }
}

/** Options of {@link CosineAnnealingWarmRestarts}. */
export interface CosineAnnealingWarmRestartsOptions {
  /** Epochs until the first restart. */
  T0?: number;
  /** Factor by which each period is longer than the one before (default 1). */
  TMult?: number;
  /** Least rate (default 0). */
  etaMin?: number;
  /** Index of the last epoch (default -1). */
  lastEpoch?: number;
}

/**
 * Cosine annealing that jumps back to the initial rate after each period. `step` may be given a fraction of an epoch.
 *
 * PyTorch: `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.
 * @example
 * const scheduler = new optim.lrScheduler.CosineAnnealingWarmRestarts(optimizer, 10, 2);
 * scheduler.step(epoch + i / batches);
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  T0: number;
  Ti: number;
  TMult: number;
  etaMin: number;
  TCur: number;

  constructor(...args: SchedulerArgs<[T0: number, TMult: number, etaMin: number, lastEpoch: number], CosineAnnealingWarmRestartsOptions>) {
    const defaults = { T0: undefined as unknown as number, TMult: 1, etaMin: 0, lastEpoch: -1 };
    const o = arguments_('CosineAnnealingWarmRestarts', defaults, ['T0', 'TMult', 'etaMin', 'lastEpoch'], args);
    if (!Number.isInteger(o.T0) || o.T0 <= 0) throw new ValueError(`Expected positive integer T_0, but got ${repr(o.T0)}`);
    if (!Number.isInteger(o.TMult) || o.TMult < 1) throw new ValueError(`Expected integer T_mult >= 1, but got ${repr(o.TMult)}`);
    super(o.optimizer, o.lastEpoch);
    this.T0 = o.T0;
    this.Ti = o.T0;
    this.TMult = o.TMult;
    this.etaMin = o.etaMin;
    this.TCur = o.lastEpoch;
    this.start();
  }

  getLr(): number[] {
    const height = 1 + cos((Math.PI * this.TCur) / this.Ti);
    return this.baseLrs.map((lr) => this.etaMin + ((lr - this.etaMin) * height) / 2);
  }

  override step(epoch?: number): void {
    // No step is counted, as in PyTorch, whose state dict of this schedule has `_step_count` 0.
    const at = epoch ?? (this.lastEpoch < 0 ? 0 : undefined);
    if (at === undefined) {
      this.TCur++;
      if (this.TCur >= this.Ti) {
        this.TCur %= this.Ti;
        this.Ti *= this.TMult;
      }
      this.lastEpoch++;
    } else {
      if (at < 0) throw new ValueError(`Expected non-negative epoch, but got ${repr(at)}`);
      this.#jump(at);
      this.lastEpoch = Math.floor(at);
    }
    this.apply(this.getLr());
  }

  /** Finds the period that an epoch lies in, and the place there. */
  #jump(epoch: number): void {
    const { T0, TMult } = this;
    if (epoch < T0) [this.Ti, this.TCur] = [T0, epoch];
    else if (TMult === 1) this.TCur = epoch % T0;
    else {
      const n = Math.trunc(log((epoch / T0) * (TMult - 1) + 1) / log(TMult));
      this.TCur = epoch - (T0 * (pow(TMult, n) - 1)) / (TMult - 1);
      this.Ti = T0 * pow(TMult, n);
    }
  }
}
