// What runs in the page: the same as worker.mjs in a process. harness/page.mjs bundles it, opens it and calls `benchWork`.
import { fresh } from './harness/fresh.mjs';
import { findAdapter } from './harness/gpu.mjs';
import { measureRow } from './harness/measure.mjs';
import { rowNamed } from './rows/index.mjs';

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
/** Asks the process outside, which owns PyTorch's and reads the browser's memory. */
const ask = async (request) => JSON.parse(await globalThis.benchAsk(JSON.stringify(request)));

globalThis.benchWork = async ({ row, fresh: once, adapter, config: given }) => {
  if (adapter) return findAdapter();
  const config = { ...given };
  for (const name of ['roofs', 'model', 'binary']) if (config[name]) config[name] = bytesOf(config[name]);
  if (once) return fresh({ ...once, config }, (start) => ask({ peak: start }));
  const python = async (request) => {
    const { value, error } = await ask({ python: request });
    if (error !== undefined) throw new Error(error);
    return value;
  };
  return measureRow(rowNamed(row), { ...config, python: config.python ? python : undefined }, (text) => void ask({ say: text }));
};
