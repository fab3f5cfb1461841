/**
 * Changes of shape: views, joins, cuts, repetitions.
 * @module
 */
import { bool, int64 } from '../dtype.js';
import { type Arguments, type Symbolic, type Symbolics, working } from './call.js';
import { type Graph, plus, times } from './graph.js';
import type { Size } from './sizes.js';
import { Value } from './trace.js';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Everything that keeps the elements' order: the result's shape says it all. */
const reshape: Symbolic = (g, c) => g.reshapeAs(c.tensor('input'), c.result);
const expand: Symbolic = (g, c) => g.expand(c.tensor('input'), c.result);

/** A permutation that exchanges two dimensions. */
function exchange(g: Graph, x: Value, a: number, b: number): string {
  const perm = range(x.shape.length);
  if (perm.length === 0) return x.name;
  [perm[a], perm[b]] = [perm[b]!, perm[a]!];
  return g.transpose(x, perm);
}

const transpose: Symbolic = (g, c) => {
  const x = c.tensor('input');
  return exchange(g, x, c.dim('dim0', x.shape.length), c.dim('dim1', x.shape.length));
};
const reversed: Symbolic = (g, c) => g.transpose(c.tensor('input'), range(c.tensor('input').shape.length).reverse());
const permute: Symbolic = (g, c) => g.transpose(c.tensor('input'), c.dims('dims', c.tensor('input').shape.length) ?? []);

const movedim: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const n = x.shape.length;
  const [from, to] = [c.dims('source', n) ?? [], c.dims('destination', n) ?? []];
  const perm = new Array<number>(n).fill(-1);
  to.forEach((t, i) => (perm[t] = from[i]!));
  const rest = range(n).filter((d) => !from.includes(d));
  return g.transpose(x, perm.map((p) => (p < 0 ? rest.shift()! : p)));
};

/** One position of a dimension, which goes away. */
const select: Symbolic = (g, c) => {
  const x = c.tensor('input');
  return g.squeezeIndex(x, c.dim('dim', x.shape.length), c.size('index'));
};

const slice: Symbolic = (g, c) => {
  const x = c.tensor('input');
  return g.slice(x, c.dim('dim', x.shape.length), c.has('start') ? c.size('start') : 0, c.has('end') ? c.size('end') : null, c.number('step'));
};

const narrow: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const dim = c.dim('dim', x.shape.length);
  const given = c.operand('start');
  if (given instanceof Value) {
    // The start is a tensor of one number, negative from the end.
    const at = g.reshape(g.cast(given, int64), [1]);
    const front = g.node('Where', [g.node('Less', [at, g.ints([0])]), g.node('Add', [at, g.size(g.dim(x, dim))]), at]);
    return g.node('Slice', [x, front, g.node('Add', [front, g.size(c.size('length'))]), g.ints([dim])]);
  }
  const start = c.size('start');
  const from = typeof start === 'number' && start < 0 ? plus(g.dim(x, dim), start) : start;
  return g.slice(x, dim, from, plus(from, c.size('length')));
};

/** Parts along a dimension, each with the sizes of its result. */
const parts: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const dim = c.has('dim') ? c.dim('dim', x.shape.length) : 0;
  return g.split(x, c.results.map((r) => g.find(r.sizes[dim]!)), dim);
};

const partsAlong = (dim: number): Symbolic => (g, c) => g.split(c.tensor('input'), c.results.map((r) => g.find(r.sizes[dim]!)), dim);

/** Side by side along a dimension, with at least `rank` of them: rows get one in front, a third one comes last. */
const joined = (rank: number, dim: number): Symbolic => (g, c) => g.concat(c.tensors('tensors').map((t) => {
  const [name, n] = [g.as(t, c.result.dtype), t.shape.length];
  if (n >= rank) return name;
  return g.unsqueeze(name, n === 2 ? [2] : n === 1 ? [0, 2].slice(0, rank - 1) : range(rank));
}), dim);

const unbind: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const dim = c.dim('dim', x.shape.length);
  return c.results.map((_, i) => g.squeezeIndex(x, dim, i));
};

