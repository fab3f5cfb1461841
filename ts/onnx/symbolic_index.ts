/**
 * Looking up and putting down: tables, indices, masks, scatters.
 * @module
 */
import { bool, int64 } from '../dtype.js';
import { Arith } from './arith.js';
import { type Arguments, type Symbolic, type Symbolics, withAxis } from './call.js';
import { DATA_TYPE } from './proto.js';
import type { Graph, Input } from './graph.js';
import { isConstant, type Size } from './sizes.js';
import { vectorNorm } from './symbolic_reduce.js';
import type { Value } from './trace.js';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Rows of a table; with `maxNorm` those that are longer are shortened (aten/src/ATen/native/Embedding.cpp). */
function rowsOf(g: Graph, c: Arguments, index: Value): string {
  const weight = c.tensor('weight');
  const rows = g.node('Gather', [weight, index]);
  if (!c.has('maxNorm')) return rows;
  const a = new Arith(g, weight.dtype);
  const limit = c.number('maxNorm');
  const norms = vectorNorm(a, rows, c.number('normType'), [-1], true);
  return a.mul(rows, a.where(a.greater(norms, limit), a.div(limit, a.add(norms, 1e-7)), 1));
}

/** Bags of rows: `[B, N]` indices, or `[N]` and where each bag begins. */
const embeddingBag: Symbolic = (g, c) => {
  const index = c.tensor('input');
  const weight = c.tensor('weight');
  const a = new Arith(g, weight.dtype);
  const mode = c.text('mode');
  let rows = rowsOf(g, c, index);
  const scale = c.maybe('perSampleWeights');
  if (scale) rows = a.mul(rows, g.unsqueeze(scale, [-1]));
  const given = c.numberOr('paddingIdx', null);
  const padding = given !== null && given < 0 ? given + weight.shape[0]! : given;
  // Which index belongs to which bag: [B, N], or for a bag a row, which of them count.
  let member: string | null = padding === null ? null : a.fromBool(a.not(g.node('Equal', [index, g.scalar(padding, index.dtype)])));
  const offsets = c.maybe('offsets');
  if (offsets !== null) {
    const starts = c.flag('includeLastOffset') ? g.slice(offsets, 0, 0, -1) : offsets.name;
    const positions = g.node('Range', [g.scalar(0, int64), g.squeeze(g.size(g.dim(index, 0)), [0]), g.scalar(1, int64)]);
    const begun = a.fromBool(g.node('GreaterOrEqual', [positions, g.unsqueeze(g.cast(starts, int64), [1])]));
    // A bag holds the positions that it has begun at and the next one has not.
    const next = g.node('Pad', [g.slice(begun, 0, 1, null), g.ints([0, 0, 1, 0]), a.of(0)], { mode: 'constant' });
    const own = a.sub(begun, next);
    member = member === null ? own : a.mul(own, member);
    if (mode !== 'max') {
      const total = a.matmul(member, rows);
      return mode === 'sum' ? total : a.div(total, a.max(a.sum(member, [1], true), 1));
    }
    rows = g.unsqueeze(rows, [0]);
  }
  const inside = member === null ? null : g.unsqueeze(member, [-1]);
  if (mode === 'max') {
    if (inside === null) return g.reduce('ReduceMax', rows, [1], false);
    const top = g.reduce('ReduceMax', a.where(a.greater(inside, 0), rows, -Infinity), [1], false);
    return a.where(a.equal(top, -Infinity), 0, top);
  }
  const total = a.sum(inside === null ? rows : a.mul(rows, inside), [1]);
  if (mode === 'sum') return total;
  return inside === null ? a.mean(rows, [1]) : a.div(total, a.max(a.sum(inside, [1]), 1));
};

// --- advanced indexing --------------------------------------------------------------------------------------------

/** Index tensors by dimension, as PyTorch takes them together (aten/src/ATen/native/IndexingUtils.h). */
interface Indexed {
  readonly dims: number[];
  readonly tensors: Value[];
  /** Dimensions of the indices broadcast together. */
  readonly rank: number;
}

