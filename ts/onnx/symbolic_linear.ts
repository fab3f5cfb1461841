/**
 * Products of matrices.
 * @module
 */
import { bool, type DType } from '../dtype.js';
import type { Arguments, Symbolic, Symbolics } from './call.js';
import { float, type Graph } from './graph.js';
import type { Value } from './trace.js';

/** x Wᵀ + b: one Gemm for matrices, as in PyTorch's export, else a product and a sum. */
export function linear(g: Graph, x: Value | string, rank: number, weight: Value | string, bias: Value | string | null): string {
  if (rank === 2) return g.node('Gemm', [x, weight, bias], { alpha: float(1), beta: float(1), transA: 0, transB: 1 });
  const product = g.node('MatMul', [x, g.transpose(weight, [1, 0])]);
  return bias === null ? product : g.node('Add', [product, bias]);
}

const matmul = (left: string, right: string): Symbolic => (g, c) => g.node('MatMul', [c.tensor(left), c.tensor(right)]);

/** β · input + α · product. */
function sum(c: Arguments, input: Value, product: string): string {
  const a = c.arith;
  const [alpha, beta] = [c.number('alpha'), c.number('beta')];
  if (a.dtype === bool) throw c.unsupported('bool tensors', 'convert with int() before it');
  const term = a.mul(product, alpha);
  return beta === 0 ? term : a.add(a.mul(input, beta), term);
}

const addmm: Symbolic = (g, c) => {
  const [input, a, b] = [c.tensor('input'), c.tensor('mat1'), c.tensor('mat2')];
  const [alpha, beta] = [c.number('alpha'), c.number('beta')];
  if (!input.dtype.isFloatingPoint || input.shape.length > 2) return sum(c, input, g.node('MatMul', [a, b]));
  return g.node('Gemm', [a, b, beta === 0 ? null : input], { alpha: float(alpha), beta: float(beta), transA: 0, transB: 0 });
};

/** Every element of one times every element of the other. */
function outer(g: Graph, x: Value, y: Value, dtype: DType): string {
  const [left, right] = [g.unsqueeze(g.as(x, dtype), [1]), g.unsqueeze(g.as(y, dtype), [0])];
  return g.node(dtype === bool ? 'And' : 'Mul', [left, right]);
}

/** `ij,jk->ik`: PyTorch's spelling is ONNX's, save that it allows capitals and an implicit result. */
const einsum: Symbolic = (g, c) => {
  const equation = c.text('equation').replace(/\s/g, '');
  if (!/^[A-Za-z.,]+(->[A-Za-z.]*)?$/.test(equation)) throw c.unsupported(`the equation '${equation}'`, 'use letters');
  const [left, right] = equation.split('->') as [string, string?];
  const ranks = left.split(',').flatMap((term, i) => (term.includes('...') ? [c.tensors('operands')[i]!.shape.length - term.replace('...', '').length] : []));
  if (ranks.some((r) => r !== ranks[0]) || (ranks.length > 0 && right !== undefined && !right.includes('...'))) {
    throw c.unsupported(`'...' for different dimensions in '${equation}'`, 'name every dimension by a letter');
  }
  return g.node('Einsum', c.tensors('operands'), { equation });
};

const chain = (name: string): Symbolic => (g, c) => c.tensors(name).map((t) => t.name).reduce((x, y) => g.node('MatMul', [x, y]));

/** x × y: the components turned one way times those turned the other way, minus the reverse. */
const cross = (axisOf: (c: Arguments, n: number) => number): Symbolic => (g, c) => {
  const axis = axisOf(c, c.result.shape.length);
  const turned = (name: string, by: readonly number[]): string => g.node('Gather', [g.as(c.tensor(name), c.result.dtype), g.ints(by)], { axis: axis - c.result.shape.length });
  const [one, two] = [[1, 2, 0], [2, 0, 1]];
  return g.node('Sub', [g.node('Mul', [turned('input', one), turned('other', two)]), g.node('Mul', [turned('input', two), turned('other', one)])]);
};

/** The dimensions `a` of one and `b` of the other are multiplied and summed, as a product of matrices. */
function tensordot(g: Graph, x: Value, y: Value, a: readonly number[], b: readonly number[]): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const left = x.shape.map((_, d) => letters[d]!);
  const right = y.shape.map((_, d) => letters[x.shape.length + d]!);
  a.forEach((d, i) => (right[b[i]!] = left[d]!));
  const kept = [...left.filter((_, d) => !a.includes(d)), ...right.filter((_, d) => !b.includes(d))];
  return g.node('Einsum', [x, y], { equation: `${left.join('')},${right.join('')}->${kept.join('')}` });
}

