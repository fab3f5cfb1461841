/**
 * The graph under construction: nodes with PyTorch's names, constants, initialisers, and the sizes that nodes need.
 * @module
 */
import { type DType, type TypedArray, float32, int64 } from '../dtype.js';
import { SymbolicValueError } from './errors.js';
import { type Attribute, DATA_TYPE, Float, type NodeProto, type TensorData } from './proto.js';
import { findSize, isConstant, type Size, sizeOf } from './sizes.js';
import { type Scope, Value, Varying, whereOf } from './trace.js';

/** An input of a node: a tensor of the trace, the name of an intermediate result, or null for none. */
export type Input = Value | string | null;

/** Attributes of a node; null and undefined ones are left out. */
export type Attributes = Readonly<Record<string, Attribute | null | undefined>>;

/** The attribute `value` as a float. */
export const float = (value: number): Float => new Float(value);

/** Constants up to so many bytes are nodes, as PyTorch writes them; larger ones are initialisers. */
const SMALL = 256;

/** See the module. */
export class Graph {
  readonly nodes: NodeProto[] = [];
  readonly initializers: (TensorData & { readonly name: string })[] = [];
  /** The call being translated: its module, its tensors, and its name. */
  scope: Scope = { names: [], module: '' };
  near: readonly Value[] = [];
  op = '';
  /** Every tensor that is in the graph by now. */
  readonly known: Value[] = [];
  readonly #counts = new Map<string, number>();
  readonly #constants = new Map<string, string>();
  readonly #sizes = new Map<string, string>();

  constructor(
    /** The version of ONNX's operators. */
    readonly opset: number,
    readonly inputs: readonly Value[],
  ) {}

  // --- nodes --------------------------------------------------------------------------------------------------------

