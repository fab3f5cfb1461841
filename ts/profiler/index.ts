/**
 * Where the time goes. PyTorch: `torch.profiler`.
 *
 * ```ts
 * const model = new torch.nn.Linear(10, 2);
 * const prof = torch.profiler.profile(() => {
 *   torch.profiler.recordFunction('step', () => model(torch.randn(5, 10)).sum().backward());
 * });
 * console.log(prof.keyAverages().table({ sortBy: 'selfCpuTimeTotal' }));
 * ```
 * @module
 */
import { ArgumentError, TorchError } from '../errors.js';
import { writeFileSync } from '../io/files.js';
import { watchCalls } from '../runtime/call.js';
import { isHandle } from '../runtime/handle.js';
import type { Tensor } from '../tensor.js';
import { run } from '../runtime/wasm.js';
import { type ProfilerEvent, takeEvents } from './events.js';
import { averages, type EventList } from './table.js';

export type { EventKind, ProfilerEvent } from './events.js';
export type { EventAverage, EventList, SortKey, TableOptions } from './table.js';

/** What is recorded. PyTorch: `torch.profiler.ProfilerActivity`. */
export const ProfilerActivity = { CPU: 'cpu' } as const;

/** What a step of a schedule is for. PyTorch: `torch.profiler.ProfilerAction`. */
export type ProfilerAction = 'none' | 'warmup' | 'record' | 'recordAndSave';

/** Options of {@link schedule}. */
export interface ScheduleOptions {
  /** Steps that are not recorded. */
  wait: number;
  /** Steps that are recorded and thrown away. */
  warmup: number;
  /** Steps that are recorded. */
  active: number;
  /** How often; 0 until the end. Default 0. */
  repeat?: number;
  /** Steps before the first time. Default 0. */
  skipFirst?: number;
}

/**
 * For long runs: waits, warms up, records, again and again, counting calls of `prof.step()`. PyTorch: `torch.profiler.schedule`.
 * @example
 * const when = torch.profiler.schedule({ wait: 1, warmup: 1, active: 2, repeat: 1 });
 * console.log([0, 1, 2, 3, 4].map(when)); // [ 'none', 'warmup', 'record', 'recordAndSave', 'none' ]
 */
export function schedule({ wait, warmup, active, repeat = 0, skipFirst = 0 }: ScheduleOptions): (step: number) => ProfilerAction {
  for (const [name, value] of Object.entries({ wait, warmup, active, repeat, skipFirst })) {
    if (!Number.isInteger(value) || value < (name === 'active' ? 1 : 0)) throw new ArgumentError(`schedule: ${name} must be ${name === 'active' ? 'a positive' : 'an'} integer, not ${value}`);
  }
  const cycle = wait + warmup + active;
  return (step) => {
    const at = step - skipFirst;
    if (at < 0 || (repeat > 0 && at >= repeat * cycle)) return 'none';
    const within = at % cycle;
    if (within < wait) return 'none';
    if (within < wait + warmup) return 'warmup';
    return within < cycle - 1 ? 'record' : 'recordAndSave';
  };
}

/** Options of {@link profile}. */
export interface ProfileOptions {
  /** Only the CPU can be recorded. */
  activities?: readonly 'cpu'[];
  /** When to record, by the number of the step; always if left out. */
  schedule?: ((step: number) => ProfilerAction) | null;
  /** Called when a recording is complete. */
  onTraceReady?: ((prof: Profile) => void) | null;
  /** Notes the sizes of the ops' arguments. */
  recordShapes?: boolean;
  /** Shows in tables how much memory tensors took. */
  profileMemory?: boolean;
}

/** Names of the ranges of the recording that is under way, by their number. */
let ranges: string[] | null = null;
let current: Profile | null = null;

/**
 * A recording. Made by {@link profile}, or by hand with `start` and `stop`, or by `using`. One can be under way at a time.
 * PyTorch: `torch.profiler.profile`.
 * @example
 * const prof = new torch.profiler.Profile({ profileMemory: true });
 * prof.start();
 * torch.ones(100, 100).exp().dispose();
 * prof.stop();
 * console.log(prof.events().length > 0); // true
 */
export class Profile {
  /** How many steps were made. PyTorch: `step_num`. */
  stepNum = 0;
  readonly #options: ProfileOptions;
  #events: ProfilerEvent[] = [];
  #action: ProfilerAction = 'none';
  #shapes = new Map<number, readonly (readonly number[])[]>();

  constructor(options: ProfileOptions = {}) {
    this.#options = options;
    for (const activity of options.activities ?? []) {
      if (activity !== 'cpu') throw new ArgumentError(`profile: activity ${String(activity)} cannot be recorded, only ProfilerActivity.CPU`);
    }
  }

  /** Begins. @throws TorchError if another recording is under way. */
  start(): void {
    if (current !== null) throw new TorchError('profile: another recording is under way; stop it first');
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- which recording is under way
    current = this;
    this.#enter(this.#actionOf(0));
  }

  /** Says that a step of the program is over; with a schedule, this is when recording begins and ends. */
  step(): void {
    if (current !== this) throw new TorchError('profile: step() of a recording that is not under way');
    const before = this.#action;
    if (ranges !== null) endRange();
    this.stepNum++;
    const next = this.#actionOf(this.stepNum);
    if (before === 'recordAndSave' || (before === 'record' && next !== 'record' && next !== 'recordAndSave')) this.#save();
    this.#enter(next);
  }

