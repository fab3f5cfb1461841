// TensorFlow.js, its WebAssembly backend with SIMD; tfjs_cpu.mjs is the same with its plain JavaScript backend, tfjs_webgpu.mjs with WebGPU.
import * as tf from '@tensorflow/tfjs';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { firstLosses, sideOf, unsupported } from './index.mjs';

const tensorOf = ({ shape, dtype, data }) => tf.tensor(data, shape, dtype === 'int64' ? 'int32' : 'float32');
const tensorsOf = (tensors) => Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, tensorOf(t)]));
const numbers = async (t) => Float32Array.from(await t.data());

/**
 * A network's weights by name in TensorFlow's layouts, pictures being NHWC: kernels are HWIO, and the rows of the linear layer
 * behind a flatten are permuted, so that nothing has to be turned at run time.
 */
function weightsOf(layers, weights, [, ...start], variable, prefix = '') {
  const found = {};
  let shape = start; // [c, h, w] or [features]
  let flattened = null;
  layers.forEach(([kind, ...a], i) => {
    const name = (end) => `${prefix}${i}.${end}`;
    const put = (end, turn = (t) => t) => (found[name(end)] = tf.tidy(() => variable(turn(tensorOf(weights[name(end)])))));
    if (kind === 'conv') {
      const [, outputs, size, stride, padding] = a;
      put('weight', (t) => tf.transpose(t, [2, 3, 1, 0]));
      put('bias');
      shape = [outputs, ...shape.slice(1).map((s) => Math.floor((s + 2 * padding - size) / stride) + 1)];
    } else if (kind === 'linear') {
      put('weight', (t) => {
        if (!flattened) return tf.transpose(t);
        const [c, h, w] = flattened;
        return tf.reshape(tf.transpose(tf.reshape(t, [a[1], c, h, w]), [2, 3, 1, 0]), [h * w * c, a[1]]);
      });
      put('bias');
      [shape, flattened] = [[a[1]], null];
    } else if (kind === 'batchnorm') ['weight', 'bias', 'running_mean', 'running_var'].forEach((end) => put(end));
    else if (kind === 'maxpool') shape = [shape[0], ...shape.slice(1).map((s) => Math.floor(s / a[0]))];
    else if (kind === 'globalavgpool') shape = [shape[0], 1, 1];
    else if (kind === 'flatten') [shape, flattened] = [[shape.reduce((x, y) => x * y, 1)], shape.length > 1 ? shape : null];
    else if (kind === 'residual') {
      const [main, shortcut] = a.map((list, k) => weightsOf(list, weights, [1, ...shape], variable, `${prefix}${i}.${['main', 'shortcut'][k]}.`));
      Object.assign(found, main.found, shortcut.found);
      shape = main.shape;
    }
  });
  return { found, shape };
}

/** The output of a network; an activation behind a product or convolution is fused with it. */
function apply(layers, w, x, prefix = '') {
  let fusedNext = false;
  return layers.reduce((x, [kind, ...a], i) => {
    const get = (end) => w[`${prefix}${i}.${end}`];
    const activation = layers[i + 1]?.[0] === 'relu' ? 'relu' : 'linear';
    switch (kind) {
      case 'linear':
        fusedNext = activation === 'relu';
        return tf.fused.matMul({ a: x, b: get('weight'), bias: get('bias'), activation });
      case 'conv': {
        fusedNext = activation === 'relu';
        const [, , , strides, p] = a;
        return tf.fused.conv2d({ x, filter: get('weight'), strides, pad: p === 0 ? 'valid' : [[0, 0], [p, p], [p, p], [0, 0]], bias: get('bias'), activation });
      }
      case 'relu':
        if (fusedNext) {
          fusedNext = false;
          return x;
        }
        return tf.relu(x);
      case 'tanh': return tf.tanh(x);
      case 'maxpool': return tf.maxPool(x, a[0], a[0], 'valid');
      case 'globalavgpool': return tf.mean(x, [1, 2], true);
      case 'flatten': return tf.reshape(x, [x.shape[0], -1]);
      case 'batchnorm': return tf.batchNorm(x, get('running_mean'), get('running_var'), get('bias'), get('weight'), 1e-5);
      case 'residual': return tf.relu(tf.add(apply(a[0], w, x, `${prefix}${i}.main.`), apply(a[1], w, x, `${prefix}${i}.shortcut.`)));
      default: return unsupported(`no ${kind}`);
    }
  }, x);
}

const pictures = (t) => (t.shape.length === 4 ? tf.transpose(t, [0, 2, 3, 1]) : t);

