/**
 * Facts about dtypes and tensors: `finfo`, `iinfo`, `canCast`, `promoteTypes`, `isFloatingPoint`, `numel`.
 * @module
 */
import { DType, getDefaultDtype } from './dtype.js';
import { ArgumentError } from './errors.js';
import { op } from './runtime/call.js';
import { shown } from './runtime/console.js';
import { general } from './runtime/format.js';
import type { Tensor } from './tensor.js';

/** Limits of a floating-point dtype; prints as PyTorch's. PyTorch: `torch.finfo`. */
export class FloatInfo {
  readonly bits: number;
  /** The gap between 1 and the next larger number. */
  readonly eps: number;
  readonly max: number;
  readonly min: number;
  /** The smallest positive normal number. */
  readonly tiny: number;
  readonly smallestNormal: number;
  /** The approximate decimal resolution. */
  readonly resolution: number;
  readonly dtype: string;

  /** @internal */
  constructor(dtype: string, bits: number, fraction: number, exponent: number) {
    const bias = 2 ** (exponent - 1) - 1;
    this.dtype = dtype;
    this.bits = bits;
    this.eps = 2 ** -fraction;
    this.max = (2 - this.eps) * 2 ** bias;
    this.min = -this.max;
    this.tiny = 2 ** (1 - bias);
    this.smallestNormal = this.tiny;
    this.resolution = Number(`1e-${Math.floor(fraction * Math.LOG10E * Math.LN2)}`);
  }

  toString(): string {
    const named = { resolution: this.resolution, min: this.min, max: this.max, eps: this.eps, smallest_normal: this.tiny, tiny: this.tiny };
    return `finfo(${Object.entries(named).map(([k, v]) => `${k}=${general(v)}, `).join('')}dtype=${this.dtype})`;
  }

  static {
    shown(this.prototype);
  }
}

/** Limits of an integer dtype, bigints where they are beyond 2^53; prints as PyTorch's. PyTorch: `torch.iinfo`. */
export class IntegerInfo {
  readonly bits: number;
  readonly min: number | bigint;
  readonly max: number | bigint;
  readonly dtype: string;

  /** @internal */
  constructor(dtype: string, bits: number, signed: boolean) {
    const [min, max] = signed ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] : [0n, 2n ** BigInt(bits) - 1n];
    const number = (n: bigint): number | bigint => (bits > 53 ? n : Number(n));
    this.dtype = dtype;
    this.bits = bits;
    this.min = number(min);
    this.max = number(max);
  }

  toString(): string {
    return `iinfo(min=${general(Number(this.min))}, max=${general(Number(this.max))}, dtype=${this.dtype})`;
  }

  static {
    shown(this.prototype);
  }
}

/** Bits of the fraction and of the exponent. */
const FORMATS: Readonly<Record<string, readonly [fraction: number, exponent: number]>> = {
  float16: [10, 5],
  bfloat16: [7, 8],
  float32: [23, 8],
  float64: [52, 11],
};

/**
 * Limits of a floating-point dtype, the default one unless named. PyTorch: `torch.finfo`.
 * @example
 * String(torch.finfo(torch.float16)); // finfo(resolution=0.001, min=-65504, max=65504, ...)
 * @throws {@link ArgumentError} for other dtypes.
 */
export function finfo(dtype: DType = getDefaultDtype()): FloatInfo {
  const format = dtype instanceof DType ? FORMATS[dtype.name] : undefined;
  if (format === undefined) throw new ArgumentError(`finfo: the dtype must be a floating-point dtype, not ${String(dtype)}`);
  return new FloatInfo(dtype.name, dtype.itemsize * 8, ...format);
}

/**
 * Limits of an integer dtype. PyTorch: `torch.iinfo`.
 * @throws {@link ArgumentError} for other dtypes.
 */
export function iinfo(dtype: DType): IntegerInfo {
  if (!(dtype instanceof DType) || dtype.isFloatingPoint || dtype.isComplex || dtype.name === 'bool') {
    throw new ArgumentError(`iinfo: the dtype must be an integer dtype, not ${String(dtype)}`);
  }
  return new IntegerInfo(dtype.name, dtype.itemsize * 8, dtype.isSigned);
}

function category(d: DType): number {
  return d.isFloatingPoint ? 2 : d.name === 'bool' ? 0 : 1;
}

/** Whether a value of dtype `from` may be written into one of dtype `to` in place. PyTorch: `torch.can_cast`. */
export function canCast(from: DType, to: DType): boolean {
  if (!(from instanceof DType) || !(to instanceof DType)) throw new ArgumentError('canCast: both arguments must be dtypes');
  return category(from) <= category(to);
}

/** The dtype that two dtypes promote to. PyTorch: `torch.promote_types`. */
export function promoteTypes(type1: DType, type2: DType): DType {
  return op('promote_types', type1, type2) as DType;
}

/** Whether the tensor's dtype is a floating-point type. PyTorch: `torch.is_floating_point`. */
export function isFloatingPoint(input: Tensor): boolean {
  return input.isFloatingPoint();
}

/** Whether the tensor's dtype is complex; none is. PyTorch: `torch.is_complex`. */
export function isComplex(input: Tensor): boolean {
  return input.isComplex();
}

/** The number of elements. PyTorch: `torch.numel`. */
export function numel(input: Tensor): number {
  return input.numel();
}