/** y_k = x1ᵀ A_k x2 + b_k. */
const bilinear: Symbolic = (g, c) => {
  const [x, y, bias] = [c.tensor('input1'), c.tensor('input2'), c.maybe('bias')];
  const out = g.node('Einsum', [x, c.tensor('weight'), y], { equation: '...i,kij,...j->...k' });
  return bias === null ? out : g.node('Add', [out, bias]);
};

/** See the module. */
export const LINEAR: Symbolics = {
  linear: (g, c) => {
    const [x, weight] = [c.tensor('input'), c.tensor('weight')];
    return weight.shape.length === 1 ? sumOf(g, g.node('MatMul', [x, weight]), c.maybe('bias')) : linear(g, x, x.shape.length, weight, c.maybe('bias'));
  },
  mm: matmul('input', 'mat2'),
  bmm: matmul('input', 'mat2'),
  matmul: matmul('input', 'other'),
  mv: matmul('input', 'vec'),
  dot: matmul('input', 'tensor'),
  inner: (g, c) => {
    const [x, y] = [c.tensor('input'), c.tensor('other')];
    if (x.shape.length === 0 || y.shape.length === 0) return g.node('Mul', [x, y]);
    return tensordot(g, x, y, [x.shape.length - 1], [y.shape.length - 1]);
  },
  outer: (g, c) => outer(g, c.tensor('input'), c.tensor('vec2'), c.result.dtype),
  addmm,
  baddbmm: (g, c) => sum(c, c.tensor('input'), g.node('MatMul', [c.tensor('batch1'), c.tensor('batch2')])),
  addbmm: (g, c) => sum(c, c.tensor('input'), g.reduce('ReduceSum', g.node('MatMul', [c.tensor('batch1'), c.tensor('batch2')]), [0], false)),
  addmv: (g, c) => sum(c, c.tensor('input'), g.node('MatMul', [c.tensor('mat'), c.tensor('vec')])),
  addr: (g, c) => sum(c, c.tensor('input'), outer(g, c.tensor('vec1'), c.tensor('vec2'), c.result.dtype)),
  multi_dot: chain('tensors'),
  chain_matmul: chain('matrices'),
  kron: (g, c) => {
    const [x, y] = [c.tensor('input'), c.tensor('other')];
    const n = Math.max(x.shape.length, y.shape.length);
    if (c.result.dtype === bool) throw c.unsupported('bool tensors', 'convert with int() before it');
    // [a, 1, b, 1] times [1, c, 1, d] is [a, c, b, d], which is [a · c, b · d] in memory.
    const spread = (t: Value, at: number): string => g.unsqueeze(g.as(t, c.result.dtype), Array.from({ length: 2 * n }, (_, i) => i).filter((i) => i % 2 !== at || (i - at) / 2 < n - t.shape.length));
    return g.reshapeAs(g.node('Mul', [spread(x, 0), spread(y, 1)]), c.result);
  },
  det: (g, c) => g.node('Det', [c.tensor('A')]),
  cross: cross((c, n) => (c.has('dim') ? c.dim('dim', n) : c.tensor('input').shape.indexOf(3))),
  linalg_cross: cross((c, n) => c.dim('dim', n)),
  einsum,
  tensordot: (g, c) => {
    const [x, y, n] = [c.tensor('a'), c.tensor('b'), c.number('dims')];
    return tensordot(g, x, y, Array.from({ length: n }, (_, i) => x.shape.length - n + i), Array.from({ length: n }, (_, i) => i));
  },
  tensordot_dims: (g, c) => {
    const [x, y] = [c.tensor('a'), c.tensor('b')];
    return tensordot(g, x, y, c.dims('dimsA', x.shape.length) ?? [], c.dims('dimsB', y.shape.length) ?? []);
  },
  bilinear,
  vecdot: (g, c) => {
    const x = c.tensor('x');
    return g.reduce('ReduceSum', g.node('Mul', [x, c.tensor('y')]), [c.dim('dim', c.result.shape.length + 1)], false);
  },
};

function sumOf(g: Graph, product: string, bias: Value | null): string {
  return bias === null ? product : g.node('Add', [product, bias]);
}
