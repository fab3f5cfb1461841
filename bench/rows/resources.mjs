// What a library costs before and beside its speed. Each number comes from processes (or pages) that do nothing else
// (harness/fresh.mjs).
import { mlp } from './layers.mjs';
import { training } from './training.mjs';

/** The network of the cold start: one forward pass of one picture, one training step of 64. */
export const coldNetwork = { kind: 'network', layers: mlp(784, 128, 10), input: [1, 784] };
export const coldTraining = { kind: 'training', layers: mlp(784, 128, 10), input: [64, 784], loss: 'crossEntropy', optimizer: 'Adam', lr: 1e-3 };

const cold = [
  ['download, gzip', 'gzip'], ['download, brotli', 'brotli'], ['compile the binary', 'compile'],
  ['import and init', 'load'], ['until the first result', 'first'], ['until the first training step', 'train'],
].map(([name, measure]) => ({ name: `cold start: ${name}`, group: 'cold', kind: 'cold', measure, targets: [] }));

/** At most so many steps of each training row. */
export const STEPS = 200;

const memory = training.map((row) => ({ ...row, name: row.name.replace('train', 'memory of training'), group: 'memory', kind: 'memory', of: row.name, targets: [] }));

export { cold, memory };
