// Pointwise ops through the public API: any layout gives the same numbers, in-place forms, dtype rules, second derivatives.
import { describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

const F = torch.nn.functional;
const values = (n: number): number[] => Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i * 1.7) * 3));
const list = (x: torch.Tensor): unknown => x.tolistSync();

describe('layouts', () => {
  const ops: [string, (x: torch.Tensor) => torch.Tensor][] = [
    ['exp', (x) => x.exp()],
    ['tanh', (x) => x.tanh()],
    ['sin', (x) => x.sin()],
    ['gelu', (x) => F.gelu(x)],
    ['erf', (x) => torch.erf(x)],
    ['lt', (x) => x.lt(0.5)],
    ['atan2', (x) => torch.atan2(x, x.flip(0))],
    ['addcmul', (x) => torch.addcmul(x, x, x, { value: 2 })],
  ];
  test.each(ops)('%s of every other element, and of any number of elements', (_, op) => {
    for (let n = 0; n < 11; n++) {
      const plain = torch.tensor(values(n), { dtype: torch.float32 });
      const stepped = torch.stack([plain, plain.neg()], 1).select(1, 0);
      expect(list(op(stepped))).toEqual(list(op(plain)));
    }
  });

  test('transposed and broadcast operands', () => {
    const a = torch.tensor(values(60), { dtype: torch.float32 }).reshape(12, 5);
    const b = torch.tensor(values(12), { dtype: torch.float32 });
    const want = a.t().contiguous().mul(b.expand(5, 12).contiguous());
    expect(list(a.t().mul(b))).toEqual(list(want));
    expect(list(b.mul(a.t()))).toEqual(list(want));
  });
});

describe('in place', () => {
  test('returns the tensor itself and writes through views', () => {
    const base = torch.tensor([[1, -2], [3, -4]], { dtype: torch.float32 });
    const column = base.select(1, 1);
    expect(column.abs_()).toBe(column);
    expect(list(base)).toEqual([[1, 2], [3, 4]]);
    base.mul_(base);
    expect(list(base)).toEqual([[1, 4], [9, 16]]);
  });

  test('a float result does not fit an integer tensor', () => {
    expect(() => torch.tensor([1, 2]).exp_()).toThrow(/can't be cast/);
  });

  test('the gradient of the value before', () => {
    const x = torch.tensor([0.5, -1], { dtype: torch.float64, requiresGrad: true });
    const y = x.mul(1);
    y.tanh_().square_();
    y.sum(null).backward();
    const want = [0.5, -1].map((v) => 2 * Math.tanh(v) * (1 - Math.tanh(v) ** 2));
    expect(torch.allclose(x.grad!, torch.tensor(want, { dtype: torch.float64 }))).toBe(true);
  });
});

describe('dtypes', () => {
  test('integers stay integers where PyTorch keeps them', () => {
    const x = torch.tensor([7, -7]);
    expect(list(torch.floorDivide(x, 2))).toEqual([3, -4]);
    expect(list(x.remainder(4))).toEqual([3, 1]);
    expect(list(x.fmod(4))).toEqual([3, -3]);
    expect(x.exp().dtype).toBe(torch.float32);
    expect(x.div(2).dtype).toBe(torch.float32);
    expect(x.clamp(0).dtype).toBe(torch.int64);
    expect(x.clamp(0.5).dtype).toBe(torch.float32);
  });

  test('bools add and multiply as logic', () => {
    const x = torch.tensor([true, true, false]);
    const y = torch.tensor([true, false, false]);
    expect(list(x.add(y))).toEqual([true, true, false]);
    expect(list(x.mul(y))).toEqual([true, false, false]);
    expect(() => x.sub(y)).toThrow(/logical_xor/);
    expect(() => x.neg()).toThrow(/bool/);
  });

  test('what has no result is refused', () => {
    expect(() => torch.tensor([1]).floorDivide(0)).toThrow(/ZeroDivisionError/);
    expect(() => torch.tensor([2]).pow(-1)).toThrow(/negative integer powers/);
    expect(() => torch.gcd(torch.tensor([1.5]), torch.tensor([2.5]))).toThrow(/not implemented for 'Float'/);
  });
});

describe('second derivatives', () => {
  const line = [0.3, -0.7, 1.9, -2.6, 3.4];
  const positive = [0.2, 0.9, 1.7, 5];
  const cases: [string, (x: torch.Tensor) => torch.Tensor, number[]][] = [
    ['softplus', (x) => F.softplus(x, 1.5, 4), line],
    ['gelu', (x) => F.gelu(x), line],
    ['gelu tanh', (x) => F.gelu(x, 'tanh'), line],
    ['silu', (x) => F.silu(x), line],
    ['mish', (x) => F.mish(x), line],
    ['elu', (x) => F.elu(x, 1.3), line],
    ['logsigmoid', (x) => F.logsigmoid(x), line],
    ['sigmoid', (x) => x.sigmoid(), line],
    ['tanh', (x) => x.tanh(), line],
    ['sinc', (x) => torch.sinc(x), line],
    ['erfinv', (x) => torch.erfinv(x), [0.3, -0.7, 0.9]],
    ['logit', (x) => torch.logit(x), [0.3, 0.7, 0.9]],
    ['lgamma', (x) => torch.lgamma(x), positive],
    ['polygamma', (x) => torch.polygamma(2, x), positive],
    ['pow', (x) => x.pow(2.3), positive],
    ['2 ** x', (x) => torch.pow(2, x), line],
    ['igamma', (x) => torch.igamma(torch.tensor([1.5], { dtype: torch.float64 }), x), positive],
  ];
  test.each(cases)('%s', (_, f, at) => {
    const x = torch.tensor(at, { dtype: torch.float64, requiresGrad: true });
    expect(torch.autograd.gradcheck(f, [x])).toBe(true);
    expect(torch.autograd.gradgradcheck(f, [x])).toBe(true);
  });
});
