/**
 * Pooling. What PyTorch does with the last window of `ceilMode` differs from runtime to runtime, so it is written as padding
 * wherever the sizes are known.
 * @module
 */
import { int64 } from '../dtype.js';
import { Arith } from './arith.js';
import type { Arguments, Symbolic, Symbolics } from './call.js';
import type { Graph, Input } from './graph.js';
import { batched } from './symbolic_conv.js';
import { isConstant, type Size } from './sizes.js';
import { product } from './symbolic_shape.js';
import type { Value } from './trace.js';

interface Windows {
  readonly kernel: number[];
  readonly strides: number[];
  readonly pad: number[];
  readonly dilation: number[];
}

function windowsOf(c: Arguments, n: number, dilated: boolean): Windows {
  const kernel = c.numbers('kernelSize', n);
  const strides = c.has('stride') && c.numbers('stride').length > 0 ? c.numbers('stride', n) : kernel;
  return { kernel, strides, pad: c.numbers('padding', n), dilation: dilated ? c.numbers('dilation', n) : new Array<number>(n).fill(1) };
}

/** Spatial sizes of a tensor, the last n; null if one of them is dynamic. */
function spatial(x: Value, n: number): number[] | null {
  const sizes = x.sizes.slice(-n);
  return sizes.every(isConstant) ? sizes.map((v) => v[0]!) : null;
}

/** How much is missing at the end of each dimension for `out` whole windows. */
function missing(w: Windows, size: readonly number[], out: readonly number[]): number[] {
  return size.map((s, d) => Math.max(0, (out[d]! - 1) * w.strides[d]! + w.dilation[d]! * (w.kernel[d]! - 1) + 1 - s - 2 * w.pad[d]!));
}

/** Padding of the spatial dimensions with a value. */
function padded(g: Graph, x: Input, begin: readonly number[], end: readonly number[], value: number, like: Value): Input {
  if ([...begin, ...end].every((p) => p === 0)) return x;
  const lead = new Array<number>(2).fill(0);
  return g.node('Pad', [x, g.ints([...lead, ...begin, ...lead, ...end]), g.scalar(value, like.dtype)], { mode: 'constant' });
}

const maxPool = (n: number): Symbolic => (g, c) => {
  const input = c.tensor('input');
  const w = windowsOf(c, n, true);
  const [size, out] = [spatial(input, n), spatial(c.result, n)];
  return batched(g, c, input, n, (given) => {
    let x = given;
    let end = w.pad;
    const ceil = c.flag('ceilMode');
    if (ceil && size && out) end = w.pad.map((p, d) => p + missing(w, size, out)[d]!);
    const attributes = { kernel_shape: w.kernel, strides: w.strides, dilations: w.dilation, ceil_mode: ceil && !(size && out) ? 1 : 0 };
    if (end.some((p, d) => p >= w.kernel[d]!)) {
      // Runtimes refuse windows that lie in the padding altogether; numbers below all others do the same.
      if (c.results.length === 1) {
        x = padded(g, x, w.pad, end, -Infinity, input);
        return [g.node('MaxPool', [x], attributes)];
      }
    }
    const results = g.many('MaxPool', [x], c.results.length, { ...attributes, pads: [...w.pad, ...end] });
    // ONNX counts positions over the whole tensor, PyTorch within a channel.
    return results.length === 1 ? results : [results[0]!, within(g, results[1]!, product(input.sizes.slice(-n).map((_, d) => g.dim(input, d - n))))];
  });
};

function within(g: Graph, indices: string, plane: Size): string {
  return g.node('Mod', [indices, g.size(plane)]);
}