const list = (name: string, dim: (c: Arguments) => number): Symbolic => (g, c) => g.concat(c.tensors(name).map((t) => g.as(t, c.result.dtype)), dim(c));

const stack: Symbolic = (g, c) => {
  const dim = c.dim('dim', c.result.shape.length);
  return g.concat(c.tensors('tensors').map((t) => g.unsqueeze(g.as(t, c.result.dtype), [dim])), dim);
};

/** `repeats` of the last dimensions; the tensor gets leading ones. */
function tile(g: Graph, x: Value, repeats: Size[]): string {
  const lead = repeats.length - x.shape.length;
  const full = lead < 0 ? [...new Array<Size>(-lead).fill(1), ...repeats] : repeats;
  return g.node('Tile', [lead > 0 ? g.unsqueeze(x, range(lead)) : x, g.shape(full)]);
}

/** Each element n times in a row: a new dimension, widened and joined. */
const repeatInterleave: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const n = c.size('repeats');
  const flat = !c.has('dim');
  const dim = flat ? 0 : c.dim('dim', x.shape.length);
  const base = flat ? g.reshape(x, [-1]) : x.name;
  const rank = flat ? 1 : x.shape.length;
  const wide = g.node('Tile', [g.unsqueeze(base, [dim + 1]), g.shape(range(rank + 1).map((d) => (d === dim + 1 ? n : 1)))]);
  return flat ? g.reshape(wide, [-1]) : g.reshapeAs(wide, c.result);
};

/** Backwards along dimensions: a slice with step -1. */
function flip(g: Graph, x: string, dims: readonly number[]): string {
  const ends = dims.map(() => Number.MIN_SAFE_INTEGER);
  return dims.length === 0 ? x : g.node('Slice', [x, g.ints(dims.map(() => -1)), g.ints(ends), g.ints(dims), g.ints(dims.map(() => -1))]);
}

/** Around along dimensions; without any, over all elements in a row. */
const roll: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const shifts = c.numbers('shifts');
  const dims = c.dims('dims', x.shape.length);
  if (x.shape.length === 0) return x.name;
  const around = (name: string, dim: number, shift: number): string =>
    shift === 0 ? name : g.concat([g.slice(name, dim, -shift, null), g.slice(name, dim, 0, -shift)], dim);
  if (dims === null) return g.reshapeAs(around(g.reshape(x, [-1]), 0, shifts[0]!), c.result);
  return dims.reduce((name, dim, i) => around(name, dim, sizeModulo(shifts[i]!, x.sizes[dim]!, c)), x.name);
};

/** A shift by more than the size goes around; that is known where the size is. */
function sizeModulo(shift: number, sizes: readonly number[], c: Arguments): number {
  if (sizes.every((n) => n === sizes[0])) return shift % Math.max(1, sizes[0]!);
  if (sizes.some((n) => Math.abs(shift) >= n)) throw c.unsupported('a shift by more than a dynamic size', 'shift by less');
  return shift;
}

/** Padding at both ends of dimensions, the last one first. */
function pad(g: Graph, c: Arguments, mode: string, value: number): string {
  const x = c.tensor('input');
  const n = x.shape.length;
  const amounts = c.sizes('pad');
  const [begin, end]: [Size[], Size[]] = [new Array<Size>(n).fill(0), new Array<Size>(n).fill(0)];
  for (let i = 0; i < amounts.length / 2; i++) {
    begin[n - 1 - i] = amounts[2 * i]!;
    end[n - 1 - i] = amounts[2 * i + 1]!;
  }
  if (mode === 'circular') return circular(g, x, begin, end, c);
  const kinds: Record<string, string> = { constant: 'constant', reflect: 'reflect', replicate: 'edge' };
  const grown = (list: readonly Size[]): Size[] => list.map((p) => (typeof p === 'number' ? Math.max(0, p) : p));
  const pads = [...grown(begin), ...grown(end)];
  let name = x.name;
  if (pads.some((p) => p !== 0)) name = g.node('Pad', [x, g.shape(pads), mode === 'constant' ? g.scalar(value, x.dtype) : null], { mode: kinds[mode]! });
  // What is cut off is cut off last: padding with the edge begins at the tensor's own.
  begin.forEach((b, d) => {
    const e = end[d]!;
    const [first, last] = [typeof b === 'number' && b < 0 ? -b : 0, typeof e === 'number' && e < 0 ? e : null];
    if (first !== 0 || last !== null) name = g.slice(name, d, first, last);
  });
  return name;
}

