// The matrix kernels alone, in GFLOP/s and in percent of the machine's roof, per tile and shape:
// node --experimental-wasm-relaxed-simd bench/kernels/gemm.mjs [simd128 | relaxed] [MxNxK...]      (the flag only on Node 20)
//
// Builds bench/kernels/gemm.rs first, once as simd128 and once with relaxed SIMD. The roof is a loop of nothing but (fused)
// multiply-adds in registers, for as long as the product takes and between the products: the clock of a shared machine drifts.
// nn, nt, tn: which operand lies transposed; Linear's forward is nt, the gradients are nn and tn.
import { buildExample } from './wasm.mjs';

const builds = { simd128: '+simd128', relaxed: '+simd128,+relaxed-simd' };
const words = process.argv.slice(2);

const usual = [
  '8x8x8', '16x16x16', '32x32x32', '64x64x64', '128x128x128', '256x256x256', '512x512x512', '1024x1024x1024', '64x128x784', '64x512x512',
  '64x10x128', '1000x10x10', '1000x10x2', '10x10x1000', '1x2048x2048', '2048x1x2048', '4x512x784', '16x512x512',
];
const named = words.filter((word) => /^\d+x\d+x\d+$/.test(word));
const shapes = (named.length ? named : usual).map((word) => word.split('x').map(Number));

/** Milliseconds; of the process where it was interrupted, since others' time is none of ours. */
function time(run) {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  run();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return ms < 2 ? ms : Math.min(ms, (user + system) / 1e3);
}

for (const [name, features] of Object.entries(builds)) {
  if (words.some((word) => word in builds) && !words.includes(name)) continue;
  const bytes = buildExample('cresset-cpu', 'gemm', features, name);
  if (!WebAssembly.validate(bytes)) { console.log(`${name}: this runtime refuses it`); continue; }
  const { floats, matmul, tile, roof } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  const [a, b, c] = [floats(1 << 22), floats(1 << 22), floats(1 << 22)];
  const tiles = [0, 1, 2].filter((i) => tile(i));
  console.log(`${name} (${bytes.length} bytes)`.padEnd(22), tiles.map((i) => { const t = tile(i); return `${t >> 8}x${t & 255}  nn / nt / tn`.padStart(34); }).join(''), '   roof');
  for (const [m, n, k] of shapes) {
    const times = Math.max(1, Math.round(4e6 / (m * n * k)));
    const flops = 2 * m * n * k * times;
    const cells = tiles.flatMap((i) => [0, 2, 1].map((turned) => ({ i, turned, best: Infinity })));
    let best = Infinity;
    const end = performance.now() + 100 * cells.length;
    for (let round = 0; round < 3 || performance.now() < end; round++) {
      for (const cell of cells) {
        best = Math.min(best, time(() => roof(flops)));
        tile(cell.i);
        cell.best = Math.min(cell.best, time(() => matmul(a, b, c, m, n, k, cell.turned, times)));
      }
    }
    const text = cells.map((cell) => `${(flops / cell.best / 1e6).toFixed(1)} ${(100 * best / cell.best).toFixed(0).padStart(3)} %`.padStart(11));
    console.log(`${m} x ${n} x ${k}`.padEnd(22), tiles.map((_, i) => text.slice(3 * i, 3 * i + 3).join('').padStart(34)).join(''), (flops / best / 1e6).toFixed(1).padStart(7));
  }
}
