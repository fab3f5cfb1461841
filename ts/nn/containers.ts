/**
 * Modules that hold modules, and lists of parameters.
 * @module
 */
import { ArgumentError, IndexError } from '../errors.js';
import { isWatched } from '../runtime/call.js';
import { dispose, isHandle } from '../runtime/handle.js';
import { passesOn } from './layer.js';
import { Module } from './module.js';
import { indent, pyType } from './python.js';
import { isPlain } from '../runtime/plain.js';

/** Modules by name, as an object, a Map or a list of pairs. */
export type NamedModules = Readonly<Record<string, Module>> | ReadonlyMap<string, Module> | readonly (readonly [string, Module])[];

/** The pairs of any of the forms of {@link NamedModules}, or null when `x` is none of them. */
function pairs(x: unknown): [string, Module][] | null {
  if (x instanceof Map) return [...(x as Map<string, Module>)];
  if (Array.isArray(x) && x.every((e) => Array.isArray(e) && e.length === 2 && typeof e[0] === 'string')) return x as [string, Module][];
  return isPlain(x) ? (Object.entries(x) as [string, Module][]) : null;
}

function checked(who: string, x: unknown): Module {
  if (x instanceof Module) return x;
  throw new ArgumentError(`${who}: ${pyType(x)} is not a Module subclass`);
}

/** Children in an order of their own: JavaScript would sort names that look like numbers. */
abstract class Container extends Module {
  /** Names in order. @internal */
  readonly _order: string[] = [];

  /** Number of children. PyTorch: `len(container)`. */
  override get length(): number {
    return this._order.length;
  }

  override _names(): string[] {
    return [...this._order];
  }

  /** @internal */
  _set(name: string, module: Module): void {
    checked(this._getName(), module);
    if (this._order.includes(name)) {
      this._put(name, module);
    } else {
      this.registerModule(name, module);
      this._order.push(name);
    }
  }

  /** @internal */
  _remove(name: string): Module {
    const self = this as unknown as Record<string, Module>;
    const module = self[name]!;
    delete self[name];
    this._order.splice(this._order.indexOf(name), 1);
    return module;
  }

  /** @internal */
  _modules(): Module[] {
    return this._order.map((n) => (this as unknown as Record<string, Module>)[n]!);
  }

  /** @internal */
  _replaceAll(entries: readonly (readonly [string, Module])[]): void {
    for (const name of [...this._order]) this._remove(name);
    for (const [name, module] of entries) this._set(name, module);
  }
}

/** What {@link Sequential} and {@link ModuleList} have in common: children by position. */
abstract class Positional extends Container {
  /** `model[0]`, as in PyTorch; from the end with {@link Positional.at}. */
  [index: number]: Module;

