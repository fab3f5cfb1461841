/** @module */
import { ArgumentError, ValueError } from '../../errors.js';
import { type Hyper, scalarOf } from '../optimizer.js';
import { arguments_, LRScheduler, perGroup, type SchedulerArgs, type SchedulerStateDict, setValue } from './scheduler.js';
import type { PerGroup } from './cyclic.js';

/** Options of {@link ReduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions {
  /** Whether less (`min`, default) or more (`max`) is better. */
  mode?: 'min' | 'max';
  /** Factor of a reduction, below 1 (default 0.1). */
  factor?: number;
  /** Epochs without improvement that are allowed (default 10). */
  patience?: number;
  /** What counts as an improvement (default 1e-4). */
  threshold?: number;
  /** Threshold relative to the best value (`rel`, default) or as a difference (`abs`). */
  thresholdMode?: 'rel' | 'abs';
  /** Epochs after a reduction in which nothing is counted (default 0). */
  cooldown?: number;
  /** Least rate (default 0). */
  minLr?: PerGroup;
  /** Reductions by less than this are not made (default 1e-8). */
  eps?: number;
}

/**
 * Reduces the rate when a metric has stopped improving.
 *
 * PyTorch: `torch.optim.lr_scheduler.ReduceLROnPlateau`.
 * @example
 * const scheduler = new optim.lrScheduler.ReduceLROnPlateau(optimizer, 'min', { patience: 5 });
 * scheduler.step(validationLoss);
 */
export class ReduceLROnPlateau extends LRScheduler {
  mode: string;
  factor: number;
  patience: number;
  threshold: number;
  thresholdMode: string;
  cooldown: number;
  minLrs: number[];
  eps: number;
  best: number;
  cooldownCounter = 0;
  numBadEpochs = 0;
  /** The least rate of all groups, or null when each has its own. */
  defaultMinLr: number | null;

  constructor(
    ...args: SchedulerArgs<
      [mode: 'min' | 'max', factor: number, patience: number, threshold: number, thresholdMode: 'rel' | 'abs', cooldown: number, minLr: PerGroup, eps: number],
      ReduceLROnPlateauOptions
    >
  ) {
    const defaults = {
      mode: 'min' as string,
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: 'rel' as string,
      cooldown: 0,
      minLr: 0 as PerGroup,
      eps: 1e-8,
    };
    const o = arguments_('ReduceLROnPlateau', defaults, Object.keys(defaults) as (keyof typeof defaults)[], args);
    if (!(o.factor < 1)) throw new ValueError('Factor should be < 1.0.');
    if (!['min', 'max'].includes(o.mode)) throw new ValueError(`mode ${o.mode} is unknown!`);
    if (!['rel', 'abs'].includes(o.thresholdMode)) throw new ValueError(`threshold mode ${o.thresholdMode} is unknown!`);
    super(o.optimizer);
    this.mode = o.mode;
    this.factor = o.factor;
    this.patience = o.patience;
    this.threshold = o.threshold;
    this.thresholdMode = o.thresholdMode;
    this.cooldown = o.cooldown;
    this.minLrs = perGroup('min_lr', o.optimizer, o.minLr);
    this.defaultMinLr = typeof o.minLr === 'number' ? o.minLr : null;
    this.eps = o.eps;
    this.best = o.mode === 'min' ? Infinity : -Infinity;
    this.lastEpoch = 0;
    this.lastLr = this.rates();
  }

  getLr(): number[] {
    return this.rates();
  }

  /** Whether reductions are not counted just now. */
  get inCooldown(): boolean {
    return this.cooldownCounter > 0;
  }

  /**
   * Notes the metric of an epoch, and reduces the rate if it is time.
   * @param metrics a number, or a tensor of one element.
   */
  override step(metrics?: Hyper, epoch?: number): void {
    if (metrics === undefined) throw new ArgumentError('ReduceLROnPlateau.step() needs the metric of the epoch');
    const now = scalarOf(metrics);
    this.lastEpoch = epoch ?? this.lastEpoch + 1;
    if (this.#better(now)) {
      this.best = now;
      this.numBadEpochs = 0;
    } else {
      this.numBadEpochs++;
    }
    if (this.inCooldown) {
      this.cooldownCounter--;
      this.numBadEpochs = 0;
    }
    if (this.numBadEpochs > this.patience) {
      this.#reduce();
      this.cooldownCounter = this.cooldown;
      this.numBadEpochs = 0;
    }
    this.lastLr = this.rates();
  }

  #better(now: number): boolean {
    const { best, threshold } = this;
    const relative = this.thresholdMode === 'rel';
    if (this.mode === 'min') return now < (relative ? best * (1 - threshold) : best - threshold);
    return now > (relative ? best * (threshold + 1) : best + threshold);
  }

  #reduce(): void {
    const groups = this.optimizer.paramGroups;
    if (groups.length !== this.minLrs.length) {
      if (this.defaultMinLr === null) {
        throw new ValueError(
          `The number of param groups in the optimizer (${groups.length}) differs from when ReduceLROnPlateau was initialized ` +
            `(${this.minLrs.length}), usually due to a new param group being added to the optimizer. Please modify the minLrs field.`,
        );
      }
      this.minLrs = groups.map(() => this.defaultMinLr!);
    }
    groups.forEach((group, i) => {
      const old = scalarOf(group.lr);
      const reduced = Math.max(old * this.factor, this.minLrs[i]!);
      if (old - reduced > this.eps) setValue(group, 'lr', reduced);
    });
  }

  override stateDict(): SchedulerStateDict {
    const { base_lrs: _, _step_count: __, _is_initial: ___, ...own } = super.stateDict();
    return { ...own, mode_worse: this.mode === 'min' ? Infinity : -Infinity };
  }
}
