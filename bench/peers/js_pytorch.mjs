// js-pytorch: PyTorch's names in plain JavaScript, over nested arrays.
import { torch as peer } from 'js-pytorch';
import { sideOf, unsupported } from './index.mjs';

const { nn, optim } = peer;

/** Nested arrays of flat data. */
function nested(shape, data, at = { i: 0 }) {
  const [n, ...rest] = shape;
  return Array.from({ length: n }, () => (rest.length === 0 ? data[at.i++] : nested(rest, data, at)));
}
const transposed = (rows) => rows[0].map((_, j) => rows.map((row) => row[j]));
const flat = (data) => (Array.isArray(data) ? data.flat(Infinity) : [data]);

function opSide(row, data) {
  const tensors = Object.fromEntries(Object.entries(data.tensors).map(([name, { shape, data: d }]) => [name, peer.tensor(nested(shape, d), row.grad === true)]));
  const body = sideOf(row, 'js-pytorch')(peer, tensors);
  return {
    check: async () => [body()].filter(Boolean).map((out) => Float32Array.from(flat(out.data))),
    run: (n) => {
      for (let i = 0; i < n; i++) body();
    },
  };
}

function trainingSide(row, data) {
  const kinds = new Set(row.layers.map(([kind]) => kind));
  if (kinds.has('conv')) unsupported('has no convolution');
  if (row.optimizer !== 'Adam') unsupported('has no optimizer but Adam');
  let model, optimizer;
  const reset = () => {
    model = row.layers.map(([kind, ...a], i) => {
      if (kind === 'relu') return new nn.ReLU();
      const layer = new nn.Linear(...a);
      const [w, b] = ['weight', 'bias'].map((end) => data.weights[`${i}.${end}`]);
      layer.W = peer.tensor(transposed(nested(w.shape, w.data)), true);
      layer.b = peer.tensor(nested(b.shape, b.data), true);
      return layer;
    });
    optimizer = new optim.Adam(model.flatMap((layer) => layer.parameters()), row.lr, 0, [0.9, 0.999], 1e-8);
  };
  const [x, y] = ['x', 'y'].map((name) => peer.tensor(nested(data.tensors[name].shape, data.tensors[name].data)));
  const crossEntropy = new nn.CrossEntropyLoss();
  // softplus(z) - z y, of its own operations.
  const bce = (z) => peer.log(peer.exp(z).add(1)).sub(z.mul(y)).mean(0).mean(-1);
  const step = () => {
    const out = model.reduce((z, layer) => layer.forward(z), x);
    const loss = row.loss === 'bce' ? bce(out) : crossEntropy.forward(out, y);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
    return flat(loss.data)[0];
  };
  return {
    note: 'its ReLU has slope 0.001 below 0 and its Adam no correction of bias, so only the first loss is compared, to 1 %.',
    tolerance: 0.01,
    reset,
    check: async () => {
      reset();
      return [[step()]];
    },
    run: (n) => {
      for (let i = 0; i < n; i++) step();
    },
  };
}

export async function open({ threads = 1 }) {
  if (threads > 1) unsupported('has no threads');
  return {
    async sides(row, data) {
      if (row.kind === 'op') return [opSide(row, data)];
      return row.kind === 'training' ? [trainingSide(row, data)] : unsupported('networks are measured by training only');
    },
  };
}