  /** `/layer1/layer1.0/conv1/Conv`, then `.../Conv_1`. */
  #nodeName(type: string): string {
    const base = `/${[...this.scope.names, type].join('/')}`;
    const n = this.#counts.get(base) ?? 0;
    this.#counts.set(base, n + 1);
    return n === 0 ? base : `${base}_${n}`;
  }

  /** Adds a node with `count` outputs and gives their names. */
  many(type: string, inputs: readonly Input[], count: number, attributes: Attributes = {}): string[] {
    const name = this.#nodeName(type);
    const outputs = Array.from({ length: count }, (_, i) => `${name}_output_${i}`);
    const names = inputs.map((x) => (x === null ? '' : typeof x === 'string' ? x : x.name));
    while (names.at(-1) === '') names.pop();
    const given = Object.entries(attributes).filter((e): e is [string, Attribute] => e[1] !== null && e[1] !== undefined);
    this.nodes.push({ name, opType: type, inputs: names, outputs, attributes: Object.fromEntries(given) });
    return outputs;
  }

  /** Adds a node with one output and gives its name. */
  node(type: string, inputs: readonly Input[], attributes: Attributes = {}): string {
    return this.many(type, inputs, 1, attributes)[0]!;
  }

  // --- constants ----------------------------------------------------------------------------------------------------

  /** A constant; equal ones are one. */
  constant(data: TypedArray, dtype: DType, dims: readonly number[]): string {
    const tensor = { dtype: dtype.name, dims, data };
    if (data.byteLength > SMALL) {
      const name = this.#nodeName('Constant');
      this.initializers.push({ ...tensor, name });
      return name;
    }
    const key = `${dtype.name} ${dims.join()} ${new Uint8Array(data.buffer, data.byteOffset, data.byteLength).join()}`;
    let name = this.#constants.get(key);
    if (name === undefined) this.#constants.set(key, (name = this.node('Constant', [], { value: tensor })));
    return name;
  }

  /** A list of numbers of a dtype, or one number without dimensions. */
  values(values: number | readonly number[], dtype: DType): string {
    const list = typeof values === 'number' ? [values] : values;
    const data = new dtype.array(list.length);
    list.forEach((v, i) => (data[i] = dtype === int64 ? BigInt(Math.trunc(v)) : v));
    return this.constant(data, dtype, typeof values === 'number' ? [] : [list.length]);
  }

  /** A list of int64: sizes, axes, indices. */
  ints(values: readonly number[]): string {
    return this.values(values, int64);
  }

  /** A number as a constant; one that varies, as what it is computed from. */
  scalar(value: number | bigint | boolean | Varying, dtype: DType): string {
    if (value instanceof Varying) return this.#varying(value, dtype);
    if (dtype === int64 && typeof value === 'bigint') return this.constant(BigInt64Array.of(value), int64, []);
    return this.values(Number(value), dtype);
  }

  /** Of numbers that were computed from sizes those are found that are n, 1/n, √n or 1/√n. */
  #varying({ vector }: Varying, dtype: DType): string {
    const tries: readonly [undo: (x: number) => number, ops: readonly string[]][] = [[(x) => x, []], [(x) => 1 / x, ['Reciprocal']], [(x) => x * x, ['Sqrt']], [(x) => 1 / (x * x), ['Sqrt', 'Reciprocal']]];
    for (const [undo, ops] of tries) {
      const whole = vector.map((x) => Math.round(undo(x)));
      if (!vector.every((x, i) => Math.abs(undo(x) - whole[i]!) <= 1e-9 * Math.abs(whole[i]!))) continue;
      const size = findSize(whole, this.near, this.inputs, this.known);
      if (size === null) continue;
      let x = this.squeeze(this.size(size), [0]);
      if (ops.length === 0) return dtype === int64 ? x : this.cast(x, dtype);
      x = this.cast(x, dtype.isFloatingPoint ? dtype : float32);
      for (const type of ops) x = this.node(type, [x]);
      return x;
    }
    throw this.refuseSize(vector, 'a number');
  }

  // --- sizes --------------------------------------------------------------------------------------------------------

  /** The error for a size that nothing explains. */
  refuseSize(vector: readonly number[], what: string): SymbolicValueError {
    return new SymbolicValueError(
      `onnx.export: ${this.op} in ${whereOf(this.scope)} takes ${what} that follows a dynamic axis in a way that cannot be told from its values ` +
        `(${vector.join(', ')} in the runs at several sizes); compute it from x.shape by products, quotients and sums, or leave the axis static`,
    );
  }

  /** What a size that was `vector` in the traces is. @throws {@link SymbolicValueError} if nothing explains it. */
  find(vector: readonly number[], what = 'a size'): Size {
    const size = findSize(vector, this.near, this.inputs, this.known);
    if (size === null) throw this.refuseSize(vector, what);
    return size;
  }

  /** The sizes of a tensor, in terms of tensors in the graph. */
  sizes(of: Value): Size[] {
    return of.sizes.map((vector) => this.find(vector));
  }

  /** A size as an int64 tensor of one element. */
  size(size: Size): string {
    if (typeof size === 'number') return this.ints([size]);
    if (size.kind !== 'dim') return this.node(size.kind, [this.size(size.a), this.size(size.b)]);
    const key = `${size.value.name} ${size.dim}`;
    let name = this.#sizes.get(key);
    if (name === undefined) this.#sizes.set(key, (name = this.node('Shape', [size.value], { start: size.dim, end: size.dim + 1 })));
    return name;
  }

  /** Sizes as an int64 tensor. */
  shape(sizes: readonly Size[]): string {
    if (sizes.every((n) => typeof n === 'number')) return this.ints(sizes);
    const parts: string[] = [];
    for (let i = 0; i < sizes.length; ) {
      const from = i;
      while (i < sizes.length && typeof sizes[i] === 'number') i++;
      if (i > from) parts.push(this.ints(sizes.slice(from, i) as number[]));
      else parts.push(this.size(sizes[i++]!));
    }
    return parts.length === 1 ? parts[0]! : this.node('Concat', parts, { axis: 0 });
  }

  // --- changes of shape ---------------------------------------------------------------------------------------------

  /** With these sizes; -1 stands for what is left. */
  reshape(x: Input, sizes: readonly Size[]): string {
    const unknown = sizes.filter((n) => typeof n !== 'number');
    // One dynamic size is what the others leave over, which needs no computation. (Not so if there are no elements.)
    const plain = unknown.length === 1 && !sizes.includes(-1) && !sizes.includes(0) ? sizes.map((n) => (typeof n === 'number' ? n : -1)) : sizes;
    const empty = plain.includes(0) && !plain.includes(-1);
    return this.node('Reshape', [x, this.shape(plain)], { allowzero: empty ? 1 : null });
  }

  /** With the sizes of a tensor of the trace. */
  reshapeAs(x: Input, like: Value): string {
    const { sizes } = like;
    const copies = (d: number): boolean => x instanceof Value && d < x.sizes.length && x.sizes[d]!.every((n, i) => n === sizes[d]![i]);
    const dynamic = sizes.flatMap((v, d) => (isConstant(v) ? [] : [d]));
    if (dynamic.length === 0 || like.shape.includes(0)) return this.reshape(x, this.sizes(like));
    // In a Reshape 0 stands for the input's own size at that place, and -1 for what is left.
    const odd = dynamic.filter((d) => !copies(d));
    const rest = odd.length > 1 ? -1 : (odd[0] ?? dynamic[0]!);
    if (rest < 0) return this.reshape(x, this.sizes(like));
    return this.node('Reshape', [x, this.ints(sizes.map((v, d) => (d === rest ? -1 : isConstant(v) ? v[0]! : 0)))]);
  }

  /** Broadcast to sizes; a size that the tensor has already needs no computation. */
  expand(x: Value, to: Value): string {
    const lead = to.sizes.length - x.sizes.length;
    const sizes = to.sizes.map((v, d): Size => (d >= lead && x.sizes[d - lead]!.every((n, i) => n === v[i]) ? 1 : this.find(v)));
    return sizes.every((n) => n === 1) && lead === 0 ? x.name : this.node('Expand', [x, this.shape(sizes)]);
  }

  transpose(x: Input, perm: readonly number[]): string {
    return perm.every((p, i) => p === i) ? nameOf(x) : this.node('Transpose', [x], { perm });
  }

  /** Swaps the two last of `n` dimensions. */
  mT(x: Input, n: number): string {
    const perm = Array.from({ length: n }, (_, i) => i);
    [perm[n - 2], perm[n - 1]] = [n - 1, n - 2];
    return this.transpose(x, perm);
  }

  unsqueeze(x: Input, axes: readonly number[]): string {
    return axes.length === 0 ? nameOf(x) : this.node('Unsqueeze', [x, this.ints(axes)]);
  }

  squeeze(x: Input, axes: readonly number[]): string {
    return axes.length === 0 ? nameOf(x) : this.node('Squeeze', [x, this.ints(axes)]);
  }

  concat(parts: readonly Input[], axis: number): string {
    return parts.length === 1 ? nameOf(parts[0]!) : this.node('Concat', parts, { axis });
  }

  /** `x[start:end:step]` along a dimension; an end of null is the last. */
  slice(x: Input, dim: number, start: Size, end: Size | null, step = 1): string {
    return this.node('Slice', [x, this.size(start), this.size(end ?? Number.MAX_SAFE_INTEGER), this.ints([dim]), step === 1 ? null : this.ints([step])]);
  }

  /** One position of a dimension, which goes away. */
  squeezeIndex(x: Input, dim: number, index: Size): string {
    if (typeof index === 'number') return this.node('Gather', [x, this.values(index, int64)], { axis: dim });
    return this.squeeze(this.node('Gather', [x, this.size(index)], { axis: dim }), [dim]);
  }

  /** Cut along a dimension into parts of these sizes. */
  split(x: Input, sizes: readonly Size[], axis: number): string[] {
    return sizes.length === 1 ? [nameOf(x)] : this.many('Split', [x, this.shape(sizes)], sizes.length, { axis });
  }

  // --- dtypes and reductions ----------------------------------------------------------------------------------------

  cast(x: Input, to: DType): string {
    return this.node('Cast', [x], { to: DATA_TYPE[to.name]! });
  }

  /** A tensor of the trace in another dtype. */
  as(x: Value, dtype: DType): string {
    return x.dtype === dtype ? x.name : this.cast(x, dtype);
  }

  /** A reduction over `axes`, or over everything (null). Axes became an input with opset 13 in one op, with 18 in the others. */
  reduce(type: string, x: Input, axes: readonly number[] | null, keepdims: boolean): string {
    const kept = keepdims ? 1 : 0;
    if (axes === null) return this.node(type, [x], { keepdims: kept });
    if (this.opset >= 18 || type === 'ReduceSum') return this.node(type, [x, this.ints(axes)], { keepdims: kept });
    return this.node(type, [x], { axes, keepdims: kept });
  }

  /** A size of a tensor. */
  dim(x: Value, dim: number): Size {
    return sizeOf(x, dim);
  }
}

function nameOf(x: Input): string {
  return x === null ? '' : typeof x === 'string' ? x : x.name;
}

/** A product of sizes. */
export function times(a: Size, b: Size): Size {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (a === 1) return b;
  if (b === 1) return a;
  return { kind: 'Mul', a, b, vector: vectorOf(a, b, (x, y) => x * y) };
}

/** A sum of sizes. */
export function plus(a: Size, b: Size): Size {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  return { kind: 'Add', a, b, vector: vectorOf(a, b, (x, y) => x + y) };
}

function vectorOf(a: Size, b: Size, f: (x: number, y: number) => number): number[] {
  const length = typeof a === 'number' ? (b as { vector: readonly number[] }).vector.length : a.vector.length;
  const at = (s: Size, i: number): number => (typeof s === 'number' ? s : s.vector[i]!);
  return Array.from({ length }, (_, i) => f(at(a, i), at(b, i)));
}
