/**
 * Values as words, the way the engine reads them. Counterpart: the argument reader of crates/core.
 * @module
 */
import { codeOf, DType } from '../dtype.js';
import { type Handle, handleOf, isHandle } from './handle.js';

/** Numbers of the parameter types, for the switch below. */
export const CODE_OF = {
  Tensor: 0,
  Operand: 1,
  int: 2,
  float: 3,
  bool: 4,
  Scalar: 5,
  DType: 6,
  str: 7,
  Generator: 8,
  'Tensor[]': 9,
  'Tensor?[]': 10,
  'int[]': 11,
  'float[]': 12,
  'bool[]': 13,
  'Scalar[]': 14,
  'int[][]': 15,
  'int?[]': 16,
} as const;

/** Answer of {@link encode} for a value that is not of the parameter's type. */
export const NO_MATCH = -1;

/** Kinds of a scalar. */
const BOOL = 0;
const INT = 1;
const FLOAT = 2;
const BIG = 3;

let isTensor: (x: unknown) => x is Handle = isHandle;
let isGenerator: (x: unknown) => x is { readonly handle: number } = (_x): _x is never => false;

/** Says how generators are recognised (random.ts; set late because it builds on the calls that need this). */
export function setGeneratorTest(test: (x: unknown) => x is { readonly handle: number }): void {
  isGenerator = test;
}

/** Says which handles are tensors. */
export function setTensorTest(test: (x: unknown) => x is Handle): void {
  isTensor = test;
}

let scalarReader: (t: Handle) => number | bigint | boolean | null = () => null;

/** Says how the only element of a 0-d tensor is read, where PyTorch takes one as a number; null for other tensors. */
export function setScalarReader(read: (t: Handle) => number | bigint | boolean | null): void {
  scalarReader = read;
}

/** Reading goes through the scratch block itself, so what was written so far is put back afterwards. */
function readScalar(t: Handle, words: Float64Array, at: number): number | bigint | boolean | null {
  const saved = words.slice(0, Math.max(at, 64));
  const value = scalarReader(t);
  words.set(saved);
  return value;
}

/**
 * Writes `value` as a parameter of type `code` at `words[at]`.
 * @returns the position after it, or {@link NO_MATCH} when the value is not of that type.
 */
export function encode(words: Float64Array, at: number, code: number, nullable: boolean, value: unknown): number {
  if (nullable) {
    if (value === null) {
      words[at] = 0;
      return at + 1;
    }
    words[at++] = 1;
  }
  switch (code) {
    case CODE_OF.Tensor:
      if (!isTensor(value)) return NO_MATCH;
      words[at] = handleOf(value);
      return at + 1;
    case CODE_OF.Operand:
      if (isTensor(value)) {
        words[at] = 0;
        words[at + 1] = handleOf(value);
        return at + 2;
      }
      words[at] = 1;
      return scalar(words, at + 1, value);
    case CODE_OF.int: {
      const n = integer(value, words, at);
      if (n === null) return NO_MATCH;
      words[at] = n;
      return at + 1;
    }
    case CODE_OF.float: {
      const n = typeof value === 'number' ? value : real(value, words, at);
      if (n === null) return NO_MATCH;
      words[at] = n;
      return at + 1;
    }
    case CODE_OF.bool:
      if (typeof value !== 'boolean') return NO_MATCH;
      words[at] = value ? 1 : 0;
      return at + 1;
    case CODE_OF.Scalar:
      return scalar(words, at, isTensor(value) ? readScalar(value, words, at) : value);
    case CODE_OF.DType:
      if (!(value instanceof DType)) return NO_MATCH;
      words[at] = codeOf(value);
      return at + 1;
    case CODE_OF.str:
      return typeof value === 'string' ? text(words, at, value) : NO_MATCH;
    case CODE_OF.Generator:
      if (!isGenerator(value)) return NO_MATCH;
      words[at] = value.handle;
      return at + 1;
    default:
      return Array.isArray(value) ? list(words, at, code, value) : single(words, at, code, value);
  }
}

