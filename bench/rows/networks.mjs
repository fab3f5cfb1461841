// Whole networks, forward only, in eval mode.
import { cnn, forward, leNet, mlp, resNet8 } from './layers.mjs';
import { notSlower, ort } from './targets.mjs';

const MLP = mlp(784, 512, 512, 10);

const network = (name, layers, input, targets) => ({
  name: `${name}, batch ${input[0]}`, group: 'networks', kind: 'network', layers, input, flops: forward(layers, input).flops, targets: [...targets, notSlower],
});

export const networks = [
  network('MLP 784-512-512-10', MLP, [1, 784], [ort(1.5)]),
  network('MLP 784-512-512-10', MLP, [64, 784], [ort(1.4)]),
  network('LeNet', leNet, [1, 1, 28, 28], [ort(1.5)]),
  network('LeNet', leNet, [64, 1, 28, 28], [ort(2)]),
  network('CNN 16-32', cnn, [64, 1, 28, 28], []),
  network('ResNet-8', resNet8, [1, 3, 32, 32], [ort(1.5)]),
  network('ResNet-8', resNet8, [64, 3, 32, 32], [ort(2)]),
];
