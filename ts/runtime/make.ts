/**
 * Tensors out of JavaScript's own data: nested arrays, typed arrays, plain values.
 * @module
 */
import { bool, codeOf, type DType, dtypeOfArray, getDefaultDtype, int64, type TypedArray } from '../dtype.js';
import { ArgumentError, DTypeError, ValueError } from '../errors.js';
import { op, wrapHandle } from './call.js';
import { dispose, type Handle, isHandle } from './handle.js';
import { kindOf } from './explain.js';
import { checked, engine, reserve } from './wasm.js';

/** Anything with a shape and flat data, such as the arrays of other libraries. */
export interface ArrayLikeData {
  readonly data: ArrayLike<number> | ArrayLike<bigint>;
  readonly shape: readonly number[];
}

/** An uninitialised contiguous tensor and its memory, which is valid until the next call into the engine. */
export function allocate(shape: readonly number[], dtype: DType): { tensor: Handle; memory: TypedArray } {
  const words = reserve(shape.length, 0);
  shape.forEach((n, i) => (words[i] = n));
  const code = codeOf(dtype);
  const handle = checked((wasm) => wasm.alloc(code, shape.length));
  const tensor = wrapHandle(handle);
  const n = shape.reduce((a, b) => a * b, 1);
  const wasm = engine();
  const memory = n === 0 ? new dtype.array(0) : new dtype.array(wasm.memory.buffer, wasm.data_ptr(handle) >>> 0, n);
  return { tensor, memory };
}

/** What a tensor's elements come from, when they are not a tensor. */
export interface Source {
  readonly shape: readonly number[];
  /** The dtype the values ask for. */
  readonly dtype: DType;
  /** Writes the values as `dtype` into memory of that type. */
  fill(memory: TypedArray, dtype: DType): void;
  /** Typed data of that very dtype, which can be copied as it is. */
  readonly typed: TypedArray | null;
}

/** A tensor with these values, in the dtype they ask for or in the given one. */
export function make(name: string, data: unknown, dtype: DType | null): Handle {
  const source = sourceOf(name, data);
  const target = dtype ?? source.dtype;
  if (source.typed && target !== source.dtype && target !== bool) {
    // Copied once as it is; the engine converts.
    const raw = make(name, data, null);
    try {
      return op('to_dtype', raw, target) as Handle;
    } finally {
      dispose(raw);
    }
  }
  const { tensor, memory } = allocate(source.shape, target);
  try {
    if (source.typed && target === source.dtype) (memory as Uint8Array).set(source.typed as Uint8Array);
    else source.fill(memory, target);
  } catch (error) {
    dispose(tensor);
    throw error;
  }
  return tensor;
}

function sourceOf(name: string, data: unknown): Source {
  if (ArrayBuffer.isView(data) && !(data instanceof DataView)) {
    const flat = data as unknown as ArrayLike<number> & ArrayBufferView;
    return flatSource(flat, [flat.length]);
  }
  if (Array.isArray(data)) return nestedSource(name, data);
  if (typeof data === 'number' || typeof data === 'boolean' || typeof data === 'bigint') return nestedSource(name, data);
  if (typeof data === 'object' && data !== null) {
    if ('width' in data && 'height' in data && 'data' in data) {
      const image = data as { width: number; height: number; data: ArrayLike<number> & ArrayBufferView };
      return flatSource(image.data, [image.height, image.width, image.data.length / (image.width * image.height)]);
    }
    if ('shape' in data && 'data' in data) {
      const { shape, data: flat } = data as ArrayLikeData;
      const n = shape.reduce((a, b) => a * b, 1);
      if (flat.length !== n) throw new ValueError(`${name}: the shape [${shape.join(', ')}] has ${n} elements, the data has ${flat.length}`);
      return ArrayBuffer.isView(flat) ? flatSource(flat as never, shape) : { ...nestedSource(name, Array.from(flat as ArrayLike<number>)), shape };
    }
    if (Symbol.iterator in data) return nestedSource(name, [...(data as Iterable<unknown>)]);
  }
  throw new ArgumentError(`${name}: data must be a number, a boolean, a bigint, a nested array of them, a typed array or { data, shape }, not ${kindOf(data)}`);
}

