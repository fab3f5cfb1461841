/**
 * The base of all optimizers: parameter groups, state, hooks, state dicts.
 * @module
 */
import { enableGrad, noGrad } from '../autograd-mode.js';
import { tensor } from '../creation.js';
import { getDefaultDtype } from '../dtype.js';
import { ArgumentError, TorchError, ValueError } from '../errors.js';
import { shown } from '../runtime/console.js';
import { keep } from '../runtime/scope.js';
import { op } from '../runtime/call.js';
import { isTensor, type Tensor, zeroGrads } from '../tensor.js';
import type { Rule, States } from './differentiable.js';
import { camel, snake } from '../runtime/python.js';
import { pyDict, repr, str } from './python.js';
import { isPlain } from '../runtime/plain.js';

/** What a closure given to `step` returns: the loss. */
export type Loss = Tensor | number;
/** A function that evaluates the model anew, calls `backward()` and returns the loss. */
export type Closure<R> = () => R;
/** A hyperparameter that may be a number or a tensor of one element. */
export type Hyper = number | Tensor;

/** What an optimizer remembers of one parameter, under PyTorch's names (`exp_avg`, `momentum_buffer`, ...). */
export type ParameterState = Record<string, unknown>;

/** Parameters that share options; options under their TypeScript names (`weightDecay`). */
export interface ParamGroup {
  params: Tensor[];
  /** Names, when the parameters were given with names. */
  paramNames?: string[];
  lr: Hyper;
  [option: string]: unknown;
}

/** A group as given to a constructor or to {@link Optimizer.addParamGroup}: `params` and any options of its own. */
export interface ParamGroupSpec {
  params: Tensor | Iterable<Tensor | readonly [string, Tensor]>;
  [option: string]: unknown;
}

/** What to optimize: parameters, `[name, parameter]` pairs, or groups. */
export type Params = Iterable<Tensor | readonly [string, Tensor] | ParamGroupSpec>;

/** PyTorch's optimizer dict: options by PyTorch's names, parameters by number. */
export interface OptimizerStateDict {
  state: Record<string, ParameterState>;
  param_groups: ({ params: number[] } & Record<string, unknown>)[];
}

/** Called before a step. */
export type StepHook = (optimizer: Optimizer) => void;

/** Undoes the registration of a hook. */
export interface HookHandle {
  remove(): void;
}

const globalPreHooks = new Set<StepHook>();
const globalPostHooks = new Set<StepHook>();

function register<T>(hooks: Set<T>, hook: T): HookHandle {
  hooks.add(hook);
  return { remove: () => void hooks.delete(hook) };
}

/** Registers a hook that runs before every step of every optimizer. PyTorch: `register_optimizer_step_pre_hook`. */
export function registerOptimizerStepPreHook(hook: StepHook): HookHandle {
  return register(globalPreHooks, hook);
}

/** Registers a hook that runs after every step of every optimizer. PyTorch: `register_optimizer_step_post_hook`. */
export function registerOptimizerStepPostHook(hook: StepHook): HookHandle {
  return register(globalPostHooks, hook);
}

/** The value of a hyperparameter. */
export function scalarOf(x: Hyper): number {
  return isTensor(x) ? Number(x.itemSync()) : x;
}

/** A 0-d tensor of the default dtype on the CPU, as PyTorch's states hold steps. */
export function count(value: number): Tensor {
  return tensor(value, { dtype: getDefaultDtype(), device: 'cpu' });
}

/**
 * Base class of optimizers. To write one, extend it and implement {@link update}.
 *
 * PyTorch: `torch.optim.Optimizer`.
 * @example
 * class PlainSGD extends optim.Optimizer {
 *   constructor(params: optim.Params, lr = 0.1) { super(params, { lr }); }
 *   protected update() {
 *     torch.noGrad(() => {
 *       for (const { params, lr } of this.paramGroups) for (const p of params) if (p.grad) p.sub_(p.grad.mul(lr));
 *     });
 *   }
 * }
 */
