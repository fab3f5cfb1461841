// What the sides of a row compute with: plain typed arrays, drawn once by our generators, so that every peer has the same numbers.
import { build } from '../peers/cresset_layers.mjs';

const draw = (torch, spec) => {
  const { shape, below, uniform } = Array.isArray(spec) ? { shape: spec } : spec;
  if (below !== undefined) return { shape, dtype: 'int64', data: Int32Array.from(torch.randint(below, shape).dataSync(), Number) };
  const t = uniform ? torch.rand(shape).mul(uniform[1] - uniform[0]).add(uniform[0]) : torch.randn(shape);
  return { shape, dtype: 'float32', data: t.dataSync() };
};

/** What a loss compares the outputs with: classes, or numbers that are 0 or 1. */
function labels(torch, loss, [batch], outputs) {
  if (loss === 'crossEntropy') return draw(torch, { shape: [batch], below: outputs });
  const { shape, data } = draw(torch, { shape: [batch, outputs], below: 2 });
  return { shape, dtype: 'float32', data: Float32Array.from(data) };
}

/** `{ tensors, weights }` by name, each `{ shape, dtype, data }`. */
export async function makeData(torch, row) {
  torch.manualSeed(0);
  if (row.kind === 'op') return { tensors: Object.fromEntries(Object.entries(row.inputs ?? {}).map(([name, spec]) => [name, draw(torch, spec)])), weights: {} };
  const model = build(torch, row.layers);
  // Running statistics that are not 0 and 1, or a folded normalisation would be nothing.
  for (const [name, t] of model.namedBuffers()) {
    if (name.endsWith('running_mean')) t.uniform_(-0.5, 0.5);
    if (name.endsWith('running_var')) t.uniform_(0.5, 2);
  }
  const weights = Object.fromEntries(Object.entries(model.stateDict()).filter(([, t]) => t.dtype === torch.float32).map(([name, t]) => [name, { shape: [...t.shape], dtype: 'float32', data: t.dataSync() }]));
  const tensors = { x: draw(torch, row.input) };
  if (row.loss) tensors.y = labels(torch, row.loss, row.input, row.layers.at(-1)[2]);
  return { tensors, weights };
}

/** The weights of layers by PyTorch's names: `[name, shape]`. */
function shapesOf(layers, prefix = '') {
  return layers.flatMap(([kind, ...a], i) => {
    const name = (end) => `${prefix}${i}.${end}`;
    if (kind === 'linear') return [[name('weight'), [a[1], a[0]]], [name('bias'), [a[1]]]];
    if (kind === 'conv') return [[name('weight'), [a[1], a[0], a[2], a[2]]], [name('bias'), [a[1]]]];
    if (kind === 'batchnorm') return ['weight', 'bias', 'running_mean', 'running_var'].map((end) => [name(end), [a[0]]]);
    if (kind === 'residual') return a.flatMap((list, k) => shapesOf(list, `${name(['main', 'shortcut'][k])}.`));
    return [];
  });
}

/** Some data for a network row without any library: what is measured is not what comes out. */
export function plainData(row) {
  let seed = 1;
  // A linear congruential generator (Numerical Recipes): enough for numbers that are not all the same.
  const next = () => (seed = (1664525 * seed + 1013904223) % 2 ** 32) / 2 ** 32;
  const make = (shape, f) => ({ shape, dtype: 'float32', data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, f) });
  const weights = Object.fromEntries(shapesOf(row.layers).map(([name, shape]) => {
    const bound = 1 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b, 1));
    return [name, make(shape, () => (2 * next() - 1) * bound)];
  }));
  const outputs = row.layers.at(-1)[2];
  const tensors = { x: make(row.input, next) };
  if (row.loss === 'crossEntropy') tensors.y = { shape: [row.input[0]], dtype: 'int64', data: Int32Array.from({ length: row.input[0] }, () => Math.floor(next() * outputs)) };
  else if (row.loss === 'bce') tensors.y = make([row.input[0], outputs], () => Math.round(next()));
  return { tensors, weights };
}