  #index(i: number): number {
    const n = this.length;
    if (!Number.isInteger(i) || i < -n || i >= n) throw new IndexError(`index ${i} is out of range: ${this._getName()} has ${n} modules`);
    return i < 0 ? i + n : i;
  }

  /** @internal A container of the same kind. */
  abstract _like(entries: readonly (readonly [string, Module])[]): this;

  /**
   * The module at a position, negative from the end; or, for `'start:stop'`, a container with that part.
   * PyTorch: `container[i]`, `container[start:stop]`.
   */
  at(i: string): this;
  at(i: number): Module;
  at(i: number | string): Module | this {
    if (typeof i === 'number') return this._modules()[this.#index(i)]!;
    const [start, stop] = i.split(':').map((s) => (s.trim() === '' ? undefined : Number(s)));
    return this.slice(start, stop);
  }

  /** A container with the modules from `start` up to, not including, `stop`. */
  slice(start?: number, stop?: number): this {
    const names = this._names();
    const modules = this._modules();
    return this._like(names.map((n, i) => [n, modules[i]!] as const).slice(start, stop));
  }

  /** Puts a module in the place of another. PyTorch: `container[i] = module`. */
  setAt(i: number, module: Module): void {
    this._set(this._names()[this.#index(i)]!, module);
  }

  /** Adds a module at the end; returns this container. */
  append(module: Module): this {
    this._set(String(this.length), module);
    return this;
  }

  /** Adds modules at the end; returns this container. */
  extend(modules: Iterable<Module>): this {
    for (const m of modules) this.append(m);
    return this;
  }

  /** Adds a module before position `i`; returns this container. */
  insert(i: number, module: Module): this {
    const modules = this._modules();
    const n = modules.length;
    if (i < -n || i > n) throw new IndexError(`Index out of range: ${i}`);
    modules.splice(i < 0 ? i + n : i, 0, checked(this._getName(), module));
    this._replaceAll(modules.map((m, k) => [String(k), m]));
    return this;
  }

  /** Takes the module at a position out (default: the last) and returns it; numbered names move up. */
  pop(i = -1): Module {
    const names = this._names();
    const at = this.#index(i);
    const module = this._remove(names[at]!);
    if (names.every((n, k) => n === String(k))) this._replaceAll(this._modules().map((m, k) => [String(k), m]));
    return module;
  }

  [Symbol.iterator](): Iterator<Module> {
    return this._modules()[Symbol.iterator]();
  }
}

/**
 * A chain of modules: each gets what the one before it gave.
 *
 * Made from modules, an array of them, or named entries (an object, a Map, a list of pairs); named children are
 * properties: `seq.hidden_linear`.
 *
 * PyTorch: `torch.nn.Sequential`.
 * @example
 * const model = new nn.Sequential(new nn.Linear(2, 10), new nn.ReLU(), new nn.Linear(10, 1));
 * const named = new nn.Sequential({ hidden_linear: new nn.Linear(1, 13), act: new nn.Tanh() });
 */
export class Sequential extends Positional {
  constructor(...modules: Module[] | [readonly Module[]] | [NamedModules]) {
    super();
    const only: unknown = modules.length === 1 ? modules[0] : null;
    const list = Array.isArray(only) && only.every((m) => m instanceof Module) ? (only as Module[]) : null;
    const named = list ? null : pairs(only);
    if (named) for (const [name, m] of named) this._set(name, m);
    else (list ?? (modules as Module[])).forEach((m, i) => this._set(String(i), m));
  }

  override _like(entries: readonly (readonly [string, Module])[]): this {
    return new (this.constructor as new (e: NamedModules) => this)(new Map(entries));
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever the first module takes and the last one gives
  override forward(input: any): any {
    let ours = false;
    for (const module of this._modules()) {
      const given: unknown = input;
      input = module(given);
      if (given === input) continue;
      const passes = passesOn(module);
      // What one of our layers made and another has used is in nobody else's hands: its memory need not wait for the collector.
      if (ours && passes && isHandle(given) && !isWatched()) dispose(given);
      ours = passes;
    }
    return input;
  }
}

/**
 * Modules in a list, to loop over or index; it computes nothing itself.
 *
 * PyTorch: `torch.nn.ModuleList`.
 * @example
 * class Net extends nn.Module {
 *   layers = new nn.ModuleList([1, 2, 3].map(() => new nn.Linear(10, 10)));
 *   forward(x: Tensor) {
 *     for (const layer of this.layers) x = layer(x);
 *     return x;
 *   }
 * }
 */
export class ModuleList extends Positional {
  constructor(modules: Iterable<Module> = []) {
    super();
    this.extend(modules);
  }

  override _like(entries: readonly (readonly [string, Module])[]): this {
    return new (this.constructor as new (m: Iterable<Module>) => this)(entries.map(([, m]) => m));
  }

  /** Runs of children that print the same are printed once: `(0-2): 3 x Linear(...)`. */
  override toString(): string {
    const runs: { first: number; last: number; text: string }[] = [];
    this._modules().forEach((m, i) => {
      const text = String(m);
      const run = runs.at(-1);
      if (run?.text === text) run.last = i;
      else runs.push({ first: i, last: i, text });
    });
    if (runs.length === 0) return `${this._getName()}()`;
    const lines = runs.map(({ first, last, text }) =>
      indent(first === last ? `(${first}): ${text}` : `(${first}-${last}): ${last - first + 1} x ${text}`, 2),
    );
    return `${this._getName()}(\n  ${lines.join('\n  ')}\n)`;
  }
}

/**
 * Modules by name, in the order in which they were added.
 *
 * PyTorch: `torch.nn.ModuleDict`.
 * @example
 * const heads = new nn.ModuleDict({ linear: new nn.Linear(4, 2), conv: new nn.Conv1d(4, 2, 1) });
 * heads.get('linear')(x);
 */
export class ModuleDict extends Container {
  constructor(modules: NamedModules | ModuleDict | null = null) {
    super();
    if (modules) this.update(modules);
  }

  /** The module with this name. @throws {@link IndexError} when there is none. */
  get(key: string): Module {
    if (!this.has(key)) throw new IndexError(`ModuleDict has no module '${key}'; it has ${this.keys().join(', ') || 'none'}`);
    return (this as unknown as Record<string, Module>)[key]!;
  }

  /** Adds a module or puts it in the place of another; returns this container. */
  set(key: string, module: Module): this {
    this._set(key, module);
    return this;
  }

  has(key: string): boolean {
    return this._names().includes(key);
  }

  /** Takes a module out and returns it. */
  pop(key: string): Module {
    this.get(key);
    return this._remove(key);
  }

  /** Takes every module out. */
  clear(): void {
    this._replaceAll([]);
  }

  /** Adds or replaces modules; a plain object's in its order. */
  update(modules: NamedModules | ModuleDict): void {
    const entries = modules instanceof ModuleDict ? modules.items() : pairs(modules);
    if (!entries) throw new ArgumentError(`ModuleDict.update should be called with an iterable of key/value pairs, but got ${pyType(modules)}`);
    for (const [name, m] of entries) this._set(name, m);
  }

  keys(): string[] {
    return this._names();
  }

  values(): Module[] {
    return this._modules();
  }

  items(): [string, Module][] {
    return this._names().map((n) => [n, this.get(n)]);
  }

  /** The names. */
  [Symbol.iterator](): Iterator<string> {
    return this._names()[Symbol.iterator]();
  }
}

