/**
 * Calls of ops: PyTorch's argument rules, encoding, the call, decoding.
 *
 * The rules are those of PyTorch's PythonArgParser (torch/csrc/utils/python_arg_parser.cpp): the signatures of one
 * public name are tried in order, arguments come by position and then by name (here: in one trailing plain object), and
 * a list of integers may be given as separate arguments where it is the only positional parameter.
 * @module
 */
import { type Device, onDevice } from '../device.js';
import { dtypeOf } from '../dtype.js';
import { ArgumentError, InternalError } from '../errors.js';
import { TABLE } from '../generated/table.js';
import { CODE_OF, encode, Longer, NO_MATCH } from './encode.js';
import { tick } from './cells.js';
import { relieve } from './collect.js';
import { dispose, type Handle, isHandle, returnCount, setOperation } from './handle.js';
import { explain } from './explain.js';
import { compile, type Returns, type Signature } from './signature.js';
import { tupleClass } from './tuple.js';
import { call, reserve, scratch } from './wasm.js';
import { isPlain } from './plain.js';

/** How a function treats its first tensor: 0 reads it; 1 the engine puts the result into it; 2 the op itself writes it. */
export type Mode = 0 | 1 | 2;

/** A public function: its name, the numbers of its ops in the order in which they are tried. */
export interface Def {
  readonly name: string;
  readonly mode: Mode;
  readonly ops: readonly number[];
  /** Compiled at the first call. */
  signatures: readonly Signature[] | null;
}

/** Makes a definition. */
export function define(name: string, mode: Mode, ops: readonly number[]): Def {
  return { name, mode, ops, signatures: null };
}

/** The compiled signatures of a definition. */
export function signaturesOf(def: Def): readonly Signature[] {
  return (def.signatures ??= def.ops.map((op) => compile(op, TABLE[op]!)));
}

/** A function of `torch`, `F`, ... from its definition. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each caller casts to the generated type
export function fn(name: string, mode: Mode, ...ops: number[]): any {
  const def = define(name, mode, ops);
  const short = name.slice(name.lastIndexOf('.') + 1);
  const f = (...args: unknown[]): unknown => invoke(def, undefined, args);
  Object.defineProperty(f, 'name', { value: short });
  return f;
}

/** A method of Tensor from its definition. */
export function method(name: string, mode: Mode, ops: readonly number[]): (...args: unknown[]) => unknown {
  const def = define(name, mode, ops);
  const f = function (this: Handle, ...args: unknown[]): unknown {
    return invoke(def, this, args);
  };
  Object.defineProperty(f, 'name', { value: name });
  return f;
}

/** Calls a definition with the given arguments; `self` is the object before the dot of a method. */
export function invoke(def: Def, self: Handle | undefined, args: readonly unknown[]): unknown {
  let n = args.length;
  const last = n > 0 ? args[n - 1] : undefined;
  let named: Record<string, unknown> | null = null;
  if (isPlain(last)) {
    named = last;
    n--;
  }
  setOperation(def.name);
  relieve();
  tick();
  const signatures = def.signatures ?? signaturesOf(def);
  const taken: unknown[] | null = watcher === null ? null : [];
  for (let i = 0; i < signatures.length; i++) {
    const s = signatures[i]!;
    if (!bind(s, self, args, n, named, taken)) continue;
    const result = finish(def, s, self, args, named);
    if (watcher !== null && taken !== null) watcher(s, def.mode, taken, result);
    return result;
  }
  throw explain(def.name, signatures, self, args.slice(0, n), named);
}

/** Sees every call that was made: the value of each parameter (undefined where its default was taken), and the result. */
export type Watcher = (s: Signature, mode: Mode, values: readonly unknown[], result: unknown) => void;
let watcher: Watcher | null = null;

/** Sets who sees the calls, or nobody (null). Returns who saw them until now. */
export function watchCalls(next: Watcher | null): Watcher | null {
  const before = watcher;
  watcher = next;
  return before;
}

/** Whether somebody sees the calls, and may keep what they gave. */
export function isWatched(): boolean {
  return watcher !== null;
}

