/**
 * `torch.nn.init`: first values of parameters. Formulas and the order of draws are PyTorch's (torch/nn/init.py), so a
 * seed gives PyTorch's numbers.
 *
 * Every function fills its tensor in place, outside the graph, and returns it.
 * @module
 */
import { noGrad } from '../autograd.js';
import { ShapeError, ValueError } from '../errors.js';
import type { Generator } from '../random.js';
import type { Tensor } from '../tensor.js';
import { eye, randperm } from '../generated/torch.js';
import { op } from '../runtime/call.js';
import { anything, bind, maybe, real, text } from './args.js';

const GENERATOR = { generator: maybe(anything<Generator>()) };

function filled(t: Tensor, fill: () => unknown): Tensor {
  noGrad(() => {
    fill();
  });
  return t;
}

/** Copies `values` into `t` and frees them. */
function become(t: Tensor, values: Tensor): void {
  t.copy_(values);
  values.dispose();
}

/**
 * The factor by which a nonlinearity wants weights scaled: 1 for linear, convolutions and sigmoid, 5/3 for tanh, √2 for
 * relu, √(2 / (1 + slope²)) for leaky_relu (slope 0.01 unless given), 3/4 for selu.
 * PyTorch: `nn.init.calculate_gain(nonlinearity, param=None)`.
 */
export function calculateGain(nonlinearity: string, param: number | null = null): number {
  if (/^(linear|conv(_transpose)?[123]d|sigmoid)$/.test(nonlinearity)) return 1;
  switch (nonlinearity) {
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.sqrt(2);
    case 'leaky_relu': {
      const slope = param ?? 0.01;
      if (typeof slope !== 'number') throw new ValueError(`negative_slope ${String(param)} not a valid number`);
      return Math.sqrt(2 / (1 + slope * slope));
    }
    case 'selu':
      return 3 / 4; // PyTorch's choice: 1 would keep the variance and make training unstable
    default:
      throw new ValueError(`Unsupported nonlinearity ${nonlinearity}`);
  }
}

/** How many inputs and outputs one unit of a weight `[out, in, ...kernel]` has. */
function fans(t: Tensor): { in: number; out: number } {
  const shape = t.shape;
  if (shape.length < 2) throw new ShapeError('Fan in and fan out can not be computed for tensor with fewer than 2 dimensions');
  const field = shape.slice(2).reduce((a, b) => a * b, 1);
  return { in: shape[1]! * field, out: shape[0]! * field };
}

function fanOf(t: Tensor, mode: string): number {
  const m = mode.toLowerCase();
  if (m !== 'fan_in' && m !== 'fan_out') throw new ValueError(`Mode ${mode} not supported, please use one of ['fan_in', 'fan_out']`);
  const f = fans(t);
  return m === 'fan_in' ? f.in : f.out;
}

/** Values from U(a, b). Default: `a = 0`, `b = 1`. PyTorch: `nn.init.uniform_`. */
export function uniform_(t: Tensor, ...rest: [a?: unknown, b?: unknown, options?: unknown]): Tensor {
  const { a, b, generator } = bind('uniform_', rest, { a: real(0), b: real(1), ...GENERATOR });
  return filled(t, () => t.uniform_(a, b, { generator }));
}

/** Values from N(mean, std²). Default: `mean = 0`, `std = 1`. PyTorch: `nn.init.normal_`. */
export function normal_(t: Tensor, ...rest: [mean?: unknown, std?: unknown, options?: unknown]): Tensor {
  const { mean, std, generator } = bind('normal_', rest, { mean: real(0), std: real(1), ...GENERATOR });
  return filled(t, () => t.normal_(mean, std, { generator }));
}

/**
 * Values from N(mean, std²) cut off outside [a, b]. Default: `mean = 0, std = 1, a = -2, b = 2`.
 * PyTorch: `nn.init.trunc_normal_`.
 */
export function truncNormal_(t: Tensor, ...rest: [mean?: unknown, std?: unknown, a?: unknown, b?: unknown, options?: unknown]): Tensor {
  const p = bind('truncNormal_', rest, { mean: real(0), std: real(1), a: real(-2), b: real(2), ...GENERATOR });
  return filled(t, () => become(t, op('trunc_normal', t, p.mean, p.std, p.a, p.b, { generator: p.generator }) as Tensor));
}

/** Every value `val`. PyTorch: `nn.init.constant_`. */
export function constant_(t: Tensor, val: number | { readonly val: number }): Tensor {
  const v = typeof val === 'object' ? val.val : val;
  return filled(t, () => t.fill_(v));
}

/** Ones. PyTorch: `nn.init.ones_`. */
export function ones_(t: Tensor): Tensor {
  return constant_(t, 1);
}

/** Zeros. PyTorch: `nn.init.zeros_`. */
export function zeros_(t: Tensor): Tensor {
  return filled(t, () => t.zero_());
}

/** The identity matrix, in a 2-d tensor. PyTorch: `nn.init.eye_`. */
export function eye_(t: Tensor): Tensor {
  if (t.shape.length !== 2) throw new ShapeError('Only tensors with 2 dimensions are supported');
  return filled(t, () => become(t, eye(t.shape[0]!, t.shape[1]!, { dtype: t.dtype })));
}

