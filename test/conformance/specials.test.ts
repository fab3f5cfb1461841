/** NaN, infinities and signed zeros go through every build of the engine as they do in PyTorch. */
import { describe, expect, it } from 'vitest';
import * as torch from '../../dist/index.js';

const { functional: F } = torch.nn;
type Unary = (x: torch.Tensor) => torch.Tensor;

const [nan, inf] = [NaN, Infinity];
const INPUTS = [nan, inf, -inf, 0, -0] as const;
/** What each function makes of INPUTS, as PyTorch does. */
const POINTWISE: Readonly<Record<string, readonly [Unary, readonly number[]]>> = {
  abs: [(x) => x.abs(), [nan, inf, inf, 0, 0]],
  neg: [(x) => x.neg(), [nan, -inf, inf, -0, 0]],
  ceil: [(x) => x.ceil(), [nan, inf, -inf, 0, -0]],
  sqrt: [(x) => x.sqrt(), [nan, inf, nan, 0, -0]],
  rsqrt: [(x) => x.rsqrt(), [nan, 0, nan, inf, -inf]],
  reciprocal: [(x) => x.reciprocal(), [nan, 0, -0, inf, -inf]],
  square: [(x) => x.square(), [nan, inf, inf, 0, 0]],
  exp: [(x) => x.exp(), [nan, inf, 0, 1, 1]],
  exp2: [(x) => x.exp2(), [nan, inf, 0, 1, 1]],
  expm1: [(x) => x.expm1(), [nan, inf, -1, 0, -0]],
  log: [(x) => x.log(), [nan, inf, nan, -inf, -inf]],
  log2: [(x) => x.log2(), [nan, inf, nan, -inf, -inf]],
  log10: [(x) => x.log10(), [nan, inf, nan, -inf, -inf]],
  log1p: [(x) => x.log1p(), [nan, inf, nan, 0, -0]],
  sin: [(x) => x.sin(), [nan, nan, nan, 0, -0]],
  cos: [(x) => x.cos(), [nan, nan, nan, 1, 1]],
  tan: [(x) => x.tan(), [nan, nan, nan, 0, -0]],
  atan: [(x) => x.atan(), [nan, Math.PI / 2, -Math.PI / 2, 0, -0]],
  sinh: [(x) => x.sinh(), [nan, inf, -inf, 0, -0]],
  cosh: [(x) => x.cosh(), [nan, inf, inf, 1, 1]],
  tanh: [(x) => x.tanh(), [nan, 1, -1, 0, -0]],
  asinh: [(x) => x.asinh(), [nan, inf, -inf, 0, -0]],
  acosh: [(x) => x.acosh(), [nan, inf, nan, nan, nan]],
  atanh: [(x) => x.atanh(), [nan, nan, nan, 0, -0]],
  erf: [(x) => x.erf(), [nan, 1, -1, 0, -0]],
  erfc: [(x) => x.erfc(), [nan, 0, 2, 1, 1]],
  sigmoid: [(x) => x.sigmoid(), [nan, 1, 0, 0.5, 0.5]],
  logsigmoid: [(x) => F.logsigmoid(x), [nan, 0, -inf, -Math.LN2, -Math.LN2]],
  relu: [(x) => x.relu(), [nan, inf, 0, 0, -0]],
  relu6: [(x) => F.relu6(x), [nan, 6, 0, 0, -0]],
  leakyRelu: [(x) => F.leakyRelu(x, 0.5), [nan, inf, -inf, 0, -0]],
  elu: [(x) => F.elu(x), [nan, inf, -1, 0, -0]],
  silu: [(x) => F.silu(x), [nan, inf, nan, 0, -0]],
  gelu: [(x) => F.gelu(x), [nan, inf, nan, 0, -0]],
  'gelu, tanh': [(x) => F.gelu(x, { approximate: 'tanh' }), [nan, inf, nan, 0, -0]],
  softplus: [(x) => F.softplus(x), [nan, inf, 0, Math.LN2, Math.LN2]],
  mish: [(x) => F.mish(x), [nan, inf, nan, 0, -0]],
  hardsigmoid: [(x) => F.hardsigmoid(x), [nan, 1, 0, 0.5, 0.5]],
  hardswish: [(x) => F.hardswish(x), [nan, inf, nan, 0, -0]],
  softsign: [(x) => F.softsign(x), [nan, nan, nan, 0, -0]],
  clamp: [(x) => x.clamp(-1, 2), [nan, 2, -1, 0, -0]],
  'maximum with 1': [(x) => x.maximum(torch.onesLike(x)), [nan, inf, 1, 1, 1]],
  'minimum with 1': [(x) => x.minimum(torch.onesLike(x)), [nan, 1, -inf, 0, -0]],
  'pow 2': [(x) => x.pow(2), [nan, inf, inf, 0, 0]],
  'pow -1.5': [(x) => x.pow(-1.5), [nan, 0, 0, inf, inf]],
  'atan2 with 1': [(x) => x.atan2(torch.onesLike(x)), [nan, Math.PI / 2, -Math.PI / 2, 0, -0]],
  'hypot with 1': [(x) => x.hypot(torch.onesLike(x)), [nan, inf, inf, 1, 1]],
  'logaddexp with 0': [(x) => x.logaddexp(torch.zerosLike(x)), [nan, inf, 0, Math.LN2, Math.LN2]],
};
/** Gradients, of a sum, that have to be NaN where the input is, and nowhere else. */
const DIFFERENTIABLE: readonly string[] = ['exp', 'tanh', 'sigmoid', 'erf', 'gelu', 'gelu, tanh', 'silu', 'mish', 'softplus', 'logsigmoid', 'log1p', 'sin'];

