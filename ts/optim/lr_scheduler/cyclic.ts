/**
 * Schedules that raise and lower the rate, and the momentum the other way (Smith 2015, arXiv 1506.01186; Smith and
 * Topin 2017, arXiv 1708.07120).
 * @module
 */
import { ValueError } from '../../errors.js';
import { cos, pow } from '../../runtime/math.js';
import type { Optimizer, ParamGroup } from '../optimizer.js';
import { repr } from '../python.js';
import { arguments_, LRScheduler, perGroup, type SchedulerArgs, setValue } from './scheduler.js';

/** Sets the momentum of a group: its `momentum`, or the first of its `betas`. */
function setMomentum(group: ParamGroup, usesBeta1: boolean, value: number): void {
  if (usesBeta1) group['betas'] = [value, ...(group['betas'] as number[]).slice(1)];
  else group['momentum'] = value;
}

/** Whether the optimizer's momentum is `betas[0]`. @throws if it has none. */
function usesBeta1(optimizer: Optimizer): boolean {
  if (!('momentum' in optimizer.defaults) && !('betas' in optimizer.defaults)) {
    throw new ValueError('optimizer must support momentum or beta1 with `cycle_momentum` option enabled');
  }
  return 'betas' in optimizer.defaults;
}

/** A value for all groups, or one per group. */
export type PerGroup = number | readonly number[];

/** Options of {@link CyclicLR}. */
export interface CyclicLROptions {
  /** Least rate. */
  baseLr?: PerGroup;
  /** Largest rate of the first cycle. */
  maxLr?: PerGroup;
  /** Steps of the rising half (default 2000). */
  stepSizeUp?: number;
  /** Steps of the falling half (default null: as many). */
  stepSizeDown?: number | null;
  /** `triangular` (default), `triangular2` (each cycle half as high), `exp_range` (`gamma ** step` as high). */
  mode?: 'triangular' | 'triangular2' | 'exp_range';
  /** Base of `exp_range` (default 1). */
  gamma?: number;
  /** Height of a cycle by its number, or by the step; overrides `mode` (default null). */
  scaleFn?: ((x: number) => number) | null;
  /** What `scaleFn` gets: `cycle` (default) or `iterations`. */
  scaleMode?: 'cycle' | 'iterations';
  /** Whether the momentum is cycled too, the other way (default true). */
  cycleMomentum?: boolean;
  /** Least momentum (default 0.8). */
  baseMomentum?: PerGroup;
  /** Largest momentum, at the start (default 0.9). */
  maxMomentum?: PerGroup;
  /** Index of the last step (default -1). */
  lastEpoch?: number;
}

/**
 * Raises and lowers the rate in cycles; to be stepped after every batch.
 *
 * PyTorch: `torch.optim.lr_scheduler.CyclicLR`.
 * @example
 * const scheduler = new optim.lrScheduler.CyclicLR(optimizer, 0.01, 0.1, { stepSizeUp: 500 });
 */
export class CyclicLR extends LRScheduler {
  maxLrs: number[];
  totalSize: number;
  stepRatio: number;
  mode: string;
  gamma: number;
  scaleMode: string;
  cycleMomentum: boolean;
  useBeta1 = false;
  baseMomentums: number[] = [];
  maxMomentums: number[] = [];
  readonly #scaleFn: ((x: number) => number) | null;

  constructor(
    ...args: SchedulerArgs<
      [baseLr: PerGroup, maxLr: PerGroup, stepSizeUp: number, stepSizeDown: number | null, mode: 'triangular' | 'triangular2' | 'exp_range', gamma: number],
      CyclicLROptions
    >
  ) {
    const defaults = {
      baseLr: undefined as unknown as PerGroup,
      maxLr: undefined as unknown as PerGroup,
      stepSizeUp: 2000,
      stepSizeDown: null as number | null,
      mode: 'triangular' as string,
      gamma: 1,
      scaleFn: null as ((x: number) => number) | null,
      scaleMode: 'cycle' as string,
      cycleMomentum: true,
      baseMomentum: 0.8 as PerGroup,
      maxMomentum: 0.9 as PerGroup,
      lastEpoch: -1,
    };
    const o = arguments_('CyclicLR', defaults, Object.keys(defaults) as (keyof typeof defaults)[], args);
    const groups = o.optimizer.paramGroups;
    const baseLrs = perGroup('base_lr', o.optimizer, o.baseLr);
    if (o.lastEpoch === -1) groups.forEach((group, i) => setValue(group, 'lr', baseLrs[i]!));
    super(o.optimizer, o.lastEpoch);
    this.maxLrs = perGroup('max_lr', o.optimizer, o.maxLr);
    this.totalSize = o.stepSizeUp + (o.stepSizeDown ?? o.stepSizeUp);
    this.stepRatio = o.stepSizeUp / this.totalSize;
    if (!['triangular', 'triangular2', 'exp_range'].includes(o.mode) && o.scaleFn === null) throw new ValueError('mode is invalid and scale_fn is None');
    this.mode = o.mode;
    this.gamma = o.gamma;
    this.#scaleFn = o.scaleFn;
    this.scaleMode = o.scaleFn ? o.scaleMode : o.mode === 'exp_range' ? 'iterations' : 'cycle';
    this.cycleMomentum = o.cycleMomentum;
    if (o.cycleMomentum) {
      this.useBeta1 = usesBeta1(o.optimizer);
      this.baseMomentums = perGroup('base_momentum', o.optimizer, o.baseMomentum);
      this.maxMomentums = perGroup('max_momentum', o.optimizer, o.maxMomentum);
      if (o.lastEpoch === -1) {
        groups.forEach((group, i) => {
          setMomentum(group, this.useBeta1, this.maxMomentums[i]!);
          group['maxMomentum'] = this.maxMomentums[i]!;
          group['baseMomentum'] = this.baseMomentums[i]!;
        });
      }
    }
    this.start();
    this.baseLrs = baseLrs;
  }

