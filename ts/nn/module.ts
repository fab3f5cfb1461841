/**
 * The base of every neural network module.
 * @module
 */
import type { DType } from '../dtype.js';
import { ArgumentError, TorchError, ValueError } from '../errors.js';
import { keepHandle } from '../runtime/handle.js';
import { Tensor, zeroGrads } from '../tensor.js';
import { anything, bind, flag, maybe, text } from './args.js';
import { CALL, Callable } from './callable.js';
import { type BackwardHook, type BackwardPreHook, type ForwardHook, type ForwardPreHook, Hooks, type RemovableHandle, callWithHooks } from './hooks.js';
import { convert, fetchAll, parseTo } from './move.js';
import { Buffer, Parameter } from './parameter.js';
import { indent, pyType } from './python.js';
import { type LoadResult, type StateDict, loadInto, newStateDict, saveFrom } from './state.js';
import { isPlain } from '../runtime/plain.js';
import { shown } from '../runtime/console.js';

// The instances are functions; their call signature is that of the class's own `forward`.
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- how TypeScript spells a callable class
export interface Module {
  (...args: Parameters<this['forward']>): ReturnType<this['forward']>;
}

/**
 * Base class of all neural network modules: derive from it, assign submodules and parameters as fields, write `forward`.
 *
 * Instances are callable: `model(x)` runs `forward(x)` and the hooks. Modules, {@link Parameter}s and {@link Buffer}s
 * assigned to properties are found by themselves, under the property's name. What is registered under a name with an
 * underscore (`registerBuffer('running_mean', ...)`) has that name as property and as key of the state dict, and is
 * also reached in camelCase: `module.runningMean`.
 *
 * PyTorch: `torch.nn.Module`.
 * @example
 * class Net extends nn.Module {
 *   fc1 = new nn.Linear(784, 128);
 *   fc2 = new nn.Linear(128, 10);
 *   forward(x: Tensor) {
 *     return this.fc2(this.fc1(x).relu());
 *   }
 * }
 * const model = new Net();
 * const logits = model(torch.rand(32, 784));
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- see above
export class Module extends Callable {
  /**
   * PyTorch's names of what `forward` takes, in order. A class that has them can be called by name, as in Python:
   * `layer({ input: x })`. A class of your own has none unless it says so, and its `forward` may take any object.
   */
  static readonly inputs: readonly string[] = [];

  /** Whether the module is in training mode; `train()` and `eval()` set it. */
  training = true;

  /** Names under which tensors were registered as buffers, and whether the state dict has them. */
  #buffers: Map<string, boolean> | null = null;
  /** Names under which null was registered as a module: the printed form shows them. */
  #absent: Set<string> | null = null;
  #hooks: Hooks | null = null;

  /** What the module computes; every derived class has its own. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- derived classes say what they take and give
  forward(..._args: any[]): any {
    throw new TorchError(`Module [${this._getName()}] is missing the required "forward" function`);
  }

  /** @internal */
  override [CALL](given: unknown[]): unknown {
    const args = isPlain(given.at(-1)) ? this.#positional(given) : given;
    return this.#hooks ? callWithHooks(this, this.#hooks, args) : this.forward(...args);
  }

  /** Puts inputs that are given by name (see {@link Module.inputs}) into their places; other options stay as they are. */
  #positional(given: unknown[]): unknown[] {
    const { inputs } = this.constructor as typeof Module;
    const named = given.at(-1) as Record<string, unknown>;
    const keys = Object.keys(named);
    if (keys.length === 0 || !keys.every((key) => inputs.includes(key))) return given;
    const args = given.slice(0, -1);
    for (const key of keys) {
      const place = inputs.indexOf(key);
      if (place < args.length && args[place] !== undefined) throw new ArgumentError(`${this._getName()}: forward got multiple values for argument '${key}'`);
      args[place] = named[key];
    }
    return Array.from(args);
  }

  // --- what belongs to this module itself ---------------------------------------------------------------------------

  /** Names of the properties that may hold parameters, buffers and modules, in order. Containers have their own. @internal */
  _names(): string[] {
    return Object.keys(this);
  }

  /** Own parameters, buffers and modules in registration order. @internal */
  *_members(): Generator<[name: string, value: Parameter | Tensor | Module, kind: 'parameter' | 'buffer' | 'module']> {
    const self = this as unknown as Record<string, unknown>;
    for (const name of this._names()) {
      const value = self[name];
      if (value instanceof Module) yield [name, value, 'module'];
      else if (value instanceof Parameter) yield [name, value, 'parameter'];
      else if (value instanceof Tensor && (value instanceof Buffer || this.#buffers?.has(name))) yield [name, value, 'buffer'];
    }
  }

  /** Whether the state dict has this buffer. @internal */
  _isPersistent(name: string): boolean {
    const value = (this as unknown as Record<string, unknown>)[name];
    return this.#buffers?.get(name) ?? (value instanceof Buffer ? value.persistent : true);
  }

  /** Keys whose absence from a loaded state dict is no error. @internal */
  _optionalKeys(): readonly string[] {
    return [];
  }

  #register(what: string, name: string, value: unknown): void {
    if (typeof name !== 'string') throw new ArgumentError(`${what} name should be a string. Got ${pyType(name)}`);
    if (name.includes('.')) throw new ValueError(`${what} name can't contain ".", got: ${name}`);
    if (name === '') throw new ValueError(`${what} name can't be empty string ""`);
    const held = (this as unknown as Record<string, unknown>)[name];
    const mine = Object.hasOwn(this, name) && (held === null || held instanceof Tensor || held instanceof Module);
    if (!mine && name in this) throw new ValueError(`attribute '${name}' already exists`);
    this._put(name, value);
  }

  /** Gives a copy of this module what is not a property: which names are buffers. @internal */
  _copyInto(copy: Module): void {
    copy.#buffers = this.#buffers && new Map(this.#buffers);
  }

  /** Sets a property and its camelCase alias. @internal */
  _put(name: string, value: unknown, enumerable = true): void {
    Object.defineProperty(this, name, { value, writable: true, enumerable, configurable: true });
    if (typeof name !== 'string') return;
    const alias = name.replace(/(?<=[A-Za-z0-9])_+([A-Za-z0-9])/g, (_, c: string) => c.toUpperCase());
    if (alias === name || alias in this) return;
    const self = this as unknown as Record<string, unknown>;
    Object.defineProperty(this, alias, {
      get: () => self[name],
      set: (v: unknown) => {
        self[name] = v;
      },
      enumerable: false,
      configurable: true,
    });
  }

  /**
   * Adds a parameter under a name; null keeps the name's place without a parameter.
   * PyTorch: `Module.register_parameter`. @throws {@link ValueError} for an empty, dotted or taken name.
   */
  registerParameter(name: string, param: Parameter | null): void {
    if (param !== null && !(param instanceof Parameter)) {
      throw new ArgumentError(`cannot assign '${pyType(param)}' object to parameter '${name}' (torch.nn.Parameter or None required)`);
    }
    this.#register('parameter', name, param);
  }

  /**
   * Adds a buffer under a name. Default: `{ persistent: true }`, that is, part of the state dict.
   * PyTorch: `Module.register_buffer`.
   * @example
   * model.registerBuffer('running_mean', torch.zeros(3));
   */
  registerBuffer(name: string, buffer: Tensor | null, persistent: boolean | { readonly persistent?: boolean } = true): void {
    if (buffer !== null && !(buffer instanceof Tensor)) {
      throw new ArgumentError(`cannot assign '${pyType(buffer)}' object to buffer '${name}' (torch Tensor or None required)`);
    }
    this.#register('buffer', name, buffer);
    // A module's state belongs to no scope.
    if (buffer) keepHandle(buffer);
    (this.#buffers ??= new Map()).set(name, typeof persistent === 'boolean' ? persistent : (persistent.persistent ?? true));
  }

  /** Adds a submodule under a name. PyTorch: `Module.register_module`. */
  registerModule(name: string, module: Module | null): void {
    if (module !== null && !(module instanceof Module)) throw new ArgumentError(`${pyType(module)} is not a Module subclass`);
    this.#register('module', name, module);
    if (module === null) (this.#absent ??= new Set()).add(name);
  }

  /** The same as {@link registerModule}. PyTorch: `Module.add_module`. */
  addModule(name: string, module: Module | null): void {
    this.registerModule(name, module);
  }

  // --- the tree -------------------------------------------------------------------------------------------------------

  /** Direct submodules with their names, each module once. */
  namedChildren(): [string, Module][] {
    const seen = new Set<unknown>();
    const out: [string, Module][] = [];
    for (const [name, value, kind] of this._members()) {
      if (kind !== 'module' || seen.has(value)) continue;
      seen.add(value);
      out.push([name, value as Module]);
    }
    return out;
  }

  /** Direct submodules. */
  children(): Module[] {
    return this.namedChildren().map(([, m]) => m);
  }

  /**
   * This module (under the empty name, or `prefix`) and all modules below it, each once, with dotted names.
   * PyTorch: `named_modules(memo=None, prefix='', remove_duplicate=True)`.
   */
  namedModules(...args: [memo?: unknown, prefix?: unknown, removeDuplicate?: unknown]): [string, Module][] {
    const spec = { memo: maybe(anything<Set<Module>>()), prefix: text(''), removeDuplicate: flag(true) };
    const { memo, prefix, removeDuplicate } = bind('namedModules', args, spec);
    const seen = memo ?? new Set<Module>();
    const out: [string, Module][] = [];
    const walk = (module: Module, name: string): void => {
      if (removeDuplicate && seen.has(module)) return;
      seen.add(module);
      out.push([name, module]);
      for (const [key, value, kind] of module._members()) if (kind === 'module') walk(value as Module, name ? `${name}.${key}` : key);
    };
    walk(this, prefix);
    return out;
  }

  /** This module and all modules below it, each once. */
  modules(): Module[] {
    return this.namedModules().map(([, m]) => m);
  }

  #named(who: string, want: 'parameter' | 'buffer', args: readonly unknown[]): [string, Tensor][] {
    const spec = { prefix: text(''), recurse: flag(true), removeDuplicate: flag(true) };
    const { prefix, recurse, removeDuplicate } = bind(who, args, spec);
    const seen = new Set<unknown>();
    const out: [string, Tensor][] = [];
    const modules: [string, Module][] = recurse ? this.namedModules(null, prefix, removeDuplicate) : [[prefix, this]];
    for (const [path, module] of modules) {
      for (const [name, value, kind] of module._members()) {
        if (kind !== want || (removeDuplicate && seen.has(value))) continue;
        seen.add(value);
        out.push([path ? `${path}.${name}` : name, value as Tensor]);
      }
    }
    return out;
  }

  /**
   * Parameters with their dotted names, each once, in registration order.
   * PyTorch: `named_parameters(prefix='', recurse=True, remove_duplicate=True)`.
   * @example
   * for (const [name, param] of model.namedParameters()) console.log(name, param.shape);
   */
  namedParameters(...args: [prefix?: unknown, recurse?: unknown, removeDuplicate?: unknown]): [string, Parameter][] {
    return this.#named('namedParameters', 'parameter', args) as [string, Parameter][];
  }

  /** The parameters, each once: what an optimizer takes. PyTorch: `parameters(recurse=True)`. */
  parameters(recurse: boolean | { readonly recurse?: boolean } = true): Parameter[] {
    return this.namedParameters('', typeof recurse === 'boolean' ? recurse : (recurse.recurse ?? true)).map(([, p]) => p);
  }

  /** Buffers with their dotted names. PyTorch: `named_buffers(prefix='', recurse=True, remove_duplicate=True)`. */
  namedBuffers(...args: [prefix?: unknown, recurse?: unknown, removeDuplicate?: unknown]): [string, Tensor][] {
    return this.#named('namedBuffers', 'buffer', args);
  }

  /** The buffers, each once. PyTorch: `buffers(recurse=True)`. */
  buffers(recurse: boolean | { readonly recurse?: boolean } = true): Tensor[] {
    return this.namedBuffers('', typeof recurse === 'boolean' ? recurse : (recurse.recurse ?? true)).map(([, b]) => b);
  }

  #find<T>(target: string, what: string, test: (x: unknown) => x is T): T {
    let at: unknown = this;
    for (const name of target === '' ? [] : target.split('.')) {
      const module = at as Module;
      at = name in module ? (module as unknown as Record<string, unknown>)[name] : undefined;
      if (at === undefined) throw new ValueError(`${module._getName()} has no attribute \`${name}\``);
      if (!(at instanceof Module) && !test(at)) throw new ValueError(`\`${name}\` is not ${what}`);
    }
    if (!test(at)) throw new ValueError(`\`${target}\` is not ${what}`);
    return at;
  }

  /** The module under a dotted path: `model.getSubmodule('layers.0.conv')`. */
  getSubmodule(target: string): Module {
    return this.#find(target, 'an nn.Module', (x): x is Module => x instanceof Module);
  }

  /** The parameter under a dotted path: `model.getParameter('layers.0.weight')`. */
  getParameter(target: string): Parameter {
    return this.#find(target, 'an nn.Parameter', (x): x is Parameter => x instanceof Parameter);
  }

  /** The buffer under a dotted path. */
  getBuffer(target: string): Tensor {
    return this.#find(target, 'a buffer', (x): x is Tensor => x instanceof Tensor && !(x instanceof Parameter));
  }

  // --- for the whole tree ---------------------------------------------------------------------------------------------

  /** Calls `fn` with every submodule, children first, and with this module. Returns this module. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  /** Sets training mode here and below (dropout drops, batch norm uses the batch's statistics). Default: true. */
  train(mode: boolean | { readonly mode?: boolean } = true): this {
    const on = typeof mode === 'object' ? (mode.mode ?? true) : mode;
    if (typeof on !== 'boolean') throw new ValueError('training mode is expected to be boolean');
    this.training = on;
    for (const child of this.children()) child.train(on);
    return this;
  }

  /** Sets evaluation mode: `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /** Whether gradients are wanted of all parameters. Default: true. */
  requiresGrad_(requiresGrad = true): this {
    for (const p of this.parameters()) p.requiresGrad_(requiresGrad);
    return this;
  }

  /** Forgets all gradients; with `{ setToNone: false }` fills them with zeros instead. */
  zeroGrad(setToNone: boolean | { readonly setToNone?: boolean } = true): void {
    const none = typeof setToNone === 'boolean' ? setToNone : (setToNone.setToNone ?? true);
    zeroGrads([...this.parameters()], none);
  }

  /**
   * Moves and converts parameters and buffers, in place: `to(dtype)`, `to(device)`, `to(device, dtype)`, `to(tensor)`.
   * A dtype must be floating; integer parameters and buffers keep theirs. Returns this module.
   */
  to(...args: unknown[]): this {
    return convert(this, parseTo(args));
  }

  /** Floating parameters and buffers become float32. */
  float(): this {
    return convert(this, parseTo(['float32']));
  }

  /** Floating parameters and buffers become float64. */
  double(): this {
    return convert(this, parseTo(['float64']));
  }

  /** All parameters and buffers become `dtype`, integer ones too. PyTorch: `Module.type(dst_type)`. */
  type(dtype: DType): this {
    return convert(this, { ...parseTo([dtype]), integers: true });
  }

  /** Parameters and buffers move to the CPU, which takes waiting where they are on a GPU. PyTorch: `Module.cpu`. */
  async cpu(): Promise<this> {
    return fetchAll(this);
  }

  /**
   * Parameters and persistent buffers by dotted name, in PyTorch's order. They share memory with the module and are
   * outside the graph; `{ keepVars: true }` gives the parameters themselves.
   * PyTorch: `state_dict(destination=None, prefix='', keep_vars=False)`.
   */
  stateDict(...args: [destination?: unknown, prefix?: unknown, keepVars?: unknown]): StateDict {
    const spec = { destination: maybe(anything<StateDict>()), prefix: text(''), keepVars: flag(false) };
    const { destination, prefix, keepVars } = bind('stateDict', args, spec);
    return saveFrom(this, destination ?? newStateDict(), prefix, keepVars);
  }

  /**
   * Copies values from a state dict (a plain object or a Map) into parameters and buffers.
   *
   * With `strict` (default) its keys must be this module's, or an error lists missing and unexpected ones; sizes must
   * agree in any case. Nothing is copied when there is an error. With `{ assign: true }` the given tensors take the
   * places of the module's own.
   * PyTorch: `load_state_dict(state_dict, strict=True, assign=False)`.
   */
  loadStateDict(
    stateDict: StateDict | ReadonlyMap<string, Tensor>,
    strict: boolean | { readonly strict?: boolean; readonly assign?: boolean } = true,
    assign: boolean | { readonly assign?: boolean } = false,
  ): LoadResult {
    const named = typeof strict === 'object' ? strict : typeof assign === 'object' ? assign : {};
    const options = { strict: true, assign: false, ...(typeof strict === 'boolean' && { strict }), ...(typeof assign === 'boolean' && { assign }), ...named };
    return loadInto(this, stateDict, options);
  }

  // --- hooks ----------------------------------------------------------------------------------------------------------

  /** Whether hooks were ever registered. @internal */
  _hasHooks(): boolean {
    return this.#hooks !== null;
  }

  get #ownHooks(): Hooks {
    return (this.#hooks ??= new Hooks());
  }

  /** Calls `hook(module, args)` before every forward; it may return other arguments. `{ prepend }`. */
  registerForwardPreHook(hook: ForwardPreHook, options: { readonly prepend?: boolean } = {}): RemovableHandle {
    return this.#ownHooks.forwardPre.add(hook, options);
  }

  /** Calls `hook(module, args, output)` after every forward; it may return another output. `{ prepend, alwaysCall }`. */
  registerForwardHook(hook: ForwardHook, options: { readonly prepend?: boolean; readonly alwaysCall?: boolean } = {}): RemovableHandle {
    return this.#ownHooks.forward.add(hook, options);
  }

  /** Calls `hook(module, gradInput, gradOutput)` on every backward through the module; it may return other input gradients. */
  registerFullBackwardHook(hook: BackwardHook, options: { readonly prepend?: boolean } = {}): RemovableHandle {
    return this.#ownHooks.backward.add(hook, options);
  }

  /** Calls `hook(module, gradOutput)` before the module's backward; it may return other output gradients. */
  registerFullBackwardPreHook(hook: BackwardPreHook, options: { readonly prepend?: boolean } = {}): RemovableHandle {
    return this.#ownHooks.backwardPre.add(hook, options);
  }

  // --- printing -------------------------------------------------------------------------------------------------------

  /** What the printed form shows between the parentheses; derived classes say it. */
  extraRepr(): string {
    return '';
  }

  /** @internal */
  _getName(): string {
    return this.constructor.name;
  }

  /** The module as PyTorch prints it. */
  override toString(): string {
    const extra = this.extraRepr() === '' ? [] : this.extraRepr().split('\n');
    const self = this as unknown as Record<string, unknown>;
    const children = this._names().flatMap((name) => {
      const child = self[name];
      if (child instanceof Module) return [`(${name}): ${indent(String(child), 2)}`];
      return child === null && this.#absent?.has(name) ? [`(${name}): None`] : [];
    });
    if (extra.length === 1 && children.length === 0) return `${this._getName()}(${extra[0]!})`;
    const lines = [...extra, ...children];
    return lines.length === 0 ? `${this._getName()}()` : `${this._getName()}(\n  ${lines.join('\n  ')}\n)`;
  }

  static {
    shown(this.prototype);
  }
}