/** The mean of every window, or its sum over `divisor`. */
function average(g: Graph, x: Input, input: Value, w: Windows, ceil: boolean, includePad: boolean, result: Value, divisor: number | null): string {
  const n = w.kernel.length;
  const [size, out] = [spatial(input, n), spatial(result, n)];
  const attributes = { kernel_shape: w.kernel, strides: w.strides };
  if (divisor === null && !(ceil && size && out)) {
    return g.node('AveragePool', [x], { ...attributes, pads: [...w.pad, ...w.pad], count_include_pad: Number(includePad), ceil_mode: Number(ceil) });
  }
  const a = new Arith(g, input.dtype);
  const cells = w.kernel.reduce((p, k) => p * k, 1);
  const extra = size && out ? missing(w, size, out) : w.pad.map(() => 0);
  const mean = g.node('AveragePool', [padded(g, x, w.pad, w.pad.map((p, d) => p + extra[d]!), 0, input)], attributes);
  if (divisor !== null) return a.mul(mean, cells / divisor);
  // How much of every window lies inside: a product over the dimensions, which is a constant.
  const counts = out!.map((count, d) => Array.from({ length: count }, (_, i) => {
    const start = i * w.strides[d]! - w.pad[d]!;
    const [from, to] = includePad ? [start, size![d]! + w.pad[d]!] : [Math.max(start, 0), size![d]!];
    return Math.min(start + w.kernel[d]!, to) - from;
  }));
  let y = a.mul(mean, cells);
  counts.forEach((list, d) => {
    const shape = counts.map((l, k) => (k === d ? l.length : 1));
    y = a.div(y, g.constant(Float32Array.from(list), input.dtype, shape));
  });
  return y;
}

const avgPool = (n: number): Symbolic => (g, c) => {
  const input = c.tensor('input');
  const divisor = n === 1 ? null : c.numberOr('divisorOverride', null);
  const w = windowsOf(c, n, false);
  return batched(g, c, input, n, (x) => [average(g, x, input, w, c.flag('ceilMode'), c.flag('countIncludePad'), c.result, divisor)]);
};

/** (Σ xᵖ)^(1/p), with the sign that PyTorch's own formula keeps (torch/nn/functional.py, lp_pool2d). */
const lpPool = (n: number): Symbolic => (g, c) => {
  const input = c.tensor('input');
  const p = c.number('normType');
  const kernel = c.numbers('kernelSize', n);
  const strides = c.has('stride') && c.numbers('stride').length > 0 ? c.numbers('stride', n) : kernel;
  const w: Windows = { kernel, strides, pad: new Array<number>(n).fill(0), dilation: new Array<number>(n).fill(1) };
  return batched(g, c, input, n, (x) => {
    const a = new Arith(g, input.dtype);
    const mean = average(g, a.pow(x!, p), input, w, c.flag('ceilMode'), true, c.result, null);
    const kept = a.mul(a.op('Sign', mean), a.relu(a.abs(mean)));
    return [a.pow(a.mul(kept, kernel.reduce((q, k) => q * k, 1)), 1 / p)];
  });
};

// --- adaptive -----------------------------------------------------------------------------------------------------

/** The windows of adaptive pooling (aten/src/ATen/native/AdaptivePooling.h): [⌊i·in/out⌋, ⌈(i+1)·in/out⌉). */
function adaptiveWindows(size: number, out: number): [from: number, to: number][] {
  return Array.from({ length: out }, (_, i) => [Math.floor((i * size) / out), Math.ceil(((i + 1) * size) / out)]);
}

/** Mean of every window: a product with a matrix of weights along each dimension. */
export function adaptiveAverage(g: Graph, x: Input, input: Value, result: Value, n: number, c: Arguments): string {
  const out = spatial(result, n);
  if (out?.every((o) => o === 1)) return g.reduce('ReduceMean', x, Array.from({ length: n }, (_, d) => d - n), true);
  const size = spatial(input, n);
  if (size === null || out === null) throw c.unsupported('adaptive pooling of a dynamic size to a size other than 1', 'leave the spatial axes static');
  if (size.every((s, d) => s % out[d]! === 0)) {
    const kernel = size.map((s, d) => s / out[d]!);
    return g.node('AveragePool', [x], { kernel_shape: kernel, strides: kernel });
  }
  let y = x;
  size.forEach((s, d) => {
    if (s === out[d]) return;
    const matrix = new Float32Array(out[d]! * s);
    adaptiveWindows(s, out[d]!).forEach(([from, to], i) => matrix.fill(1 / (to - from), i * s + from, i * s + to));
    const axis = n - d - 1;
    // The dimension comes last, times the transposed matrix, and back.
    const perm = Array.from({ length: n + 2 }, (_, k) => k);
    [perm[n + 1 - axis], perm[n + 1]] = [n + 1, n + 1 - axis];
    const weights = g.transpose(g.constant(matrix, input.dtype, [out[d]!, s]), [1, 0]);
    y = g.transpose(g.node('MatMul', [g.transpose(y, perm), weights]), perm);
  });
  return typeof y === 'string' ? y : y!.name;
}

