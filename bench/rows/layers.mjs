// Networks as lists of layers, so that every peer builds the same one in its own way.
//
//   ['linear', inputs, outputs]                      ['relu'], ['tanh'], ['flatten'], ['globalavgpool']
//   ['conv', inputs, outputs, size, stride, padding] ['maxpool', size], ['batchnorm', channels]
//   ['residual', main, shortcut]                     two lists; relu(main(x) + shortcut(x)), an empty list is x itself
//
// Weights have the names of PyTorch's nn.Sequential ('0.weight'); those of a residual are below 'main' and 'shortcut'.

/** A multilayer perceptron with ReLU between its layers. */
export const mlp = (...sizes) => sizes.slice(1).flatMap((n, i) => [...(i > 0 ? [['relu']] : []), ['linear', sizes[i], n]]);

const pool = (n) => [['relu'], ['maxpool', n]];

/** LeNet-5 as it is written today: 28 x 28 pictures, ReLU and maximum pools. */
export const leNet = [
  ['conv', 1, 6, 5, 1, 2], ...pool(2), ['conv', 6, 16, 5, 1, 0], ...pool(2),
  ['flatten'], ['linear', 400, 120], ['relu'], ['linear', 120, 84], ['relu'], ['linear', 84, 10],
];

/** Two convolutions of 16 and 32 channels on 28 x 28 pictures. */
export const cnn = [['conv', 1, 16, 3, 1, 1], ...pool(2), ['conv', 16, 32, 3, 1, 1], ...pool(2), ['flatten'], ['linear', 1568, 10]];

const block = (from, to, stride) => [
  'residual',
  [['conv', from, to, 3, stride, 1], ['batchnorm', to], ['relu'], ['conv', to, to, 3, 1, 1], ['batchnorm', to]],
  from === to ? [] : [['conv', from, to, 1, stride, 0], ['batchnorm', to]],
];

/** The ResNet-8 of MLPerf Tiny (https://arxiv.org/abs/2106.07597): 32 x 32 pictures in colour. */
export const resNet8 = [
  ['conv', 3, 16, 3, 1, 1], ['batchnorm', 16], ['relu'], block(16, 16, 1), block(16, 32, 2), block(32, 64, 2),
  ['globalavgpool'], ['flatten'], ['linear', 64, 10],
];

/** The shape after a layer, and its multiplications and additions for a batch; only products count, as is usual. */
function after([kind, ...a], shape) {
  const [n, c, h, w] = shape;
  if (kind === 'linear') return { shape: [n, a[1]], flops: 2 * n * a[0] * a[1] };
  if (kind === 'conv') {
    const [inputs, outputs, size, stride, padding] = a;
    const [oh, ow] = [h, w].map((s) => Math.floor((s + 2 * padding - size) / stride) + 1);
    return { shape: [n, outputs, oh, ow], flops: 2 * n * outputs * oh * ow * inputs * size * size };
  }
  if (kind === 'maxpool') return { shape: [n, c, Math.floor(h / a[0]), Math.floor(w / a[0])], flops: 0 };
  if (kind === 'globalavgpool') return { shape: [n, c, 1, 1], flops: 0 };
  if (kind === 'flatten') return { shape: [n, shape.slice(1).reduce((x, y) => x * y, 1)], flops: 0 };
  if (kind === 'residual') {
    const [main, shortcut] = a.map((list) => forward(list, shape));
    return { shape: main.shape, flops: main.flops + shortcut.flops };
  }
  return { shape, flops: 0 };
}

/** The shape of a network's output and the FLOPs of its forward pass. */
export function forward(layers, input) {
  return layers.reduce((at, layer) => {
    const { shape, flops } = after(layer, at.shape);
    return { shape, flops: at.flops + flops };
  }, { shape: input, flops: 0 });
}

/**
 * The FLOPs of a training step: a product for the output, one for the weights' gradient and one for the input's, which the first
 * layer does not need. Optimizer, losses and activations are not counted.
 */
export function trainingFlops(layers, input) {
  return 3 * forward(layers, input).flops - after(layers[0], input).flops;
}
