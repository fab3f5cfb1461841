// Millions of random numbers a second, the median of several runs: node bench/kernels/random.mjs [package]
//
// Without an argument the streams of crates/cpu alone, a small wasm (simd128, no fused multiply-add) that it builds from
// bench/kernels/random.rs, over 8192 elements, which stay in the cache, and over 4 million. With `package` torch.rand and its
// siblings of dist/ (`npm run build` first; a quick build's kernels are not optimised). Seconds are processor time, so that
// other programs on the machine disturb little.
import { TextDecoder } from 'node:util';
import { buildExample, root } from './wasm.mjs';

/** Processor time of this process so far, in milliseconds. */
function clock() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

/** Millions of elements a second of a function that makes `n`: the median of runs of at least 20 ms, over 0.3 s. */
function rate(n, fn) {
  const rates = [];
  const end = clock() + 300;
  for (let times = 1; rates.length < 5 || clock() < end;) {
    const start = clock();
    fn(times);
    const ms = clock() - start;
    if (ms < 20) times *= 2;
    else rates.push(n * times / ms / 1e3);
  }
  rates.sort((a, b) => a - b);
  return rates[rates.length >> 1];
}

const row = (name, rates) => console.log(name.padEnd(28), rates.map((r) => r.toFixed(1).padStart(10)).join(''));

if (process.argv[2] === 'package') {
  const torch = await import(`${root}dist/index.js`);
  await torch.init();
  const n = 1e7;
  const weights = torch.empty(n);
  const calls = {
    'rand': () => torch.rand(n),
    'uniform_(-a, a)': () => weights.uniform_(-0.036, 0.036),
    'randn': () => torch.randn(n),
    'normal_(mean, std)': () => weights.normal_(1, 0.3),
    'rand, float64': () => torch.rand(n, { dtype: torch.float64 }),
    'bernoulli_(p)': () => weights.bernoulli_(0.9),
    'randint(10)': () => torch.randint(10, [n]),
    'exponential_': () => weights.exponential_(),
    'randperm': () => torch.randperm(n),
  };
  for (const [name, call] of Object.entries(calls)) {
    row(name, [rate(n, (times) => {
      for (let i = 0; i < times; i++) torch.scope(() => void call());
    })]);
  }
} else {
  const wasm = new WebAssembly.Instance(new WebAssembly.Module(buildExample('cresset-cpu', 'random'))).exports;
  const memory = wasm.numbers(4e6);
  console.log(' '.repeat(28) + ['8192', '4000000'].map((n) => n.padStart(10)).join(''));
  for (let kind = 0; wasm.name(kind); kind++) {
    const packed = wasm.name(kind);
    const name = new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, Number(packed & 0xffffffffn), Number(packed >> 32n)));
    row(name, [8192, 4e6].map((n) => rate(n, (times) => wasm.run(kind, memory, n, times))));
  }
}