/** Largest of every window: the windows' elements, padded by repetition, as a new last dimension. */
function adaptiveMax(g: Graph, x: Input, input: Value, result: Value, n: number, c: Arguments): string[] {
  const [size, out] = [spatial(input, n), spatial(result, n)];
  const indices = c.results.length > 1;
  if (out?.every((o) => o === 1) && !indices) return [g.reduce('ReduceMax', x, Array.from({ length: n }, (_, d) => d - n), true)];
  if (size === null || out === null) throw c.unsupported('adaptive pooling of a dynamic size to a size other than 1', 'leave the spatial axes static');
  if (size.every((s, d) => s % out[d]! === 0)) {
    const kernel = size.map((s, d) => s / out[d]!);
    const results = g.many('MaxPool', [x], c.results.length, { kernel_shape: kernel, strides: kernel });
    return indices ? [results[0]!, within(g, results[1]!, size.reduce((p, s) => p * s, 1))] : results;
  }
  // Positions in a plane, by cell and by element of its window.
  let cells: number[][] = [[0]];
  size.forEach((s, d) => {
    const windows = adaptiveWindows(s, out[d]!);
    cells = cells.flatMap((cell) => windows.map(([from, to]) => cell.flatMap((at) => Array.from({ length: to - from }, (_, i) => at * s + from + i))));
  });
  const longest = Math.max(...cells.map((cell) => cell.length));
  const table = cells.flatMap((cell) => Array.from({ length: longest }, (_, i) => BigInt(cell[Math.min(i, cell.length - 1)]!)));
  const positions = g.constant(BigInt64Array.from(table), int64, [cells.length, longest]);
  const taken = g.node('Gather', [g.node('Reshape', [x, g.ints([0, 0, -1])]), positions], { axis: 2 });
  const shape = g.ints([0, 0, ...out]);
  const values = g.node('Reshape', [g.reduce('ReduceMax', taken, [3], false), shape]);
  if (!indices) return [values];
  const which = g.node('ArgMax', [taken], { axis: 3, keepdims: 1 });
  const all = g.node('Expand', [positions, g.node('Shape', [taken])]);
  return [values, g.node('Reshape', [g.node('GatherElements', [all, which], { axis: 3 }), shape])];
}

const adaptiveAvgPool = (n: number): Symbolic => (g, c) => batched(g, c, c.tensor('input'), n, (x) => [adaptiveAverage(g, x, c.tensor('input'), c.result, n, c)]);
const adaptiveMaxPool = (n: number): Symbolic => (g, c) => batched(g, c, c.tensor('input'), n, (x) => adaptiveMax(g, x, c.tensor('input'), c.result, n, c));

/** Every value back where it was the largest, zeros elsewhere. */
const maxUnpool = (n: number): Symbolic => (g, c) => {
  const [x, indices, { result }] = [c.tensor('input'), c.tensor('indices'), c];
  const rows = x.shape.length === n + 1 ? [0, -1] : [0, 0, -1];
  const sizes = g.sizes(result);
  const plane = product(sizes.slice(-n));
  const lead = sizes.slice(0, rows.length - 1);
  const zeros = g.node('ConstantOfShape', [g.shape([...lead, plane])], { value: { dtype: x.dtype.name, dims: [1], data: new x.dtype.array(1) } });
  const flat = (t: Value): string => g.node('Reshape', [t, g.ints(rows)]);
  return g.reshapeAs(g.node('ScatterElements', [zeros, flat(indices), flat(x)], { axis: rows.length - 1 }), result);
};

/** See the module. */
export const POOL: Symbolics = {
  max_pool1d: maxPool(1),
  max_pool2d: maxPool(2),
  max_pool3d: maxPool(3),
  avg_pool1d: avgPool(1),
  avg_pool2d: avgPool(2),
  avg_pool3d: avgPool(3),
  lp_pool1d: lpPool(1),
  lp_pool2d: lpPool(2),
  lp_pool3d: lpPool(3),
  adaptive_avg_pool1d: adaptiveAvgPool(1),
  adaptive_avg_pool2d: adaptiveAvgPool(2),
  adaptive_avg_pool3d: adaptiveAvgPool(3),
  adaptive_max_pool1d: adaptiveMaxPool(1),
  adaptive_max_pool2d: adaptiveMaxPool(2),
  adaptive_max_pool3d: adaptiveMaxPool(3),
  max_unpool1d: maxUnpool(1),
  max_unpool2d: maxUnpool(2),
  max_unpool3d: maxUnpool(3),
};