  /** Height of a cycle, by its number or by the step. */
  #scale(x: number): number {
    if (this.#scaleFn) return this.#scaleFn(x);
    if (this.mode === 'triangular2') return 1 / 2 ** (x - 1);
    return this.mode === 'exp_range' ? pow(this.gamma, x) : 1;
  }

  getLr(): number[] {
    const done = this.lastEpoch / this.totalSize;
    const cycle = Math.floor(1 + done);
    const x = 1 + done - cycle;
    const place = x <= this.stepRatio ? x / this.stepRatio : (x - 1) / (this.stepRatio - 1);
    const scale = this.#scale(this.scaleMode === 'cycle' ? cycle : this.lastEpoch);
    if (this.cycleMomentum) {
      this.optimizer.paramGroups.forEach((group, i) => {
        const height = (this.maxMomentums[i]! - this.baseMomentums[i]!) * place;
        setMomentum(group, this.useBeta1, this.maxMomentums[i]! - height * scale);
      });
    }
    return this.baseLrs.map((lr, i) => lr + (this.maxLrs[i]! - lr) * place * scale);
  }
}

/** Options of {@link OneCycleLR}. */
export interface OneCycleLROptions {
  /** Largest rate. */
  maxLr?: PerGroup;
  /** Steps of the whole schedule; or give `epochs` and `stepsPerEpoch` (default null). */
  totalSteps?: number | null;
  epochs?: number | null;
  stepsPerEpoch?: number | null;
  /** Part of the steps in which the rate rises (default 0.3). */
  pctStart?: number;
  /** Along half a cosine, `cos` (default), or a line, `linear`. */
  annealStrategy?: 'cos' | 'linear';
  /** Whether the momentum is cycled too, the other way (default true). */
  cycleMomentum?: boolean;
  /** Least momentum (default 0.85). */
  baseMomentum?: PerGroup;
  /** Largest momentum (default 0.95). */
  maxMomentum?: PerGroup;
  /** The first rate is `maxLr / divFactor` (default 25). */
  divFactor?: number;
  /** The last rate is the first one divided by this (default 1e4). */
  finalDivFactor?: number;
  /** Falls to the first rate as it rose, then to the last one (default false). */
  threePhase?: boolean;
  /** Index of the last step (default -1). */
  lastEpoch?: number;
}

/** A part of the schedule: until which step, between which of a group's values. */
interface Phase {
  endStep: number;
  lr: readonly [from: string, to: string];
  momentum: readonly [from: string, to: string];
}

/**
 * One rise to `maxLr` and one fall to almost nothing; to be stepped after every batch.
 *
 * PyTorch: `torch.optim.lr_scheduler.OneCycleLR`.
 * @example
 * const scheduler = new optim.lrScheduler.OneCycleLR(optimizer, 0.1, { epochs: 10, stepsPerEpoch: loader.length });
 */
export class OneCycleLR extends LRScheduler {
  totalSteps: number;
  cycleMomentum: boolean;
  useBeta1 = false;
  annealFuncType: string;
  readonly #phases: readonly Phase[];