function indexed(c: Arguments): Indexed {
  const gaps = c.gaps('indices');
  const dims = gaps.flatMap((t, d) => (t === null ? [] : [d]));
  const tensors = dims.map((d) => gaps[d]!);
  if (tensors.some((t) => t.dtype.name === 'bool' || t.dtype.name === 'uint8')) {
    throw c.unsupported('a mask as an index, whose result has as many elements as the mask has trues,', 'use torch.where(mask, x, other) or x.mul(mask)');
  }
  return { dims, tensors, rank: Math.max(...tensors.map((t) => t.shape.length)) };
}

/** All index tensors side by side in a last dimension, broadcast together. */
function stacked(g: Graph, { tensors, rank }: Indexed): string {
  const sizes = range(rank).map((d): Size => {
    const found = tensors.map((t) => t.sizes[d - rank + t.shape.length]).find((v) => v !== undefined && v.some((n) => n !== 1));
    return found === undefined ? 1 : g.find(found);
  });
  const shape = g.shape(sizes);
  const wide = tensors.map((t) => (tensors.length === 1 ? g.as(t, int64) : g.node('Expand', [g.as(t, int64), shape])));
  return g.concat(wide.map((t) => g.unsqueeze(t, [rank])), rank);
}

/** A permutation that brings `dims` to the front. */
const front = (dims: readonly number[], n: number): number[] => [...dims, ...range(n).filter((d) => !dims.includes(d))];
const inverse = (perm: readonly number[]): number[] => perm.map((_, i) => perm.indexOf(i));

const index: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const at = indexed(c);
  const { dims, tensors, rank } = at;
  if (dims.length === 1) return g.node('Gather', [x, tensors[0]!], { axis: dims[0]! });
  const taken = g.node('GatherND', [g.transpose(x, front(dims, x.shape.length)), stacked(g, at)]);
  // Index dimensions stand where the indexed ones stood if those are neighbours, else in front.
  const adjacent = dims.every((d, i) => d === dims[0]! + i);
  if (!adjacent || dims[0] === 0) return taken;
  const before = dims[0]!;
  const rest = x.shape.length - dims.length;
  return g.transpose(taken, [...range(before).map((d) => d + rank), ...range(rank), ...range(rest - before).map((d) => d + rank + before)]);
};

/** Values at positions of the leading dimensions, written into a tensor. */
function put(g: Graph, x: Input, positions: string, values: Input, accumulate: boolean): string {
  return g.node('ScatterND', [x, positions, values], { reduction: accumulate ? 'add' : null });
}

const indexPut: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const values = c.tensor('values');
  const gaps = c.gaps('indices');
  const mask = gaps[0];
  if (gaps.length === 1 && mask?.dtype === bool && values.shape.every((n) => n === 1) && !c.flag('accumulate')) {
    const lifted = g.unsqueeze(mask, range(x.shape.length - mask.shape.length).map((d) => d + mask.shape.length));
    return g.node('Where', [lifted, values.shape.length === 0 ? values : g.reshape(values, [1]), x]);
  }
  const at = indexed(c);
  const perm = front(at.dims, x.shape.length);
  const turned = g.transpose(x, perm);
  const positions = stacked(g, at);
  // Values broadcast to the indices' dimensions and those that are left.
  const wanted = g.concat([g.node('Shape', [positions], { end: -1 }), ...(at.dims.length < x.shape.length ? [g.node('Shape', [turned], { start: at.dims.length })] : [])], 0);
  const wide = g.node('Expand', [g.as(values, x.dtype), wanted]);
  return g.transpose(put(g, turned, positions, wide, c.flag('accumulate')), inverse(perm));
};

