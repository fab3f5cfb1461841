/**
 * Distances.
 * @module
 */
import { Arith } from './arith.js';
import type { Symbolic, Symbolics } from './call.js';
import { vectorNorm } from './symbolic_reduce.js';
import type { Value } from './trace.js';

/** ‖x - y + ε‖ over the last dimension. */
export function distance(a: Arith, x: Value, y: Value, p: number, eps: number, keepdims: boolean): string {
  return vectorNorm(a, a.add(a.sub(x, y), eps), p, [-1], keepdims);
}

const cosineSimilarity: Symbolic = (g, c) => {
  const [x, y] = [c.tensor('x1'), c.tensor('x2')];
  const a = new Arith(g, c.result.dtype);
  const n = Math.max(x.shape.length, y.shape.length);
  const axes = n === 0 ? null : [c.dim('dim', n) - n];
  const eps = c.number('eps');
  const length = (v: Value): string => a.max(vectorNorm(a, a.of(v), 2, axes, true), eps);
  // Each is brought to length one before the product, which then cannot overflow.
  return a.sum(a.mul(a.div(x, length(x)), a.div(y, length(y))), axes);
};

/** Every row of one with every row of the other. */
const cdist: Symbolic = (g, c) => {
  const [x, y] = [c.tensor('x1'), c.tensor('x2')];
  const a = new Arith(g, c.result.dtype);
  const [left, right] = [g.unsqueeze(x, [x.shape.length - 1]), g.unsqueeze(y, [y.shape.length - 2])];
  return vectorNorm(a, a.sub(left, right), c.number('p'), [-1], false);
};

/** Every row with every later one. */
const pdist: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const n = x.sizes[0]!;
  if (n.some((v) => v !== n[0])) throw c.unsupported('pdist of a dynamic number of rows', 'use cdist(x, x), or leave that axis static');
  const a = new Arith(g, x.dtype);
  const pairs = Array.from({ length: n[0]! }, (_, i) => Array.from({ length: n[0]! - i - 1 }, (_unused, k) => [i, i + k + 1] as const)).flat();
  const side = (k: 0 | 1): string => g.node('Gather', [x, g.ints(pairs.map((pair) => pair[k]))]);
  return vectorNorm(a, a.sub(side(0), side(1)), c.number('p'), [-1], false);
};

/** See the module. */
export const DISTANCE: Symbolics = {
  cosine_similarity: cosineSimilarity,
  pairwise_distance: (g, c) => distance(new Arith(g, c.result.dtype), c.tensor('x1'), c.tensor('x2'), c.number('p'), c.number('eps'), c.flag('keepdim')),
  cdist,
  pdist,
};
