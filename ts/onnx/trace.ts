/**
 * A trace: what a model called while it ran once, op by op, as the border to the engine saw it (ts/runtime/call.ts). Composite
 * ops are one call there, so this is the level of PyTorch's ATen ops.
 *
 * Writes in place and views are turned into calls without side effects while they are recorded: a tensor object stands for
 * a {@link Place} in some storage, and a write gives that storage a new value, as PyTorch's functionalization does
 * (torch/csrc/functorch, aten/src/ATen/FunctionalTensorWrapper.cpp).
 * @module
 */
import type { DType, TypedArray } from '../dtype.js';
import type { Mode } from '../runtime/call.js';
import { op, watchCalls } from '../runtime/call.js';
import { type Handle, isHandle, isLive } from '../runtime/handle.js';
import { readElements, watchReads } from '../runtime/read.js';
import type { Param, Signature } from '../runtime/signature.js';
import type { Tensor } from '../tensor.js';
import { OnnxExporterError, UnsupportedOperatorError } from './errors.js';
import { DISCARDED, inverseOf, RANDOM, READING, WRITING } from './effects.js';

/** Where a call stood: the modules around it, outermost first. */
export interface Scope {
  /** PyTorch's name of each module around: `['layer1', 'layer1.0', 'conv1']`. */
  readonly names: readonly string[];
  /** The innermost module in words, for messages: `layer1.0.conv1 (Conv2d)`. */
  readonly module: string;
}

/** What a value depends on: nothing, weights too, or inputs (or random numbers) too. */
export const Kind = { Constant: 0, Weight: 1, Traced: 2 } as const;
/** See {@link Kind}. */
export type Kind = (typeof Kind)[keyof typeof Kind];

/** A tensor of the trace. It never changes. */
export class Value {
  /** Its name in the graph, once it is there. */
  name = '';
  /** Name of a parameter, a buffer or an input. */
  label = '';
  /** Elements of a constant or a weight, where they are needed. */
  data: TypedArray | null = null;
  /** By dimension, its size in every trace, once traces were compared. */
  readonly sizes: number[][];

  constructor(
    readonly index: number,
    readonly dtype: DType,
    readonly shape: readonly number[],
    readonly kind: Kind,
    /** The call that computed it; null for inputs, weights and constants from outside. */
    readonly call: Call | null,
  ) {
    this.sizes = shape.map((n) => [n]);
  }

  /** Whether any of its sizes is another one in another trace. */
  get varies(): boolean {
    return this.sizes.some((v) => v.some((n) => n !== v[0]));
  }
}

/** A number that is another one in every trace. */
export class Varying {
  constructor(readonly vector: readonly number[]) {}
}

/** An argument: tensors are values. */
export type Arg = Value | number | bigint | boolean | string | null | DType | Varying | readonly Arg[];

/** An op that was called. */
export interface Call {
  readonly op: string;
  readonly scope: Scope;
  readonly args: Record<string, Arg>;
  readonly results: Value[];
}

/** Everything one run did. */
export interface Trace {
  readonly values: Value[];
  readonly calls: Call[];
  readonly inputs: Value[];
  readonly outputs: Value[];
}

/** Memory that tensors share: what a write in place changes. */
interface Storage {
  value: Value;
  version: number;
}

/** What a tensor object stands for: a storage, or the result of view ops upon one. */
interface Place {
  readonly storage: Storage;
  readonly parent: Place | null;
  /** The call that made the view of `parent`, and which of its results it is. */
  readonly step: Call | null;
  readonly index: number;
  value: Value;
  /** The storage's version that `value` belongs to. */
  seen: number;
}

/** Records the calls between {@link start} and {@link stop}. */
export class Recorder {
  readonly trace: Trace = { values: [], calls: [], inputs: [], outputs: [] };
  /** The modules that are running. */
  readonly scopes: Scope[] = [{ names: [], module: '' }];
  readonly #places = new WeakMap<Handle, Place>();
  readonly #weights: ReadonlyMap<Tensor, string>;
  readonly #fold: boolean;
  readonly #first: boolean;
  #busy = false;

  /**
   * `weights` are the names of parameters and buffers; with `fold`, what is computed from weights alone counts as a weight.
   * Only the first of several traces keeps the elements of weights.
   */
  constructor(weights: ReadonlyMap<Tensor, string>, fold: boolean, first: boolean) {
    this.#weights = weights;
    this.#fold = fold;
    this.#first = first;
  }