/** Rows of dimension `dim` at positions of a list. */
function putRows(g: Graph, c: Arguments, x: Value, dim: number, positions: string, source: Input, accumulate: boolean): string {
  if (x.shape.length === 0) return refuseRank(c);
  const perm = front([dim], x.shape.length);
  const out = put(g, g.transpose(x, perm), g.unsqueeze(positions, [1]), g.transpose(source, perm), accumulate);
  return g.transpose(out, inverse(perm));
}

// --- gather and scatter -------------------------------------------------------------------------------------------

const gather: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const at = c.tensor('index');
  if (x.shape.length === 0) return at.shape.length === 0 ? x.name : g.node('Expand', [x, g.shape(g.sizes(at))]);
  if (at.shape.length === 0) return g.squeeze(g.node('GatherElements', [x, g.unsqueeze(at, [0])], { axis: 0 }), [0]);
  return g.node('GatherElements', [x, at], { axis: c.dim('dim', x.shape.length) });
};

const REDUCTIONS: Readonly<Record<string, string>> = { add: 'add', multiply: 'mul', sum: 'add', prod: 'mul', amax: 'max', amin: 'min' };

/** Values at positions along one dimension. */
function refuseRank(c: Arguments): never {
  throw c.unsupported('a tensor without dimensions with indices that have some', 'give tensors of one dimension');
}

function scatter(g: Graph, c: Arguments, reduce: string | null): string {
  const x = c.tensor('input');
  const at = c.tensor('index');
  const reduction = reduce === null ? null : REDUCTIONS[reduce];
  if (reduction === undefined) throw c.unsupported(`the reduction '${reduce!}'`, `use one of ${Object.keys(REDUCTIONS).join(', ')}`);
  if ((reduction === 'max' || reduction === 'min') && g.opset < 18) throw c.unsupported(`the reduction '${reduce!}' before opset 18`, 'export with { opsetVersion: 18 } or later');
  const src = c.op === 'scatter_value' ? null : c.tensor('src');
  let values: Input;
  if (src === null) values = g.node('Expand', [c.cast('value', x.dtype), g.shape(g.sizes(at))]);
  else {
    values = src.name;
    // A source that is larger than the index is used up to the index's size.
    src.sizes.forEach((v, d) => {
      if (v.some((n, i) => n !== at.sizes[d]![i])) values = g.slice(values, d, 0, g.find(at.sizes[d]!));
    });
  }
  if (x.shape.length === 0) return x.shape.length === at.shape.length ? g.squeeze(g.node('ScatterElements', [x, at, values].map((t) => g.unsqueeze(t, [0])), { axis: 0, reduction }), [0]) : refuseRank(c);
  return g.node('ScatterElements', [x, at, values], { axis: c.dim('dim', x.shape.length), reduction });
}

const scatterReduce: Symbolic = (g, c) => {
  if (!c.flag('includeSelf')) throw c.unsupported('includeSelf=false', 'scatter into a tensor of the neutral element');
  return scatter(g, c, c.text('reduce'));
};

// --- parts written over -------------------------------------------------------------------------------------------

/** Everything of `x` but the part of `dim` from `start` to `end`, which is `src`. */
function replaced(g: Graph, x: Value, dim: number, start: Size, end: Size | null, src: Input): string {
  const before = start === 0 ? [] : [g.slice(x, dim, 0, start)];
  const after = end === null ? [] : [g.slice(x, dim, end, null)];
  return g.concat([...before, src, ...after], dim);
}

const selectScatter: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const dim = c.dim('dim', x.shape.length);
  const at = c.size('index');
  const src = g.unsqueeze(c.cast('src', x.dtype), [dim]);
  if (typeof at === 'number') return replaced(g, x, dim, at, at === -1 ? null : at + 1, src);
  return replaced(g, x, dim, at, g.find(at.vector.map((n) => n + 1)), src);
};

