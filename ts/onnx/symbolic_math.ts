/**
 * Element-wise arithmetic and functions.
 * @module
 */
import { bool, float64, int32 } from '../dtype.js';
import { Arith, type Operand } from './arith.js';
import { type Arguments, floating, isNumber, type Symbolic, type Symbolics, working } from './call.js';
import type { Graph } from './graph.js';

/** One operator of one tensor, computed in the dtype of the result. */
const unary = (type: string): Symbolic => (_g, c) => c.arith.op(type, c.tensor('input'));

/** A formula of one tensor, computed in the dtype of the result. */
const formula = (f: (a: Arith, x: string, c: Arguments) => string): Symbolic => (_g, c) => {
  const a = c.arith;
  return f(a, a.of(c.tensor('input')), c);
};

/** Computes in a dtype that has kernels and casts back: bytes and booleans as int32. */
function within(g: Graph, c: Arguments, body: (a: Arith) => string): string {
  const { dtype } = c.result;
  const a = new Arith(g, working(dtype));
  const x = body(a);
  return a.dtype === dtype ? x : g.cast(x, dtype);
}

/** A formula of two operands in the dtype of the result. */
const binary = (f: (a: Arith, x: string, y: string, c: Arguments) => string, left = 'input', right = 'other'): Symbolic => (g, c) =>
  within(g, c, (a) => f(a, c.cast(left, a.dtype), c.cast(right, a.dtype), c));

/** y times alpha, which is a number or varies. */
function scaled(a: Arith, y: string, c: Arguments, name = 'alpha'): string {
  const k = c.operand(name);
  return k === 1 ? y : a.mul(y, a.g.scalar(k as number, a.dtype));
}

function floor(a: Arith, x: Operand): string {
  return a.dtype.isFloatingPoint ? a.op('Floor', x) : a.of(x);
}

/** x - y · floor(x / y), which has the sign of y; ONNX's Mod does the same for integers. */
function remainder(a: Arith, x: string, y: string): string {
  if (!a.dtype.isFloatingPoint) return a.op('Mod', x, y);
  return a.sub(x, a.mul(y, floor(a, a.div(x, y))));
}

function floorDivide(a: Arith, x: string, y: string): string {
  if (a.dtype.isFloatingPoint) return floor(a, a.div(x, y));
  return a.div(a.sub(x, a.op('Mod', x, y)), y);
}

/** Towards zero. ONNX has no such operator; integers are there already. */
function trunc(a: Arith, x: string): string {
  return a.dtype.isFloatingPoint ? a.mul(a.op('Sign', x), a.op('Floor', a.abs(x))) : x;
}

/** Half to even, as in PyTorch. */
function round(a: Arith, x: string, c: Arguments): string {
  const factor = 10 ** c.number('decimals');
  return a.dtype.isFloatingPoint ? a.div(a.op('Round', a.mul(x, factor)), factor) : x;
}

function divRounded(a: Arith, x: string, y: string, c: Arguments): string {
  const mode = c.has('roundingMode') ? c.text('roundingMode') : '';
  return mode === '' ? a.div(x, y) : mode === 'floor' ? floorDivide(a, x, y) : a.dtype.isFloatingPoint ? trunc(a, a.div(x, y)) : a.div(x, y);
}

/** The bounds may be numbers, tensors, or missing. */
function clamp(low: string | null, high: string | null): Symbolic {
  return (g, c) => within(g, c, (a) => {
    let x = c.cast('input', a.dtype);
    if (low !== null && c.has(low)) x = a.max(x, c.cast(low, a.dtype));
    if (high !== null && c.has(high)) x = a.min(x, c.cast(high, a.dtype));
    return x;
  });
}

/** ONNX's Pow takes exponents of another type, and its base decides the result's. */
const pow: Symbolic = (g, c) => within(g, c, (a) => {
  const exponent = c.operand('exponent');
  if (exponent === 2) return a.square(c.cast('input', a.dtype));
  if (exponent === 1) return c.cast('input', a.dtype);
  return a.pow(c.cast('input', a.dtype), c.cast('exponent', a.dtype));
});

/** log(exp(x) + exp(y)) without overflow. */
function logaddexp(a: Arith, x: string, y: string): string {
  const top = a.max(x, y);
  return a.add(top, a.log(a.add(1, a.exp(a.neg(a.abs(a.sub(x, y)))))));
}

/** x · log(y), and 0 where x is. */
function xlogy(a: Arith, x: string, y: string): string {
  return a.where(a.equal(x, 0), 0, a.mul(x, a.log(y)));
}

/** The one that is a number where the other is not. */
function known(a: Arith, x: string, y: string, both: string): string {
  if (!a.dtype.isFloatingPoint) return both;
  return a.where(a.g.node('IsNaN', [x]), y, a.where(a.g.node('IsNaN', [y]), x, both));
}