/** The other end goes on at either end, after negative amounts have cut. Slices, since Pad's mode 'wrap' came with opset 19. */
function circular(g: Graph, x: Value, begin: readonly Size[], end: readonly Size[], c: Arguments): string {
  let name = x.name;
  begin.forEach((b, dim) => {
    const e = end[dim]!;
    if (typeof b !== 'number' || typeof e !== 'number') throw c.unsupported('circular padding by a dynamic size', 'pad by numbers');
    const middle = b < 0 || e < 0 ? g.slice(name, dim, Math.max(0, -b), e < 0 ? e : null) : name;
    const before = b > 0 ? [g.slice(middle, dim, -b, null)] : [];
    const after = e > 0 ? [g.slice(middle, dim, 0, e)] : [];
    if (before.length + after.length > 0 || middle !== name) name = g.concat([...before, middle, ...after], dim);
  });
  return name;
}

/** Cuts with overlap: windows of `size` every `step`, as a new last dimension. */
const unfold: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const dim = c.dim('dimension', x.shape.length);
  const [size, step] = [c.number('size'), c.number('step')];
  const count = c.result.sizes[dim]!;
  if (count.some((n) => n !== count[0])) throw c.unsupported('unfold along a dynamic axis', 'leave that axis static');
  const at = Array.from({ length: count[0]! * size }, (_, i) => Math.floor(i / size) * step + (i % size));
  const index = g.constant(BigInt64Array.from(at, BigInt), int64, [count[0]!, size]);
  const taken = g.node('Gather', [x, index], { axis: dim });
  const n = x.shape.length + 1;
  return g.transpose(taken, [...range(n).filter((d) => d !== dim + 1), dim + 1]);
};