/** Encodes the arguments for one signature, noting their values in `taken`; false when they do not fit it. */
function bind(s: Signature, self: Handle | undefined, args: readonly unknown[], n: number, named: Record<string, unknown> | null, taken: unknown[] | null): boolean {
  for (let words = scratch(); ; ) {
    try {
      const before = returnCount();
      const fits = write(words, s, self, args, n, named, taken);
      if (returnCount() === before) return fits;
      // A tensor was brought back meanwhile, and memory may have moved: now all are there.
      words = scratch();
    } catch (error) {
      if (!(error instanceof Longer)) throw error;
      words = reserve(error.words, 0);
    }
  }
}

function write(words: Float64Array, s: Signature, self: Handle | undefined, args: readonly unknown[], n: number, named: Record<string, unknown> | null, taken: unknown[] | null): boolean {
  const { params } = s;
  const selfAt = self === undefined ? -1 : s.self;
  const room = s.positional - (selfAt < 0 ? 0 : 1);
  const tensors = s.tensors < 0 || (selfAt >= 0 && selfAt < s.tensors) ? s.tensors - 1 : s.tensors;
  if (tensors >= 0 && tensors < n && isHandle(args[tensors])) {
    // torch.meshgrid(x, y), torch.einsum('ij,jk', a, b): from the list's place on, every argument is an item of it.
    args = [...args.slice(0, tensors), args.slice(tensors, n)];
    n = tensors + 1;
  }
  if (n > room) {
    // x.view(2, 3), torch.zeros(2, 3): the only positional parameter is a list, and its items were given one by one.
    if (room !== 1) return false;
    const only = params[selfAt === 0 ? 1 : 0]!;
    if (only.code < CODE_OF['Tensor[]']) return false;
    args = [args.slice(0, n)];
    n = 1;
  }
  let at = 0;
  let next = 0;
  let used = 0;
  for (let i = 0; i < params.length; i++) {
    const p = params[i]!;
    let value: unknown;
    if (i === selfAt) value = self;
    else if (!p.keywordOnly && next < n) {
      value = args[next++];
      if (named !== null && named[p.name] !== undefined) return false;
    } else if (named !== null && p.name in named) {
      value = named[p.name];
      used++;
    }
    if (taken !== null) taken[i] = value;
    if (value === undefined) {
      const t = p.template;
      if (t === null) return false;
      for (let k = 0; k < t.length; k++) words[at++] = t[k]!;
      continue;
    }
    at = encode(words, at, p.code, p.nullable, value);
    if (at === NO_MATCH) return false;
  }
  return next === n && (named === null || allKnown(s, named, used));
}

/** Whether every named argument is a parameter, or one of those that all factories take. */
function allKnown(s: Signature, named: Record<string, unknown>, used: number): boolean {
  let count = 0;
  for (const key in named) if (!(s.factory && FACTORY.has(key) && !s.params.some((p) => p.name === key))) count++;
  return count === used;
}

/** What every factory takes besides the engine's own parameters. */
const FACTORY: ReadonlySet<string> = new Set(['device', 'requiresGrad', 'layout', 'pinMemory']);

/** Flag of a call: results are made on the default device (crates/core/src/call.rs). */
const PLACED = 2;

function finish(def: Def, s: Signature, self: Handle | undefined, args: readonly unknown[], named: Record<string, unknown> | null): unknown {
  const { kind } = s.returns;
  if (def.mode === 0) {
    // What a factory makes is where it is wanted, whatever device its arguments are on.
    const device = s.factory ? named?.['device'] : null;
    if (device === null || device === undefined) call(s.op, 0);
    else onDevice(device as Device | string, () => call(s.op, PLACED));
    const result = kind === 'Tensor' ? wrap(scratch()[0]!) : decode(def.name, s.returns);
    if (s.factory && named !== null) factoryOptions(def.name, result as Handle, named);
    return result;
  }
  const target = self ?? ((args[s.self] ?? named?.['input']) as Handle);
  const count = call(s.op, def.mode === 1 ? 1 : 0);
  // An op that writes its first tensor itself answers with another handle to it, which is not needed.
  if (kind === 'Tensor' && count > 0) dispose(wrap(scratch()[0]!));
  else if (kind !== 'Tensor' && kind !== 'none') return decode(def.name, s.returns);
  written(target);
  return target;
}