const sliceScatter: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const dim = c.dim('dim', x.shape.length);
  const [start, end]: [Size, Size | null] = [c.has('start') ? c.size('start') : 0, c.has('end') ? c.size('end') : null];
  const src = c.cast('src', x.dtype);
  if (c.number('step') === 1) return replaced(g, x, dim, start, end, src);
  const sizes = x.sizes[dim]!;
  if (!isConstant(sizes)) throw c.unsupported('a write with a step along a dynamic axis', 'leave that axis static');
  const positions = range(sizes[0]!).slice(start as number, (end as number | null) ?? undefined).filter((_, i) => i % c.number('step') === 0);
  return putRows(g, c, x, dim, g.ints(positions), src, false);
};

// --- diagonals and masks ------------------------------------------------------------------------------------------

function diagonalOf(g: Graph, c: Arguments, x: Value, first: number, second: number, offset: number): string {
  const n = x.shape.length;
  const length = c.result.sizes.at(-1)!;
  if (!isConstant(length)) throw c.unsupported('a diagonal of dynamic length', 'leave those axes static');
  const pairs = range(length[0]!).flatMap((i) => [BigInt(i + Math.max(0, -offset)), BigInt(i + Math.max(0, offset))]);
  const taken = g.node('GatherND', [g.transpose(x, front([first, second], n)), g.constant(BigInt64Array.from(pairs), int64, [length[0]!, 2])]);
  return g.transpose(taken, [...range(n - 1).slice(1), 0]);
}

const diagonal: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const n = x.shape.length;
  return diagonalOf(g, c, x, c.dim('dim1', n), c.dim('dim2', n), c.number('offset'));
};

/** Matrices with the last dimension of a tensor (or all of its elements, for diagflat) on a diagonal. */
function matrixOf(g: Graph, c: Arguments, x: Value, offset: number): string {
  const [size] = c.result.sizes.slice(-1);
  if (!isConstant(size!)) throw c.unsupported('a diagonal of dynamic length', 'leave that axis static');
  const n = size![0]!;
  const mask = Uint8Array.from({ length: n * n }, (_, i) => ((i % n) - Math.floor(i / n) === offset ? 1 : 0));
  const row = c.op === 'diagflat' ? g.reshape(x, [-1]) : x.name;
  const rank = c.op === 'diagflat' ? 1 : x.shape.length;
  // Element i of a row stands in column i + offset, or in column i of a row further down.
  const pads = new Array<number>(2 * rank).fill(0);
  pads[rank - 1] = Math.max(0, offset);
  pads[2 * rank - 1] = Math.max(0, -offset);
  const a = new Arith(g, x.dtype);
  if (x.dtype === bool) throw c.unsupported('bool tensors', 'convert with int() before it');
  const wide = offset === 0 ? row : g.node('Pad', [row, g.ints(pads), a.of(0)], { mode: 'constant' });
  return a.where(g.constant(mask, bool, [n, n]), g.unsqueeze(wide, [-2]), 0);
}

const unknownSize = (what: string): Symbolic => (_g, c) => {
  throw c.unsupported(`${what}, whose size depends on the values,`, 'use ops that keep the shape (torch.where, mul with a mask), and do this behind the model');
};

