// What a training step and small calls cost, in microseconds.
//
//   node bench/kernels/step.mjs [FILTER] [ROUNDS] [PACKAGE...]     (needs a built package: npm run build)
//
// Rows are timed in interleaved rounds; each gets its best round, because what else the machine does only ever adds. Of several
// packages (folders of other builds, to be compared) the rows are interleaved too. The loops are what a program would
// write: nothing is disposed of by hand, and the event loop turns now and then, as `for await` over a DataLoader lets it.
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers';

const [filter = '', rounds = '15', ...packages] = process.argv.slice(2);
const turn = () => new Promise((done) => setImmediate(done));

/** The rows of a package: what one repetition does, and how many make a round. */
async function rowsOf(torch) {
  await torch.init();
  const { nn, optim } = torch;
  torch.manualSeed(0);

  const mlp = (sizes) => {
    const layers = sizes.slice(1).flatMap((n, i) => [new nn.Linear(sizes[i], n), new nn.ReLU()]);
    return new nn.Sequential(...layers.slice(0, -1));
  };
  const training = (model, loss, optimizer, x, y) => () => {
    optimizer.zeroGrad();
    loss(model(x), y).backward();
    optimizer.step();
  };
  const small = (Loss) => {
    const model = mlp([2, 10, 10, 1]);
    return training(model, new Loss(), new optim.Adam(model.parameters()), torch.randn(1000, 2), torch.rand(1000, 1).round());
  };
  const images = (sizes, make = (p) => new optim.Adam(p)) => {
    const model = mlp(sizes);
    return training(model, new nn.CrossEntropyLoss(), make(model.parameters()), torch.randn(64, 784), torch.randint(0, 10, [64]));
  };

  const [a, b] = [torch.randn(3), torch.randn(3)];
  const w = torch.randn(3, { requiresGrad: true });
  const chain = () => {
    let h = w;
    for (let i = 0; i < 50; i++) h = h.mul(b).add(a);
    w.grad = null;
    h.sum().backward();
  };
  const params = Array.from({ length: 20 }, () => torch.randn(10, 10, { requiresGrad: true }));
  const many = new optim.Adam(params);
  const grads = params.map((p) => torch.randn(p.shape));
  params.forEach((p, i) => (p.grad = grads[i]));
  const [one, layers] = [torch.randn(1, 2), mlp([2, 10, 10, 1])];
  const number = torch.randn([]);

  return [
    ['MLP 2-10-10-1, 1000 samples, BCE, Adam', 200, small(nn.BCEWithLogitsLoss)],
    ['MLP 2-10-10-1, 1000 samples, MSE, Adam', 200, small(nn.MSELoss)],
    ['MLP 784-128-10, batch 64, Adam', 60, images([784, 128, 10])],
    ['MLP 784-128-10, batch 64, SGD', 60, images([784, 128, 10], (p) => new optim.SGD(p, { lr: 0.01 }))],
    ['MLP 784-512-512-10, batch 64, Adam', 10, images([784, 512, 512, 10])],
    ['add of 3 elements', 4000, () => void a.add(b)],
    ['add of 3 elements, with grad', 4000, () => void w.add(b)],
    ['chain of 100 ops, forward and backward', 40, chain],
    ['step of 20 parameters, Adam', 300, () => many.step()],
    ['zeroGrad of 20 parameters', 1000, () => many.zeroGrad({ setToNone: false })],
    ['module at batch 1', 500, () => void layers(one)],
    ['module at batch 1, without grad', 500, () => torch.noGrad(() => layers(one))],
    ['await item()', 1000, async () => void (await number.item())],
  ].filter(([name]) => name.includes(filter));
}

const sources = packages.length > 0 ? packages : [new URL('../../dist', import.meta.url).pathname];
const rows = await Promise.all(sources.map(async (p) => rowsOf(await import(pathToFileURL(`${resolve(p)}/index.js`).href))));
const best = rows.map((list) => list.map(() => Infinity));
for (let round = 0; round < Number(rounds); round++) {
  for (let r = 0; r < rows[0].length; r++) {
    for (let p = 0; p < rows.length; p++) {
      const [name, times, run] = rows[p][r];
      const start = performance.now();
      for (let i = 0; i < times; i++) {
        if (name.startsWith('await')) await run();
        else run();
        if (i % 50 === 49) await turn();
      }
      best[p][r] = Math.min(best[p][r], (1000 * (performance.now() - start)) / times);
    }
  }
}
for (let r = 0; r < rows[0].length; r++) {
  console.log(`${rows[0][r][0].padEnd(42)} ${best.map((list) => `${list[r].toFixed(2).padStart(10)} us`).join('')}`);
}