function opSide(row, data, peer) {
  const side = sideOf(row, peer)(tf, tensorsOf(data.tensors));
  const { body, result = (out) => out } = typeof side === 'function' ? { body: side } : side;
  return {
    check: async () => (row.awaited ? void (await body()) : Promise.all([tf.tidy(() => result(body()))].flat().filter(Boolean).map(numbers))),
    run: row.awaited
      ? async (n) => {
        for (let i = 0; i < n; i++) await body();
      }
      : (n) => {
        for (let i = 0; i < n; i++) tf.tidy(() => void body());
      },
  };
}

function networkSide(row, data) {
  const { found } = weightsOf(row.layers, data.weights, row.input, (t) => tf.keep(t));
  const x = tf.tidy(() => tf.keep(pictures(tensorOf(data.tensors.x))));
  return {
    check: async () => [await numbers(apply(row.layers, found, x))],
    run: (n) => {
      for (let i = 0; i < n; i++) tf.tidy(() => void apply(row.layers, found, x));
    },
  };
}

function trainingSide(row, data) {
  const { found } = weightsOf(row.layers, data.weights, row.input, (t) => t.variable());
  const initial = Object.entries(found).map(([name, variable]) => [variable, tf.clone(found[name])]);
  const x = tf.tidy(() => tf.keep(pictures(tensorOf(data.tensors.x))));
  const given = tensorOf(data.tensors.y);
  const y = row.loss === 'bce' ? given : tf.tidy(() => tf.keep(tf.oneHot(given, row.layers.at(-1)[2]).toFloat()));
  const lossOf = row.loss === 'bce' ? (out) => tf.losses.sigmoidCrossEntropy(y, out) : (out) => tf.losses.softmaxCrossEntropy(y, out);
  let optimizer;
  const reset = () => {
    for (const [variable, value] of initial) variable.assign(value);
    optimizer?.dispose();
    optimizer = row.optimizer === 'Adam' ? tf.train.adam(row.lr, 0.9, 0.999, 1e-8) : tf.train.sgd(row.lr);
  };
  const step = (cost) => optimizer.minimize(() => lossOf(apply(row.layers, found, x)), cost);
  return {
    reset,
    check: () => {
      reset();
      return firstLosses(async () => (await step(true).data())[0]);
    },
    run: (n) => {
      for (let i = 0; i < n; i++) step(false);
    },
  };
}

const MAKE = { op: opSide, network: networkSide, training: trainingSide };

/** TensorFlow.js keeps one backend at a time; a side takes its own before it runs. What a backend lacks it says when it is called. */
function inBackend(backend, side) {
  const wrap = (f) => f && (async (...args) => {
    if (tf.getBackend() !== backend) await tf.setBackend(backend);
    try {
      return await f(...args);
    } catch (error) {
      const kernel = /Kernel '(\w+)' not registered/.exec(error.message)?.[1];
      return kernel ? unsupported(`its ${backend} backend has no ${kernel}`) : Promise.reject(error);
    }
  });
  const run = backend === 'webgpu' ? (n) => finished(side.run(n)) : side.run;
  return { check: wrap(side.check), run: wrap(run), reset: wrap(side.reset) };
}

/** When the GPU has done what was asked for. A read of tfjs is of a whole tensor, or takes a kernel that cuts a piece out; to wait for the queue costs neither. */
async function finished(asked) {
  await asked;
  const backend = tf.backend();
  backend.endComputePassEncoder();
  // There is nothing to submit where it has computed small tensors on the CPU, as it does.
  if (backend.commandEncoder) backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
}

/** `open` of a backend. */
export async function openBackend(backend, { threads = 1 }) {
  const inPage = globalThis.location !== undefined;
  if (threads > 1 && (!inPage || backend === 'cpu')) unsupported('has no threads here');
  if (backend === 'wasm') {
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1);
    if (threads > 1) setThreadsCount(threads);
    if (inPage) setWasmPaths(new URL('/tfjs/', globalThis.location.href).href);
  }
  if (!(await tf.setBackend(backend))) unsupported(`its ${backend} backend does not start`);
  return {
    async sides(row, data) {
      // Whole seconds, and nobody runs networks with it who has a choice; what the other backend cannot train it can.
      if (backend === 'cpu' && row.group === 'networks') unsupported('networks are measured by training only');
      await tf.setBackend(backend);
      return [inBackend(backend, MAKE[row.kind](row, data, `tfjs-${backend}`))];
    },
  };
}

export const open = (config) => openBackend('wasm', config);
