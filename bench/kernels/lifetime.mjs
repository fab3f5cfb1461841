// What looking after memory costs: the time of a training step written four ways.
//
//   node --expose-gc bench/kernels/lifetime.mjs [ROUNDS]      (needs a built package: npm run build)
//
// "by hand" disposes of the step's two tensors, the cheapest there is; "scope" wraps the step in torch.scope; "turns" does
// nothing but let the event loop turn every few milliseconds, as `for await` over a DataLoader does, so that finalizers
// run; "synchronous" does nothing at all and never lets it turn, so that what is old is spilled. Rounds of all four are
// interleaved, and each is compared with "by hand" of the same round; "by hand again" shows what is noise.
import * as torch from '../../dist/index.js';
import { breathe } from '../../dist/runtime/turn.js';

const { nn, optim } = torch;
const rounds = Number(process.argv[2] ?? 15);

/** A network and its step, whose loss nobody reads. */
function training(sizes, batch, make) {
  torch.manualSeed(0);
  const layers = sizes.slice(1).flatMap((n, i) => [new nn.Linear(sizes[i], n), new nn.ReLU()]);
  const model = new nn.Sequential(...layers.slice(0, -1));
  const optimizer = make(model.parameters());
  const x = torch.randn(batch, sizes[0]);
  const y = torch.randint(0, sizes.at(-1), [batch]);
  return () => {
    optimizer.zeroGrad();
    const out = model(x);
    const loss = nn.functional.crossEntropy(out, y);
    loss.backward();
    optimizer.step();
    return [out, loss];
  };
}

const WAYS = {
  'by hand': async (step, n) => {
    for (let i = 0; i < n; i++) for (const t of step()) t.dispose();
  },
  'by hand again': async (step, n) => WAYS['by hand'](step, n),
  scope: async (step, n) => {
    for (let i = 0; i < n; i++) torch.scope(() => void step());
  },
  turns: async (step, n) => {
    for (let i = 0; i < n; i++) {
      step();
      await breathe();
    }
  },
  synchronous: async (step, n) => {
    for (let i = 0; i < n; i++) step();
  },
};

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const ROWS = [
  ['MLP 2-10-10-2, 1000 samples, Adam', [2, 10, 10, 2], 1000, (p) => new optim.Adam(p), 3000],
  ['MLP 784-128-10, batch 64, SGD', [784, 128, 10], 64, (p) => new optim.SGD(p, { lr: 0.01 }), 1500],
  ['MLP 784-128-10, batch 64, Adam', [784, 128, 10], 64, (p) => new optim.Adam(p), 1000],
];

for (const [name, sizes, batch, make, n] of ROWS) {
  const times = Object.fromEntries(Object.keys(WAYS).map((way) => [way, []]));
  const steps = Object.fromEntries(Object.keys(WAYS).map((way) => [way, training(sizes, batch, make)]));
  for (let round = -1; round < rounds; round++) {
    for (const [way, run] of Object.entries(WAYS)) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 5));
      const start = performance.now();
      await run(steps[way], n);
      if (round >= 0) times[way].push((1000 * (performance.now() - start)) / n);
    }
    process.stderr.write(`\r${name}: round ${round + 1} of ${rounds}  `);
  }
  process.stderr.write('\n');
  console.log(`\n${name}, ${n} steps a round`);
  for (const [way, list] of Object.entries(times)) {
    const ratio = median(list.map((t, i) => t / times['by hand'][i]));
    console.log(`  ${way.padEnd(14)} ${median(list).toFixed(1).padStart(8)} us a step  ${((ratio - 1) * 100).toFixed(1).padStart(6)} %`);
  }
}
console.log(`\n${torch.memorySummary()}`);
