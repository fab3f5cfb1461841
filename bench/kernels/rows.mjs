// What is bound by memory or by functions: softmax, normalisation, pointwise functions, broadcasts, sums, copies, lookups.
//
//   node bench/kernels/rows.mjs [--relaxed] [--rounds N] [--no-peer] [--sizes NAME,...] [NAME...]
//
// ns an element, GB/s of what is read and written once, that as % of a copy of the same size in the same rounds, and how many
// times as fast as onnxruntime-web the kernel alone is (its session.run of the same op, exported by the package in dist, in
// turns; the median of the rounds' ratios). Outputs are compared before anything is timed.
import { Buffer } from 'node:buffer';
import { buildExample } from './wasm.mjs';

const args = process.argv.slice(2);
const option = (name, otherwise) => (args.includes(name) ? args.splice(args.indexOf(name), 2)[1] : otherwise);
const rounds = Number(option('--rounds', 15));
const chosen = option('--sizes', '')?.split(',').filter(Boolean) ?? [];
const flag = (name) => args.includes(name) && args.splice(args.indexOf(name), 1).length > 0;
const [alone, relaxed] = [flag('--no-peer'), flag('--relaxed')];

const SIZES = { '512x512': [512, 512], '64x1000': [64, 1000], '1576x768': [1576, 768], '4096x1024': [4096, 1024] };

