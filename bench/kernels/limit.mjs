// What happens at the limit: tensors of 64 MiB are kept until there is no memory, three times over.
//
//   node bench/kernels/limit.mjs      (needs a built package, and 5 GiB of memory)
//
// Each round says how much was held, that all of it could be read, and that everything works afterwards. The first 4 GiB are
// addresses only, for nothing but the first element is written; what moves out of the engine is real memory.
import * as torch from '../../dist/index.js';

const MIB = 2 ** 20;
for (let round = 1; round <= 3; round++) {
  const held = [];
  let error;
  const start = performance.now();
  while (!error) {
    try {
      const t = torch.empty(16 * MIB);
      t.at(0).fill_(held.length);
      held.push(t);
    } catch (e) {
      error = e;
    }
  }
  console.log(`${round}: ${held.length * 64} MiB held after ${((performance.now() - start) / 1000).toFixed(1)} s, process ${Math.round(process.memoryUsage.rss() / MIB)} MiB\n   ${error.name}: ${error.message}`);
  const wrong = held.filter((t, i) => i % 9 === 0 && t.at(0).itemSync() !== i).length;
  held.length = 0;
  for (let i = 0; i < 30; i++) {
    new ArrayBuffer(64 * MIB);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const x = torch.ones(3, { requiresGrad: true });
  x.sum().backward();
  console.log(`   ${wrong} wrong when read again; then ${x.grad}, ${Math.round(torch.memory().live / MIB)} MiB live`);
}
