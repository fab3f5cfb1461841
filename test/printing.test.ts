// Tensors as text. Expected texts are PyTorch's own.
import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

afterEach(() => torch.setPrintoptions({ profile: 'default' }));

const f32 = { dtype: torch.float32 };
const ramp = (n: number): torch.Tensor => torch.tensor(Float32Array.from({ length: n }, (_, i) => i));

describe('String(tensor)', () => {
  test.each<[torch.Tensor, string]>([
    [torch.tensor([1, 1001], f32), 'tensor([1.0000e+00, 1.0010e+03])'],
    [torch.tensor([1.5, Infinity]), 'tensor([1.5000,    inf])'],
    [torch.tensor([1, NaN, -Infinity]), 'tensor([1., nan, -inf])'],
    [torch.tensor([0, -0.5]), 'tensor([ 0.0000, -0.5000])'],
    [torch.tensor(0, f32), 'tensor(0.)'],
    [torch.tensor(3.14159), 'tensor(3.1416)'],
    [torch.tensor([1e-5, 1]), 'tensor([1.0000e-05, 1.0000e+00])'],
    [torch.tensor([[1, -200], [3, 4]]), 'tensor([[   1, -200],\n        [   3,    4]])'],
    [torch.tensor([true, false]), 'tensor([ True, False])'],
    [torch.tensor([1], { dtype: torch.int32 }), 'tensor([1], dtype=torch.int32)'],
    [torch.tensor([0.5], { dtype: torch.float64 }), 'tensor([0.5000], dtype=torch.float64)'],
    [torch.tensor([]), 'tensor([])'],
    [torch.tensor([[], []]), 'tensor([], size=(2, 0))'],
    [torch.tensor([], { dtype: torch.int64 }), 'tensor([], dtype=torch.int64)'],
    [torch.tensor([0.5], { requiresGrad: true }), 'tensor([0.5000], requires_grad=True)'],
    [torch.tensor([0.5], { requiresGrad: true }).mul(2), 'tensor([1.], grad_fn=<MulBackward0>)'],
  ])('%#', (x, want) => {
    expect(String(x)).toBe(want);
  });

  test('summarised', () => {
    expect(String(ramp(1001).mul(0))).toBe('tensor([0., 0., 0.,  ..., 0., 0., 0.])');
    expect(String(ramp(10_000).view(100, 100))).toBe(
      'tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.7000e+01, 9.8000e+01,\n         9.9000e+01],\n' +
        '        [1.0000e+02, 1.0100e+02, 1.0200e+02,  ..., 1.9700e+02, 1.9800e+02,\n         1.9900e+02],\n' +
        '        [2.0000e+02, 2.0100e+02, 2.0200e+02,  ..., 2.9700e+02, 2.9800e+02,\n         2.9900e+02],\n        ...,\n' +
        '        [9.7000e+03, 9.7010e+03, 9.7020e+03,  ..., 9.7970e+03, 9.7980e+03,\n         9.7990e+03],\n' +
        '        [9.8000e+03, 9.8010e+03, 9.8020e+03,  ..., 9.8970e+03, 9.8980e+03,\n         9.8990e+03],\n' +
        '        [9.9000e+03, 9.9010e+03, 9.9020e+03,  ..., 9.9970e+03, 9.9980e+03,\n         9.9990e+03]])',
    );
  });

  test('options', () => {
    torch.setPrintoptions({ precision: 2 });
    expect(String(torch.tensor([0.125, 0.375, 2.5]))).toBe('tensor([0.12, 0.38, 2.50])');
    torch.setPrintoptions({ sciMode: true, precision: 1 });
    expect(String(torch.tensor([0.25, 0.35]))).toBe('tensor([2.5e-01, 3.5e-01])');
    torch.setPrintoptions({ profile: 'full' });
    expect(String(ramp(1100)).split(',').length).toBe(1100);
    expect(torch.getPrintoptions().threshold).toBe(Infinity);
    expect(() => torch.setPrintoptions({ profile: 'odd' as never })).toThrow(torch.ArgumentError);
    expect(() => torch.setPrintoptions({ precision: -1 })).toThrow(torch.ArgumentError);
  });

  test('consoles and notebooks', () => {
    const x = torch.tensor([1, 2]);
    expect(inspect(x)).toBe('tensor([1, 2])');
    expect(`${x}`).toBe('tensor([1, 2])');
    const shown = (x as unknown as Record<symbol, () => Record<string, string>>)[Symbol.for('Jupyter.display')]!();
    expect(shown['text/plain']).toBe('tensor([1, 2])');
    expect(inspect({ d: torch.float32, s: x.shape })).toBe('{ d: torch.float32, s: torch.Size([2]) }');
  });
});

test('sizes and dtypes', () => {
  expect(String(torch.tensor(1).shape)).toBe('torch.Size([])');
  expect(String(torch.float)).toBe('torch.float32');
  expect(inspect(torch.device('cpu'))).toBe("device(type='cpu')");
});
