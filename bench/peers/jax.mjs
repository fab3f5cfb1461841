// jax-js, its WebAssembly backend, or WebGPU. Everything is inside jit; what is lazy is awaited once for each repetition, as its guide
// tells. On a GPU that would be a round trip for each, so some are awaited together; results that nobody waits for would never be computed.
import { firstLosses, sideOf, unsupported } from './index.mjs';

let jax, np, nn, lax;
const arrayOf = ({ shape, dtype, data }) => np.array(data, { shape, dtype: dtype === 'int64' ? np.int32 : np.float32 });
const refs = (list) => list.map((a) => a.ref);

let onGpu = false;
/** How many results are awaited together on a GPU: few enough for their memory. */
const TOGETHER = 8;

/** `n` repetitions of `f`, whose results are awaited and given back. */
async function repeat(n, f) {
  const together = onGpu ? TOGETHER : 1;
  for (let done = 0; done < n; done += together) {
    const outs = Array.from({ length: Math.min(together, n - done) }, f);
    await jax.blockUntilReady(outs);
    outs.forEach((out) => out.dispose());
  }
  // What blockUntilReady awaits is a copy of no bytes, of which a device may say at once that it is done.
  if (onGpu) await jax.getWebGPUDevice().queue.onSubmittedWorkDone();
}

function opSide(row, data) {
  const fn = sideOf(row, 'jax-js')(jax);
  const args = Object.values(data.tensors).map(arrayOf);
  // A row without inputs draws random numbers; its function says itself what is compiled.
  const compiled = args.length > 0 ? jax.jit(fn) : fn;
  return {
    check: async () => [Float32Array.from(await compiled(...refs(args)).data())],
    run: (n) => repeat(n, () => compiled(...refs(args))),
  };
}

/** The output of a network: owns `x`, borrows the weights. */
function apply(layers, w, x, prefix = '') {
  return layers.reduce((x, [kind, ...a], i) => {
    const get = (end) => w[`${prefix}${i}.${end}`].ref;
    switch (kind) {
      case 'linear': return np.matmul(x, np.transpose(get('weight'))).add(get('bias'));
      case 'conv': {
        const [, outputs, , stride, p] = a;
        return lax.convGeneralDilated(x, get('weight'), [stride, stride], [[p, p], [p, p]]).add(get('bias').reshape([1, outputs, 1, 1]));
      }
      case 'relu': return nn.relu(x);
      case 'tanh': return np.tanh(x);
      case 'maxpool': {
        const [n, c, h, width] = x.shape;
        const [oh, ow] = [Math.floor(h / a[0]), Math.floor(width / a[0])];
        if (oh * a[0] !== h || ow * a[0] !== width) unsupported('max pool of a size that does not divide');
        return np.max(x.reshape([n, c, oh, a[0], ow, a[0]]), [3, 5]);
      }
      case 'globalavgpool': return np.mean(x, [2, 3], { keepdims: true });
      case 'flatten': return x.reshape([x.shape[0], -1]);
      case 'batchnorm': {
        const each = (end) => get(end).reshape([1, -1, 1, 1]);
        const scale = each('weight').div(np.sqrt(each('running_var').add(1e-5)));
        return x.sub(each('running_mean')).mul(scale).add(each('bias'));
      }
      case 'residual': return nn.relu(apply(a[0], w, x.ref, `${prefix}${i}.main.`).add(apply(a[1], w, x, `${prefix}${i}.shortcut.`)));
      default: return unsupported(`no ${kind}`);
    }
  }, x);
}

/** Weights as lists, which jit and grad take, and back by name. */
const named = (names, list) => Object.fromEntries(names.map((name, i) => [name, list[i]]));

/** Gives back what `apply` only borrowed. */
function borrowed(list, f) {
  const out = f();
  list.forEach((a) => a.dispose());
  return out;
}