/** `out(m, n)` and `ins(m, n)` are [shape, strides?, 'i64'?]; `model(...inputs, [m, n])` is what the peer runs. */
const contiguous = (shape) => shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
const same = (m, n) => [[m, n]];
const unary = (kernel, target, model) => ({ kernel, target, out: [same], ins: [same], model });
// Eight channels of samples, and channels side by side.
const channels = (m, n) => [[8, m / 8, n], [n, 8 * n, 1]];
const columns = (m, n) => [[n, m, 1], [1, n, 1]];
const [each, column] = [() => [[8, 1]], (m, n) => [[n, 1]]];
const norm = (view, own) => ({
  forward: { kernel: 'batch_norm', out: [view, own, own, own], ins: [view, own, own], attrs: () => [1e-5, 0n, 1n, 1n] },
  given: { kernel: 'batch_norm', out: [view, own, own, own], ins: [view, own, own, own, own], attrs: () => [1e-5, 1n, 1n, 1n] },
  backward: { kernel: 'batch_norm_backward', out: [own, own, view], ins: [view, view, own, own, own], attrs: () => [0n, 1n] },
});
const ROWS = {
  'batch norm': norm(channels, each).forward,
  'batch norm, given': norm(channels, each).given,
  'batch norm backward': norm(channels, each).backward,
  'batch norm of rows': norm(columns, column).forward,
  'batch norm of rows, given': norm(columns, column).given,
  'batch norm of rows backward': norm(columns, column).backward,
  softmax: { ...unary('softmax', 5, (x) => x.softmax(1)), attrs: () => [1n] },
  'softmax dim 0': { ...unary('softmax', 1.2, (x) => x.softmax(0)), attrs: () => [0n] },
  'log-softmax': { ...unary('log_softmax', 5, (x) => x.logSoftmax(1)), attrs: () => [1n] },
  'softmax backward': { kernel: 'softmax_backward', out: [same], ins: [same, same], attrs: () => [1n] },
  'log-softmax backward': { kernel: 'log_softmax_backward', out: [same], ins: [same, same], attrs: () => [1n] },
  'softmax backward dim 0': { kernel: 'softmax_backward', out: [same], ins: [same, same], attrs: () => [0n] },
  logsumexp: { kernel: 'logsumexp', out: [(m) => [[m, 1]]], ins: [same], attrs: () => [1n] },
  'layer norm': { kernel: 'layer_norm', target: 5, out: [same, (m) => [[m, 1]], (m) => [[m, 1]]], ins: [same, (m, n) => [[1, n]], (m, n) => [[1, n]]],
    attrs: () => [1e-5, 1n, 1n], model: (x, w, b, [, n]) => torch.nn.functional.layerNorm(x, [n], w.view(n), b.view(n)) },
  'layer norm backward': { kernel: 'layer_norm_backward', out: [same],
    ins: [same, same, (m) => [[m, 1]], (m) => [[m, 1]], (m, n) => [[1, n]]] },
  'var and mean': { kernel: 'var_mean', out: [(m) => [[m, 1]], (m) => [[m, 1]]], ins: [same], attrs: (m, n) => [n, 0, 0n] },
  'var and mean dim 0': { kernel: 'var_mean', out: [(m, n) => [[1, n]], (m, n) => [[1, n]]], ins: [same], attrs: (m) => [m, 0, 0n] },
  sum: { kernel: 'sum', target: 1.2, out: [(m) => [[m, 1]]], ins: [same], attrs: () => [1], model: (x) => x.sum(1, true) },
  'sum dim 0': { kernel: 'sum', target: 1.2, out: [(m, n) => [[1, n]]], ins: [same], attrs: () => [1], model: (x) => x.sum(0, true) },
  amax: { kernel: 'amax', target: 1.2, out: [(m) => [[m, 1]]], ins: [same], attrs: () => [], model: (x) => x.amax(1, true) },
  gelu: unary('gelu', 5, (x) => torch.nn.functional.gelu(x)),
  'gelu tanh': unary('gelu_tanh', 5, (x) => torch.nn.functional.gelu(x, { approximate: 'tanh' })),
  erf: unary('erf', 5, (x) => x.erf()),
  sigmoid: unary('sigmoid', 5, (x) => x.sigmoid()),
  exp: unary('exp', 1.2, (x) => x.exp()),
  tanh: unary('tanh', 1.2, (x) => x.tanh()),
  relu: unary('relu', 1.2, (x) => x.relu()),
  add: { kernel: 'add', target: 1.2, out: [same], ins: [same, same], model: (x, y) => x.add(y) },
  'add a row': { kernel: 'add', target: 1.2, out: [same], ins: [same, (m, n) => [[n]]], model: (x, y) => x.add(y) },
  'add a column': { kernel: 'add', target: 1.2, out: [same], ins: [same, (m) => [[m, 1]]], model: (x, y) => x.add(y) },
  'add transposed': { kernel: 'add', out: [same], ins: [same, (m, n) => [[m, n], [1, m]]] },
  transpose: { kernel: 'copy', target: 1.2, out: [(m, n) => [[n, m]]], ins: [(m, n) => [[n, m], [1, n]]], given: (m, n) => [[m, n]],
    model: (x) => x.t().contiguous() },
  // [8, m / 8, 8, n / 8] to [8, 8, m / 8, n / 8]: heads of attention.
  'permute heads': { kernel: 'copy', target: 1.2, out: [(m, n) => [[8, 8, m >> 3, n >> 3]]],
    ins: [(m, n) => [[8, 8, m >> 3, n >> 3], [(m >> 3) * n, n >> 3, n, 1]]], given: (m, n) => [[m, n]],
    model: (x, [m, n]) => x.view(8, m >> 3, 8, n >> 3).permute(0, 2, 1, 3).contiguous() },
  // One operand of a concatenation along the last dimension.
  'copy into columns': { kernel: 'copy', out: [(m, n) => [[m, n], [2 * n, 1]]], ins: [same] },
  fill: { kernel: 'fill', out: [same], ins: [], attrs: () => [1, 1n] },
  embedding: { kernel: 'index_get', target: 1.2, out: [same], attrs: (m, n) => [BigInt(m), BigInt(n)],
    ins: [(m, n) => [[m, n], [0, 1]], (m, n) => [[m, n], [1, 0], 'i64']] },
};

const bytes = relaxed ? buildExample('cresset-cpu', 'rows', '+simd128,+relaxed-simd', 'relaxed') : buildExample('cresset-cpu', 'rows');
const { memory, ...wasm } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
const torch = alone ? null : await import('../../dist/index.js').catch(() => null);
const ort = torch && await import('onnxruntime-web').catch(() => null);
if (ort) ort.env.wasm.numThreads = 1;
else if (!alone) console.log('no peer: build the package (npm run build) and install onnxruntime-web');

const room = 4096 * 1024 * 8;
const [buffers, name, plan, attributes] = [Array.from({ length: 9 }, () => wasm.bytes(room)), wasm.bytes(64), wasm.bytes(4096), wasm.bytes(128)];
const count = (shape) => shape.reduce((a, b) => a * b, 1);

function find(kernel) {
  const text = Buffer.from(kernel);
  new Uint8Array(memory.buffer).set(text, name);
  const found = wasm.find(name, text.length);
  if (found < 0) throw new Error(`no kernel ${kernel}`);
  return found;
}

