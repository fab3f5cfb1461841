// Single operations, each with and without weights in the model's file.
//
// A row's `sides` are functions of the peer's namespace and its tensors by name that give the computation to be timed; PyTorch's
// is the text of an expression. onnxruntime-web runs what torch.onnx.export makes of our own side.
import { constant, given, notSlower, ort, roof, twoThreads } from './targets.mjs';

const MIB = 2 ** 20;
const floats = (...counts) => 4 * counts.reduce((a, b) => a + b, 0);
const size = (shape) => shape.reduce((a, b) => a * b, 1);

const op = (name, row) => ({ name, group: 'inference', kind: 'op', ...row, targets: [...row.targets, ...(row.targets.includes(twoThreads) ? [] : [notSlower])] });

/** a [m, k] times b [k, n]. */
const matmul = (m, n, k, targets, more = {}) => op(m === n && n === k ? `matmul ${m}` : `matmul ${m} x ${k} x ${n}`, {
  flops: 2 * m * n * k, inputs: { a: [m, k], b: [k, n] }, constants: ['b'], targets, ...more,
  sides: {
    cresset: (torch, { a, b }) => () => a.matmul(b),
    'tfjs-wasm': (tf, { a, b }) => () => tf.matMul(a, b),
    'jax-js': ({ numpy }) => (a, b) => numpy.matmul(a, b),
    pytorch: 'a @ b',
  },
});
const product = [given(1.5, 1.2), constant(1.33, 1.05)];

/** x [1, c, h, h] with a kernel of k x k, padded so that the size stays. */
const conv = (name, { channels, size: h, k, stride = 1, groups = 1 }, targets, more = {}) => op(name, {
  flops: (2 * channels * channels * k * k * Math.ceil(h / stride) ** 2) / groups,
  inputs: { x: [1, channels, h, h], w: [channels, channels / groups, k, k], b: [channels] }, constants: ['w', 'b'], targets, ...more,
  sides: {
    cresset: ({ nn }, { x, w, b }) => () => nn.functional.conv2d(x, w, b, { stride, padding: (k - 1) / 2, groups }),
    'tfjs-wasm': (tf, { x, w, b }) => {
      const image = tf.transpose(x, [0, 2, 3, 1]);
      const filter = tf.transpose(w, [2, 3, ...(groups === 1 ? [1, 0] : [0, 1])]);
      // TensorFlow's 'same' pads an even size unevenly when it strides; explicit padding is PyTorch's.
      const pad = (k - 1) / 2;
      const options = { x: image, filter, strides: stride, pad: pad === 0 ? 'valid' : [[0, 0], [pad, pad], [pad, pad], [0, 0]], bias: b };
      const body = groups === 1 ? () => tf.fused.conv2d(options) : () => tf.fused.depthwiseConv2d(options);
      return { body, result: (y) => tf.transpose(y, [0, 3, 1, 2]) };
    },
    pytorch: `F.conv2d(x, w, b, stride=${stride}, padding=${(k - 1) / 2}, groups=${groups})`,
  },
});

/** One input, one output of the same size: memory decides. */
const pointwise = (name, shape, cresset, pytorch, targets, sides = {}) => op(name, {
  bytes: 2 * floats(size(shape)), inputs: { x: shape }, targets, sides: { cresset, pytorch, ...sides },
});

const reduction = (dim, shape) => op(`sum over dim ${dim} of ${shape.join(' x ')}`, {
  bytes: floats(size(shape), size(shape) / shape[dim]), inputs: { x: shape }, targets: [ort(1.2)],
  sides: { cresset: (torch, { x }) => () => x.sum(dim), 'tfjs-wasm': (tf, { x }) => () => tf.sum(x, dim), pytorch: `x.sum(${dim})` },
});

const [ROWS, WIDE] = [[512, 512], [4096, 1024]];
const near = [ort(5)];

