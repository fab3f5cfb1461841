/**
 * Activations.
 * @module
 */
import type { Arith } from './arith.js';
import type { Arguments, Symbolic, Symbolics } from './call.js';
import { type Attributes, float, type Graph } from './graph.js';

/** One operator of ONNX with the same meaning. */
const same = (type: string, attributes?: (c: Arguments) => Attributes): Symbolic => (g, c) => {
  const x = c.tensor('input');
  return g.node(type, [g.as(x, c.result.dtype)], attributes?.(c));
};

/** A formula. */
const formula = (f: (a: Arith, x: string, c: Arguments) => string): Symbolic => (_g, c) => {
  const a = c.arith;
  return f(a, a.of(c.tensor('input')), c);
};

/** x · Φ(x), by the error function or by its approximation with tanh. */
function gelu(g: Graph, c: Arguments): string {
  const approximate = c.text('approximate');
  if (g.opset >= 20) return g.node('Gelu', [c.tensor('input')], { approximate });
  const a = c.arith;
  const x = c.tensor('input').name;
  if (approximate === 'none') return a.mul(a.mul(x, 0.5), a.add(a.op('Erf', a.mul(x, Math.SQRT1_2)), 1));
  const inner = a.mul(a.add(x, a.mul(a.mul(x, a.square(x)), 0.044715)), Math.sqrt(2 / Math.PI));
  return a.mul(a.mul(x, 0.5), a.add(a.tanh(inner), 1));
}

/** log(1 + exp(βx)) / β, and x itself where βx is above the threshold. */
function softplus(a: Arith, x: string, c: Arguments): string {
  const [beta, threshold] = [c.number('beta'), c.number('threshold')];
  const scaled = a.mul(x, beta);
  const soft = a.div(a.softplus(scaled), beta);
  // Above 20 the two agree in float32, and ONNX's own never overflows.
  return threshold >= 20 ? soft : a.where(a.greater(scaled, threshold), x, soft);
}

/** The slope is one number, or one of each channel, which is dimension 1. */
function prelu(g: Graph, c: Arguments): string {
  const [x, weight] = [c.tensor('input'), c.tensor('weight')];
  const tail = Math.max(0, x.shape.length - 2);
  const single = weight.shape.length === 0 || weight.shape[0] === 1;
  return g.node('PRelu', [x, single || tail === 0 ? weight : g.unsqueeze(weight, Array.from({ length: tail }, (_, i) => i + 1))]);
}

/** Softmax over a dimension; without one, over that of old PyTorch versions (torch/nn/functional.py, _get_softmax_dim). */
function softmax(type: string, negate: boolean): Symbolic {
  return (g, c) => {
    const x = c.tensor('input');
    const n = x.shape.length;
    const axis = c.has('dim') ? c.dim('dim', Math.max(n, 1)) : n === 0 || n === 1 || n === 3 ? 0 : 1;
    const a = c.arith;
    if (n === 0) return type === 'Softmax' ? a.exp(a.sub(x, x)) : a.sub(x, x);
    return g.node(type, [negate ? a.neg(x) : a.of(x)], { axis });
  };
}

/** Dropout in eval mode is nothing at all. */
const dropout: Symbolic = (_g, c) => {
  if (c.flag('training') && c.number('p') > 0) throw c.unsupported('dropout that drops (training=true)', 'pass { training: this.training }, or use the module nn.Dropout, which export() puts into eval mode');
  return c.tensor('input').name;
};

/** See the module. */
export const ACTIVATION: Symbolics = {
  relu: same('Relu'),
  relu_functional: same('Relu'),
  relu6: formula((a, x) => a.op('Clip', x, 0, 6)),
  hardtanh: formula((a, x, c) => a.op('Clip', x, c.number('minVal'), c.number('maxVal'))),
  threshold: formula((a, x, c) => a.where(a.greater(x, c.number('threshold')), x, c.number('value'))),
  leaky_relu: same('LeakyRelu', (c) => ({ alpha: float(c.number('negativeSlope')) })),
  prelu,
  elu: same('Elu', (c) => ({ alpha: float(c.number('alpha')) })),
  selu: same('Selu'),
  celu: same('Celu', (c) => ({ alpha: float(c.number('alpha')) })),
  gelu,
  silu: formula((a, x) => a.mul(x, a.sigmoid(x))),
  mish: (g, c) => (g.opset >= 18 ? g.node('Mish', [c.tensor('input')]) : c.arith.mul(c.tensor('input'), c.arith.tanh(c.arith.softplus(c.tensor('input'))))),
  softplus: formula(softplus),
  logsigmoid: formula((a, x) => a.neg(a.softplus(a.neg(x)))),
  softsign: same('Softsign'),
  hardshrink: formula((a, x, c) => a.where(a.greater(a.abs(x), c.number('lambd')), x, 0)),
  softshrink: same('Shrink', (c) => ({ lambd: float(c.number('lambd')), bias: float(c.number('lambd')) })),
  tanhshrink: formula((a, x) => a.sub(x, a.tanh(x))),
  // max(0, min(1, x / 6 + 1/2)): ONNX has the sixth as an attribute.
  hardsigmoid: same('HardSigmoid', () => ({ alpha: float(1 / 6), beta: float(0.5) })),
  hardswish: same('HardSwish'),
  sigmoid: formula((a, x) => a.sigmoid(x)),
  tanh: formula((a, x) => a.tanh(x)),
  glu: (g, c) => {
    const x = c.tensor('input');
    const axis = c.dim('dim', x.shape.length);
    const half = c.result.shape[axis]!;
    const [left, right] = g.split(x, [half, half], axis);
    return c.arith.mul(left!, c.arith.sigmoid(right!));
  },
  rrelu: (g, c) => {
    if (c.flag('training')) throw c.unsupported('rrelu that draws slopes (training=true)', 'pass { training: this.training }');
    return g.node('LeakyRelu', [c.tensor('input')], { alpha: float((c.number('lower') + c.number('upper')) / 2) });
  },
  softmax: softmax('Softmax', false),
  functional_softmax: softmax('Softmax', false),
  softmin: softmax('Softmax', true),
  log_softmax: softmax('LogSoftmax', false),
  functional_log_softmax: softmax('LogSoftmax', false),
  dropout,
  dropout1d: dropout,
  dropout2d: dropout,
  dropout3d: dropout,
  alpha_dropout: dropout,
  feature_alpha_dropout: dropout,
};

