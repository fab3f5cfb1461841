/**
 * Convolutions.
 * @module
 */
import type { Arguments, Symbolic, Symbolics } from './call.js';
import type { Graph, Input } from './graph.js';
import type { Value } from './trace.js';

/** Runs `body` on the input with a batch, which is one that was added where there was none. */
export function batched(g: Graph, c: Arguments, x: Value, spatial: number, body: (x: Input) => string[]): string[] {
  c.floatsOnly(x);
  if (x.shape.length !== spatial + 1) return body(x);
  return body(g.unsqueeze(x, [0])).map((y) => g.squeeze(y, [0]));
}

/** `'same'` puts the odd one of the padding at the end, as PyTorch does. */
function padding(c: Arguments, n: number, kernel: readonly number[], dilation: readonly number[]): number[] {
  if (!c.op.endsWith('_word')) {
    const pad = c.numbers('padding', n);
    return [...pad, ...pad];
  }
  if (c.text('padding') === 'valid') return new Array<number>(2 * n).fill(0);
  const total = kernel.map((k, d) => dilation[d]! * (k - 1));
  return [...total.map((t) => Math.floor(t / 2)), ...total.map((t) => t - Math.floor(t / 2))];
}

const conv = (n: number): Symbolic => (g, c) => {
  const weight = c.tensor('weight');
  const kernel = weight.shape.slice(2);
  const [strides, dilations] = [c.numbers('stride', n), c.numbers('dilation', n)];
  const attributes = { dilations, group: c.number('groups'), kernel_shape: kernel, pads: padding(c, n, kernel, dilations), strides };
  return batched(g, c, c.tensor('input'), n, (x) => [g.node('Conv', [x, weight, c.maybe('bias')], attributes)]);
};

const convTranspose = (n: number): Symbolic => (g, c) => {
  const weight = c.tensor('weight');
  const pad = c.numbers('padding', n);
  const extra = c.numbers('outputPadding', n);
  const attributes = {
    dilations: c.numbers('dilation', n), group: c.number('groups'), kernel_shape: weight.shape.slice(2), pads: [...pad, ...pad],
    output_padding: extra.some((v) => v !== 0) ? extra : null, strides: c.numbers('stride', n),
  };
  return batched(g, c, c.tensor('input'), n, (x) => [g.node('ConvTranspose', [x, weight, c.maybe('bias')], attributes)]);
};

/** See the module. */
export const CONV: Symbolics = {
  conv1d: conv(1),
  conv1d_word: conv(1),
  conv2d: conv(2),
  conv2d_word: conv(2),
  conv3d: conv(3),
  conv3d_word: conv(3),
  conv_transpose1d: convTranspose(1),
  conv_transpose2d: convTranspose(2),
  conv_transpose3d: convTranspose(3),
};
