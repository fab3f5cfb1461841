/**
 * Tensors out of nothing: those of constant size are constants already (they were computed while the model ran), so what
 * comes here has a size that follows a dynamic axis. And random ones, which ONNX draws anew in every run.
 * @module
 */
import { type DType, float32, int32, int64 } from '../dtype.js';
import { Arith } from './arith.js';
import type { Arguments, Symbolic, Symbolics } from './call.js';
import { type Attributes, float, type Graph } from './graph.js';
import { DATA_TYPE } from './proto.js';

/** Filled with one number. */
function filled(g: Graph, c: Arguments, value: number): string {
  const { result } = c;
  const { dtype } = result;
  const data = new dtype.array(1);
  data[0] = dtype === int64 ? BigInt(Math.trunc(value)) : value;
  return g.node('ConstantOfShape', [g.shape(g.sizes(result))], { value: { dtype: dtype.name, dims: [1], data } });
}

const zeros: Symbolic = (g, c) => filled(g, c, 0);
const ones: Symbolic = (g, c) => filled(g, c, 1);

/** A number may be one that varies, or a tensor of one element. */
const full = (name: string): Symbolic => (g, c) => {
  const value = c.operand(name);
  if (typeof value === 'number' || typeof value === 'boolean') return filled(g, c, Number(value));
  return g.node('Expand', [c.cast(name, c.result.dtype), g.shape(g.sizes(c.result))]);
};

const arange: Symbolic = (g, c) => {
  const { dtype } = c.result;
  // Range has no bytes or booleans.
  const type: DType = dtype.isFloatingPoint || dtype === int64 ? dtype : int32;
  const bound = (name: string): string => g.scalar(c.operand(name) as number, type);
  const [start, step] = c.op === 'arange' ? [g.scalar(0, type), g.scalar(1, type)] : [bound('start'), bound('step')];
  const out = g.node('Range', [start, bound('end'), step]);
  return type === dtype ? out : g.cast(out, dtype);
};

/** Evenly spaced: start + i · (end - start) / (steps - 1). */
const linspace: Symbolic = (g, c) => {
  const a = new Arith(g, c.result.dtype);
  const steps = g.cast(g.squeeze(g.size(c.size('steps')), [0]), a.dtype);
  const [start, end] = [c.cast('start', a.dtype), c.cast('end', a.dtype)];
  const line = g.node('Range', [a.of(0), steps, a.of(1)]);
  return a.add(start, a.mul(line, a.div(a.sub(end, start), a.max(a.sub(steps, 1), 1))));
};

/** The lower or upper triangle of matrices. */
const triangle = (upper: number): Symbolic => (g, c) => {
  const x = c.tensor('input');
  const k = g.scalar(c.number('diagonal'), int64);
  // onnxruntime has Trilu of floats and int64 only.
  if (x.dtype.isFloatingPoint || x.dtype === int64) return g.node('Trilu', [x, k], { upper });
  return g.cast(g.node('Trilu', [g.cast(x, int64), k], { upper }), x.dtype);
};

/** Drawn anew in every run, by whichever generator the runtime has. */
const random = (type: string, attributes: (c: Arguments) => Attributes): Symbolic => (g, c) => {
  const { result } = c;
  const zero = g.node('ConstantOfShape', [g.shape(g.sizes(result))], { value: { dtype: 'float32', dims: [1], data: new Float32Array(1) } });
  const drawn = g.node(type, [zero], { dtype: DATA_TYPE['float32']!, ...attributes(c) });
  return result.dtype === float32 ? drawn : g.cast(drawn, result.dtype);
};
const normal = random('RandomNormalLike', () => ({ mean: float(0), scale: float(1) }));
const uniform = random('RandomUniformLike', () => ({ low: float(0), high: float(1) }));

/** See the module. */
export const CREATE: Symbolics = {
  zeros,
  ones,
  zeros_like: zeros,
  ones_like: ones,
  new_zeros: zeros,
  new_ones: ones,
  zero: zeros,
  // What is there before it is written may be anything: zeros are.
  empty: zeros,
  empty_like: zeros,
  new_empty: zeros,
  full: full('fillValue'),
  full_like: full('fillValue'),
  new_full: full('fillValue'),
  fill: full('value'),
  arange,
  arange_start: arange,
  linspace,
  eye: (g, c) => g.node('EyeLike', [filled(g, c, 0)], { dtype: DATA_TYPE[c.result.dtype.name]! }),
  tril: triangle(0),
  triu: triangle(1),
  rand: uniform,
  rand_like: uniform,
  randn: normal,
  randn_like: normal,
  uniform_: random('RandomUniformLike', (c) => ({ low: float(c.number('from')), high: float(c.number('to')) })),
  normal_: random('RandomNormalLike', (c) => ({ mean: float(c.number('mean')), scale: float(c.number('std')) })),
};
