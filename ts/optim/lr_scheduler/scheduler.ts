/**
 * The base of all learning rate schedulers.
 * @module
 */
import { ArgumentError, ValueError } from '../../errors.js';
import { isTensor } from '../../tensor.js';
import { bindAll, type Rest } from '../options.js';
import { type Hyper, Optimizer, type ParamGroup, scalarOf } from '../optimizer.js';
import { camel, snake } from '../../runtime/python.js';

/** Constructor arguments of a scheduler: the optimizer, leading positional options `P`, then at most one object of options. */
export type SchedulerArgs<P extends unknown[], O> = [optimizer: Optimizer, ...Rest<P, O>] | [options: O & { optimizer: Optimizer }];

/** A scheduler's arguments by name. A default of undefined marks a required one. @internal */
export function arguments_<O extends object>(
  what: string,
  defaults: O,
  names: readonly (keyof O & string)[],
  args: readonly unknown[],
): O & { optimizer: Optimizer } {
  const bound = bindAll(what, { optimizer: undefined, ...defaults } as O & { optimizer: Optimizer }, ['optimizer', ...names], args);
  for (const [name, value] of Object.entries(bound)) {
    if (value === undefined) throw new ArgumentError(`${what}: missing argument '${name}'`);
  }
  if (!(bound.optimizer instanceof Optimizer)) throw new ArgumentError(`${what}: ${String(bound.optimizer)} is not an Optimizer`);
  return bound;
}

/** Names that PyTorch's dicts have for our properties, where the rule does not give them. */
const KEYS: Readonly<Record<string, string>> = {
  stepCount: '_step_count',
  lastLr: '_last_lr',
  initial: '_is_initial',
  TMax: 'T_max',
  T0: 'T_0',
  TMult: 'T_mult',
  TCur: 'T_cur',
  Ti: 'T_i',
  schedulers: '_schedulers',
  switchPoints: '_milestones',
  phases: '_schedule_phases',
  annealFuncType: '_anneal_func_type',
};
const PROPERTIES = new Map(Object.entries(KEYS).map(([ours, theirs]) => [theirs, ours]));

/** A scheduler's state under PyTorch's names. */
export type SchedulerStateDict = Record<string, unknown>;

/**
 * Base class of learning rate schedulers. To write one, extend it and implement {@link getLr}.
 *
 * PyTorch: `torch.optim.lr_scheduler.LRScheduler`.
 * @example
 * for (let epoch = 0; epoch < 10; epoch++) {
 *   trainOneEpoch();
 *   scheduler.step();
 * }
 */
export abstract class LRScheduler {
  declare readonly optimizer: Optimizer;
  /** The rates at the start, per group. */
  baseLrs: number[] = [];
  /** Steps taken, -1 before the first. */
  lastEpoch: number;
  /** Calls of `step`, the one at construction included. */
  protected stepCount = 0;
  /** Whether the first rates are being set. */
  protected initial = false;
  protected lastLr: number[] = [];

  /**
   * Notes the rates the schedule starts from. The subclass calls {@link start} when its own options are set.
   * @param lastEpoch -1 for a new schedule (default); to go on with one, the groups must have `initialLr`.
   */
  constructor(optimizer: Optimizer, lastEpoch = -1) {
    // Not enumerable, so that it is not part of the state.
    Object.defineProperty(this, 'optimizer', { value: optimizer, enumerable: false });
    optimizer.paramGroups.forEach((group, i) => {
      if (lastEpoch === -1) group['initialLr'] ??= scalarOf(group.lr);
      else if (group['initialLr'] === undefined) {
        throw new ValueError(
          `param 'initialLr' is not specified in paramGroups[${i}] when resuming scheduler with lastEpoch >= 0: ` +
            'load the state of the optimizer first, or leave lastEpoch out for a fresh training run',
        );
      }
    });
    this.baseLrs = optimizer.paramGroups.map((group) => scalarOf(group['initialLr'] as Hyper));
    this.lastEpoch = lastEpoch;
  }

  /** Sets the rates of epoch 0 (or of `lastEpoch + 1`). */
  start(): void {
    this.stepCount = 0;
    this.initial = true;
    try {
      this.step();
    } finally {
      this.initial = false;
    }
  }

  /** The rates of the epoch `lastEpoch`, from those of the epoch before. */
  abstract getLr(): number[];

  /** The rates of the epoch `lastEpoch` from that number alone, where there is such a formula. */
  protected closedForm?(): number[];

  /** The rates that were set last, per group. */
  getLastLr(): number[] {
    return [...this.lastLr];
  }

  /**
   * Sets the rates of the next epoch.
   * @param epoch jumps to this epoch instead (deprecated, as in PyTorch).
   */
  step(epoch?: number): void {
    if (this.stepCount === 1 && !this.optimizer.stepped) {
      console.warn(
        'Detected call of `scheduler.step()` before `optimizer.step()`: call them in the opposite order, or the first value of the learning rate schedule is skipped.',
      );
    }
    this.stepCount++;
    if (epoch !== undefined) console.warn('The epoch parameter of `scheduler.step()` is deprecated: call `scheduler.step()`.');
    this.advance(epoch);
  }

  /** Sets the rates of the next epoch, or of the one given. @internal */
  advance(epoch?: number): void {
    this.lastEpoch = epoch ?? this.lastEpoch + 1;
    this.apply(epoch !== undefined && this.closedForm ? this.closedForm() : this.getLr());
  }

  /** Writes rates into the groups. */
  protected apply(rates: readonly number[]): void {
    this.optimizer.paramGroups.forEach((group, i) => setValue(group, 'lr', rates[i]!));
    this.lastLr = this.rates();
  }

  /** The groups' rates now. */
  protected rates(): number[] {
    return this.optimizer.paramGroups.map((group) => scalarOf(group.lr));
  }

  /** The state under PyTorch's names; functions are not part of it. */
  stateDict(): SchedulerStateDict {
    const rows = Object.entries(this).filter(([, v]) => typeof v !== 'function');
    return Object.fromEntries(rows.map(([k, v]) => [KEYS[k] ?? snake(k), v as unknown]));
  }

  /** Takes over a state made by {@link stateDict}, here or in PyTorch. The optimizer's own state is loaded separately. */
  loadStateDict(dict: SchedulerStateDict): void {
    for (const [key, value] of Object.entries(dict)) {
      const name = PROPERTIES.get(key) ?? camel(key);
      if (name in this && typeof value !== 'function') (this as unknown as Record<string, unknown>)[name] = plainNumbers(value);
    }
  }
}

/** Rates of PyTorch's dicts may be tensors. */
function plainNumbers(value: unknown): unknown {
  if (isTensor(value)) return scalarOf(value);
  return Array.isArray(value) ? value.map(plainNumbers) : value;
}

/** Sets an option of a group; a tensor keeps its identity and gets the value. @internal */
export function setValue(group: ParamGroup, key: string, value: number): void {
  const old = group[key];
  if (isTensor(old)) old.detach().fill_(value);
  else group[key] = value;
}

/** One value per group, from a list of that length or a value for all. @internal */
export function perGroup(name: string, optimizer: Optimizer, value: Hyper | readonly Hyper[]): number[] {
  const n = optimizer.paramGroups.length;
  if (!Array.isArray(value)) return new Array<number>(n).fill(scalarOf(value as Hyper));
  if (value.length !== n) {
    throw new ValueError(`${name} must have the same length as optimizer.paramGroups. ${name} has ${value.length} values, paramGroups has ${n}.`);
  }
  return (value as Hyper[]).map(scalarOf);
}
