/**
 * Pictures: resizing, rearranged pixels, patches, sampling.
 * @module
 */
import { float32, int64 } from '../dtype.js';
import { Arith } from './arith.js';
import type { Arguments, Symbolic, Symbolics } from './call.js';
import { float, type Graph, type Input } from './graph.js';
import { isConstant, type Size } from './sizes.js';
import { batched } from './symbolic_conv.js';
import { adaptiveAverage } from './symbolic_pool.js';
import { product } from './symbolic_shape.js';

/** A size divided by a number that divides it. */
function quotient(size: Size, by: number): Size {
  if (typeof size === 'number') return size / by;
  return { kind: 'Div', a: size, b: by, vector: size.vector.map((n) => n / by) };
}

/** Resize in the coordinates of PyTorch (aten/src/ATen/native/UpSample.h). */
function resize(g: Graph, c: Arguments, mode: string, alignCorners: boolean): string {
  const x = c.tensor('input');
  const n = x.shape.length - 2;
  if (mode === 'area') return adaptiveAverage(g, x, x, c.result, n, c);
  const kinds: Record<string, string> = { nearest: 'nearest', 'nearest-exact': 'nearest', linear: 'linear', bilinear: 'linear', trilinear: 'linear', bicubic: 'cubic' };
  const antialias = c.op === 'interpolate' && c.flag('antialias');
  if (antialias && g.opset < 18) throw c.unsupported('antialias before opset 18', 'export with { opsetVersion: 18 } or later');
  const attributes = {
    mode: kinds[mode]!,
    coordinate_transformation_mode: mode === 'nearest' ? 'asymmetric' : alignCorners ? 'align_corners' : 'half_pixel',
    nearest_mode: mode === 'nearest' ? 'floor' : mode === 'nearest-exact' ? 'round_prefer_ceil' : null,
    cubic_coeff_a: mode === 'bicubic' ? float(-0.75) : null,
    antialias: antialias ? 1 : null,
  };
  const recompute = c.op === 'interpolate' && c.flag('recomputeScaleFactor');
  if (c.has('scaleFactor') && !recompute) {
    const factors = c.numbers('scaleFactor', n);
    return g.node('Resize', [x, null, g.constant(Float32Array.of(1, 1, ...factors), float32, [n + 2])], attributes);
  }
  return g.node('Resize', [x, null, null, g.shape(g.sizes(c.result))], attributes);
}

const interpolate: Symbolic = (g, c) => resize(g, c, c.text('mode'), c.flag('alignCorners'));

/** `[C·r², H, W]` to `[C, H·r, W·r]`: ONNX's DepthToSpace in its order CRD. */
const pixelShuffle: Symbolic = (g, c) => {
  const x = c.tensor('input');
  if (x.shape.length > 4) throw c.unsupported('more than one batch dimension', 'flatten the batch before it');
  return batched(g, c, x, 2, (y) => [g.node('DepthToSpace', [y], { blocksize: c.number('upscaleFactor'), mode: 'CRD' })]);
};

/** The inverse has no operator of this order of channels: the blocks become dimensions, and those channels. */
const pixelUnshuffle: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const r = c.number('downscaleFactor');
  if (x.shape.length > 4) throw c.unsupported('more than one batch dimension', 'flatten the batch before it');
  const [channels, h, w] = [-3, -2, -1].map((d) => g.dim(x, d)) as [Size, Size, Size];
  return batched(g, c, x, 2, (y) => {
    const n: Size = x.shape.length === 4 ? g.dim(x, 0) : 1;
    const blocks = g.reshape(y, [n, channels, quotient(h, r), r, quotient(w, r), r]);
    const turned = g.transpose(blocks, [0, 1, 3, 5, 2, 4]);
    return [g.reshape(turned, [n, product([channels, r * r]), quotient(h, r), quotient(w, r)])];
  });
};

/** Rows and columns of every window: `[kernel, windows]` indices into the padded dimension. */
function windowIndex(size: number, kernel: number, dilation: number, stride: number): { table: BigInt64Array; count: number } {
  const count = Math.floor((size - dilation * (kernel - 1) - 1) / stride) + 1;
  const table = BigInt64Array.from({ length: kernel * count }, (_, i) => BigInt((i % count) * stride + Math.floor(i / count) * dilation));
  return { table, count };
}

