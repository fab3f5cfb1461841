/**
 * Reductions: sums, means, extrema, norms, and what is sorted.
 * @module
 */
import { bool, type DType, int32, int64, uint8 } from '../dtype.js';
import { Arith } from './arith.js';
import { type Arguments, floating, type Symbolic, type Symbolics, working } from './call.js';
import type { Graph } from './graph.js';
import type { Size } from './sizes.js';
import { product } from './symbolic_shape.js';
import type { Value } from './trace.js';

/** The dimensions of a reduction; null for all of them. */
function axesOf(c: Arguments, name: string, x: Value): number[] | null {
  return c.dims(name, x.shape.length);
}

/** Reduces in the dtype of the result. `dim` is the name of the parameter, or null where there is none. */
const reduction = (type: string, dim: string | null, dtypeOf: (c: Arguments) => DType = (c) => c.result.dtype): Symbolic => (g, c) => {
  const x = c.tensor('input');
  const { dtype } = c.result;
  const at = working(dtypeOf(c));
  if (x.shape.length === 0) return g.as(x, dtype);
  const out = g.reduce(type, g.as(x, at), dim === null ? null : axesOf(c, dim, x), dim !== null && c.flag('keepdim'));
  return at === dtype ? out : g.cast(out, dtype);
};

/** Whether all, or any, are true: the smallest or largest of zeros and ones. */
const truth = (type: string, dim: string | null): Symbolic => (g, c) => {
  const x = c.tensor('input');
  const bits = g.cast(x.dtype === bool ? x : g.cast(x, bool), int32);
  const out = x.shape.length === 0 ? bits : g.reduce(type, bits, dim === null ? null : axesOf(c, dim, x), dim !== null && c.flag('keepdim'));
  return g.cast(out, c.result.dtype === uint8 ? uint8 : bool);
};

/** Position of the largest or smallest along a dimension, or among all elements in a row. */
function position(g: Graph, c: Arguments, type: string, keepdims: boolean): string {
  const x = c.tensor('input');
  const flat = !c.has('dim') || x.shape.length === 0;
  const values = g.as(x, working(x.dtype));
  const name = g.node(type, [flat ? g.reshape(values, [-1]) : values], { axis: flat ? 0 : c.dim('dim', x.shape.length), keepdims: flat ? 0 : Number(keepdims) });
  return flat && keepdims ? g.reshapeAs(name, c.result) : name;
}

const extremum = (type: string, at: string): Symbolic => (g, c) => {
  const x = c.tensor('input');
  const keep = c.flag('keepdim');
  if (x.shape.length === 0) return [x.name, g.values(0, int64)];
  const values = g.reduce(type, g.as(x, working(x.dtype)), [c.dim('dim', x.shape.length)], keep);
  return [working(x.dtype) === x.dtype ? values : g.cast(values, x.dtype), position(g, c, at, keep)];
};

/** The number of elements that a reduction joins. */
export function countOf(g: Graph, x: Value, axes: readonly number[] | null): Size {
  return product((axes ?? x.shape.map((_, d) => d)).map((d) => g.dim(x, d)));
}

/** A size in a floating dtype. */
export function sizeAs(g: Graph, size: Size, a: Arith): string {
  return typeof size === 'number' ? a.of(size) : g.cast(g.squeeze(g.size(size), [0]), a.dtype);
}

/** Variance and mean: the sum of squared distances from the mean over n - correction. */
function moments(g: Graph, c: Arguments): { variance: string; mean: string; a: Arith } {
  const x = c.tensor('input');
  const a = new Arith(g, c.result.dtype);
  const all = c.op.endsWith('_all');
  const axes = all ? null : axesOf(c, 'dim', x);
  const keep = !all && c.flag('keepdim');
  const correction = c.op.endsWith('_correction') ? c.numberOr('correction', 1) : c.flag('unbiased') ? 1 : 0;
  const mean = a.mean(x, axes, true);
  const total = a.sum(a.square(a.sub(x, mean)), axes, keep);
  const n = countOf(g, x, axes);
  const divisor = typeof n === 'number' ? a.of(Math.max(0, n - correction)) : a.sub(sizeAs(g, n, a), correction);
  return { variance: a.div(total, divisor), mean: keep || x.shape.length === 0 ? mean : a.mean(x, axes, false), a };
}

const variance: Symbolic = (g, c) => moments(g, c).variance;
const deviation: Symbolic = (g, c) => {
  const m = moments(g, c);
  return m.a.sqrt(m.variance);
};
const varMean: Symbolic = (g, c) => {
  const m = moments(g, c);
  return [m.variance, m.mean];
};
const stdMean: Symbolic = (g, c) => {
  const m = moments(g, c);
  return [m.a.sqrt(m.variance), m.mean];
};

/** Zeros instead of what is no number. */
function withoutNaN(g: Graph, x: Value, a: Arith): string {
  const name = a.of(x);
  return x.dtype.isFloatingPoint ? a.where(g.node('IsNaN', [x]), 0, name) : name;
}

/** The p-norm over dimensions. */
export function vectorNorm(a: Arith, x: string, p: number, axes: readonly number[] | null, keepdims: boolean): string {
  const { g } = a;
  if (p === Infinity) return g.reduce('ReduceMax', a.abs(x), axes, keepdims);
  if (p === -Infinity) return g.reduce('ReduceMin', a.abs(x), axes, keepdims);
  if (p === 0) return a.sum(a.fromBool(a.not(a.equal(x, 0))), axes, keepdims);
  if (p === 1) return g.reduce('ReduceL1', x, axes, keepdims);
  if (p === 2) return g.reduce('ReduceL2', x, axes, keepdims);
  return a.pow(a.sum(a.pow(a.abs(x), p), axes, keepdims), 1 / p);
}

