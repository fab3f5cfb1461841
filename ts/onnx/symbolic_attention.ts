/**
 * Attention, written out: products, a softmax, products. (ONNX's own operator came with opset 23.)
 * @module
 */
import { bool, type DType, int64 } from '../dtype.js';
import { Arith } from './arith.js';
import type { Arguments, Symbolic, Symbolics } from './call.js';
import type { Graph, Input } from './graph.js';
import { linear } from './symbolic_linear.js';
import type { Value } from './trace.js';

/** A mask as numbers to add: minus infinity where `masked` says that a place is out. */
function additive(g: Graph, mask: Value, dtype: DType, masked: boolean): string {
  if (mask.dtype !== bool) return g.as(mask, dtype);
  const a = new Arith(g, dtype);
  return masked ? a.where(mask, -Infinity, 0) : a.where(mask, 0, -Infinity);
}

/** Weights of the keys for each query, and what they give: q `[..., L, E]`, kᵀ `[..., E, S]`, v `[..., S, E]`. */
function attend(a: Arith, q: string, kT: string, v: string, scale: number, masks: readonly string[]): { output: string; weights: string } {
  let scores = a.matmul(a.mul(q, scale), kT);
  for (const mask of masks) scores = a.add(scores, mask);
  const weights = a.g.node('Softmax', [scores], { axis: -1 });
  return { output: a.matmul(weights, v), weights };
}

/** `[L, S]`: minus infinity above the diagonal. */
function causal(g: Graph, q: Value, k: Value, a: Arith): string {
  const shape = g.shape([g.dim(q, -2), g.dim(k, -2)]);
  const all = g.node('Expand', [a.of(-Infinity), shape]);
  return g.node('Trilu', [all, g.scalar(1, int64)], { upper: 1 });
}

const scaledDotProduct: Symbolic = (g, c) => {
  const [q, k, v] = [c.tensor('query'), c.tensor('key'), c.tensor('value')];
  if (c.number('dropoutP') > 0) throw c.unsupported('attention that drops weights (dropoutP > 0)', 'pass 0 when the module is not in training');
  const a = new Arith(g, q.dtype);
  const masks: string[] = [];
  const mask = c.maybe('attnMask');
  if (mask) masks.push(additive(g, mask, q.dtype, false));
  if (c.flag('isCausal')) masks.push(causal(g, q, k, a));
  const groups = c.flag('enableGqa') ? q.shape.at(-3)! / k.shape.at(-3)! : 1;
  const [keys, values] = groups === 1 ? [k.name, v.name] : [shared(g, k, groups), shared(g, v, groups)];
  return attend(a, q.name, g.mT(keys, k.shape.length), values, c.numberOr('scale', 1 / Math.sqrt(q.shape.at(-1)!)), masks).output;
};

/** Every head of keys or values for several heads of queries in a row. */
function shared(g: Graph, x: Value, groups: number): string {
  const n = x.shape.length;
  const wide = g.node('Tile', [g.unsqueeze(x, [n - 2]), g.ints(Array.from({ length: n + 1 }, (_, d) => (d === n - 2 ? groups : 1)))]);
  const sizes = x.sizes.map((_, d) => g.dim(x, d));
  sizes[n - 3] = x.shape[n - 3]! * groups;
  return g.reshape(wide, sizes);
}

/** Queries, keys and values, projected: `[L, N, E]` each. */
function projected(g: Graph, c: Arguments): string[] {
  const inputs = [c.tensor('query'), c.tensor('key'), c.tensor('value')];
  const [weight, bias] = [c.maybe('inProjWeight'), c.maybe('inProjBias')];
  const e = c.number('embedDimToCheck');
  const [separate, batched] = [c.flag('useSeparateProjWeight'), inputs[0]!.shape.length === 3];
  const rank = inputs[0]!.shape.length;
  const lift = (x: string): string => (batched ? x : g.unsqueeze(x, [1]));
  if (!separate && inputs.every((x) => x === inputs[0])) return g.split(linear(g, inputs[0]!, rank, weight!, bias), [e, e, e], -1).map(lift);
  const weights: Input[] = separate ? ['qProjWeight', 'kProjWeight', 'vProjWeight'].map((name) => c.tensor(name)) : g.split(weight, [e, e, e], 0);
  const biases: Input[] = bias === null ? [null, null, null] : g.split(bias, [e, e, e], 0);
  return inputs.map((x, i) => lift(linear(g, x, rank, weights[i]!, biases[i]!)));
}