export const inference = [
  matmul(64, 64, 64, [ort(1.2)]),
  matmul(128, 128, 128, [ort(1.2)]),
  matmul(256, 256, 256, [roof(0.93), ...product]),
  matmul(512, 512, 512, [roof(0.93), ...product, twoThreads]),
  matmul(1024, 1024, 1024, [roof(0.93), given(3, 2.5), constant(1.33, 1.05), twoThreads]),
  matmul(4096, 64, 256, [ort(1.2)]),
  matmul(64, 512, 784, [ort(1.2)]),
  op('GEMV 2048', {
    flops: 2 * 2048 ** 2, bytes: floats(2048 ** 2, 2048, 2048), inputs: { a: [1, 2048], b: [2048, 2048] }, constants: ['b'], targets: [ort(1.2)],
    sides: {
      cresset: (torch, { a, b }) => () => a.matmul(b), 'tfjs-wasm': (tf, { a, b }) => () => tf.matMul(a, b),
      'jax-js': ({ numpy }) => (a, b) => numpy.matmul(a, b), pytorch: 'a @ b',
    },
  }),

  conv('conv 1x1, 64 channels, 56 x 56', { channels: 64, size: 56, k: 1 }, [ort(1.3, { equal: 1.1 }), twoThreads]),
  // F(4x4, 3x3) loses some digits to its transforms (Lavin and Gray, https://arxiv.org/abs/1509.09308).
  conv('conv 3x3, 64 channels, 56 x 56', { channels: 64, size: 56, k: 3 }, [ort(2), twoThreads]),
  conv('conv 3x3 stride 2, 64 channels, 56 x 56', { channels: 64, size: 56, k: 3, stride: 2 }, [ort(1.3, { equal: 1.1 }), twoThreads]),
  conv('conv 5x5, 64 channels, 56 x 56', { channels: 64, size: 56, k: 5 }, [ort(1.3, { equal: 1.1 }), twoThreads]),
  conv('depthwise conv 3x3, 96 channels, 112 x 112', { channels: 96, size: 112, k: 3, groups: 96 }, [ort(5), twoThreads], { bytes: 2 * floats(96 * 112 * 112) }),

  op('max pool 2x2, 64 channels, 112 x 112', {
    bytes: floats(64 * 112 * 112 * 1.25), inputs: { x: [1, 64, 112, 112] }, targets: [ort(1.2)],
    sides: { cresset: ({ nn }, { x }) => () => nn.functional.maxPool2d(x, 2), pytorch: 'F.max_pool2d(x, 2)' },
  }),
  op('average pool 2x2, 64 channels, 112 x 112', {
    bytes: floats(64 * 112 * 112 * 1.25), inputs: { x: [1, 64, 112, 112] }, targets: [ort(1.2)],
    sides: { cresset: ({ nn }, { x }) => () => nn.functional.avgPool2d(x, 2), pytorch: 'F.avg_pool2d(x, 2)' },
  }),

  pointwise('softmax 512 x 512', ROWS, (torch, { x }) => () => x.softmax(1), 'x.softmax(1)', near, { 'tfjs-wasm': (tf, { x }) => () => tf.softmax(x), 'jax-js': ({ nn }) => (x) => nn.softmax(x) }),
  pointwise('softmax 4096 x 1024', WIDE, (torch, { x }) => () => x.softmax(1), 'x.softmax(1)', near),
  pointwise('log-softmax 512 x 512', ROWS, (torch, { x }) => () => x.logSoftmax(1), 'x.log_softmax(1)', near),
  pointwise('GELU (erf) 512 x 512', ROWS, ({ nn }, { x }) => () => nn.functional.gelu(x), 'F.gelu(x)', near),
  pointwise('GELU (erf) 4096 x 1024', WIDE, ({ nn }, { x }) => () => nn.functional.gelu(x), 'F.gelu(x)', near),
  pointwise('GELU (tanh) 512 x 512', ROWS, ({ nn }, { x }) => () => nn.functional.gelu(x, { approximate: 'tanh' }), "F.gelu(x, approximate='tanh')", near),
  op('LayerNorm 512 x 768', {
    bytes: 2 * floats(512 * 768), inputs: { x: [512, 768], w: [768], b: [768] }, constants: ['w', 'b'], targets: near,
    sides: { cresset: ({ nn }, { x, w, b }) => () => nn.functional.layerNorm(x, [768], w, b), pytorch: 'F.layer_norm(x, [768], w, b)' },
  }),
  op('BatchNorm 16 x 64 x 28 x 28', {
    bytes: 2 * floats(16 * 64 * 28 * 28), inputs: { x: [16, 64, 28, 28], mean: [64], variance: { shape: [64], uniform: [0.5, 2] }, w: [64], b: [64] },
    constants: ['mean', 'variance', 'w', 'b'], targets: [ort(1.2)],
    sides: { cresset: ({ nn }, { x, mean, variance, w, b }) => () => nn.functional.batchNorm(x, mean, variance, w, b), pytorch: 'F.batch_norm(x, mean, variance, w, b)' },
  }),
  pointwise('sigmoid 512 x 512', ROWS, (torch, { x }) => () => x.sigmoid(), 'x.sigmoid()', near, { 'tfjs-wasm': (tf, { x }) => () => tf.sigmoid(x) }),
  pointwise('erf 512 x 512', ROWS, (torch, { x }) => () => x.erf(), 'x.erf()', near),
  pointwise('exp 512 x 512', ROWS, (torch, { x }) => () => x.exp(), 'x.exp()', [ort(1.2)], { 'tfjs-wasm': (tf, { x }) => () => tf.exp(x), 'jax-js': ({ numpy }) => (x) => numpy.exp(x) }),
  op('add with broadcast, 1024 x 1024 and 1024', {
    bytes: 2 * floats(MIB) + floats(1024), inputs: { x: [1024, 1024], y: [1024] }, targets: [ort(1.2)],
    sides: { cresset: (torch, { x, y }) => () => x.add(y), 'tfjs-wasm': (tf, { x, y }) => () => tf.add(x, y), 'jax-js': () => (x, y) => x.add(y), pytorch: 'x + y' },
  }),
  ...[0, 1, 2].map((dim) => reduction(dim, [128, 128, 128])),
  op('transpose 1024 x 1024', {
    bytes: 2 * floats(MIB), inputs: { x: [1024, 1024] }, targets: [ort(1.2)],
    sides: { cresset: (torch, { x }) => () => x.t().contiguous(), 'tfjs-wasm': (tf, { x }) => () => tf.transpose(x), pytorch: 'x.t().contiguous()' },
  }),
  op('concat of two 512 x 512 along dim 1', {
    bytes: 4 * floats(512 * 512), inputs: { x: [512, 512], y: [512, 512] }, targets: [ort(1.2)],
    sides: { cresset: (torch, { x, y }) => () => torch.cat([x, y], 1), 'tfjs-wasm': (tf, { x, y }) => () => tf.concat([x, y], 1), pytorch: 'torch.cat([x, y], 1)' },
  }),
  op('embedding, 4096 rows of 256 out of 10000', {
    bytes: 2 * floats(4096 * 256), inputs: { table: [10000, 256], i: { shape: [4096], below: 10000 } }, constants: ['table'], targets: [ort(1.2)],
    sides: { cresset: ({ nn }, { table, i }) => () => nn.functional.embedding(i, table), pytorch: 'F.embedding(i, table)' },
  }),
];
