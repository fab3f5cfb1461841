// A row in a process of its own: run.mjs forks it, sends a row's name and a configuration, and gets the result.
import { measureRow } from './harness/measure.mjs';
import { rowNamed } from './rows/index.mjs';

let asked = 0;
const waiting = new Map();

/** Asks the parent, which owns PyTorch's process. */
const python = (request) => new Promise((resolve, reject) => {
  waiting.set(++asked, { resolve, reject });
  process.send({ python: request, id: asked });
});

process.on('message', async ({ row, config, answer, error, id }) => {
  if (id !== undefined) {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error !== undefined) reject(new Error(error));
    else resolve(answer);
    return;
  }
  try {
    const result = await measureRow(rowNamed(row), { ...config, python: config.python ? python : undefined }, (text) => process.send({ say: text }));
    process.send({ result }, () => process.exit());
  } catch (failure) {
    process.send({ error: failure.stack }, () => process.exit(1));
  }
});