/** See the module. */
export const SHAPE: Symbolics = {
  view: reshape,
  view_copy: reshape,
  reshape,
  view_as: reshape,
  reshape_as: reshape,
  flatten: reshape,
  unflatten: reshape,
  ravel: reshape,
  squeeze: reshape,
  squeeze_dim: reshape,
  squeeze_list: reshape,
  squeeze_copy: reshape,
  squeeze_copy_dim: reshape,
  squeeze_copy_list: reshape,
  unsqueeze: (g, c) => g.unsqueeze(c.tensor('input'), [c.dim('dim', c.result.shape.length)]),
  unsqueeze_copy: (g, c) => g.unsqueeze(c.tensor('input'), [c.dim('dim', c.result.shape.length)]),
  atleast_1d: reshape,
  atleast_2d: reshape,
  atleast_3d: reshape,
  channel_shuffle: (g, c) => {
    const x = c.tensor('input');
    const groups = c.number('groups');
    const [n, channels, ...rest] = x.sizes.map((_, d) => g.dim(x, d));
    const split = g.reshape(x, [n!, groups, (channels as number) / groups, ...rest]);
    return g.reshapeAs(g.transpose(split, [0, 2, 1, ...rest.map((_, i) => i + 3)]), c.result);
  },
  expand,
  expand_copy: expand,
  expand_as: expand,
  broadcast_to: expand,
  broadcast_tensors: (g, c) => c.tensors('tensors').map((t, i) => g.expand(t, c.results[i]!)),
  transpose,
  transpose_copy: transpose,
  t: reversed,
  t_copy: reversed,
  numpy_t: reversed,
  matrix_t: (g, c) => exchange(g, c.tensor('input'), c.tensor('input').shape.length - 2, c.tensor('input').shape.length - 1),
  permute,
  permute_copy: permute,
  movedim,
  select,
  select_copy: select,
  slice,
  narrow,
  narrow_copy: narrow,
  unbind,
  unbind_copy: unbind,
  split: parts,
  split_copy: parts,
  split_with_sizes: parts,
  split_with_sizes_copy: parts,
  chunk: parts,
  tensor_split: parts,
  tensor_split_at: parts,
  cat: list('tensors', (c) => c.dim('dim', c.result.shape.length)),
  stack,
  hstack: (g, c) => {
    const rank = Math.max(1, ...c.tensors('tensors').map((t) => t.shape.length));
    const flat = c.tensors('tensors').map((t) => (t.shape.length === 0 ? g.unsqueeze(g.as(t, c.result.dtype), [0]) : g.as(t, c.result.dtype)));
    return g.concat(flat, rank === 1 ? 0 : 1);
  },
  vstack: joined(2, 0),
  dstack: joined(3, 2),
  hsplit: (g, c) => (c.tensor('input').shape.length === 1 ? partsAlong(0) : partsAlong(1))(g, c),
  hsplit_at: (g, c) => (c.tensor('input').shape.length === 1 ? partsAlong(0) : partsAlong(1))(g, c),
  vsplit: partsAlong(0),
  vsplit_at: partsAlong(0),
  dsplit: partsAlong(2),
  dsplit_at: partsAlong(2),
  rot90: (g, c) => {
    const x = c.tensor('input');
    const [first, second] = c.dims('dims', x.shape.length) as [number, number];
    const k = ((c.number('k') % 4) + 4) % 4;
    if (k === 0) return x.name;
    if (k === 2) return flip(g, x.name, [first, second]);
    const perm = range(x.shape.length);
    [perm[first], perm[second]] = [second, first];
    return k === 1 ? g.transpose(flip(g, x.name, [second]), perm) : flip(g, g.transpose(x, perm), [second]);
  },
  repeat: (g, c) => tile(g, c.tensor('input'), c.sizes('repeats')),
  tile: (g, c) => tile(g, c.tensor('input'), c.sizes('dims')),
  repeat_interleave: repeatInterleave,
  flip: (g, c) => flip(g, c.tensor('input').name, c.dims('dims', c.tensor('input').shape.length) ?? []),
  fliplr: (g, c) => flip(g, c.tensor('input').name, [1]),
  flipud: (g, c) => flip(g, c.tensor('input').name, [0]),
  roll,
  pad: (g, c) => pad(g, c, c.text('mode'), c.numberOr('value', 0)),
  constant_pad_nd: (g, c) => pad(g, c, 'constant', c.number('value')),
  unfold,
  unfold_copy: unfold,
  diff: (g, c) => {
    const x = c.tensor('input');
    const dim = c.dim('dim', x.shape.length);
    const ends = [c.maybe('prepend'), x, c.maybe('append')].filter((t) => t !== null);
    let name = g.concat(ends, dim);
    const type = x.dtype === bool ? 'Xor' : 'Sub';
    for (let i = 0; i < c.number('n'); i++) name = g.node(type, [g.slice(name, dim, 1, null), g.slice(name, dim, 0, -1)]);
    return name;
  },
  meshgrid: (g, c) => {
    const tensors = c.tensors('tensors');
    const swap = c.text('indexing') === 'xy' && tensors.length > 1;
    const n = tensors.length;
    return tensors.map((t, i) => {
      const at = swap && i < 2 ? 1 - i : i;
      const line = g.unsqueeze(t.shape.length === 0 ? g.unsqueeze(t, [0]) : t, range(n).filter((d) => d !== at));
      return g.node('Expand', [line, g.shape(g.sizes(c.results[i]!))]);
    });
  },
  sum_to_size: (g, c) => {
    const x = c.tensor('input');
    const lead = x.shape.length - c.result.shape.length;
    const axes = range(x.shape.length).filter((d) => d < lead || (c.result.shape[d - lead] === 1 && x.shape[d] !== 1));
    const type = working(x.dtype);
    const summed = axes.length === 0 ? x.name : g.reduce('ReduceSum', g.as(x, type), axes, true);
    const out = lead === 0 ? summed : g.squeeze(summed, range(lead));
    return (axes.length === 0 ? x.dtype : type) === c.result.dtype ? out : g.cast(out, c.result.dtype);
  },
};

/** A product of sizes, for families that join dimensions. @internal */
export const product = (sizes: readonly Size[]): Size => sizes.reduce((a, b) => times(a, b), 1);
