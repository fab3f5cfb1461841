// GFLOP/s of the matrix kernels alone, per tile and shape: node --experimental-wasm-relaxed-simd bench/kernels/gemm.mjs [build...]
// (the flag only on Node 20). Builds bench/kernels/gemm.rs first, once as simd128 and once with relaxed SIMD.
import { buildExample } from './wasm.mjs';

const builds = { simd128: '+simd128', relaxed: '+simd128,+relaxed-simd' };

const shapes = [
  [8, 8, 8], [16, 16, 16], [32, 32, 32], [64, 64, 64], [128, 128, 128], [256, 256, 256], [512, 512, 512], [1024, 1024, 1024],
  [64, 512, 784], [64, 10, 512], [1000, 10, 10], [1000, 10, 2], [10, 10, 1000], [1, 2048, 2048], [2048, 1, 2048], [4, 512, 784], [16, 512, 512],
];
for (const [name, features] of Object.entries(builds)) {
  if (process.argv.length > 2 && !process.argv.includes(name)) continue;
  const bytes = buildExample('cresset-cpu', 'gemm', features, name);
  if (!WebAssembly.validate(bytes)) { console.log(`${name}: this runtime refuses it`); continue; }
  const { floats, matmul, tile } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  const [a, b, c] = [floats(1 << 22), floats(1 << 22), floats(1 << 22)];
  const indices = [0, 1, 2].filter((i) => tile(i));
  console.log(`${name} (${bytes.length} bytes)`.padEnd(24), indices.map((i) => { const t = tile(i); return `${t >> 8}x${t & 255} nn/nt/tn`.padStart(22); }).join(''));
  for (const [m, n, k] of shapes) {
    const times = Math.max(1, Math.round(2e7 / (m * n * k)));
    const row = indices.map((i) => {
      tile(i);
      return [0, 2, 1].map((turned) => {
        let best = Infinity;
        const end = performance.now() + 150;
        for (let round = 0; round < 3 || performance.now() < end; round++) {
          const t = performance.now();
          matmul(a, b, c, m, n, k, turned, times);
          best = Math.min(best, performance.now() - t);
        }
        return (2 * m * n * k * times / best / 1e6).toFixed(1).padStart(6);
      }).join('');
    });
    console.log(`${m} x ${n} x ${k}`.padEnd(24), row.map((s) => s.padStart(22)).join(''));
  }
}
