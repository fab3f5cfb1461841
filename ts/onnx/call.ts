/**
 * A recorded call as symbolics see it: arguments by name, in the form they need.
 * @module
 */
import { bool, DType, float32, getDefaultDtype, int32, int64, uint8 } from '../dtype.js';
import { InternalError } from '../errors.js';
import { promoteTypes } from '../info.js';
import { Arith } from './arith.js';
import { UnsupportedOperatorError } from './errors.js';
import type { Graph } from './graph.js';
import { type Size } from './sizes.js';
import { type Arg, type Call, tensorsOf, Value, Varying, whereOf } from './trace.js';

/** What an op is in ONNX: adds nodes and gives the names of the results, in order. */
export type Symbolic = (g: Graph, c: Arguments) => string | readonly string[];

/** Symbolics by the engine's names of ops. */
export type Symbolics = Readonly<Record<string, Symbolic>>;

/** See the module. */
export class Arguments {
  readonly #call: Call;
  readonly #g: Graph;

  constructor(call: Call, g: Graph) {
    this.#call = call;
    this.#g = g;
  }

  get op(): string {
    return this.#call.op;
  }

  get results(): readonly Value[] {
    return this.#call.results;
  }

  /** The first result. */
  get result(): Value {
    return this.#call.results[0]!;
  }

  /** Arithmetic in the dtype of the first result. */
  get arith(): Arith {
    return new Arith(this.#g, this.result.dtype);
  }

  get values(): Value[] {
    return tensorsOf(this.#call.args);
  }

  #arg(name: string): Arg {
    const value = this.#call.args[name];
    if (value === undefined) throw new InternalError(`onnx: ${this.op} has no parameter ${name}`);
    return value;
  }

  /** The error for what this op cannot be in ONNX. */
  unsupported(what: string, advice: string): UnsupportedOperatorError {
    return new UnsupportedOperatorError(`onnx.export: ${this.op} in ${whereOf(this.#call.scope)}: ${what} has no form in ONNX here; ${advice}`);
  }

  /** Refuses tensors of integers, where ONNX's operator takes floats only. */
  floatsOnly(x: Value): void {
    if (!x.dtype.isFloatingPoint) throw this.unsupported(`${x.dtype.name} tensors`, 'convert with float() before it');
  }

  has(name: string): boolean {
    return this.#arg(name) !== null;
  }

  tensor(name: string): Value {
    const value = this.#arg(name);
    if (!(value instanceof Value)) throw new InternalError(`onnx: ${this.op}: ${name} is no tensor`);
    return value;
  }

  maybe(name: string): Value | null {
    return this.has(name) ? this.tensor(name) : null;
  }

  tensors(name: string): Value[] {
    return (this.#arg(name) as readonly Arg[]).filter((x): x is Value => x instanceof Value);
  }

  /** A list in which some tensors may be missing. */
  gaps(name: string): (Value | null)[] {
    return [...(this.#arg(name) as readonly (Value | null)[])];
  }

  /** A number that has to be the same for every size. */
  number(name: string): number {
    const value = this.#arg(name);
    if (value instanceof Varying) throw this.#g.refuseSize(value.vector, name);
    if (value instanceof Value) throw this.unsupported(`a tensor as ${name}`, 'give a number');
    return Number(value);
  }

  numberOr<T>(name: string, otherwise: T): number | T {
    return this.has(name) ? this.number(name) : otherwise;
  }

  flag(name: string): boolean {
    return this.#arg(name) === true;
  }

  text(name: string): string {
    return String(this.#arg(name));
  }

  dtype(name: string): DType | null {
    return this.#arg(name) as DType | null;
  }

  /** A dimension, counted from the front. */
  dim(name: string, ndim: number): number {
    const d = this.number(name);
    return d < 0 ? d + ndim : d;
  }

  /** Dimensions, counted from the front; null for all. */
  dims(name: string, ndim: number): number[] | null {
    if (!this.has(name)) return null;
    const list = this.numbers(name);
    return list.length === 0 ? null : list.map((d) => (d < 0 ? d + ndim : d));
  }

  /** A list of numbers that have to be the same for every size; `count` of them where one may stand for all. */
  numbers(name: string, count?: number): number[] {
    const list = (this.#arg(name) as readonly Arg[]).map((x) => {
      if (x instanceof Varying) throw this.#g.refuseSize(x.vector, name);
      return Number(x);
    });
    return count !== undefined && list.length === 1 ? new Array<number>(count).fill(list[0]!) : list;
  }

  /** A size: a number, or what follows a dynamic axis. */
  size(name: string): Size {
    const value = this.#arg(name);
    return value instanceof Varying ? this.#g.find(value.vector, name) : Number(value);
  }

  sizes(name: string): Size[] {
    return (this.#arg(name) as readonly Arg[]).map((x) => (x instanceof Varying ? this.#g.find(x.vector, name) : Number(x)));
  }

  /** A tensor or a number. */
  operand(name: string): Value | number | bigint | boolean | Varying {
    return this.#arg(name) as Value | number;
  }

  /** A tensor or a number as a tensor of `dtype`. */
  cast(name: string, dtype: DType): string {
    const x = this.operand(name);
    return x instanceof Value ? this.#g.as(x, dtype) : this.#g.scalar(x, dtype);
  }

  /**
   * The dtype in which operands meet: PyTorch's `result_type` (aten/src/ATen/native/TypeProperties.cpp). Tensors with
   * dimensions go before those without, and those before numbers, unless a later one is of a higher category.
   */
  meet(...names: string[]): DType {
    const found: (DType | null)[] = [null, null, null];
    for (const name of names) {
      const x = this.operand(name);
      const rank = x instanceof Value ? (x.shape.length > 0 ? 0 : 1) : 2;
      const dtype = x instanceof Value ? x.dtype : typeof x === 'boolean' ? bool : x instanceof Varying || Number.isInteger(Number(x)) ? int64 : getDefaultDtype();
      found[rank] = found[rank] === null ? dtype : promoteTypes(found[rank], dtype);
    }
    return found.reduce((a, b) => (a === null || (b !== null && category(b) > category(a)) ? b : a))!;
  }
}

/** Tensors without dimensions as tensors of one, for operators that need an axis; the results without it again. */
export function withAxis(g: Graph, tensors: readonly Value[], body: (names: string[]) => string | readonly string[]): string | readonly string[] {
  if (tensors[0]!.shape.length > 0) return body(tensors.map((t) => t.name));
  const names = body(tensors.map((t) => (t.shape.length === 0 ? g.unsqueeze(t, [0]) : t.name)));
  return typeof names === 'string' ? g.squeeze(names, [0]) : names.map((name) => g.squeeze(name, [0]));
}

function category(dtype: DType): number {
  return dtype === bool ? 0 : dtype.isFloatingPoint ? 2 : 1;
}

/** Dtypes that arithmetic of onnxruntime takes as they are. */
export const isNumber = (dtype: DType): boolean => dtype !== bool && dtype !== uint8;

/** A dtype to compute in where `dtype` has no kernels: bytes and booleans as int32. */
export const working = (dtype: DType): DType => (isNumber(dtype) ? dtype : int32);

/** A floating-point dtype to compute in. */
export const floating = (dtype: DType): DType => (dtype.isFloatingPoint ? dtype : float32);
