// Convolutions and pools, forward and backward: milliseconds, GFLOP/s, and how many times as fast as onnxruntime-web.
//
//   node bench/kernels/conv.mjs [relaxed|simd128] [--rounds N] [part of a row's name...]
//
// Builds bench/kernels/conv.rs once as simd128 and once with relaxed SIMD (Node 22 or later; `--experimental-wasm-relaxed-simd`
// before). The peer runs the same op, exported by the package in dist, on one thread; its rounds and ours take turns, and
// the ratio is the median of the rounds' ratios. Outputs are compared before anything is timed.
import { buildExample } from './wasm.mjs';

const args = process.argv.slice(2);
const rounds = args.includes('--rounds') ? Number(args.splice(args.indexOf('--rounds'), 2)[1]) : 15;
const builds = { relaxed: '+simd128,+relaxed-simd', simd128: '+simd128' };
const chosen = Object.keys(builds).filter((name) => args.includes(name));
const words = args.filter((word) => !(word in builds));

/** Images, channels in and out, groups; the images' size; the kernel's; stride, padding. */
const conv = (name, target, images, ci, co, groups, size, kernel, stride, padding, which = [0, 1, 2]) =>
  ({ name, target, images, ci, co, groups, size, kernel, stride, padding, which, conv: true });
const pool = (name, target, mean, planes, size, kernel, stride, padding) => ({ name, target, mean, planes, size, kernel, stride, padding });
const ROWS = [
  conv('3x3, 64 channels, 56x56', 2, 1, 64, 64, 1, 56, 3, 1, 1),
  conv('3x3, 16 channels, 32x32', 2, 1, 16, 16, 1, 32, 3, 1, 1),
  conv('3x3, 128 channels, 28x28', 2, 1, 128, 128, 1, 28, 3, 1, 1),
  conv('3x3, 512 channels, 7x7', 1.3, 1, 512, 512, 1, 7, 3, 1, 1),
  conv('3x3 stride 2, 64 channels, 56x56', 1.3, 1, 64, 64, 1, 56, 3, 2, 1),
  conv('1x1, 64 channels, 56x56', 1.3, 1, 64, 64, 1, 56, 1, 1, 0),
  conv('1x1, 64 to 256 channels, 56x56', 1.3, 1, 64, 256, 1, 56, 1, 1, 0),
  conv('5x5, 64 channels, 56x56', 1.3, 1, 64, 64, 1, 56, 5, 1, 2),
  conv('7x7 stride 2, 3 to 64, 224x224', 1.3, 1, 3, 64, 1, 224, 7, 2, 3),
  conv('depthwise 3x3, 96 channels, 112x112', 5, 1, 96, 96, 96, 112, 3, 1, 1),
  conv('depthwise 3x3 stride 2, 96 channels, 112x112', 1.3, 1, 96, 96, 96, 112, 3, 2, 1),
  conv('groups of 4, 3x3, 64 channels, 56x56', 1.3, 1, 64, 64, 16, 56, 3, 1, 1),
  conv('CNN: 3x3, 1 to 16, 28x28, batch 64', 1.3, 64, 1, 16, 1, 28, 3, 1, 1, [0, 2]),
  conv('CNN: 3x3, 16 to 32, 14x14, batch 64', 1.3, 64, 16, 32, 1, 14, 3, 1, 1),
  conv('LeNet: 5x5, 1 to 6, 28x28, batch 64', 1.3, 64, 1, 6, 1, 28, 5, 1, 2, [0, 2]),
  conv('LeNet: 5x5, 6 to 16, 14x14, batch 64', 1.3, 64, 6, 16, 1, 14, 5, 1, 0),
  conv('ResNet: 3x3, 3 to 16, 32x32, batch 64', 1.3, 64, 3, 16, 1, 32, 3, 1, 1, [0, 2]),
  conv('ResNet: 3x3 stride 2, 16 to 32, 32x32, batch 64', 1.3, 64, 16, 32, 1, 32, 3, 2, 1),
  conv('ResNet: 3x3, 64 to 64, 8x8, batch 64', 1.3, 64, 64, 64, 1, 8, 3, 1, 1),
  conv('ResNet: 3x3, 16 to 16, 8x8, batch 64', 1.3, 64, 16, 16, 1, 8, 3, 1, 1),
  conv('ResNet: 3x3, 16 to 16, 8x8', 1.3, 1, 16, 16, 1, 8, 3, 1, 1),
  conv('ResNet: 3x3, 64 to 64, 8x8', 1.3, 1, 64, 64, 1, 8, 3, 1, 1),
  conv('CNN: 3x3, 32 to 64, 7x7, batch 64', 1.3, 64, 32, 64, 1, 7, 3, 1, 1),
  conv('CNN: 5x5, 1 to 16, 28x28, batch 64', 1.3, 64, 1, 16, 1, 28, 5, 1, 2, [0, 2]),
  conv('CNN: 5x5, 16 to 32, 14x14, batch 64', 1.3, 64, 16, 32, 1, 14, 5, 1, 2),
  pool('max pool 2x2, 64 planes, 112x112', 1.2, false, 64, 112, 2, 2, 0),
  pool('max pool 3x3 stride 2, 64 planes, 112x112', 1.2, false, 64, 112, 3, 2, 1),
  pool('average pool 2x2, 64 planes, 112x112', 1.2, true, 64, 112, 2, 2, 0),
  pool('average pool 3x3 stride 2, 64 planes, 112x112', 1.2, true, 64, 112, 3, 2, 1),
  pool('CNN: max pool 2x2, 1024 planes, 28x28', 1.2, false, 1024, 28, 2, 2, 0),
  pool('CNN: max pool 2x2, 2048 planes, 14x14', 1.2, false, 2048, 14, 2, 2, 0),
];