  constructor(
    ...args: SchedulerArgs<[maxLr: PerGroup, totalSteps: number | null, epochs: number | null, stepsPerEpoch: number | null, pctStart: number], OneCycleLROptions>
  ) {
    const defaults = {
      maxLr: undefined as unknown as PerGroup,
      totalSteps: null as number | null,
      epochs: null as number | null,
      stepsPerEpoch: null as number | null,
      pctStart: 0.3,
      annealStrategy: 'cos' as string,
      cycleMomentum: true,
      baseMomentum: 0.85 as PerGroup,
      maxMomentum: 0.95 as PerGroup,
      divFactor: 25,
      finalDivFactor: 1e4,
      threePhase: false,
      lastEpoch: -1,
    };
    const o = arguments_('OneCycleLR', defaults, Object.keys(defaults) as (keyof typeof defaults)[], args);
    const totalSteps = steps(o);
    if (!(o.pctStart >= 0 && o.pctStart <= 1)) throw new ValueError(`Expected float between 0 and 1 pct_start, but got ${repr(o.pctStart)}`);
    if (!['cos', 'linear'].includes(o.annealStrategy)) {
      throw new ValueError(`anneal_strategy must be one of 'cos' or 'linear', instead got ${o.annealStrategy}`);
    }
    const groups = o.optimizer.paramGroups;
    const maxLrs = perGroup('max_lr', o.optimizer, o.maxLr);
    if (o.lastEpoch === -1) {
      groups.forEach((group, i) => {
        group['initialLr'] = maxLrs[i]! / o.divFactor;
        group['maxLr'] = maxLrs[i]!;
        group['minLr'] = (group['initialLr'] as number) / o.finalDivFactor;
      });
    }
    super(o.optimizer, o.lastEpoch);
    this.totalSteps = totalSteps;
    this.annealFuncType = o.annealStrategy;
    this.#phases = phases(o.pctStart, totalSteps, o.threePhase);
    this.cycleMomentum = o.cycleMomentum;
    if (o.cycleMomentum) {
      this.useBeta1 = usesBeta1(o.optimizer);
      const most = perGroup('max_momentum', o.optimizer, o.maxMomentum);
      const least = perGroup('base_momentum', o.optimizer, o.baseMomentum);
      if (o.lastEpoch === -1) {
        groups.forEach((group, i) => {
          setMomentum(group, this.useBeta1, most[i]!);
          group['maxMomentum'] = most[i]!;
          group['baseMomentum'] = least[i]!;
        });
      }
    }
    this.start();
  }

  getLr(): number[] {
    const step = this.lastEpoch;
    if (step > this.totalSteps) {
      throw new ValueError(`Tried to step ${step} times. The specified number of total steps is ${this.totalSteps}`);
    }
    const at = this.#phases.findIndex((phase) => step <= phase.endStep);
    const phase = this.#phases.at(at)!;
    const from = this.#phases[this.#phases.indexOf(phase) - 1]?.endStep ?? 0;
    const done = (step - from) / (phase.endStep - from);
    return this.optimizer.paramGroups.map((group) => {
      const between = ([a, b]: readonly [string, string]): number => this.#anneal(group[a] as number, group[b] as number, done);
      if (this.cycleMomentum) setMomentum(group, this.useBeta1, between(phase.momentum));
      return between(phase.lr);
    });
  }

  #anneal(from: number, to: number, done: number): number {
    if (this.annealFuncType === 'linear') return (to - from) * done + from;
    return to + ((from - to) / 2) * (cos(Math.PI * done) + 1);
  }
}

function steps(o: { totalSteps: number | null; epochs: number | null; stepsPerEpoch: number | null }): number {
  const positive = (value: number, name: string): number => {
    if (!Number.isInteger(value) || value <= 0) throw new ValueError(`Expected positive integer ${name}, but got ${repr(value)}`);
    return value;
  };
  if (o.totalSteps !== null) return positive(o.totalSteps, 'total_steps');
  if (o.epochs === null || o.stepsPerEpoch === null) {
    throw new ValueError('You must define either total_steps OR (epochs AND steps_per_epoch)');
  }
  return positive(o.epochs, 'epochs') * positive(o.stepsPerEpoch, 'steps_per_epoch');
}

function phases(pctStart: number, totalSteps: number, threePhase: boolean): readonly Phase[] {
  const rise: Phase = { endStep: pctStart * totalSteps - 1, lr: ['initialLr', 'maxLr'], momentum: ['maxMomentum', 'baseMomentum'] };
  const last = totalSteps - 1;
  if (!threePhase) return [rise, { endStep: last, lr: ['maxLr', 'minLr'], momentum: ['baseMomentum', 'maxMomentum'] }];
  return [
    rise,
    { endStep: 2 * pctStart * totalSteps - 2, lr: ['maxLr', 'initialLr'], momentum: ['baseMomentum', 'maxMomentum'] },
    { endStep: last, lr: ['initialLr', 'minLr'], momentum: ['maxMomentum', 'maxMomentum'] },
  ];
}
