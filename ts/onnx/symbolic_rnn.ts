/**
 * Recurrent networks and their cells.
 *
 * ONNX has the same networks with the gates in another order (its documentation of LSTM: i o f c, of GRU: z r h; PyTorch:
 * i f g o and r z n), one layer at a time, and directions as a dimension of their own.
 * @module
 */
import { Arith } from './arith.js';
import type { Arguments, Symbolic, Symbolics } from './call.js';
import type { Graph, Input } from './graph.js';
import { linear } from './symbolic_linear.js';
import type { Value } from './trace.js';

/** Rows of a weight, gate by gate, in ONNX's order; with the direction as a first dimension. */
function gates(g: Graph, w: Value, order: readonly number[]): string {
  const hidden = w.shape[0]! / order.length;
  const parts = g.split(w, order.map(() => hidden), 0);
  const turned = order.every((o, i) => o === i) ? w.name : g.concat(order.map((o) => parts[o]!), 0);
  return g.unsqueeze(turned, [0]);
}

interface Network {
  readonly type: string;
  readonly order: readonly number[];
  readonly attributes: Readonly<Record<string, number | readonly string[]>>;
}

const NETWORKS: Readonly<Record<string, Network>> = {
  rnn_tanh: { type: 'RNN', order: [0], attributes: { activations: ['Tanh'] } },
  rnn_relu: { type: 'RNN', order: [0], attributes: { activations: ['Relu'] } },
  // PyTorch applies the reset gate after the product with the hidden state.
  gru: { type: 'GRU', order: [1, 0, 2], attributes: { linear_before_reset: 1 } },
  lstm: { type: 'LSTM', order: [0, 3, 1, 2], attributes: {} },
};

const network: Symbolic = (g, c) => {
  const { type, order, attributes } = NETWORKS[c.op]!;
  const lstm = c.op === 'lstm';
  const x = c.tensor('input');
  if (x.shape.length !== 3) throw c.unsupported('a packed sequence', 'give tensors of three dimensions');
  const states = lstm ? c.tensors('hx') : [c.tensor('hx')];
  const [layers, batchFirst, biases] = [c.number('numLayers'), c.flag('batchFirst'), c.flag('hasBiases')];
  if (c.flag('train') && c.number('dropout') > 0 && layers > 1) throw c.unsupported('dropout between layers in training', 'export in eval mode');
  const weights = c.tensors('params');
  const directions = c.flag('bidirectional') ? 2 : 1;
  const each = biases ? 4 : 2;
  if (weights.length !== layers * directions * each) throw c.unsupported('an LSTM with projections (projSize)', 'use an nn.LSTM without projSize, and a Linear behind it');
  const hidden = states[0]!.shape[2]!;
  let y: string = batchFirst ? g.transpose(x, [1, 0, 2]) : x.name;
  const last: string[][] = states.map(() => []);
  for (let layer = 0; layer < layers; layer++) {
    const sides = Array.from({ length: directions }, (_, d) => weights.slice((layer * directions + d) * each, (layer * directions + d + 1) * each));
    const joined = (i: number): string => g.concat(sides.map((side) => gates(g, side[i]!, order)), 0);
    const bias = biases ? g.concat([joined(2), joined(3)], 1) : null;
    const first = states.map((s) => (layers === 1 ? s.name : g.slice(s, 0, layer * directions, (layer + 1) * directions)));
    const activations = attributes['activations'] as readonly string[] | undefined;
    const outputs = g.many(type, [y, joined(0), joined(1), bias, null, ...first], states.length + 1, {
      ...attributes, activations: activations ? sides.flatMap(() => activations) : null, hidden_size: hidden, direction: directions === 2 ? 'bidirectional' : 'forward',
    });
    // [T, directions, N, H] to [T, N, directions · H].
    y = directions === 1 ? g.squeeze(outputs[0]!, [1]) : g.node('Reshape', [g.transpose(outputs[0]!, [0, 2, 1, 3]), g.ints([0, 0, directions * hidden])]);
    last.forEach((list, i) => list.push(outputs[i + 1]!));
  }
  return [batchFirst ? g.transpose(y, [1, 0, 2]) : y, ...last.map((list) => g.concat(list, 0))];
};

/** x W_ihᵀ + b_ih, and h W_hhᵀ + b_hh. */
function products(g: Graph, c: Arguments, h: Value): [string, string] {
  const x = c.tensor('input');
  return [linear(g, x, x.shape.length, c.tensor('wIh'), c.maybe('bIh')), linear(g, h, h.shape.length, c.tensor('wHh'), c.maybe('bHh'))];
}

/** Equal parts of the last dimension, one for each gate. */
function parts(g: Graph, x: Input, hidden: number, count: number): string[] {
  return g.split(x, new Array<number>(count).fill(hidden), -1);
}

const cell = (type: string): Symbolic => (g, c) => {
  const [x, h] = products(g, c, c.tensor('hx'));
  return g.node(type, [g.node('Add', [x, h])]);
};

const gruCell: Symbolic = (g, c) => {
  const h = c.tensor('hx');
  const a = new Arith(g, h.dtype);
  const [x, y] = products(g, c, h);
  const size = h.shape.at(-1)!;
  const [xr, xz, xn] = parts(g, x, size, 3);
  const [hr, hz, hn] = parts(g, y, size, 3);
  const reset = a.sigmoid(a.add(xr!, hr!));
  const update = a.sigmoid(a.add(xz!, hz!));
  const fresh = a.tanh(a.add(xn!, a.mul(reset, hn!)));
  return a.add(fresh, a.mul(update, a.sub(h, fresh)));
};

const lstmCell: Symbolic = (g, c) => {
  const [h, state] = c.tensors('hx') as [Value, Value];
  const a = new Arith(g, h.dtype);
  const [x, y] = products(g, c, h);
  const [input, forget, value, output] = parts(g, a.add(x, y), state.shape.at(-1)!, 4);
  const next = a.add(a.mul(a.sigmoid(forget!), state), a.mul(a.sigmoid(input!), a.tanh(value!)));
  return [a.mul(a.sigmoid(output!), a.tanh(next)), next];
};

/** See the module. */
export const RNN: Symbolics = {
  rnn_tanh: network,
  rnn_relu: network,
  gru: network,
  lstm: network,
  rnn_tanh_cell: cell('Tanh'),
  rnn_relu_cell: cell('Relu'),
  gru_cell: gruCell,
  lstm_cell: lstmCell,
};