const torch = await import('../../dist/index.js').catch(() => null);
const ort = torch && await import('onnxruntime-web').catch(() => null);
if (ort) ort.env.wasm.numThreads = 1;
else console.log('no peer: build the package (npm run build) and install onnxruntime-web');

/** A function that runs the row's forward pass on these inputs in onnxruntime-web. */
async function peer(row, x, w) {
  const { nn } = torch;
  const shape = row.conv ? [row.images, row.ci, row.size, row.size] : [1, row.planes, row.size, row.size];
  const { kernel, stride, padding, groups } = row;
  const module = row.conv ? new nn.Conv2d(row.ci, row.co, kernel, { stride, padding, groups, bias: false })
    : new (row.mean ? nn.AvgPool2d : nn.MaxPool2d)(kernel, { stride, padding });
  if (row.conv) torch.noGrad(() => module.weight.copy_(torch.tensor(w).view(module.weight.shape)));
  const bytes = torch.onnx.export(module, torch.zeros(shape), { inputNames: ['x'], outputNames: ['y'] });
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'all' });
  const feeds = { x: new ort.Tensor('float32', x.slice(), shape) };
  return async () => (await session.run(feeds)).y.data;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

for (const name of chosen.length ? chosen : Object.keys(builds)) {
  const bytes = buildExample('cresset-cpu', 'conv', builds[name], name);
  if (!WebAssembly.validate(bytes)) { console.log(`${name}: this runtime refuses it`); continue; }
  const { exports: e } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { now: () => performance.now() } });
  const tile = e.start();
  console.log(`${name} (${bytes.length} bytes, tile ${tile >> 8}x${tile & 255})`.padEnd(46), '      pass       ms  GFLOP/s    ort ms   ratio  target');
  const room = 1 << 22;
  const [x, w, y, places] = [e.floats(room), e.floats(room), e.floats(room), e.floats(2 * room)];
  const result = e.floats(room);
  const read = (at, n) => new Float32Array(e.memory.buffer, at, n);
  for (const row of ROWS) {
    if (words.length && !words.some((word) => row.name.includes(word))) continue;
    const { size, kernel, stride, padding } = row;
    const out = e.output(size, kernel, stride, padding);
    const planes = row.conv ? row.images * row.co : row.planes;
    const flops = 2 * planes * out * out * kernel * kernel * (row.conv ? row.ci / row.groups : 0.5);
    const inputs = (row.conv ? row.images * row.ci : row.planes) * size * size;
    // What is written is never read again: gradients of gradients of ... would overflow.
    const at = (of, written) => (written ? result : of);
    const run = (which, times) => (row.conv
      ? e.convolve(which, at(x, which === 1), at(w, which === 2), at(y, which === 0), row.images, row.ci, row.co, row.groups, size, kernel, stride, padding, times)
      : e.pooled(which, at(x, which > 1), places, at(y, which < 2), planes, size, kernel, stride, padding, times));
    const passes = row.conv ? row.which : row.mean ? [1, 3] : [0, 2];
    for (const which of passes) {
      const forward = row.conv ? which === 0 : which < 2;
      const theirs = forward && ort ? await peer(row, read(x, inputs), read(w, row.conv ? row.co * row.ci / row.groups * kernel * kernel : 0)) : undefined;
      run(which, 1);
      if (theirs) {
        const want = await theirs();
        const got = read(result, planes * out * out);
        const scale = want.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
        const off = want.reduce((most, v, i) => Math.max(most, Math.abs(v - got[i])), 0) / scale;
        if (!(off < 1e-4)) throw Error(`${row.name}: differs from onnxruntime by ${off} of the largest value`);
      }
      const times = Math.max(1, Math.round((row.conv ? 3e7 : 2e6) / flops));
      const [ours, his, ratios] = [[], [], []];
      for (let round = 0; round < rounds; round++) {
        const start = performance.now();
        run(which, times);
        ours.push((performance.now() - start) / times);
        if (!theirs) continue;
        const then = performance.now();
        for (let i = 0; i < times; i++) await theirs();
        his.push((performance.now() - then) / times);
        ratios.push(his.at(-1) / ours.at(-1));
      }
      const best = Math.min(...ours);
      const pass = row.conv ? ['forward', 'dx', 'dw'][which] : forward ? 'forward' : 'dx';
      console.log(row.name.padEnd(46), pass.padStart(10), best.toFixed(3).padStart(8), (flops / best / 1e6).toFixed(1).padStart(8),
        theirs ? `${Math.min(...his).toFixed(3).padStart(9)} ${median(ratios).toFixed(2).padStart(7)} ${String(row.target).padStart(7)}` : '');
    }
  }
}
