/**
 * Sizes that follow a dynamic axis, as expressions over sizes of tensors in the graph.
 *
 * In JavaScript `x.shape[0]` is a plain number. What it was computed from shows when the model runs at several sizes: a
 * number that is the same in every run is a constant, and one that was, run for run, the size of some dimension is that
 * size, or a multiple, quotient, sum or product. What fits nothing is refused.
 * @module
 */
import type { Value } from './trace.js';

/** A size: a number, or an expression. */
export type Size = number | Expr;

/** An expression; `vector` is its value in every trace. */
export type Expr =
  | { readonly kind: 'dim'; readonly value: Value; readonly dim: number; readonly vector: readonly number[] }
  | { readonly kind: 'Mul' | 'Add' | 'Div'; readonly a: Size; readonly b: Size; readonly vector: readonly number[] };

/** A dimension of a tensor as a size. */
export function sizeOf(value: Value, dim: number): Size {
  const vector = value.sizes.at(dim)!;
  return isConstant(vector) ? vector[0]! : { kind: 'dim', value, dim: dim < 0 ? dim + value.shape.length : dim, vector };
}

/** Whether it was the same in every trace. */
export function isConstant(vector: readonly number[]): boolean {
  return vector.every((n) => n === vector[0]);
}

const same = (a: readonly number[], b: readonly number[]): boolean => a.every((n, i) => n === b[i]);

/** Every size among these tensors that varies. */
function dynamic(values: readonly Value[]): Expr[] {
  return values.flatMap((v) => v.sizes.flatMap((_, d) => sizeOf(v, d))).filter((s): s is Expr => typeof s !== 'number');
}

/**
 * The size that was `vector` in the traces: a dimension of `inputs` (the model's) or `near` (the call's own tensors), what
 * can be computed of those, or a dimension of any tensor so far. Null if none fits.
 */
export function findSize(vector: readonly number[], near: readonly Value[], inputs: readonly Value[], all: readonly Value[]): Size | null {
  if (isConstant(vector)) return vector[0]!;
  const close = dynamic([...inputs, ...near]);
  return close.find((e) => same(e.vector, vector)) ?? affine(vector, close) ?? product(vector, close) ?? dynamic(all).find((e) => same(e.vector, vector)) ?? null;
}

/** `a · e + b` or `e / a` with integers. */
function affine(vector: readonly number[], among: readonly Expr[]): Size | null {
  for (const e of among) {
    const j = e.vector.findIndex((n) => n !== e.vector[0]);
    const slope = (vector[j]! - vector[0]!) / (e.vector[j]! - e.vector[0]!);
    const offset = vector[0]! - slope * e.vector[0]!;
    if (Number.isInteger(slope) && slope !== 0 && vector.every((n, i) => n === slope * e.vector[i]! + offset)) {
      return plus(slope === 1 ? e : { kind: 'Mul', a: e, b: slope, vector: e.vector.map((n) => n * slope) }, offset, vector);
    }
    const quotient = 1 / slope;
    if (offset === 0 && Number.isInteger(quotient) && quotient > 1 && vector.every((n, i) => n * quotient === e.vector[i]!)) {
      return { kind: 'Div', a: e, b: quotient, vector };
    }
  }
  return null;
}

function plus(e: Expr, offset: number, vector: readonly number[]): Size {
  return offset === 0 ? e : { kind: 'Add', a: e, b: offset, vector };
}

/** `e · f · a`: a flattened pair of dimensions, one of them dynamic or both. */
function product(vector: readonly number[], among: readonly Expr[]): Size | null {
  for (const [i, e] of among.entries()) {
    for (const f of among.slice(i)) {
      const factor = vector[0]! / (e.vector[0]! * f.vector[0]!);
      if (!Number.isInteger(factor) || !vector.every((n, k) => n === factor * e.vector[k]! * f.vector[k]!)) continue;
      const both: Expr = { kind: 'Mul', a: e, b: f, vector: e.vector.map((n, k) => n * f.vector[k]!) };
      return factor === 1 ? both : { kind: 'Mul', a: both, b: factor, vector };
    }
  }
  return null;
}