/** Kind and value; a number without fraction is an integer, as `2` is in Python (JavaScript has one 2 for 2 and 2.0). */
function scalar(words: Float64Array, at: number, value: unknown): number {
  if (typeof value === 'number') {
    words[at] = Number.isSafeInteger(value) && !Object.is(value, -0) ? INT : FLOAT;
    words[at + 1] = value;
    return at + 2;
  }
  if (typeof value === 'boolean') {
    words[at] = BOOL;
    words[at + 1] = value ? 1 : 0;
    return at + 2;
  }
  if (typeof value === 'bigint') {
    words[at] = BIG;
    words[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
    words[at + 2] = Number(BigInt.asUintN(32, value));
    return at + 3;
  }
  return NO_MATCH;
}

/** An integer: a number without fraction, a bigint, or a 0-d integer tensor. */
function integer(value: unknown, words: Float64Array, at: number): number | null {
  if (typeof value === 'number') return Number.isInteger(value) ? value : null;
  if (typeof value === 'bigint') return Number(value);
  if (isTensor(value)) {
    const n = readScalar(value, words, at);
    return typeof n === 'number' && Number.isInteger(n) ? n : null;
  }
  return null;
}

function real(value: unknown, words: Float64Array, at: number): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return Number(value);
  if (isTensor(value)) {
    const n = readScalar(value, words, at);
    return n === null ? null : Number(n);
  }
  return null;
}

function text(words: Float64Array, at: number, value: string): number {
  if (at + 1 + value.length > words.length) throw new Longer(at + 1 + value.length);
  words[at++] = value.length;
  for (let i = 0; i < value.length; i++) words[at++] = value.charCodeAt(i);
  return at;
}

function list(words: Float64Array, at: number, code: number, value: readonly unknown[]): number {
  if (at + 1 + 3 * value.length > words.length) throw new Longer(at + 1 + 3 * value.length);
  const n = value.length;
  words[at++] = n;
  for (let i = 0; i < n; i++) {
    const v = value[i];
    if (code === CODE_OF['int[]']) {
      const k = typeof v === 'number' && Number.isInteger(v) ? v : integer(v, words, at);
      if (k === null) return NO_MATCH;
      words[at++] = k;
    } else if (code === CODE_OF['float[]']) {
      const k = typeof v === 'number' ? v : real(v, words, at);
      if (k === null) return NO_MATCH;
      words[at++] = k;
    } else if (code === CODE_OF['bool[]'] || code === CODE_OF['Scalar[]']) {
      at = encode(words, at, code === CODE_OF['bool[]'] ? CODE_OF.bool : CODE_OF.Scalar, false, v);
      if (at === NO_MATCH) return NO_MATCH;
    } else if (code === CODE_OF['int[][]'] || code === CODE_OF['int?[]']) {
      at = code === CODE_OF['int[][]'] ? encode(words, at, CODE_OF['int[]'], false, v) : encode(words, at, CODE_OF.int, true, v);
      if (at === NO_MATCH) return NO_MATCH;
    } else if (code === CODE_OF['Tensor?[]'] && (v === null || v === undefined)) {
      words[at++] = 0;
    } else {
      if (!isTensor(v)) return NO_MATCH;
      if (code === CODE_OF['Tensor?[]']) words[at++] = 1;
      words[at++] = handleOf(v);
    }
  }
  return at;
}

/** A list that is not an array: one number stands for a list of one, an iterable of tensors for its elements. */
function single(words: Float64Array, at: number, code: number, value: unknown): number {
  if (code === CODE_OF['int[]'] || code === CODE_OF['float[]']) {
    const n = code === CODE_OF['int[]'] ? integer(value, words, at) : typeof value === 'number' ? value : null;
    if (n === null) return NO_MATCH;
    words[at] = 1;
    words[at + 1] = n;
    return at + 2;
  }
  if (code === CODE_OF['int?[]']) return list(words, at, code, [value]);
  if (value !== null && typeof value === 'object' && !isTensor(value) && Symbol.iterator in value) {
    return list(words, at, code, [...(value as Iterable<unknown>)]);
  }
  return NO_MATCH;
}

/** Thrown when the arguments need more words than the block has; the caller reserves them and starts again. */
export class Longer extends Error {
  constructor(readonly words: number) {
    super('arguments are longer than the scratch block');
  }
}