  /** Calls are recorded from now on. */
  start(): void {
    watchCalls((s, mode, values, result) => this.#alone(() => this.#observe(s, mode, values, result)));
    watchReads((t) => this.#alone(() => this.#refuseReading(t, 'its elements are read')));
  }

  /** Calls are recorded no longer. */
  stop(): void {
    watchCalls(null);
    watchReads(null);
  }

  /** Declares a tensor an input of the model. */
  input(t: Tensor, label: string): void {
    const value = this.#value(t, Kind.Traced, null);
    value.label = label;
    this.trace.inputs.push(value);
    this.#places.set(t, fresh(value));
  }

  /** Declares a tensor an output of the model. */
  output(t: Tensor): void {
    this.#alone(() => {
      const value = this.#read(t);
      this.#capture(value, t);
      this.trace.outputs.push(value);
    });
  }

  /** What we call ourselves is not recorded. */
  #alone(body: () => void): void {
    if (this.#busy) return;
    this.#busy = true;
    try {
      body();
    } finally {
      this.#busy = false;
    }
  }

  #value(t: { readonly dtype: DType; readonly shape: readonly number[] }, kind: Kind, call: Call | null): Value {
    const value = new Value(this.trace.values.length, t.dtype, [...t.shape], kind, call);
    this.trace.values.push(value);
    return value;
  }

  get #scope(): Scope {
    return this.scopes.at(-1)!;
  }

  // --- reading and writing tensors ----------------------------------------------------------------------------------

  #place(h: Handle): Place {
    let place = this.#places.get(h);
    if (place === undefined) {
      const t = h as Tensor;
      const label = this.#weights.get(t);
      const value = this.#value(t, label === undefined ? Kind.Constant : Kind.Weight, null);
      value.label = label ?? '';
      if (label === undefined || this.#first) value.data = elements(t);
      this.#places.set(h, (place = fresh(value)));
    }
    return place;
  }

  #read(h: Handle): Value {
    return this.#current(this.#place(h));
  }

  #current(place: Place): Value {
    if (place.seen === place.storage.version) return place.value;
    // Its storage was written to since: the view is made anew.
    place.seen = place.storage.version;
    if (place.parent === null) return (place.value = place.storage.value);
    const { step, parent } = place;
    const first = Object.keys(step!.args)[0]!;
    const again = this.#record(step!.op, { ...step!.args, [first]: this.#current(parent) }, step!.results, step!.scope);
    return (place.value = again.results[place.index]!);
  }

  #write(place: Place, written: Value): void {
    let value = written;
    for (let at = place; at.parent !== null; at = at.parent) {
      const base = this.#current(at.parent);
      const inverse = inverseOf(at.step!, at.index, base, value);
      if (inverse === null) {
        throw new UnsupportedOperatorError(`onnx.export: ${whereOf(this.#scope)} writes in place through a view that ${at.step!.op} made; write to a clone() of it instead`);
      }
      value = inverse.op === 'alias' ? value : this.#record(inverse.op, inverse.args, [base], this.#scope).results[0]!;
    }
    place.storage.value = value;
    place.storage.version++;
    place.value = written;
    place.seen = place.storage.version;
  }

  // --- calls --------------------------------------------------------------------------------------------------------

  #record(name: string, args: Record<string, Arg>, like: readonly { readonly dtype: DType; readonly shape: readonly number[] }[], scope = this.#scope): Call {
    const call: Call = { op: name, scope, args, results: [] };
    let kind: Kind = RANDOM.has(name) ? Kind.Traced : Kind.Constant;
    for (const value of tensorsOf(args)) kind = Math.max(kind, value.kind) as Kind;
    if (kind === Kind.Weight && !this.#fold) kind = Kind.Traced;
    for (const t of like) call.results.push(this.#value(t, kind, call));
    this.trace.calls.push(call);
    return call;
  }

  #observe(s: Signature, mode: Mode, given: readonly unknown[], result: unknown): void {
    if (DISCARDED.has(s.name)) return;
    const args: Record<string, Arg> = {};
    const used: [Value, Handle][] = [];
    s.params.forEach((p, i) => {
      args[p.name] = this.#argument(p, given[i], used);
    });
    const first = s.params.findIndex((_, i) => isHandle(given[i]));
    const target = first < 0 ? null : (given[first] as Handle);
    if (READING.has(s.name)) {
      if (used.some(([v]) => v.kind === Kind.Traced)) this.#refuse(s.name, 'its result is a plain value');
      return;
    }
    const made = mode === 0 && !WRITING.has(s.name) ? handlesIn(result) : [target!];
    const call = this.#record(s.name, args, made as Tensor[]);
    const kind = call.results[0]?.kind;
    if (kind === Kind.Traced) for (const [value, handle] of used) this.#capture(value, handle);
    if (mode !== 0 || WRITING.has(s.name)) return this.#write(this.#place(target!), call.results[0]!);
    if (args['inplace'] === true && target !== null) {
      const place = this.#place(target);
      this.#write(place, call.results[0]!);
      this.#places.set(made[0]!, place);
      return;
    }
    made.forEach((h, index) => {
      const value = call.results[index]!;
      const view = target !== null && isLive(target) && value.dtype === (target as Tensor).dtype && (op('same_storage', h, target) as boolean);
      const parent = view ? this.#place(target) : null;
      this.#places.set(h, parent === null ? fresh(value) : { storage: parent.storage, parent, step: call, index, value, seen: parent.storage.version });
    });
  }

  #argument(p: Param, given: unknown, used: [Value, Handle][]): Arg {
    const convert = (x: unknown): Arg => {
      if (isHandle(x)) {
        const value = this.#read(x);
        used.push([value, x]);
        return value;
      }
      if (Array.isArray(x)) return x.map(convert);
      if (x === undefined) return null;
      return x as Arg;
    };
    const value = given === undefined ? fallback(p) : given;
    if (p.type.startsWith('Generator')) return null;
    if (p.type.startsWith('Tensor[]') || p.type.startsWith('Tensor?[]')) return Array.from(value as Iterable<unknown>, convert);
    // A 0-d tensor where the engine takes a number: it was read by then, and so it is no input's.
    if (isHandle(value) && !/^(Tensor|Operand)/.test(p.type)) return Number((value as Tensor).itemSync());
    // One number stands for a list of one.
    if (/^(int|float)\[\]/.test(p.type) && !Array.isArray(value) && value !== null) return [Number(value)];
    return convert(value);
  }

  /** Keeps the elements of what no input reaches, which the graph holds as they are. */
  #capture(value: Value, h: Handle): void {
    if (value.data !== null || value.kind === Kind.Traced || (value.kind === Kind.Weight && !this.#first)) return;
    value.data = elements(h as Tensor);
  }

  #refuseReading(t: Handle, what: string): void {
    const place = this.#places.get(t);
    if (place !== undefined && place.value.kind === Kind.Traced) this.#refuse('a tensor', what);
  }

  #refuse(what: string, why: string): never {
    throw new OnnxExporterError(
      `onnx.export: ${whereOf(this.#scope)} uses the values of ${what} that depends on the inputs: ${why}, and a graph would keep what it was for ` +
        'these inputs. Compute with tensors (torch.where instead of if), or take it out of forward (printing included)',
    );
  }
}

/** A module in words. @internal */
export function whereOf(scope: Scope): string {
  return scope.module === '' ? 'forward' : scope.module;
}

function fresh(value: Value): Place {
  return { storage: { value, version: 0 }, parent: null, step: null, index: 0, value, seen: 0 };
}

function elements(t: Tensor): TypedArray {
  return readElements(t, t.dtype, t.numel(), true);
}

function fallback(p: Param): unknown {
  if (p.shown === null) return null;
  if (p.shown === 'Infinity' || p.shown === '-Infinity') return Number(p.shown);
  return JSON.parse(p.shown);
}

/** The tensors among a call's arguments. */
export function tensorsOf(args: Readonly<Record<string, Arg>>): Value[] {
  const out: Value[] = [];
  const visit = (x: Arg): void => {
    if (x instanceof Value) out.push(x);
    else if (Array.isArray(x)) (x as readonly Arg[]).forEach(visit);
  };
  Object.values(args).forEach(visit);
  return out;
}

function handlesIn(result: unknown): Handle[] {
  if (isHandle(result)) return [result];
  if (result === null || typeof result !== 'object') return [];
  const items = Symbol.iterator in result ? [...(result as Iterable<unknown>)] : Object.values(result);
  return items.filter(isHandle);
}