export abstract class Optimizer {
  /** Options of groups that give none of their own. */
  readonly defaults: Record<string, unknown>;
  /** What is remembered of each parameter. */
  state = new Map<Tensor, ParameterState>();
  /** The groups. Their options may be changed between steps, as learning rate schedulers do. */
  paramGroups: ParamGroup[] = [];
  /** Whether a step was made; schedulers warn when they are stepped first. @internal */
  stepped = false;
  readonly #preHooks = new Set<StepHook>();
  readonly #postHooks = new Set<StepHook>();

  constructor(params: Params, defaults: Record<string, unknown>) {
    this.defaults = defaults;
    if (isTensor(params)) {
      throw new ArgumentError('params argument given to the optimizer should be an iterable of Tensors or dicts, but got a Tensor');
    }
    if (typeof (params as Partial<Params> | null)?.[Symbol.iterator] !== 'function') {
      throw new ArgumentError(`params argument given to the optimizer should be an iterable of Tensors or dicts, but got ${String(params)}`);
    }
    const given = [...params];
    if (given.length === 0) throw new ValueError('optimizer got an empty parameter list');
    if (isPlain(given[0])) given.forEach((group) => this.addParamGroup(group as ParamGroupSpec));
    else this.addParamGroup({ params: given as Tensor[] });
  }

  /** Updates the parameters from their gradients: one step of the method. */
  protected abstract update(): void;

  /** The step with tensor operations, for `differentiable`; null where PyTorch has none either. */
  protected get rule(): Rule | null {
    return null;
  }

  /** Updates a group by operations that autograd follows. */
  protected differentiate(group: ParamGroup, init: (p: Tensor) => ParameterState): void {
    const rule = this.rule;
    if (!rule) throw new TorchError(`${this.constructor.name} does not support \`differentiable\``);
    enableGrad(() => {
      for (const p of group.params) {
        if (p.grad === null) continue;
        const state = this.#stateOf(p, init);
        const step = isTensor(state['step']) ? Number(noGrad(() => (state['step'] as Tensor).add_(1)).itemSync()) : 0;
        p.copy_(rule(p, p.grad, state as States, group, step));
        kept(state);
      }
    });
  }

  /** Options that Python shows as `1.0` when they are whole. */
  protected get floats(): readonly string[] {
    return [];
  }

  /**
   * Makes one step.
   * @param closure evaluates the model anew, calls `backward()` and returns the loss; sync or async. Optional except
   *   for LBFGS.
   * @returns what the closure returned (a promise of it, if the closure is async).
   * @example
   * optimizer.zeroGrad();
   * lossFn(model(x), y).backward();
   * optimizer.step();
   */
  step(): undefined;
  step<R extends Loss>(closure: Closure<Promise<R>>): Promise<R>;
  step<R extends Loss>(closure: Closure<R>): R;
  step<R extends Loss>(closure?: Closure<R | Promise<R>>): R | Promise<R> | undefined {
    this.before();
    if (closure === undefined) {
      this.update();
      this.after();
      return undefined;
    }
    const finish = (loss: R): R => {
      this.update();
      this.after();
      return loss;
    };
    const loss = enableGrad(closure);
    return loss instanceof Promise ? loss.then(finish) : finish(loss);
  }