/** The angle of (x, y): ONNX has the arc tangent only, which knows half of the circle. */
function atan2(a: Arith, y: string, x: string): string {
  const angle = a.op('Atan', a.div(y, x));
  const sign = a.where(a.less(y, 0), -1, 1);
  const turned = a.where(a.less(x, 0), a.add(angle, a.mul(sign, Math.PI)), angle);
  return a.where(a.equal(x, 0), a.mul(a.op('Sign', y), Math.PI / 2), turned);
}

const logical = (type: string): Symbolic => (g, c) => g.node(type, [g.as(c.tensor('input'), bool), g.as(c.tensor('other'), bool)]);

/** Bits of integers, truth of booleans. */
const bitwise = (logic: string, bits: string): Symbolic => (g, c) => {
  const { dtype } = c.result;
  if (dtype === bool) return g.node(logic, [c.cast('input', bool), c.cast('other', bool)]);
  if (g.opset < 18) throw c.unsupported(`${bits} before opset 18`, 'export with { opsetVersion: 18 } or later');
  return g.node(bits, [c.cast('input', dtype), c.cast('other', dtype)]);
};

/** The tensor itself, in another dtype where one is asked for. */
const identity: Symbolic = (g, c) => g.as(c.tensor('input'), c.result.dtype);

/** See the module. */
export const MATH: Symbolics = {
  add: (g, c) => (c.result.dtype === bool ? g.node('Or', [c.cast('input', bool), c.cast('other', bool)]) : binary((a, x, y) => a.add(x, y))(g, c)),
  add_alpha: binary((a, x, y, c) => a.add(x, scaled(a, y, c))),
  sub: binary((a, x, y) => a.sub(x, y)),
  sub_alpha: binary((a, x, y, c) => a.sub(x, scaled(a, y, c))),
  rsub: binary((a, x, y, c) => a.sub(y, scaled(a, x, c))),
  mul: (g, c) => (c.result.dtype === bool ? g.node('And', [c.cast('input', bool), c.cast('other', bool)]) : binary((a, x, y) => a.mul(x, y))(g, c)),
  div: binary((a, x, y) => a.div(x, y)),
  div_rounded: binary(divRounded),
  floor_divide: binary(floorDivide),
  fmod: (g, c) => within(g, c, (a) => g.node('Mod', [c.cast('input', a.dtype), c.cast('other', a.dtype)], { fmod: 1 })),
  remainder: binary(remainder),
  neg: unary('Neg'),
  positive: identity,
  conj: identity,
  conj_physical: identity,
  real: identity,
  clone: identity,
  contiguous: identity,
  detach: identity,
  alias: identity,
  alias_copy: identity,
  shallow_copy: identity,
  to_dtype: identity,
  copy_: (g, c) => {
    const { result } = c;
    const src = c.operand('src');
    const x = c.cast('src', result.dtype);
    if (src instanceof Object && 'sizes' in src && src.dtype === result.dtype) return g.expand(src, result);
    return g.node('Expand', [x, g.shape(g.sizes(result))]);
  },
  abs: unary('Abs'),
  sign: (_g, c) => (c.result.dtype === bool ? c.tensor('input').name : c.arith.op('Sign', c.tensor('input'))),
  sgn: (_g, c) => (c.result.dtype === bool ? c.tensor('input').name : c.arith.op('Sign', c.tensor('input'))),
  reciprocal: unary('Reciprocal'),
  minimum: binary((a, x, y) => a.min(x, y)),
  maximum: binary((a, x, y) => a.max(x, y)),
  min_other: binary((a, x, y) => a.min(x, y)),
  max_other: binary((a, x, y) => a.max(x, y)),
  clamp: clamp('min', 'max'),
  clamp_tensor: clamp('min', 'max'),
  clamp_min: clamp('min', null),
  clamp_max: clamp(null, 'max'),
  lerp: (g, c) => within(g, c, (a) => {
    const [x, end] = [c.cast('input', a.dtype), c.cast('end', a.dtype)];
    return a.add(x, a.mul(c.cast('weight', a.dtype), a.sub(end, x)));
  }),
  addcmul: (g, c) => within(g, c, (a) => a.add(c.cast('input', a.dtype), scaled(a, a.mul(c.cast('tensor1', a.dtype), c.cast('tensor2', a.dtype)), c, 'value'))),
  addcdiv: (g, c) => within(g, c, (a) => a.add(c.cast('input', a.dtype), scaled(a, a.div(c.cast('tensor1', a.dtype), c.cast('tensor2', a.dtype)), c, 'value'))),
  exp: unary('Exp'),
  exp2: formula((a, x) => a.pow(2, x)),
  expm1: formula((a, x) => a.sub(a.exp(x), 1)),
  log: unary('Log'),
  log2: formula((a, x) => a.mul(a.log(x), Math.LOG2E)),
  log10: formula((a, x) => a.mul(a.log(x), Math.LOG10E)),
  log1p: formula((a, x) => a.log(a.add(x, 1))),
  sqrt: unary('Sqrt'),
  rsqrt: formula((a, x) => a.op('Reciprocal', a.sqrt(x))),
  square: (g, c) => within(g, c, (a) => a.square(c.cast('input', a.dtype))),
  pow,
  float_power: (g, c) => new Arith(g, float64).pow(c.cast('input', float64), c.cast('exponent', float64)),
  logaddexp: binary(logaddexp),
  logaddexp2: binary((a, x, y) => a.add(a.max(x, y), a.mul(a.log(a.add(1, a.pow(2, a.neg(a.abs(a.sub(x, y)))))), Math.LOG2E))),
  xlogy: binary(xlogy),
  xlog1py: binary((a, x, y) => xlogy(a, x, a.add(y, 1))),
  ldexp: binary((a, x, y) => a.mul(x, a.pow(2, y))),
  fmax: binary((a, x, y) => known(a, x, y, a.max(x, y))),
  fmin: binary((a, x, y) => known(a, x, y, a.min(x, y))),
  logit: formula((a, x, c) => {
    const eps = c.numberOr('eps', null);
    const p = eps === null ? x : a.op('Clip', x, eps, 1 - eps);
    return a.log(a.div(p, a.sub(1, p)));
  }),
  entr: formula((a, x) => a.where(a.less(x, 0), -Infinity, a.neg(xlogy(a, x, x)))),
  floor: formula(floor),
  ceil: formula((a, x) => (a.dtype.isFloatingPoint ? a.op('Ceil', x) : x)),
  trunc: formula(trunc),
  frac: formula((a, x) => a.sub(x, trunc(a, x))),
  round: formula(round),
  erf: unary('Erf'),
  erfc: formula((a, x) => a.sub(1, a.op('Erf', x))),
  sin: unary('Sin'),
  cos: unary('Cos'),
  tan: unary('Tan'),
  asin: unary('Asin'),
  acos: unary('Acos'),
  atan: unary('Atan'),
  sinh: unary('Sinh'),
  cosh: unary('Cosh'),
  asinh: unary('Asinh'),
  acosh: unary('Acosh'),
  atanh: unary('Atanh'),
  atan2: binary(atan2),
  hypot: binary((a, x, y) => a.sqrt(a.add(a.square(x), a.square(y)))),
  deg2rad: formula((a, x) => a.mul(x, Math.PI / 180)),
  rad2deg: formula((a, x) => a.mul(x, 180 / Math.PI)),
  sinc: formula((a, x) => {
    const angle = a.mul(x, Math.PI);
    return a.where(a.equal(x, 0), 1, a.div(a.op('Sin', angle), angle));
  }),
  nan_to_num: formula((a, x, c) => {
    const largest = a.dtype === float64 ? Number.MAX_VALUE : 3.4028234663852886e38;
    const bound = (name: string, other: number): number => c.numberOr(name, other);
    if (!a.dtype.isFloatingPoint) return x;
    const up = a.where(a.equal(x, Infinity), bound('posinf', largest), x);
    const down = a.where(a.equal(x, -Infinity), bound('neginf', -largest), up);
    return a.where(a.g.node('IsNaN', [x]), bound('nan', 0), down);
  }),
  // StandardScaler and MinMaxScaler, which belong into a file with the model that they feed.
  scale_columns: (_g, c) => {
    const [a, offset, factor] = [c.arith, c.maybe('offset'), c.maybe('factor')];
    const moved = offset ? a.sub(c.tensor('input'), offset) : a.of(c.tensor('input'));
    return factor ? a.div(moved, factor) : moved;
  },
  unscale_columns: (_g, c) => {
    const [a, offset, factor] = [c.arith, c.maybe('offset'), c.maybe('factor')];
    const scaled = factor ? a.mul(c.tensor('input'), factor) : a.of(c.tensor('input'));
    return offset ? a.add(scaled, offset) : scaled;
  },
  logical_and: logical('And'),
  logical_or: logical('Or'),
  logical_xor: logical('Xor'),
  logical_not: (g, c) => g.node('Not', [g.as(c.tensor('input'), bool)]),
  bitwise_and: bitwise('And', 'BitwiseAnd'),
  bitwise_or: bitwise('Or', 'BitwiseOr'),
  bitwise_xor: bitwise('Xor', 'BitwiseXor'),
  bitwise_not: (g, c) => g.node(c.result.dtype === bool ? 'Not' : 'BitwiseNot', [c.tensor('input')]),
  cumsum: (g, c) => {
    const x = c.tensor('input');
    const { dtype } = c.result;
    const type = isNumber(dtype) ? dtype : int32;
    if (x.shape.length === 0) return g.as(x, dtype);
    return g.node('CumSum', [g.as(x, type), g.values(c.dim('dim', x.shape.length), int32)]);
  },
  logcumsumexp: (g, c) => {
    const x = c.tensor('input');
    if (x.shape.length === 0) return x.name;
    const [axis, a] = [c.dim('dim', x.shape.length), new Arith(g, floating(x.dtype))];
    const top = g.reduce('ReduceMax', x, [axis], true);
    return a.add(a.log(g.node('CumSum', [a.exp(a.sub(x, top)), g.values(axis, int32)])), top);
  },
};