const norm = (p: string, dim: string): Symbolic => (g, c) => {
  const x = c.tensor(c.op === 'vector_norm' ? 'x' : c.op === 'linalg_norm' ? 'A' : 'input');
  const a = new Arith(g, c.result.dtype);
  const axes = axesOf(c, dim, x);
  if (c.op === 'linalg_norm' && c.has(p) && (axes ?? x.shape).length === 2) throw c.unsupported('a matrix norm', 'use torch.linalg.vectorNorm');
  if (x.shape.length === 0) return a.abs(x);
  return vectorNorm(a, a.of(x), c.numberOr(p, 2), axes, c.flag('keepdim'));
};

/** The largest or smallest k, or all in order. */
function ordered(g: Graph, x: Value, k: Size, axis: number, largest: boolean): string[] {
  const type = working(x.dtype);
  if (x.shape.length === 0) return [x.name, g.values(0, int64)];
  const [values, indices] = g.many('TopK', [g.as(x, type), g.size(k)], 2, { axis, largest: Number(largest), sorted: 1 });
  return [type === x.dtype ? values! : g.cast(values!, x.dtype), indices!];
}

const sort: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const axis = c.dim('dim', x.shape.length);
  const both = ordered(g, x, x.shape.length === 0 ? 1 : g.dim(x, axis), axis, c.flag('descending'));
  return c.op === 'argsort' ? both[1]! : both;
};

/** ONNX's ReduceLogSumExp does not take out the largest first, and overflows. */
const logsumexp: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const a = new Arith(g, floating(c.result.dtype));
  const axes = axesOf(c, 'dim', x) ?? x.shape.map((_, d) => d);
  if (x.shape.length === 0) return a.of(x);
  const top = g.reduce('ReduceMax', a.of(x), axes, true);
  const sum = a.add(a.log(a.sum(a.exp(a.sub(x, top)), axes, true)), top);
  return c.flag('keepdim') ? sum : g.squeeze(sum, axes);
};

/** See the module. */
export const REDUCE: Symbolics = {
  sum: reduction('ReduceSum', null),
  sum_dim: reduction('ReduceSum', 'dim'),
  mean: reduction('ReduceMean', null),
  mean_dim: reduction('ReduceMean', 'dim'),
  prod: reduction('ReduceProd', null),
  prod_dim: (g, c) => {
    const x = c.tensor('input');
    return g.reduce('ReduceProd', g.as(x, c.result.dtype), [c.dim('dim', x.shape.length)], c.flag('keepdim'));
  },
  amax: reduction('ReduceMax', 'dim'),
  amin: reduction('ReduceMin', 'dim'),
  max: reduction('ReduceMax', null),
  min: reduction('ReduceMin', null),
  aminmax: (g, c) => {
    const x = c.tensor('input');
    if (x.shape.length === 0) return [x.name, x.name];
    const axes = c.has('dim') ? [c.dim('dim', x.shape.length)] : null;
    return [g.reduce('ReduceMin', x, axes, c.flag('keepdim')), g.reduce('ReduceMax', x, axes, c.flag('keepdim'))];
  },
  max_dim: extremum('ReduceMax', 'ArgMax'),
  min_dim: extremum('ReduceMin', 'ArgMin'),
  argmax: (g, c) => position(g, c, 'ArgMax', c.flag('keepdim')),
  argmin: (g, c) => position(g, c, 'ArgMin', c.flag('keepdim')),
  all: truth('ReduceMin', null),
  all_dim: truth('ReduceMin', 'dim'),
  any: truth('ReduceMax', null),
  any_dim: truth('ReduceMax', 'dim'),
  count_nonzero: (g, c) => g.reduce('ReduceSum', g.cast(g.cast(c.tensor('input'), bool), int64), axesOf(c, 'dim', c.tensor('input')), false),
  var_all: variance,
  var_dim: variance,
  var_correction: variance,
  std_all: deviation,
  std_dim: deviation,
  std_correction: deviation,
  var_mean_all: varMean,
  var_mean_dim: varMean,
  var_mean_correction: varMean,
  std_mean_all: stdMean,
  std_mean_dim: stdMean,
  std_mean_correction: stdMean,
  nansum: (g, c) => {
    const x = c.tensor('input');
    const a = new Arith(g, c.result.dtype);
    return a.sum(withoutNaN(g, x, a), axesOf(c, 'dim', x), c.flag('keepdim'));
  },
  nanmean: (g, c) => {
    const x = c.tensor('input');
    const a = new Arith(g, c.result.dtype);
    const [axes, keep] = [axesOf(c, 'dim', x), c.flag('keepdim')];
    return a.div(a.sum(withoutNaN(g, x, a), axes, keep), a.sum(a.fromBool(a.not(g.node('IsNaN', [x]))), axes, keep));
  },
  norm: norm('p', 'dim'),
  norm_named: (g, c) => {
    const x = c.tensor('input');
    if (c.text('p') !== 'fro') throw c.unsupported(`the norm '${c.text('p')}'`, "use 'fro' or a number");
    return vectorNorm(new Arith(g, c.result.dtype), g.as(x, c.result.dtype), 2, axesOf(c, 'dim', x), c.flag('keepdim'));
  },
  vector_norm: norm('ord', 'dim'),
  linalg_norm: norm('ord', 'dim'),
  logsumexp,
  topk: (g, c) => {
    const x = c.tensor('input');
    return ordered(g, x, c.size('k'), c.dim('dim', x.shape.length), c.flag('largest'));
  },
  sort,
  argsort: sort,
  msort: (g, c) => {
    const x = c.tensor('input');
    return ordered(g, x, x.shape.length === 0 ? 1 : g.dim(x, 0), 0, false)[0]!;
  },
};