/** Patches as columns: two Gathers, over rows and columns. */
const im2col: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const [kernel, dilation, pad, stride] = ['kernelSize', 'dilation', 'padding', 'stride'].map((name) => c.numbers(name, 2)) as [number[], number[], number[], number[]];
  const sizes = x.sizes.slice(-2);
  if (!sizes.every(isConstant)) throw c.unsupported('unfold of a picture of dynamic size', 'leave the spatial axes static');
  return batched(g, c, x, 2, (given) => {
    let y: Input = given;
    if (pad.some((p) => p !== 0)) y = g.node('Pad', [y, g.ints([0, 0, ...pad, 0, 0, ...pad])], { mode: 'constant' });
    for (const d of [0, 1]) {
      const { table, count } = windowIndex(sizes[d]![0]! + 2 * pad[d]!, kernel[d]!, dilation[d]!, stride[d]!);
      y = g.node('Gather', [y, g.constant(table, int64, [kernel[d]!, count])], { axis: 2 + 2 * d });
    }
    const channels = x.shape.at(-3)! * kernel[0]! * kernel[1]!;
    return [g.node('Reshape', [g.transpose(y, [0, 1, 2, 4, 3, 5]), g.ints([0, channels, -1])])];
  });
};

/** The sum of overlapping patches. */
const fold: Symbolic = (g, c) => {
  if (g.opset < 18) throw c.unsupported('fold before opset 18', 'export with { opsetVersion: 18 } or later');
  const x = c.tensor('input');
  const pad = c.numbers('padding', 2);
  return batched(g, c, x, 1, (y) => [
    g.node('Col2Im', [y, g.ints(c.numbers('outputSize', 2)), g.ints(c.numbers('kernelSize', 2))], {
      dilations: c.numbers('dilation', 2), pads: [...pad, ...pad], strides: c.numbers('stride', 2),
    }),
  ]);
};

const gridSample: Symbolic = (g, c) => {
  const x = c.tensor('input');
  if (x.shape.length === 5 && g.opset < 20) throw c.unsupported('sampling of volumes before opset 20', 'export with { opsetVersion: 20 } or later');
  // grid_sampler has numbers for the modes (torch/nn/functional.py).
  const numbered = c.op === 'grid_sampler';
  const mode = numbered ? ['bilinear', 'nearest', 'bicubic'][c.number('interpolationMode')]! : c.text('mode');
  const outside = numbered ? ['zeros', 'border', 'reflection'][c.number('paddingMode')]! : c.text('paddingMode');
  const names: Record<string, string> = g.opset >= 20 ? { bilinear: 'linear', bicubic: 'cubic' } : {};
  return g.node('GridSample', [x, c.tensor('grid')], { mode: names[mode] ?? mode, padding_mode: outside, align_corners: Number(c.flag('alignCorners')) });
};

/** Every point of a regular grid, in homogeneous coordinates, times the transposed matrix. */
const affineGrid: Symbolic = (g, c) => {
  const theta = c.tensor('theta');
  const out = c.result.sizes.slice(1, -1);
  if (!out.every(isConstant)) throw c.unsupported('an affine grid of dynamic size', 'leave the spatial axes static');
  const size = out.map((v) => v[0]!);
  const align = c.flag('alignCorners');
  const at = (i: number, n: number): number => (n === 1 && align ? 0 : align ? (2 * i) / (n - 1) - 1 : (2 * i + 1) / n - 1);
  const points = size.reduce((a, b) => a * b, 1);
  const base = new Float32Array(points * (size.length + 1));
  for (let p = 0; p < points; p++) {
    let rest = p;
    // The last dimension is x, which comes first.
    for (let d = size.length - 1; d >= 0; d--) {
      base[p * (size.length + 1) + size.length - 1 - d] = at(rest % size[d]!, size[d]!);
      rest = Math.floor(rest / size[d]!);
    }
    base[p * (size.length + 1) + size.length] = 1;
  }
  const a = new Arith(g, theta.dtype);
  const grid = a.matmul(g.constant(base, theta.dtype, [points, size.length + 1]), g.mT(theta, 3));
  return g.node('Reshape', [grid, g.ints([0, ...size, size.length])]);
};

/** See the module. */
export const VISION: Symbolics = {
  interpolate,
  upsample: interpolate,
  upsample_nearest: (g, c) => resize(g, c, 'nearest', false),
  upsample_bilinear: (g, c) => resize(g, c, 'bilinear', true),
  pixel_shuffle: pixelShuffle,
  pixel_unshuffle: pixelUnshuffle,
  im2col,
  fold,
  grid_sample: gridSample,
  grid_sampler: gridSample,
  affine_grid: affineGrid,
};
