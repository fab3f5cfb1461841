/**
 * Normalisations.
 * @module
 */
import { Arith } from './arith.js';
import type { Arguments, Symbolic, Symbolics } from './call.js';
import { float, type Graph } from './graph.js';
import type { Value } from './trace.js';
import { vectorNorm } from './symbolic_reduce.js';

/** One of every channel: given, or all the same number. */
function perChannel(g: Graph, x: Value, given: Value | null, otherwise: number, count = x.shape[1]!): Value | string {
  return given ?? g.values(new Array<number>(count).fill(otherwise), x.dtype);
}

/** `[C]` as `[C, 1, 1]`, which broadcasts against channels in dimension 1. */
function alongChannels(g: Graph, x: Value, rank: number): string {
  return g.unsqueeze(x, Array.from({ length: rank - 2 }, (_, i) => i + 1));
}

const refuseTraining = (c: Arguments): never => {
  throw c.unsupported('batch norm with the statistics of the batch', 'export a module whose running statistics are tracked, in eval mode');
};

const batchNorm: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const [mean, variance] = [c.maybe('runningMean'), c.maybe('runningVar')];
  if (c.flag('training') || mean === null || variance === null) return ownStatistics(g, c, x, [0, ...x.shape.slice(2).map((_, i) => i + 2)]);
  const [scale, bias] = [perChannel(g, x, c.maybe('weight'), 1), perChannel(g, x, c.maybe('bias'), 0)];
  return g.node('BatchNormalization', [x, scale, bias, mean, variance], { epsilon: float(c.number('eps')) });
};

/** Normalised by the mean and variance over `axes` of the input itself, then scaled and shifted by channel. */
function ownStatistics(g: Graph, c: Arguments, x: Value, axes: readonly number[]): string {
  const a = new Arith(g, x.dtype);
  const centred = a.sub(x, a.mean(x, axes, true));
  let y = a.div(centred, a.sqrt(a.add(a.mean(a.square(centred), axes, true), c.number('eps'))));
  const [weight, bias] = [c.maybe('weight'), c.maybe('bias')];
  if (weight) y = a.mul(y, alongChannels(g, weight, x.shape.length));
  return bias ? a.add(y, alongChannels(g, bias, x.shape.length)) : y;
}

const layerNorm: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const shape = c.numbers('normalizedShape');
  const weight = c.maybe('weight') ?? g.node('Expand', [g.scalar(1, x.dtype), g.ints(shape)]);
  return g.node('LayerNormalization', [x, weight, c.maybe('bias')], { axis: -shape.length, epsilon: float(c.number('eps')) });
};

/** Root mean square: opset 23 has it, before it is a formula. */
const rmsNorm: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const n = c.numbers('normalizedShape').length;
  const a = new Arith(g, x.dtype);
  // PyTorch's default is the machine's epsilon of the dtype.
  const eps = c.numberOr('eps', x.dtype.itemsize === 8 ? 2 ** -52 : 2 ** -23);
  const mean = a.mean(a.square(x), Array.from({ length: n }, (_, i) => i - n), true);
  const y = a.div(x, a.sqrt(a.add(mean, eps)));
  const weight = c.maybe('weight');
  return weight ? a.mul(y, weight) : y;
};

/** The groups as rows, each normalised; then the shape comes back, and the scale of every channel. */
const groupNorm: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const groups = c.number('numGroups');
  const rows = g.node('Reshape', [x, g.ints([0, groups, -1])]);
  const normal = g.node('InstanceNormalization', [rows, perChannel(g, x, null, 1, groups), perChannel(g, x, null, 0, groups)], { epsilon: float(c.number('eps')) });
  const a = new Arith(g, x.dtype);
  // The shape is the input's, whatever of it is dynamic.
  let y = g.node('Reshape', [normal, g.node('Shape', [x])]);
  const [weight, bias] = [c.maybe('weight'), c.maybe('bias')];
  if (weight) y = a.mul(y, alongChannels(g, weight, x.shape.length));
  return bias ? a.add(y, alongChannels(g, bias, x.shape.length)) : y;
};

const instanceNorm: Symbolic = (g, c) => {
  const x = c.tensor('input');
  if (!c.flag('useInputStats')) {
    const [mean, variance] = [c.maybe('runningMean'), c.maybe('runningVar')];
    if (mean === null || variance === null) return refuseTraining(c);
    const inputs = [x, perChannel(g, x, c.maybe('weight'), 1), perChannel(g, x, c.maybe('bias'), 0), mean, variance];
    return g.node('BatchNormalization', inputs, { epsilon: float(c.number('eps')) });
  }
  const inputs = [x, perChannel(g, x, c.maybe('weight'), 1), perChannel(g, x, c.maybe('bias'), 0)];
  return g.node('InstanceNormalization', inputs, { epsilon: float(c.number('eps')) });
};

/** x / (k + α/n · Σ x²)^β over n neighbouring channels: PyTorch's window begins ⌊n/2⌋ before, ONNX's ⌊(n-1)/2⌋. */
const localResponse: Symbolic = (g, c) => {
  const x = c.tensor('input');
  c.floatsOnly(x);
  const size = c.number('size');
  if (size % 2 === 1 && x.shape.length === 4) {
    return g.node('LRN', [x], { size, alpha: float(c.number('alpha')), beta: float(c.number('beta')), bias: float(c.number('k')) });
  }
  const a = new Arith(g, x.dtype);
  const pads = new Array<number>(2 * x.shape.length).fill(0);
  pads[1] = Math.floor(size / 2);
  pads[x.shape.length + 1] = Math.floor((size - 1) / 2);
  const padded = g.node('Pad', [a.square(x), g.ints(pads), a.of(0)], { mode: 'constant' });
  let sum = '';
  for (let i = 0; i < size; i++) {
    const part = g.slice(padded, 1, i, i - size + 1 === 0 ? null : i - size + 1);
    sum = i === 0 ? part : a.add(sum, part);
  }
  return a.div(x, a.pow(a.add(a.mul(sum, c.number('alpha') / size), c.number('k')), c.number('beta')));
};

/** See the module. */
export const NORM: Symbolics = {
  batch_norm: batchNorm,
  layer_norm: layerNorm,
  group_norm: groupNorm,
  instance_norm: instanceNorm,
  rms_norm: rmsNorm,
  local_response_norm: localResponse,
  normalize: (g, c) => {
    const x = c.tensor('input');
    const a = new Arith(g, x.dtype);
    if (x.shape.length === 0) return a.div(x, a.max(a.abs(x), c.number('eps')));
    return a.div(x, a.max(vectorNorm(a, a.of(x), c.number('p'), c.dims('dim', x.shape.length), true), c.number('eps')));
  },
};