  /** Runs the hooks that come before a step. */
  protected before(): void {
    this.stepped = true;
    for (const hook of [...globalPreHooks, ...this.#preHooks]) hook(this);
  }

  /** Runs the hooks that come after a step. */
  protected after(): void {
    for (const hook of [...this.#postHooks, ...globalPostHooks]) hook(this);
  }

  /** Registers a hook that runs before each step. */
  registerStepPreHook(hook: StepHook): HookHandle {
    return register(this.#preHooks, hook);
  }

  /** Registers a hook that runs after each step. */
  registerStepPostHook(hook: StepHook): HookHandle {
    return register(this.#postHooks, hook);
  }

  /**
   * Clears the gradients of all parameters.
   * @param setToNone `grad` becomes null (default true) instead of zeros.
   */
  zeroGrad(setToNone: boolean | { setToNone?: boolean } = true): void {
    const none = typeof setToNone === 'boolean' ? setToNone : (setToNone.setToNone ?? true);
    for (const { params } of this.paramGroups) zeroGrads(params, none);
  }

  /**
   * Adds a group, for example of layers that were frozen until now.
   * @param spec `params` and any options that differ from the defaults.
   */
  addParamGroup(spec: ParamGroupSpec): void {
    if (!isPlain(spec)) throw new ArgumentError(`param_group must be a plain object, but got ${String(spec)}`);
    const source: unknown = spec.params;
    if (source instanceof Set) {
      throw new ArgumentError(
        'optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets will change between runs. Please use a list instead.',
      );
    }
    const items: unknown[] = isTensor(source) ? [source] : [...(source as Iterable<unknown>)];
    const named = items.filter((item) => Array.isArray(item));
    const params = items.map((item) => (Array.isArray(item) ? (item[1] as unknown) : item)) as Tensor[];
    if (named.length !== 0 && named.length !== items.length) {
      throw new ValueError('all optimizer params should be with/without names. Some param names are missing');
    }
    for (const p of params) {
      if (!isTensor(p)) throw new ArgumentError(`optimizer can only optimize Tensors, but one of the params is ${String(p)}`);
      if (this.defaults['differentiable'] !== true && !(p.isLeaf || p.retainsGrad)) throw new ValueError("can't optimize a non-leaf Tensor");
    }
    if (new Set(params).size !== params.length) {
      console.warn('optimizer contains a parameter group with duplicate parameters; in future, this will cause an error');
    }
    const group = { ...this.defaults, ...spec, params } as ParamGroup;
    if (named.length > 0) group.paramNames = named.map((item) => String((item as unknown[])[0]));
    for (const other of this.paramGroups) {
      if ((other.paramNames === undefined) !== (group.paramNames === undefined)) {
        const how = group.paramNames ? 'with names' : 'without names';
        throw new ValueError(`all optimizer param groups should be with/without names. cannot add param group ${how} to the optimizer`);
      }
      if (other.params.some((p) => params.includes(p))) throw new ValueError('some parameters appear in more than one parameter group');
    }
    this.paramGroups.push(group);
  }

  /**
   * The state as PyTorch structures it: `{ state: { 0: { step, exp_avg, ... } }, param_groups: [{ lr, weight_decay, ...,
   * params: [0, 1] }] }`. The tensors in it are the optimizer's own, not copies.
   */
  stateDict(): OptimizerStateDict {
    const numbers = new Map<Tensor, number>();
    const param_groups = this.paramGroups.map(({ params, ...options }) => {
      for (const p of params) if (!numbers.has(p)) numbers.set(p, numbers.size);
      const named = Object.entries(options).map(([k, v]) => [snake(k), v] as const);
      return { ...Object.fromEntries(named), params: params.map((p) => numbers.get(p)!) };
    });
    const state = [...this.state].filter(([p]) => numbers.has(p)).map(([p, s]) => [numbers.get(p)!, s] as const);
    const dict = { state: Object.fromEntries(state), param_groups };
    const text = (): string => {
      const states = Object.entries(dict.state).map(([number, s]) => `${number}: ${pyDict(s)}`);
      const groups = dict.param_groups.map(({ params, ...options }) => {
        return pyDict({ ...options, params }, (k, v) => (k === 'params' ? `[${params.join(', ')}]` : repr(v, this.floats.includes(camel(k)))));
      });
      return `{'state': {${states.join(', ')}}, 'param_groups': [${groups.join(', ')}]}`;
    };
    // Not enumerable: whoever walks over the entries sees PyTorch's.
    Object.defineProperty(dict, 'toString', { value: text, writable: true, configurable: true });
    shown(dict);
    return dict;
  }

  /**
   * Takes over a state made by {@link stateDict}, here or in PyTorch. Tensors are copied; those that belong to a
   * floating point parameter get its dtype, except `step`.
   */
  loadStateDict(dict: OptimizerStateDict): void {
    const groups = this.paramGroups;
    const saved = dict.param_groups;
    if (groups.length !== saved.length) throw new ValueError('loaded state dict has a different number of parameter groups');
    if (groups.some((g, i) => g.params.length !== saved[i]!.params.length)) {
      throw new ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group");
    }
    const byNumber = new Map<string, Tensor>();
    saved.forEach((g, i) => g.params.forEach((id, j) => byNumber.set(String(id), groups[i]!.params[j]!)));
    const state = new Map<Tensor, ParameterState>();
    for (const [id, values] of Object.entries(dict.state)) {
      const p = byNumber.get(id);
      if (p) state.set(p, adopt(values, p, '') as ParameterState);
    }
    this.state = state;
    this.paramGroups = groups.map((group, i) => {
      const options = Object.entries(saved[i]!).filter(([k]) => k !== 'params');
      const loaded = options.map(([k, v]) => [camel(k), isTensor(v) ? keep(v.detach().clone()) : structuredCloneOf(v)] as const);
      // Options that an older PyTorch did not have yet get their defaults.
      const names = group.paramNames ? { paramNames: group.paramNames } : {};
      return { lr: group.lr, ...this.defaults, ...names, ...Object.fromEntries(loaded), params: group.params };
    });
  }

  /** PyTorch's printed form. */
  toString(): string {
    let text = `${this.constructor.name} (`;
    this.paramGroups.forEach((group, i) => {
      text += `\nParameter Group ${i}\n`;
      const rows = Object.entries(group).filter(([k]) => k !== 'params');
      const shownAs = (k: string, v: unknown): string => (isTensor(v) && v.ndim === 0 ? repr(v.itemSync(), true) : str(v, this.floats.includes(k)));
      const lines = rows.map(([k, v]) => [snake(k), `    ${snake(k)}: ${shownAs(k, v)}\n`] as const);
      text += lines.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line).join('');
    });
    return `${text})`;
  }

  static {
    shown(this.prototype);
  }

  /**
   * The parameters of a group that have a gradient, with their states; `init` makes the state of a parameter that has none
   * yet. A differentiable group is updated here and comes back empty.
   */
  protected collect(group: ParamGroup, init: (p: Tensor) => ParameterState): Collected {
    if (group['differentiable'] === true) {
      this.differentiate(group, init);
      return { params: [], states: [], column: () => [] };
    }
    const params = this.withGrad(group.params);
    const states = params.map((p) => this.#stateOf(p, init));
    if (group['capturable'] === true && params.length > 0) {
      throw new TorchError("If capturable=true, params and state_steps must be on supported devices: ['cuda', 'xpu', 'hpu', 'xla'].");
    }
    return { params, column: (name) => states.map((s) => s[name] as Tensor), states };
  }

  /** Those that have a gradient: the engine's steps take it from them. */
  protected withGrad(params: readonly Tensor[]): readonly Tensor[] {
    const at = op('with_grad', params) as number[];
    return at.length === params.length ? params : at.map((i) => params[i]!);
  }

  /** The state of a parameter, made by `init` if it has none yet. */
  #stateOf(p: Tensor, init: (p: Tensor) => ParameterState): ParameterState {
    let state = this.state.get(p);
    if (state === undefined || isEmpty(state)) this.state.set(p, (state = kept(init(p))));
    return state;
  }
}

/** Result of {@link Optimizer.collect}: lists that run in parallel. */
export interface Collected {
  readonly params: readonly Tensor[];
  readonly states: ParameterState[];
  /** One entry of every state, as a list. */
  column(name: string): Tensor[];
}

function isEmpty(state: ParameterState): boolean {
  for (const _ in state) return false;
  return true;
}

/** Takes the tensors of a state out of any scope that may be open. */
export function kept(state: ParameterState): ParameterState {
  for (const value of Object.values(state)) if (isTensor(value)) keep(value);
  return state;
}

/** A copy of a loaded state value, its tensors in the parameter's dtype as PyTorch casts them. */
function adopt(value: unknown, p: Tensor, key: string): unknown {
  if (isTensor(value)) {
    const copy = value.detach().clone();
    const cast = key !== 'step' && p.dtype.isFloatingPoint && copy.dtype !== p.dtype;
    return keep(cast ? copy.to(p.dtype) : copy);
  }
  // States saved before PyTorch 1.12 hold the step as a number.
  if (key === 'step' && typeof value === 'number') return keep(count(value));
  if (Array.isArray(value)) return value.map((v) => adopt(v, p, ''));
  if (isPlain(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, adopt(v, p, k)]));
  return value;
}

function structuredCloneOf(v: unknown): unknown {
  return Array.isArray(v) ? [...(v as unknown[])] : v;
}
