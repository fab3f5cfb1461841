/**
 * Elements out of the engine's memory.
 * @module
 */
import { type DType, type TypedArray } from '../dtype.js';
import { op } from './call.js';
import { answered } from './gpu.js';
import { dispose, type Handle, handleOf } from './handle.js';
import { engine } from './wasm.js';

/** Nested arrays of plain values, as `tolist()` gives them. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- how deep it nests is not known to the type system
export type NestedList = any;

let onRead: ((t: Handle) => void) | null = null;

/** Sets who is told that elements of a tensor leave for JavaScript, or nobody (null). */
export function watchReads(next: typeof onRead): void {
  onRead = next;
}

/**
 * The `n` elements of a tensor in row-major order. Unless `copy`, a contiguous tensor's memory itself, which is valid
 * until the next call into the engine.
 */
export function readElements(t: Handle, dtype: DType, n: number, copy: boolean): TypedArray {
  if (onRead !== null) onRead(t);
  if (n === 0) return new dtype.array(0);
  const direct = view(t, dtype, n);
  if (direct) return copy ? direct.slice() : direct;
  const packed = op('contiguous', t) as Handle;
  try {
    return view(packed, dtype, n)!.slice();
  } finally {
    dispose(packed);
  }
}

function view(t: Handle, dtype: DType, n: number): TypedArray | null {
  const wasm = engine();
  const at = wasm.data_ptr(handleOf(t)) >>> 0;
  return at === 0 ? null : new dtype.array(wasm.memory.buffer, at, n);
}

/** The elements of a tensor on a GPU in row-major order, when they are computed. */
export async function readLater(t: Handle, dtype: DType): Promise<TypedArray> {
  if (onRead !== null) onRead(t);
  const handle = handleOf(t);
  const bytes = await answered((wasm) => wasm.gpu_read!(handle));
  return new dtype.array(bytes.buffer as ArrayBuffer, 0, bytes.length / dtype.itemsize);
}

/** An element as a plain value: bools as booleans, integers beyond 2^53 as bigints. */
export function toNumber(value: number | bigint, dtype: DType): number | bigint | boolean {
  if (dtype.name === 'bool') return value !== 0;
  if (typeof value !== 'bigint') return value;
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value;
}

/** Elements as nested arrays. */
export function nest(data: TypedArray, shape: readonly number[], dtype: DType): NestedList {
  let at = 0;
  const level = (dim: number): NestedList => {
    if (dim === shape.length) return toNumber(data[at++]!, dtype);
    const out: NestedList[] = [];
    for (let i = 0; i < shape[dim]!; i++) out.push(level(dim + 1));
    return out;
  };
  return level(0);
}