function factoryOptions(name: string, t: Handle, named: Record<string, unknown>): void {
  const { requiresGrad, layout } = named;
  if (layout !== undefined && layout !== null && layout !== 'strided' && String(layout) !== 'torch.strided') {
    throw new ArgumentError(`${name}: layout ${String(layout)} is not supported, only torch.strided`);
  }
  if (requiresGrad === true) requireGrad(t);
  else if (requiresGrad !== undefined && requiresGrad !== null && typeof requiresGrad !== 'boolean') {
    throw new ArgumentError(`${name}: argument 'requiresGrad' must be boolean, not ${typeof requiresGrad}`);
  }
}

// --- results ------------------------------------------------------------------------------------------------------

let wrap: (handle: number) => Handle = () => {
  throw new InternalError('the tensor class is not loaded');
};
let written: (target: Handle) => void = () => undefined;
let requireGrad: (t: Handle) => void = () => undefined;

/** Sets how handles become tensors, what happens to a tensor written in place, and how one is made to require grad. */
export function setTensorHooks(make: typeof wrap, onWrite: typeof written, onRequireGrad: typeof requireGrad): void {
  wrap = make;
  written = onWrite;
  requireGrad = onRequireGrad;
}

/** The tensor for a handle that the engine has just handed out. */
export function wrapHandle(handle: number): Handle {
  return wrap(handle);
}

/** Reads results from the scratch block. All words are read before anything else may use the block. */
export function decode(name: string, returns: Returns): unknown {
  const reader = new Reader(scratch());
  if (returns.kind !== 'tuple') return reader.read(returns.kind);
  const values = returns.parts.map((p) => reader.read(p.kind));
  return tupleClass(name, returns.parts.map((p) => p.name)).of(...values);
}

class Reader {
  #at = 0;
  constructor(readonly words: Float64Array) {}

  #next(): number {
    return this.words[this.#at++]!;
  }

  read(kind: string): unknown {
    const optional = kind.endsWith('?');
    if (optional && this.#next() === 0) return null;
    switch (optional ? kind.slice(0, -1) : kind) {
      case 'Tensor':
        return wrap(this.#next());
      case 'Tensor[]':
        return Array.from({ length: this.#next() }, () => wrap(this.#next()));
      case 'Tensor|Tensor[]':
        return this.read(this.#next() === 0 ? 'Tensor' : 'Tensor[]');
      case 'Tensor?[]':
        return Array.from({ length: this.#next() }, () => (this.#next() === 0 ? null : wrap(this.#next())));
      case 'int[]':
      case 'float[]':
        return Array.from({ length: this.#next() }, () => this.#next());
      case 'bool':
        return this.#next() !== 0;
      case 'DType':
        return dtypeOf(this.#next());
      case 'str':
        return String.fromCharCode(...Array.from({ length: this.#next() }, () => this.#next()));
      case 'int':
      case 'float':
        return this.#next();
      case 'Scalar':
        return this.#scalar();
      case 'none':
        return undefined;
      default:
        throw new InternalError(`unknown kind of result: ${kind}`);
    }
  }

  #scalar(): number | boolean | bigint {
    const kind = this.#next();
    const value = this.#next();
    if (kind === 0) return value !== 0;
    if (kind !== 3) return value;
    return (BigInt(value) << 32n) | BigInt(this.#next());
  }
}

// --- calls by our own code ----------------------------------------------------------------------------------------

let byName: Map<string, Def> | null = null;

/**
 * Calls an op by its name in the engine, private ones included, with positional arguments: for this package's own code.
 * With an underscore that the op's own name lacks, its in-place form: `op('index_put_', x, ...)`.
 */
export function op(name: string, ...args: unknown[]): unknown {
  byName ??= new Map(TABLE.map((row, i) => [row[0], define(row[0], 0, [i])]));
  let def = byName.get(name);
  if (!def) {
    const plain = name.endsWith('_') ? byName.get(name.slice(0, -1)) : undefined;
    if (!plain) throw new InternalError(`the engine has no op named ${name}`);
    byName.set(name, (def = define(name, 1, plain.ops)));
  }
  return invoke(def, undefined, args);
}

/** Whether the engine has an op of this name. */
export function hasOp(name: string): boolean {
  return TABLE.some((row) => row[0] === name);
}