/** See the module. */
export const INDEX: Symbolics = {
  embedding: (g, c) => rowsOf(g, c, c.tensor('input')),
  embedding_bag: embeddingBag,
  index,
  index_put: indexPut,
  index_select: (g, c) => {
    const [x, at] = [c.tensor('input'), c.tensor('index')];
    if (x.shape.length === 0) return x.name;
    return g.node('Gather', [x, at.shape.length === 0 ? g.unsqueeze(at, [0]) : at], { axis: c.dim('dim', x.shape.length) });
  },
  index_add: (g, c) => {
    const x = c.tensor('input');
    const a = new Arith(g, x.dtype);
    if (x.dtype === bool) throw c.unsupported('bool tensors', 'convert with int() before it');
    return putRows(g, c, x, c.dim('dim', x.shape.length), c.tensor('index').name, a.mul(c.tensor('source'), c.number('alpha')), true);
  },
  index_copy: (g, c) => putRows(g, c, c.tensor('input'), c.dim('dim', c.tensor('input').shape.length), c.tensor('index').name, c.tensor('source'), false),
  take: (g, c) => g.node('Gather', [g.reshape(c.tensor('input'), [-1]), c.tensor('index')]),
  take_along_dim: (g, c) => {
    const [x, at] = [c.tensor('input'), c.tensor('indices')];
    if (!c.has('dim')) return g.node('Gather', [g.reshape(x, [-1]), g.reshape(at, [-1])]);
    const axis = c.dim('dim', x.shape.length);
    // The other dimensions broadcast.
    const widened = (t: Value): string => {
      const sizes = t.sizes.map((v, d): Size => (d === axis || v.every((n, i) => n === c.result.sizes[d]![i]) ? 1 : g.find(c.result.sizes[d]!)));
      return sizes.every((n) => n === 1) ? t.name : g.node('Expand', [t, g.shape(sizes)]);
    };
    return g.node('GatherElements', [widened(x), widened(at)], { axis });
  },
  gather,
  scatter: (g, c) => scatter(g, c, c.has('reduce') ? c.text('reduce') : null),
  scatter_value: (g, c) => scatter(g, c, c.has('reduce') ? c.text('reduce') : null),
  scatter_add: (g, c) => scatter(g, c, 'add'),
  scatter_reduce: scatterReduce,
  select_scatter: selectScatter,
  slice_scatter: sliceScatter,
  diagonal,
  diagonal_copy: diagonal,
  diag: (g, c) => {
    const x = c.tensor('input');
    return x.shape.length === 1 ? matrixOf(g, c, x, c.number('diagonal')) : diagonalOf(g, c, x, 0, 1, c.number('diagonal'));
  },
  diagflat: (g, c) => matrixOf(g, c, c.tensor('input'), c.number('offset')),
  diag_embed: (g, c) => {
    const n = c.result.shape.length;
    if (c.dim('dim1', n) !== n - 2 || c.dim('dim2', n) !== n - 1) throw c.unsupported('diagEmbed into other dimensions than the last two', 'use the last two, and movedim');
    return matrixOf(g, c, c.tensor('input'), c.number('offset'));
  },
  index_fill: (g, c) => {
    const x = c.tensor('input');
    const [dim, at] = [c.dim('dim', x.shape.length), c.tensor('index')];
    if (x.shape.length === 0) return refuseRank(c);
    const list = at.shape.length === 0 ? g.unsqueeze(at, [0]) : at.name;
    const rows = g.node('Shape', [g.node('Gather', [x, list], { axis: dim })]);
    return putRows(g, c, x, dim, list, g.node('Expand', [c.cast('value', x.dtype), rows]), false);
  },
  one_hot: (g, c) => {
    const classes = c.number('numClasses');
    if (classes < 0) throw c.unsupported('oneHot without numClasses, which counts the classes of the example', 'pass numClasses');
    return withAxis(g, [c.tensor('tensor')], ([t]) => g.node('OneHot', [g.cast(t!, int64), g.scalar(classes, int64), g.ints([0, 1])], { axis: -1 }));
  },
  trace: (g, c) => {
    const x = c.tensor('input');
    const a = new Arith(g, c.result.dtype);
    return a.sum(a.where(g.cast(g.node('EyeLike', [x], { dtype: DATA_TYPE['int64']! }), bool), x, 0), null);
  },
  masked_select: unknownSize('maskedSelect'),
  nonzero: unknownSize('nonzero'),
  nonzero_as: unknownSize('nonzero'),
  argwhere: unknownSize('argwhere'),
  where_nonzero: unknownSize('where with one argument'),
  unique: unknownSize('unique'),
  unique_with: unknownSize('unique'),
  unique_consecutive: unknownSize('uniqueConsecutive'),
  unique_consecutive_with: unknownSize('uniqueConsecutive'),
};
