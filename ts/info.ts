/**
 * Facts about dtypes and tensors: `finfo`, `iinfo`, `canCast`, `promoteTypes`, `isFloatingPoint`, `numel`.
 * @module
 */
import { DType, float32, float64, getDefaultDtype, int32, int64, uint8 } from './dtype.js';
import { ArgumentError } from './errors.js';
import { op } from './runtime/call.js';
import type { Tensor } from './tensor.js';

/** Limits of a floating-point dtype. PyTorch: `torch.finfo`. */
export interface FloatInfo {
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
}

/** Limits of an integer dtype; those of int64 are bigints. PyTorch: `torch.iinfo`. */
export interface IntegerInfo {
  readonly bits: number;
  readonly min: number | bigint;
  readonly max: number | bigint;
  readonly dtype: string;
}

/**
 * Limits of a floating-point dtype, the default one unless named. PyTorch: `torch.finfo`.
 * @throws {@link ArgumentError} for other dtypes.
 */
export function finfo(dtype: DType = getDefaultDtype()): FloatInfo {
  if (dtype === float32) {
    const [max, tiny] = [(2 - 2 ** -23) * 2 ** 127, 2 ** -126];
    return { bits: 32, eps: 2 ** -23, max, min: -max, tiny, smallestNormal: tiny, resolution: 1e-6, dtype: 'float32' };
  }
  if (dtype === float64) {
    const [max, tiny] = [Number.MAX_VALUE, 2 ** -1022];
    return { bits: 64, eps: 2 ** -52, max, min: -max, tiny, smallestNormal: tiny, resolution: 1e-15, dtype: 'float64' };
  }
  throw new ArgumentError(`finfo: the dtype must be a floating-point dtype, not ${String(dtype)}`);
}

/**
 * Limits of an integer dtype. PyTorch: `torch.iinfo`.
 * @throws {@link ArgumentError} for other dtypes.
 */
export function iinfo(dtype: DType): IntegerInfo {
  if (dtype === uint8) return { bits: 8, min: 0, max: 255, dtype: 'uint8' };
  if (dtype === int32) return { bits: 32, min: -(2 ** 31), max: 2 ** 31 - 1, dtype: 'int32' };
  if (dtype === int64) return { bits: 64, min: -(2n ** 63n), max: 2n ** 63n - 1n, dtype: 'int64' };
  throw new ArgumentError(`iinfo: the dtype must be an integer dtype, not ${String(dtype)}`);
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