/** torch/nn/functional.py, multi_head_attention_forward. */
const multiHead: Symbolic = (g, c) => {
  const query = c.tensor('query');
  const a = new Arith(g, query.dtype);
  const batched = query.shape.length === 3;
  const [e, heads] = [c.number('embedDimToCheck'), c.number('numHeads')];
  const width = e / heads;
  if (c.flag('training') && c.number('dropoutP') > 0) throw c.unsupported('attention that drops weights in training', 'export in eval mode');
  if (c.has('staticK') || c.has('staticV')) throw c.unsupported('staticK or staticV', 'project keys and values by a module of your own');
  const [q, key, value] = projected(g, c) as [string, string, string];
  let [k, v] = [key, value];
  const batch = batched ? g.dim(query, 1) : 1;
  // Each of these appends a key and a value, to which no mask applies.
  let appended = 0;
  const [biasK, biasV] = [c.maybe('biasK'), c.maybe('biasV')];
  if (biasK && biasV) {
    const shape = g.shape([1, batch, e]);
    k = g.concat([k, g.node('Expand', [biasK, shape])], 0);
    v = g.concat([v, g.node('Expand', [biasV, shape])], 0);
    appended++;
  }
  if (c.flag('addZeroAttn')) {
    const zeros = g.node('Expand', [a.of(0), g.shape([1, batch, e])]);
    k = g.concat([k, zeros], 0);
    v = g.concat([v, zeros], 0);
    appended++;
  }
  // [L, N, E] to [N, heads, L, E / heads].
  const split = (x: string, perm: number[]): string => g.transpose(g.node('Reshape', [x, g.ints([0, 0, heads, width])]), perm);
  const widen = (mask: string, rank: number): string =>
    appended === 0 ? mask : g.node('Pad', [mask, g.ints([...new Array<number>(2 * rank - 1).fill(0), appended]), a.of(0)], { mode: 'constant' });
  const masks: string[] = [];
  const [attnMask, padding] = [c.maybe('attnMask'), c.maybe('keyPaddingMask')];
  if (attnMask) {
    const mask = widen(additive(g, attnMask, a.dtype, true), attnMask.shape.length);
    // [N · heads, L, S] to [N, heads, L, S].
    const keys = g.dim(attnMask, -1);
    const flat = attnMask.shape.length === 2;
    masks.push(flat ? mask : g.node('Reshape', [mask, g.shape([-1, heads, g.dim(attnMask, 1), typeof keys === 'number' ? keys + appended : g.find(keys.vector.map((n) => n + appended))])]));
  }
  if (padding) {
    const mask = widen(additive(g, padding, a.dtype, true), padding.shape.length);
    masks.push(g.unsqueeze(mask, batched ? [1, 2] : [0, 1, 2]));
  }
  const { output, weights } = attend(a, split(q, [1, 2, 0, 3]), split(k, [1, 2, 3, 0]), split(v, [1, 2, 0, 3]), Math.sqrt(1 / width), masks);
  const joined = g.node('Reshape', [g.transpose(output, [2, 0, 1, 3]), g.ints([0, 0, e])]);
  const rows = batched ? joined : g.squeeze(joined, [1]);
  const out = linear(g, rows, query.shape.length, c.tensor('outProjWeight'), c.maybe('outProjBias'));
  if (!c.flag('needWeights')) return [out];
  const mean = c.flag('averageAttnWeights') ? g.reduce('ReduceMean', weights, [1], false) : weights;
  return [out, batched ? mean : g.squeeze(mean, [0])];
};

/** See the module. */
export const ATTENTION: Symbolics = {
  scaled_dot_product_attention: scaledDotProduct,
  multi_head_attention_forward: multiHead,
};