function flatSource(flat: ArrayLike<number> & ArrayBufferView, shape: readonly number[]): Source {
  const own = dtypeOfArray(flat);
  // Other kinds of typed arrays (Int8Array, Uint32Array, Float16Array, ...) have no dtype here: the values are converted.
  const dtype = own ?? (/Float/.test(flat.constructor.name) ? getDefaultDtype() : int64);
  return { shape, dtype, typed: own ? (flat as unknown as TypedArray) : null, fill: (memory, d) => writeAll(memory, flat, d) };
}

function nestedSource(name: string, data: unknown): Source {
  const shape: number[] = [];
  for (let level = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  const flat: (number | boolean | bigint)[] = [];
  let kind = 0;
  const visit = (value: unknown, dim: number): void => {
    if (Array.isArray(value)) {
      if (dim === shape.length) throw new ValueError(`${name}: an array stands where an element should (at dimension ${dim}): the nesting is uneven`);
      if (value.length !== shape[dim]) throw new ValueError(`${name}: expected sequence of length ${shape[dim]!} at dim ${dim} (got ${value.length})`);
      for (const v of value) visit(v, dim + 1);
      return;
    }
    const plain = isHandle(value) ? elementOf(name, value) : value;
    if (dim !== shape.length) throw new ValueError(`${name}: expected sequence of length ${shape[dim]!} at dim ${dim} (got ${kindOf(value)})`);
    if (typeof plain === 'number') kind = Math.max(kind, Number.isInteger(plain) && Math.abs(plain) < 2 ** 63 && !isFloatTensor(value) ? 2 : 3);
    else if (typeof plain === 'boolean') kind = Math.max(kind, 1);
    else if (typeof plain === 'bigint') kind = Math.max(kind, 2);
    else throw new ArgumentError(`${name}: an element must be a number, a boolean or a bigint, not ${kindOf(value)}`);
    flat.push(plain);
  };
  visit(data, 0);
  const dtype = kind === 1 ? bool : kind === 2 ? int64 : getDefaultDtype();
  return { shape, dtype, typed: null, fill: (memory, d) => writeAll(memory, flat, d) };
}

function isFloatTensor(x: unknown): boolean {
  return isHandle(x) && (x as unknown as { dtype: DType }).dtype.isFloatingPoint;
}

function elementOf(name: string, t: Handle): number | bigint | boolean {
  const tensor = t as unknown as { numel(): number; shape: readonly number[]; itemSync(): number | bigint | boolean };
  if (tensor.numel() === 1) return tensor.itemSync();
  throw new ValueError(`${name}: only one-element tensors can stand in nested arrays, not one of shape [${tensor.shape.join(', ')}]; use torch.stack`);
}

/** Converts as `torch.tensor(data, dtype=...)` does: floats are cut off to integers, what does not fit is refused. */
function writeAll(memory: TypedArray, flat: ArrayLike<number | boolean | bigint>, dtype: DType): void {
  if (dtype.name === 'bool') for (let i = 0; i < flat.length; i++) memory[i] = Number(flat[i]) !== 0 ? 1 : 0;
  else if (dtype.isFloatingPoint) for (let i = 0; i < flat.length; i++) memory[i] = Number(flat[i]);
  else if (memory instanceof BigInt64Array) writeInt64(memory, flat, dtype);
  else for (let i = 0; i < flat.length; i++) memory[i] = whole(flat[i]!, dtype);
}

/** Numbers go in as two halves of 32 bits: a BigInt for each would take ten times as long. */
function writeInt64(memory: BigInt64Array, flat: ArrayLike<number | boolean | bigint>, dtype: DType): void {
  const halves = new Int32Array(memory.buffer, memory.byteOffset, 2 * memory.length);
  for (let i = 0; i < flat.length; i++) {
    const value = flat[i]!;
    if (typeof value === 'bigint') {
      memory[i] = value;
      continue;
    }
    const n = whole(value, dtype);
    if (Number.isSafeInteger(n)) {
      halves[2 * i] = n | 0;
      halves[2 * i + 1] = Math.floor(n / 2 ** 32);
    } else memory[i] = BigInt(n);
  }
}

const RANGE: Readonly<Record<string, readonly [number, number]>> = { uint8: [-255, 255], int32: [-(2 ** 31), 2 ** 31 - 1], int64: [-(2 ** 63), 2 ** 63 - 1024] };

function whole(value: number | boolean | bigint, dtype: DType): number {
  const n = Math.trunc(Number(value));
  const [min, max] = RANGE[dtype.name]!;
  if (!(n >= min && n <= max)) throw new DTypeError(`value ${String(value)} cannot be converted to ${String(dtype)} without overflow`);
  return n;
}
