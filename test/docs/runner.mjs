// Runs programs one after the other, in a process of their own, and writes down what they showed, printed and threw:
//   node --enable-source-maps runner.mjs LIST REPORT DEVICE
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'node:util';
import { pathToFileURL } from 'node:url';
import * as torch from 'cresset';

const [list, report, device] = process.argv.slice(2);
// A program has one engine, and the one with a GPU has to be its first.
if (device !== 'cpu') await torch.init({ device });
const results = [];
for (const file of JSON.parse(readFileSync(list, 'utf8'))) {
  const result = { shows: [], throws: [], prints: {}, error: null };
  results.push(result);
  globalThis.__show = (line, ...values) => result.shows.push([line, format(...values)]);
  globalThis.__print = (block, ...values) => (result.prints[block] = (result.prints[block] ?? '') + format(...values) + '\n');
  globalThis.__throws = (line, fn) => {
    let name = 'nothing';
    try {
      fn();
    } catch (error) {
      name = error.constructor.name;
    }
    result.throws.push([line, name]);
  };
  // Every program begins as in a fresh process, with a seed.
  torch.manualSeed(0);
  torch.setDefaultDevice('cpu');
  torch.setDefaultDtype(torch.float32);
  torch.setPrintoptions({ profile: 'default' });
  torch.setGradEnabled(true);
  try {
    await import(pathToFileURL(file).href);
  } catch (error) {
    result.error = error?.stack ?? String(error);
  }
}
writeFileSync(report, JSON.stringify(results));
