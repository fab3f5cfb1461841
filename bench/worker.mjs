// A process of its own for a row or a cold start: harness/node.mjs forks it, sends what to do, and gets the result.
import { memoryOf } from './harness/peak.mjs';

let asked = 0;
const waiting = new Map();

/** Asks the parent, which owns PyTorch's process. */
const python = (request) => new Promise((resolve, reject) => {
  waiting.set(++asked, { resolve, reject });
  process.send({ python: request, id: asked });
});

/** What this process has in use, or the most it has had since (peak.mjs). */
const peak = (start) => memoryOf('self', start) ?? 1024 * process.resourceUsage().maxRSS;

/** Measures a row, or what happens once in the life of a process. What a cold start must not have loaded is imported here. */
async function work({ row, fresh, adapter, config }) {
  if (adapter) return (await import('./harness/gpu.mjs')).findAdapter();
  if (fresh) return (await import('./harness/fresh.mjs')).fresh({ ...fresh, config }, peak);
  const [{ measureRow }, { rowNamed }] = await Promise.all([import('./harness/measure.mjs'), import('./rows/index.mjs')]);
  return measureRow(rowNamed(row), { ...config, python: config.python ? python : undefined }, (text) => process.send({ say: text }));
}

process.on('message', async ({ answer, error, id, ...task }) => {
  if (id !== undefined) {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error !== undefined) reject(new Error(error));
    else resolve(answer);
    return;
  }
  try {
    const result = await work(task);
    process.send({ result }, () => process.exit());
  } catch (failure) {
    process.send({ error: failure.stack }, () => process.exit(1));
  }
});
process.on('disconnect', () => process.exit());
