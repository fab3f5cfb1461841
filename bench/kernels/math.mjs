// ns an element of the pointwise functions alone: node bench/kernels/math.mjs [relaxed] [NAME...]
// Builds bench/kernels/math.rs first. Arguments are between -4 and 4 (0 and 8 for functions of positive numbers, -1 and 1 for
// inverses).
import { Buffer } from 'node:buffer';
import { buildExample } from './wasm.mjs';

const names = process.argv.slice(2).filter((name) => name !== 'relaxed');
const relaxed = process.argv.includes('relaxed');
const bytes = buildExample('cresset-lane', 'math', relaxed ? '+simd128,+relaxed-simd' : '+simd128', relaxed ? 'relaxed' : 'simd128');
const { memory, ...wasm } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;

const positive = ['log', 'log2', 'log10', 'log1p', 'sqrt', 'rsqrt', 'pow', 'lgamma', 'digamma'];
const unit = ['asin', 'acos', 'atanh', 'erfinv'];
const N = 4096;
const [out, x, y] = [0, 1, 2].map(() => wasm.floats(N));

function nameOf(i) {
  const path = Buffer.from(memory.buffer, wasm.name(i), wasm.name_length(i)).toString();
  return path.split('::').at(-1).trim();
}

/** Nanoseconds an element, the best of many rounds. */
function time(i, name, double) {
  const numbers = (at) => double ? new Float64Array(memory.buffer, at, N) : new Float32Array(memory.buffer, at, N);
  const [low, high] = positive.includes(name) ? [0, 8] : unit.includes(name) ? [-1, 1] : name === 'acosh' ? [1, 9] : [-4, 4];
  for (const at of [x, y]) numbers(at).forEach((_, k, all) => { all[k] = low + (high - low) * (((k + at) * 0.6180339887) % 1); });
  let best = Infinity;
  const end = performance.now() + 60;
  for (let round = 0; round < 5 || performance.now() < end; round++) {
    const start = performance.now();
    wasm.run(i, double, out, x, y, N, 8);
    best = Math.min(best, performance.now() - start);
  }
  return best * 1e6 / (8 * N);
}

console.log(`wasm ${bytes.length} bytes`.padEnd(20), 'float32'.padStart(10), 'float64'.padStart(10), '  ns an element');
for (let i = 0; i < wasm.count(); i++) {
  const name = nameOf(i);
  if (names.length > 0 && !names.includes(name)) continue;
  console.log(name.padEnd(20), ...[false, true].map((double) => time(i, name, double).toFixed(2).padStart(10)));
}