/** Writes the launch down; gives its operands, as [address, shape]. */
function prepare(row, m, n) {
  const all = [...row.out, ...row.ins].map((f) => f(m, n));
  const words = [row.out.length, row.ins.length];
  const places = all.map(([shape, strides = contiguous(shape), dtype], k) => {
    words.push(buffers[k], dtype === 'i64' ? 1 : 0, shape.length, ...shape, ...strides);
    if (k >= row.out.length) {
      if (dtype === 'i64') new BigInt64Array(memory.buffer, buffers[k], m).forEach((_, i, all) => { all[i] = BigInt((i * 7919) % m); });
      else new Float32Array(memory.buffer, buffers[k], Math.min(room / 4, m * n)).forEach((_, i, all) => { all[i] = ((i * 0.6180339887) % 1) * 8 - 4; });
    }
    return [buffers[k], shape];
  });
  new Int32Array(memory.buffer, plan, words.length).set(words);
  const attrs = (row.attrs ?? (() => []))(m, n);
  attrs.forEach((a, i) => (typeof a === 'bigint' ? new BigInt64Array(memory.buffer, attributes + 8 * i, 1) : new Float64Array(memory.buffer, attributes + 8 * i, 1)).fill(a));
  return [places, attrs.length];
}

/** A function that runs the same in onnxruntime-web. */
async function peer(row, m, n, places) {
  class Model extends torch.nn.Module { forward(...xs) { return row.model(...xs, [m, n]); } }
  const ins = places.slice(row.out.length).map(([at, shape], k) => {
    const given = row.given ? row.given(m, n)[k] : shape;
    return [given, new Float32Array(memory.buffer, at, count(given)).slice()];
  });
  const model = torch.onnx.export(new Model(), ins.map(([shape]) => torch.zeros(shape)), { inputNames: ins.map((_, k) => `x${k}`), outputNames: ['y'] });
  const session = await ort.InferenceSession.create(model);
  const feeds = Object.fromEntries(ins.map(([shape, data], k) => [`x${k}`, new ort.Tensor('float32', data, shape)]));
  return async () => (await session.run(feeds)).y;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const timed = (f, times) => {
  const start = performance.now();
  f(times);
  return (performance.now() - start) / times;
};

console.log(`wasm ${bytes.length} bytes`.padEnd(26), 'size'.padEnd(10), '      ms   ns/el    GB/s   % of copy   ort ms   ratio  target');
for (const [label, row] of Object.entries(ROWS)) {
  if (args.length && !args.some((word) => label === word || (word.endsWith('*') && label.startsWith(word.slice(0, -1))))) continue;
  const kernel = find(row.kernel);
  for (const [size, [m, n]] of Object.entries(SIZES)) {
    if (chosen.length && !chosen.includes(size)) continue;
    const [places, attrs] = prepare(row, m, n);
    const run = (times) => wasm.run(kernel, plan, attributes, attrs, times);
    run(1);
    let theirs = null;
    if (ort && row.model) {
      theirs = await peer(row, m, n, places);
      const want = (await theirs()).data;
      const got = new Float32Array(memory.buffer, places[0][0], want.length);
      want.forEach((w, i) => {
        if (Math.abs(w - got[i]) > 1e-4 * Math.max(1, Math.abs(w))) throw new Error(`${label} ${size}: ${got[i]} at ${i}, and ${w} in onnxruntime-web`);
      });
    }
    const moved = 4 * places.reduce((sum, [, shape]) => sum + count(shape), 0);
    const times = Math.max(1, Math.ceil(1e6 / (m * n)));
    const [best, ratios, copies] = [[Infinity, Infinity], [], []];
    for (let round = 0; round < rounds; round++) {
      const ms = timed(run, times);
      const half = Math.min(moved, room) / 2;
      const copy = timed((t) => wasm.stream(buffers[0], buffers[1], half, t), times) / (2 * half);
      copies.push(copy / (ms / moved));
      best[0] = Math.min(best[0], ms);
      if (theirs) {
        const start = performance.now();
        const y = await theirs();
        const other = performance.now() - start;
        y.dispose();
        ratios.push(other / ms);
        best[1] = Math.min(best[1], other);
      }
    }
    console.log(label.padEnd(26), size.padEnd(10), best[0].toFixed(3).padStart(8), (best[0] * 1e6 / (m * n)).toFixed(2).padStart(7),
      (moved / best[0] / 1e6).toFixed(1).padStart(7), `${(100 * median(copies)).toFixed(0)} %`.padStart(11),
      theirs ? best[1].toFixed(3).padStart(8) : '', theirs ? median(ratios).toFixed(2).padStart(7) : '', theirs ? String(row.target).padStart(7) : '');
  }
}
process.exit(0);