/** Eleven numbers, so that some go four at a time and some do not: `special` at place `at`. */
const around = (special: number, at: number): number[] => Array.from({ length: 11 }, (_, i) => (i === at ? special : 0.5));
const values = async (t: torch.Tensor): Promise<number[]> => (await t.tolist()) as number[];

describe.each([torch.float32, torch.float64])('%s', (dtype) => {
  it.each(Object.entries(POINTWISE))('%s', async (_, [f, wanted]) => {
    for (const [i, special] of INPUTS.entries()) {
      for (const at of [0, 2, 7, 10]) {
        const got = await values(f(torch.tensor(around(special, at), { dtype })));
        const [usual] = await values(f(torch.tensor([0.5], { dtype })));
        got.forEach((v, k) => {
          const want = k === at ? wanted[i] : usual;
          // Zeros by their sign, all else to float32's precision.
          if (want === 0 || !Number.isFinite(want)) expect(v, `of ${special}`).toBe(want);
          else expect(v, `of ${special}`).toBeCloseTo(want, 5);
        });
      }
    }
  });

  it.each(DIFFERENTIABLE)('the gradient of %s', async (name) => {
    for (const at of [0, 2, 7, 10]) {
      const x = torch.tensor(around(nan, at), { dtype, requiresGrad: true });
      POINTWISE[name][0](x).sum().backward();
      expect((await values(x.grad!)).map(Number.isNaN)).toEqual(around(1, at).map((v) => v === 1));
    }
  });

  it('softmax and its like: NaN spoils its row, and an infinite one is as in PyTorch', async () => {
    for (const width of [3, 11, 40]) {
      for (const [dim, shape] of [[1, [3, width]], [0, [width, 3]]] as const) {
        for (const at of [0, width >> 1, width - 1]) {
          const row = (special: number): number[] => Array.from({ length: width }, (_, i) => (i === at ? special : 0));
          const rows = torch.tensor([...row(nan), ...row(-inf), ...row(0)], { dtype }).view(3, width);
          const x = dim === 1 ? rows : rows.t().contiguous();
          expect(x.shape).toEqual(shape);
          for (const [f, rest] of [[F.softmax, 1 / (width - 1)], [F.logSoftmax, -Math.log(width - 1)]] as const) {
            const y = f(x, dim);
            const [spoiled, masked, usual] = (await (dim === 1 ? y : y.t()).tolist()) as number[][];
            expect(spoiled).toEqual(spoiled.map(() => nan));
            masked.forEach((v, i) => (i === at ? expect(v).toBe(f === F.softmax ? 0 : -inf) : expect(v).toBeCloseTo(rest, 5)));
            usual.forEach((v) => expect(v).toBeCloseTo(f === F.softmax ? 1 / width : -Math.log(width), 5));
          }
          const sums = await values(x.logsumexp(dim));
          expect(sums[0]).toBe(nan);
          expect(sums[1]).toBeCloseTo(Math.log(width - 1), 5);
        }
      }
    }
  });

  it('maxima, minima and pools pass NaN on, and only where it is', async () => {
    for (const at of [0, 5, 10]) {
      const x = torch.tensor(around(nan, at), { dtype });
      for (const y of [x.max(), x.min(), x.amax(), x.amin(), x.sum(), x.prod(), x.mean()]) expect(await y.item()).toBe(nan);
      const pools: [(x: torch.Tensor, size: number) => torch.Tensor, number][] =
        [[(x, size) => F.maxPool1d(x, size), 2], [(x, size) => F.maxPool1d(x, size), 3], [(x, size) => F.avgPool1d(x, size), 2]];
      for (const [f, size] of pools) {
        const got = await values(f(x.view(1, 1, 11), size).view(-1));
        expect(got).toEqual(got.map((_, i) => (i === Math.floor(at / size) ? nan : 0.5)));
      }
    }
    for (const place of [0, 17, 143]) {
      const image = Array.from({ length: 144 }, (_, i) => (i === place ? nan : 0));
      const got = await values(F.maxPool2d(torch.tensor(image, { dtype }).view(1, 1, 12, 12), 2).view(-1));
      const window = Math.floor(Math.floor(place / 12) / 2) * 6 + Math.floor((place % 12) / 2);
      expect(got).toEqual(got.map((_, i) => (i === window ? nan : 0)));
    }
  });
});