function networkSide(row, data) {
  const names = Object.keys(data.weights);
  const weights = names.map((name) => arrayOf(data.weights[name]));
  const x = arrayOf(data.tensors.x);
  const forward = jax.jit((list, input) => borrowed(list, () => apply(row.layers, named(names, list), input)));
  return {
    check: async () => [Float32Array.from(await forward(refs(weights), x.ref).data())],
    run: (n) => repeat(n, () => forward(refs(weights), x.ref)),
  };
}

function trainingSide(row, data) {
  const names = Object.keys(data.weights);
  const x = arrayOf(data.tensors.x);
  const classes = row.layers.at(-1)[2];
  const y = row.loss === 'bce' ? arrayOf(data.tensors.y) : nn.oneHot(arrayOf(data.tensors.y), classes);
  const lossOf = (list, input, labels) => {
    const out = borrowed(list, () => apply(row.layers, named(names, list), input));
    if (row.loss === 'bce') return np.mean(nn.softplus(out.ref).sub(out.mul(labels)));
    return np.mean(np.sum(nn.logSoftmax(out).mul(labels), 1)).mul(-1);
  };
  const [b1, b2] = [0.9, 0.999];
  // The whole step is one compiled function, the optimizer included. `c1` and `c2` are Adam's corrections of bias.
  const adam = jax.jit((w, m, v, c1, c2, input, labels) => {
    const [loss, grads] = jax.valueAndGrad(lossOf)(refs(w), input, labels);
    const m1 = m.map((a, i) => a.mul(b1).add(grads[i].ref.mul(1 - b1)));
    const v1 = v.map((a, i) => a.mul(b2).add(np.square(grads[i]).mul(1 - b2)));
    const w1 = w.map((a, i) => a.sub(m1[i].ref.div(c1.ref).mul(row.lr).div(np.sqrt(v1[i].ref.div(c2.ref)).add(1e-8))));
    c1.dispose();
    c2.dispose();
    return [loss, w1, m1, v1];
  });
  const sgd = jax.jit((w, input, labels) => {
    const [loss, grads] = jax.valueAndGrad(lossOf)(refs(w), input, labels);
    return [loss, w.map((a, i) => a.sub(grads[i].mul(row.lr)))];
  });
  let state, t;
  const reset = () => {
    state?.flat().forEach((a) => a.dispose());
    const weights = names.map((name) => arrayOf(data.weights[name]));
    const zeros = () => weights.map((w) => np.zeros(w.shape));
    state = row.optimizer === 'Adam' ? [weights, zeros(), zeros()] : [weights];
    t = 0;
  };
  const step = () => {
    t++;
    const rest = [x.ref, y.ref];
    const [loss, ...next] = row.optimizer === 'Adam' ? adam(...state, np.array(1 - b1 ** t), np.array(1 - b2 ** t), ...rest) : sgd(...state, ...rest);
    state = next;
    return loss;
  };
  return {
    reset,
    check: () => {
      reset();
      return firstLosses(async () => (await step().data())[0]);
    },
    run: (n) => repeat(n, step),
  };
}

const MAKE = { op: opSide, network: networkSide, training: trainingSide };

export async function open({ threads = 1, device = 'cpu' }) {
  // When it is loaded it takes as many threads as the machine has if it finds Worker and shared memory, and none otherwise.
  // In Node there is no Worker, unless onnxruntime-web has put one there.
  const inPage = globalThis.location !== undefined;
  if (threads === 1) delete globalThis.Worker;
  else if (!inPage) unsupported('has no threads here');
  else Object.defineProperty(globalThis.navigator, 'hardwareConcurrency', { value: threads, configurable: true });
  jax = await import('@jax-js/jax');
  ({ numpy: np, nn, lax } = jax);
  const backend = device === 'webgpu' ? 'webgpu' : 'wasm';
  if (!(await jax.init(backend)).includes(backend)) unsupported(`its ${backend} backend does not start`);
  jax.defaultDevice(backend);
  onGpu = device === 'webgpu';
  return { sides: async (row, data) => [MAKE[row.kind](row, data)] };
}