  /** Ends. Nothing happens if it is not under way. */
  stop(): void {
    if (current !== this) return;
    const before = this.#action;
    this.#leave();
    current = null;
    if (before === 'record' || before === 'recordAndSave') this.#options.onTraceReady?.(this);
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** All events, each after the one it is within. PyTorch: `profile.events`. */
  events(): readonly ProfilerEvent[] {
    return this.#events;
  }

  /** Events of one name together, in the order in which names first occurred. PyTorch: `profile.key_averages`. */
  keyAverages({ groupByInputShape = false }: { groupByInputShape?: boolean } = {}): EventList {
    const list = averages(this.#events, groupByInputShape);
    list.shown.memory = this.#options.profileMemory === true;
    return list;
  }

  /** The recording in Chrome's trace format: for `chrome://tracing`, Perfetto or a page of your own. */
  chromeTrace(): { readonly traceEvents: readonly Record<string, unknown>[]; readonly displayTimeUnit: 'ms' } {
    const categories = { range: 'user_annotation', op: 'cpu_op', node: 'cpu_op', kernel: 'kernel' };
    const traceEvents = this.#events.map(({ name, kind, start, cpuTimeTotal, bytes, cpuMemoryUsage, inputShapes }) => ({
      ph: 'X', cat: categories[kind], name, pid: 1, tid: 1, ts: start, dur: cpuTimeTotal,
      args: { ...(inputShapes && { 'Input Dims': inputShapes }), ...(bytes > 0 && { Bytes: bytes }), ...(cpuMemoryUsage !== 0 && { 'Memory': cpuMemoryUsage }) },
    }));
    return { traceEvents, displayTimeUnit: 'ms' };
  }

  /**
   * Writes {@link chromeTrace} to a file (Node, Deno, Bun). PyTorch: `profile.export_chrome_trace`.
   * @throws FileError if it cannot be written, or in a browser.
   */
  exportChromeTrace(path: string): void {
    writeFileSync(path, JSON.stringify(this.chromeTrace()));
  }

  #actionOf(step: number): ProfilerAction {
    return this.#options.schedule ? this.#options.schedule(step) : 'record';
  }

  /** From one step to the next, of which the recording of the last one is over if it is to be. */
  #enter(action: ProfilerAction): void {
    const recorded = this.#action === 'record' || this.#action === 'recordAndSave';
    this.#action = action;
    if (action === 'none') return this.#leave();
    // What was recorded while warming up is thrown away.
    if (ranges === null || (action !== 'warmup' && !recorded)) this.#begin();
    if (this.#options.schedule) beginRange(`ProfilerStep#${this.stepNum}`);
  }

  #begin(): void {
    this.#shapes = new Map();
    ranges = [];
    if (this.#options.recordShapes === true) {
      watchCalls((_s, _mode, values) => {
        const at = run((wasm) => wasm.profile_last_op());
        if (at >= 0) this.#shapes.set(at, values.map((v) => (isHandle(v) ? [...(v as Tensor).shape] : [])));
      });
    }
    run((wasm) => wasm.profile_start());
  }

  #leave(): void {
    if (ranges === null) return;
    run((wasm) => wasm.profile_stop());
    if (this.#options.recordShapes === true) watchCalls(null);
    if (this.#action === 'record' || this.#action === 'recordAndSave') this.#events = takeEvents(ranges, this.#shapes);
    ranges = null;
    this.#action = 'none';
  }

  #save(): void {
    this.#leave();
    this.#options.onTraceReady?.(this);
  }
}

function beginRange(name: string): void {
  let id = ranges!.indexOf(name);
  if (id < 0) id = ranges!.push(name) - 1;
  run((wasm) => wasm.profile_begin(id));
}

function endRange(): void {
  run((wasm) => wasm.profile_end());
}

/**
 * Records what `f` does, and gives the recording; a promise of it if `f` is asynchronous. PyTorch: `torch.profiler.profile`.
 *
 * Times are those of the thread that calls: a kernel that several threads compute counts once. A recording costs about a
 * microsecond an event.
 * @example
 * const prof = torch.profiler.profile({ recordShapes: true }, () => void torch.randn(64, 64).matmul(torch.randn(64, 64)));
 * console.log(prof.keyAverages({ groupByInputShape: true }).table({ rowLimit: 3 }));
 */
export function profile(f: (prof: Profile) => Promise<unknown>): Promise<Profile>;
export function profile(options: ProfileOptions, f: (prof: Profile) => Promise<unknown>): Promise<Profile>;
export function profile(f: (prof: Profile) => unknown): Profile;
export function profile(options: ProfileOptions, f: (prof: Profile) => unknown): Profile;
export function profile(...args: [(prof: Profile) => unknown] | [ProfileOptions, (prof: Profile) => unknown]): Profile | Promise<Profile> {
  const [options, f] = args.length === 1 ? [{}, args[0]] : args;
  if (typeof f !== 'function') throw new ArgumentError('profile: the function to record is missing: profile({ ...options }, () => { ... }); to begin and end by hand use new Profile(options)');
  const prof = new Profile(options);
  prof.start();
  return after(() => f(prof), () => prof.stop(), () => prof);
}

/**
 * Gives what `f` does a name in recordings; without one it only calls `f`. PyTorch: `torch.profiler.record_function`.
 * @example
 * const y = torch.profiler.recordFunction('square', () => torch.ones(3).mul(2));
 * console.log(String(y)); // tensor([2., 2., 2.])
 */
export function recordFunction<T>(name: string, f: () => T): T {
  if (ranges === null) return f();
  const recording = ranges;
  beginRange(name);
  return after(f, () => ranges === recording && endRange(), (result) => result as T) as T;
}

/** Calls `f`, then `done` however it ended, then `result`; asynchronously if `f` is. */
function after<T>(f: () => unknown, done: () => unknown, result: (value: unknown) => T): T | Promise<T> {
  let value: unknown;
  try {
    value = f();
  } catch (error) {
    done();
    throw error;
  }
  if (!(value instanceof Promise)) {
    done();
    return result(value);
  }
  return value.finally(done).then(result);
}
