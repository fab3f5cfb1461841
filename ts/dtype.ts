/**
 * Element types. `String(torch.float32)` is `torch.float32`, as in PyTorch.
 * @module
 */
import { DTYPES } from './generated/dtypes.js';
import { ArgumentError, NotImplementedError } from './errors.js';
import { shown } from './runtime/console.js';

/** The typed arrays that hold tensor data on the JavaScript side. */
export type TypedArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** Names of PyTorch's element types that the engine does not have; using one is an error that says so. */
const LATER = [
  ['float16', 2],
  ['bfloat16', 2],
  ['int8', 1],
  ['int16', 2],
  ['complex64', 8],
  ['complex128', 16],
] as const;

/** Names of the element types that tensors can have, without the `torch.` prefix. */
type Available = (typeof DTYPES)[number][0];

/** Names of the element types, without the `torch.` prefix. */
export type DTypeName = Available | (typeof LATER)[number][0];

/** The typed array that holds elements of each dtype; a bool is a byte, 0 or 1. */
const ARRAYS = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const satisfies Record<Available, unknown>;

/** Constructor of a typed array over existing or new memory. */
export interface TypedArrayConstructor {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
  new (length: number): TypedArray;
}

/** An element type of tensors. The instances are `torch.float32`, `torch.int64`, ...; there is one per type. */
export class DType {
  /** Name without prefix: `'float32'`. */
  readonly name: DTypeName;
  /** Number of the dtype in the engine; -1 for a dtype that tensors cannot have. */
  readonly code: number;
  /** Bytes per element. PyTorch: `dtype.itemsize`. */
  readonly itemsize: number;
  /** Whether the type is a floating-point type. PyTorch: `dtype.is_floating_point`. */
  readonly isFloatingPoint: boolean;
  /** Whether the type is complex. PyTorch: `dtype.is_complex`. */
  readonly isComplex: boolean;
  /** Whether the type has negative values. PyTorch: `dtype.is_signed`. */
  readonly isSigned: boolean;
  /** The typed array class for data of this type. */
  readonly array: TypedArrayConstructor;

  /** @internal Use `torch.float32` and its siblings. */
  constructor(name: DTypeName, code: number, itemsize: number) {
    this.name = name;
    this.code = code;
    this.itemsize = itemsize;
    this.isFloatingPoint = name.includes('float');
    this.isComplex = name.includes('complex');
    this.isSigned = name !== 'bool' && name !== 'uint8';
    this.array = ARRAYS[name as Available] as TypedArrayConstructor;
    Object.freeze(this);
  }

  /** `torch.float32`, as PyTorch prints it. */
  toString(): string {
    return `torch.${this.name}`;
  }

  static {
    shown(this.prototype);
  }
}

const all: readonly DType[] = DTYPES.map(([name, size], code) => new DType(name, code, size));
const later: readonly DType[] = LATER.map(([name, size]) => new DType(name, -1, size));

function named(name: DTypeName): DType {
  return all.find((d) => d.name === name) ?? later.find((d) => d.name === name)!;
}

/**
 * The dtype's number in the engine. @internal
 * @throws {@link NotImplementedError} for a dtype that tensors cannot have.
 */
export function codeOf(dtype: DType): number {
  if (dtype.code >= 0) return dtype.code;
  throw new NotImplementedError(`${String(dtype)} is not supported; tensors can have ${all.map(String).join(', ')}`);
}

/** The dtype with this engine code. @internal */
export function dtypeOf(code: number): DType {
  return all[code]!;
}

/** The dtype of a typed array's elements: `Uint8Array` is uint8, `BigInt64Array` int64; null for kinds without one. */
export function dtypeOfArray(data: ArrayBufferView): DType | null {
  if (data instanceof Float32Array) return float32;
  if (data instanceof Float64Array) return float64;
  if (data instanceof BigInt64Array) return int64;
  if (data instanceof Int32Array) return int32;
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return uint8;
  return null;
}

/** 32-bit float, the default floating-point type. PyTorch: `torch.float32`. */
export const float32: DType = named('float32');
/** Alias of {@link float32}. */
export const float: DType = float32;
/** 64-bit float. PyTorch: `torch.float64`. */
export const float64: DType = named('float64');
/** Alias of {@link float64}. */
export const double: DType = float64;
/** 64-bit signed integer, the default integer type; read as `BigInt64Array`. PyTorch: `torch.int64`. */
export const int64: DType = named('int64');
/** Alias of {@link int64}. */
export const long: DType = int64;
/** 32-bit signed integer. PyTorch: `torch.int32`. */
export const int32: DType = named('int32');
/** Alias of {@link int32}. */
export const int: DType = int32;
/** 8-bit unsigned integer. PyTorch: `torch.uint8`. */
export const uint8: DType = named('uint8');
/** Boolean, one byte an element. PyTorch: `torch.bool`. */
export const bool: DType = named('bool');
/** 16-bit float; not supported yet. */
export const float16: DType = named('float16');
/** Alias of {@link float16}. */
export const half: DType = float16;
/** 16-bit float with the exponent of 32 bits; not supported yet. */
export const bfloat16: DType = named('bfloat16');
/** 8-bit signed integer; not supported. */
export const int8: DType = named('int8');
/** 16-bit signed integer; not supported. */
export const int16: DType = named('int16');
/** Alias of {@link int16}. */
export const short: DType = int16;
/** Complex number of two 32-bit floats; not supported. */
export const complex64: DType = named('complex64');
/** Complex number of two 64-bit floats; not supported. */
export const complex128: DType = named('complex128');

let defaultDtype: DType = float32;

/**
 * The dtype that `torch.tensor([0.5])`, `torch.zeros(2)` and other makers give when none is named: float32 unless
 * changed. PyTorch: `torch.get_default_dtype`.
 */
export function getDefaultDtype(): DType {
  return defaultDtype;
}

const listeners: ((dtype: DType) => void)[] = [];

/** Calls `fn` whenever the default dtype changes. @internal */
export function onDefaultDtype(fn: (dtype: DType) => void): void {
  listeners.push(fn);
}

/**
 * Sets the default floating-point dtype, float32 or float64. PyTorch: `torch.set_default_dtype`.
 * @throws {@link ArgumentError} if `dtype` is not a floating-point dtype.
 */
export function setDefaultDtype(dtype: DType): void {
  if (!(dtype instanceof DType) || !dtype.isFloatingPoint) {
    throw new ArgumentError(`setDefaultDtype: only floating-point dtypes are supported as the default, not ${String(dtype)}`);
  }
  codeOf(dtype);
  defaultDtype = dtype;
  for (const fn of listeners) fn(dtype);
}
