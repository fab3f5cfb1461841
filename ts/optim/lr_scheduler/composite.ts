/**
 * Schedulers made of schedulers.
 * @module
 */
import { ArgumentError, ValueError } from '../../errors.js';
import { Optimizer } from '../optimizer.js';
import { LRScheduler, type SchedulerStateDict, setValue } from './scheduler.js';
import { ReduceLROnPlateau } from './plateau.js';

function check(what: string, optimizer: Optimizer, schedulers: readonly LRScheduler[]): void {
  schedulers.forEach((scheduler, i) => {
    if (!(scheduler instanceof LRScheduler)) throw new ArgumentError(`${what} at index ${i} should be a scheduler with an \`optimizer\``);
    if (scheduler instanceof ReduceLROnPlateau) {
      throw new ValueError(`${what} does not support \`ReduceLROnPlateau\` scheduler as its \`step\` needs a metric, but got one at index ${i}`);
    }
    if (scheduler.optimizer !== optimizer) {
      throw new ValueError(`${what} expects all schedulers to belong to the same optimizer, but the one at index ${i} has another`);
    }
  });
}

/** A scheduler that holds others: their states are part of its own. */
abstract class Composite extends LRScheduler {
  readonly schedulers: readonly LRScheduler[];

  constructor(optimizer: Optimizer, schedulers: readonly LRScheduler[]) {
    super(optimizer);
    this.schedulers = [...schedulers];
  }

  getLr(): number[] {
    return this.rates();
  }

  override stateDict(): SchedulerStateDict {
    const { base_lrs: _, _step_count: __, _is_initial: ___, ...own } = super.stateDict();
    return { ...own, _schedulers: this.schedulers.map((s) => s.stateDict()) };
  }

  override loadStateDict(dict: SchedulerStateDict): void {
    const { _schedulers, ...own } = dict;
    super.loadStateDict(own);
    (_schedulers as SchedulerStateDict[]).forEach((state, i) => this.schedulers[i]!.loadStateDict(state));
  }
}

/** Options of {@link SequentialLR}. */
export interface SequentialLROptions {
  schedulers?: readonly LRScheduler[];
  /** Epochs at which the next scheduler takes over; one less than there are schedulers. */
  milestones?: readonly number[];
  /** Index of the last epoch (default -1). */
  lastEpoch?: number;
}

/**
 * One scheduler after another.
 *
 * PyTorch: `torch.optim.lr_scheduler.SequentialLR`.
 * @example
 * const warmup = new optim.lrScheduler.LinearLR(optimizer, { startFactor: 0.1, totalIters: 5 });
 * const decay = new optim.lrScheduler.CosineAnnealingLR(optimizer, 95);
 * const scheduler = new optim.lrScheduler.SequentialLR(optimizer, [warmup, decay], [5]);
 */
export class SequentialLR extends Composite {
  readonly switchPoints: readonly number[];

  constructor(
    optimizer: Optimizer,
    schedulers: readonly LRScheduler[] | SequentialLROptions,
    milestones?: readonly number[] | SequentialLROptions,
    lastEpoch?: number | SequentialLROptions,
  ) {
    const o: SequentialLROptions = {};
    if (Array.isArray(schedulers)) o.schedulers = schedulers as LRScheduler[];
    else Object.assign(o, schedulers);
    if (Array.isArray(milestones)) o.milestones = milestones as number[];
    else Object.assign(o, milestones);
    if (typeof lastEpoch === 'number') o.lastEpoch = lastEpoch;
    else Object.assign(o, lastEpoch);
    const list = o.schedulers ?? [];
    const points = o.milestones ?? [];
    if (list.length < 1) throw new ValueError('SequentialLR expects at least one scheduler, but got no scheduler.');
    check('SequentialLR', optimizer, list);
    if (points.length !== list.length - 1) {
      throw new ValueError(
        'Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, ' +
          `but got number of schedulers ${list.length} and the number of milestones to be equal to ${points.length}`,
      );
    }
    super(optimizer, list);
    this.switchPoints = [...points];
    this.lastEpoch = (o.lastEpoch ?? -1) + 1;
    // Each scheduler made its first step when it was constructed: undo them all, then start the first one alone.
    for (const group of optimizer.paramGroups) setValue(group, 'lr', group['initialLr'] as number);
    undo(this);
    this.#at(0).start();
    this.lastLr = this.#at(0).getLastLr();
  }

  #at(epoch: number): LRScheduler {
    return this.schedulers[this.#index(epoch)]!;
  }

  #index(epoch: number): number {
    return this.switchPoints.filter((m) => m <= epoch).length;
  }

  override step(): void {
    this.lastEpoch++;
    const i = this.#index(this.lastEpoch);
    const scheduler = this.schedulers[i]!;
    if (i > 0 && this.switchPoints[i - 1] === this.lastEpoch) scheduler.advance(0);
    else scheduler.step();
    this.lastLr = scheduler.getLastLr();
  }
}

function undo(scheduler: LRScheduler): void {
  if (scheduler instanceof Composite) scheduler.schedulers.forEach(undo);
  else scheduler.lastEpoch--;
}

/**
 * Several schedulers stepped together, each on the rate the one before left.
 *
 * PyTorch: `torch.optim.lr_scheduler.ChainedScheduler`.
 * @example
 * const scheduler = new optim.lrScheduler.ChainedScheduler([warmup, decay]);
 */
export class ChainedScheduler extends Composite {
  constructor(schedulers: readonly LRScheduler[], optimizer?: Optimizer) {
    if (schedulers.length < 1) throw new ValueError('ChainedScheduler expects at least one scheduler to be chained, but got no scheduler.');
    const shared = optimizer ?? schedulers[0]!.optimizer;
    check('ChainedScheduler', shared, schedulers);
    super(shared, schedulers);
    this.lastLr = this.rates();
  }

  override step(): void {
    for (const scheduler of this.schedulers) scheduler.step();
    this.lastLr = this.rates();
  }
}