/**
 * A convolution's weight `[out, in, ...kernel]` that passes its input through, in each of `groups`. Default: 1.
 * PyTorch: `nn.init.dirac_`.
 */
export function dirac_(t: Tensor, groups: number | { readonly groups?: number } = 1): Tensor {
  const g = typeof groups === 'number' ? groups : (groups.groups ?? 1);
  const shape = t.shape;
  if (shape.length < 3 || shape.length > 5) throw new ShapeError('Only tensors with 3, 4, or 5 dimensions are supported');
  if (shape[0]! % g !== 0) throw new ValueError('dim 0 must be divisible by groups');
  const perGroup = shape[0]! / g;
  const centre = shape.slice(2).map((k) => Math.floor(k / 2));
  return filled(t, () => {
    t.zero_();
    for (let k = 0; k < g; k++) {
      for (let d = 0; d < Math.min(perGroup, shape[1]!); d++) t.setAt([k * perGroup + d, d, ...centre], 1);
    }
  });
}

/** U(-b, b) with b = gain √(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010). PyTorch: `nn.init.xavier_uniform_`. */
export function xavierUniform_(t: Tensor, ...rest: [gain?: unknown, options?: unknown]): Tensor {
  const { gain, generator } = bind('xavierUniform_', rest, { gain: real(1), ...GENERATOR });
  const f = fans(t);
  const std = gain * Math.sqrt(2 / (f.in + f.out));
  const bound = Math.sqrt(3) * std;
  return filled(t, () => t.uniform_(-bound, bound, { generator }));
}

/** N(0, std²) with std = gain √(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010). PyTorch: `nn.init.xavier_normal_`. */
export function xavierNormal_(t: Tensor, ...rest: [gain?: unknown, options?: unknown]): Tensor {
  const { gain, generator } = bind('xavierNormal_', rest, { gain: real(1), ...GENERATOR });
  const f = fans(t);
  const std = gain * Math.sqrt(2 / (f.in + f.out));
  return filled(t, () => t.normal_(0, std, { generator }));
}

const KAIMING = { a: real(0), mode: text('fan_in'), nonlinearity: text('leaky_relu'), ...GENERATOR };

/**
 * U(-b, b) with b = gain √(3 / fan) (He et al., 2015). Default: `a = 0` (slope of leaky_relu), `mode = 'fan_in'`,
 * `nonlinearity = 'leaky_relu'`. PyTorch: `nn.init.kaiming_uniform_`.
 */
export function kaimingUniform_(t: Tensor, ...rest: [a?: unknown, mode?: unknown, nonlinearity?: unknown, options?: unknown]): Tensor {
  const p = bind('kaimingUniform_', rest, KAIMING);
  if (t.shape.includes(0)) return t;
  const std = calculateGain(p.nonlinearity, p.a) / Math.sqrt(fanOf(t, p.mode));
  const bound = Math.sqrt(3) * std;
  return filled(t, () => t.uniform_(-bound, bound, { generator: p.generator }));
}

/** N(0, std²) with std = gain / √fan (He et al., 2015). Parameters as {@link kaimingUniform_}. PyTorch: `nn.init.kaiming_normal_`. */
export function kaimingNormal_(t: Tensor, ...rest: [a?: unknown, mode?: unknown, nonlinearity?: unknown, options?: unknown]): Tensor {
  const p = bind('kaimingNormal_', rest, KAIMING);
  if (t.shape.includes(0)) return t;
  const std = calculateGain(p.nonlinearity, p.a) / Math.sqrt(fanOf(t, p.mode));
  return filled(t, () => t.normal_(0, std, { generator: p.generator }));
}

/**
 * A (semi-)orthogonal matrix times `gain` (Saxe et al., 2013); dimensions after the first count as one.
 * PyTorch: `nn.init.orthogonal_`.
 */
export function orthogonal_(t: Tensor, ...rest: [gain?: unknown, options?: unknown]): Tensor {
  const { gain, generator } = bind('orthogonal_', rest, { gain: real(1), ...GENERATOR });
  if (t.shape.length < 2) throw new ShapeError('Only tensors with 2 or more dimensions are supported');
  if (t.shape.includes(0)) return t;
  return filled(t, () => become(t, op('orthogonal', t, gain, { generator }) as Tensor));
}

/**
 * N(0, std²) with the same share of zeros in every column (Martens, 2010), for 2-d tensors. Default: `std = 0.01`.
 * PyTorch: `nn.init.sparse_`.
 */
export function sparse_(t: Tensor, ...rest: [sparsity?: unknown, std?: unknown, options?: unknown]): Tensor {
  const { sparsity, std, generator } = bind('sparse_', rest, { sparsity: real(), std: real(0.01), ...GENERATOR });
  if (t.shape.length !== 2) throw new ShapeError('Only tensors with 2 dimensions are supported');
  const [rows, cols] = t.shape as unknown as [number, number];
  const zeros = Math.ceil(sparsity * rows);
  return filled(t, () => {
    t.normal_(0, std, { generator });
    for (let c = 0; c < cols; c++) {
      const order = randperm(rows);
      const chosen = order.narrow(0, 0, zeros);
      t.setAt([chosen, c], 0);
      chosen.dispose();
      order.dispose();
    }
  });
}

