// Training steps: the naive loop of a PyTorch tutorial (zeroGrad, forward, loss, backward, step), the loss left unread.
import { cnn, mlp, trainingFlops } from './layers.mjs';
import { against, notSlower, training as everyRow, twoThreads } from './targets.mjs';

const step = (name, optimizer, layers, input, loss, targets = []) => ({
  name: `${name}, ${optimizer}`, group: 'training', kind: 'training', layers, input, loss, optimizer,
  lr: optimizer === 'Adam' ? 1e-3 : 1e-2, flops: trainingFlops(layers, input),
  targets: [...everyRow, ...targets, ...(targets.includes(twoThreads) ? [] : [notSlower])],
});

const OPTIMIZERS = ['Adam', 'SGD'];

/** Steps as data; the memory rows run them too. */
export const training = [
  ...OPTIMIZERS.map((o) => step('train MLP 2-10-10-1, 1000 samples', o, mlp(2, 10, 10, 1), [1000, 2], 'bce', o === 'Adam' ? [against('pytorch', 3), against('tfjs-wasm', 8)] : [])),
  ...OPTIMIZERS.map((o) => step('train MLP 784-128-10, batch 64', o, mlp(784, 128, 10), [64, 784], 'crossEntropy', [against('pytorch', 1), against('tfjs-wasm', 8)])),
  ...OPTIMIZERS.map((o) => step('train MLP 784-512-512-10, batch 64', o, mlp(784, 512, 512, 10), [64, 784], 'crossEntropy', [twoThreads])),
  ...OPTIMIZERS.map((o) => step('train CNN 16-32, batch 64', o, cnn, [64, 1, 28, 28], 'crossEntropy', [{ ...against('pytorch', 1 / 1.5), text: 'at most 1.5x its time' }, against('jax-js', 10), twoThreads])),
];
