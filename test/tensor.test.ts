// Tensors from data, what they are, reading them, indexing.
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

const list = (x: torch.Tensor): unknown => x.tolistSync();

describe('torch.tensor', () => {
  test('infers dtype and shape', () => {
    expect(torch.tensor([1, 2]).dtype).toBe(torch.int64);
    expect(torch.tensor([1, 2.5]).dtype).toBe(torch.float32);
    expect(torch.tensor([true, false]).dtype).toBe(torch.bool);
    expect(torch.tensor([true, 2]).dtype).toBe(torch.int64);
    expect(torch.tensor([NaN]).dtype).toBe(torch.float32);
    expect(torch.tensor([]).dtype).toBe(torch.float32);
    expect(torch.tensor(5n).dtype).toBe(torch.int64);
    expect([...torch.tensor([[[1], [2]], [[3], [4]]]).shape]).toEqual([2, 2, 1]);
    expect([...torch.tensor([[], []]).shape]).toEqual([2, 0]);
    expect(torch.tensor(3).ndim).toBe(0);
  });

  test('takes typed arrays with their dtype, and copies them', () => {
    const data = new Float64Array([1, 2, 3]);
    const x = torch.tensor(data);
    data[0] = 9;
    expect(x.dtype).toBe(torch.float64);
    expect(list(x)).toEqual([1, 2, 3]);
    expect(torch.tensor(new BigInt64Array([1n])).dtype).toBe(torch.int64);
    expect(torch.tensor(new Int32Array([1])).dtype).toBe(torch.int32);
    expect(torch.tensor(new Uint8Array([1])).dtype).toBe(torch.uint8);
    expect(list(torch.tensor(new Int8Array([-3, 4])))).toEqual([-3, 4]);
    expect(list(torch.tensor(new Uint8Array([0, 2, 1]), { dtype: torch.bool }))).toEqual([false, true, true]);
    expect(list(torch.tensor(new Float32Array([1.7, -1.7]), { dtype: torch.int64 }))).toEqual([1, -1]);
  });

  test('takes arrays of other libraries by their form', () => {
    expect([...torch.tensor({ data: new Float32Array(6), shape: [2, 3] }).shape]).toEqual([2, 3]);
    const image = torch.tensor({ data: new Uint8ClampedArray(2 * 3 * 4), width: 3, height: 2 });
    expect([...image.shape]).toEqual([2, 3, 4]);
    expect(image.dtype).toBe(torch.uint8);
    expect(() => torch.tensor({ data: new Float32Array(5), shape: [2, 3] })).toThrow(torch.ValueError);
  });

  test('casts to the dtype asked for', () => {
    expect(list(torch.tensor([1.9, -1.9, 0], { dtype: torch.int32 }))).toEqual([1, -1, 0]);
    expect(list(torch.tensor([0.5, 0], { dtype: torch.bool }))).toEqual([true, false]);
    expect(() => torch.tensor([300], { dtype: torch.uint8 })).toThrow(/300 cannot be converted to torch.uint8 without overflow/);
  });

  test('refuses uneven nesting and foreign values', () => {
    expect(() => torch.tensor([[1, 2], [3]])).toThrow('expected sequence of length 2 at dim 1 (got 1)');
    expect(() => torch.tensor([[1], 2] as never)).toThrow(torch.ValueError);
    expect(() => torch.tensor([1, [2]] as never)).toThrow(torch.ValueError);
    expect(() => torch.tensor(['a'] as never)).toThrow(/an element must be a number/);
    expect(() => torch.tensor(null as never)).toThrow(torch.ArgumentError);
    expect(() => torch.tensor([1], { dtpe: torch.float32 } as never)).toThrow("there is no option 'dtpe'");
    expect(() => torch.tensor([1], { device: 'cuda' })).toThrow(torch.DeviceError);
  });

  test('large integers are exact', () => {
    const big = 2n ** 62n + 1n;
    expect(torch.tensor([big]).dataSync()[0]).toBe(big);
    expect(torch.tensor(big).itemSync()).toBe(big);
    expect(torch.tensor(2 ** 52).itemSync()).toBe(2 ** 52);
    const values = [-1, 0, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 60, -5.5];
    expect([...torch.tensor(values, { dtype: torch.int64 }).dataSync()]).toEqual(values.map((v) => BigInt(Math.trunc(v))));
  });

  test('asTensor returns what is already right', () => {
    const x = torch.tensor([1.5]);
    expect(torch.asTensor(x)).toBe(x);
    expect(torch.asTensor(x, { dtype: torch.float64 }).dtype).toBe(torch.float64);
    expect(torch.asTensor([1], torch.float64).dtype).toBe(torch.float64);
  });

  test('the default dtype', () => {
    torch.setDefaultDtype(torch.float64);
    try {
      expect(torch.tensor([0.5]).dtype).toBe(torch.float64);
      expect(torch.tensor([1]).add(0.5).dtype).toBe(torch.float64);
    } finally {
      torch.setDefaultDtype(torch.float32);
    }
    expect(() => torch.setDefaultDtype(torch.int64)).toThrow(torch.ArgumentError);
  });
});

describe('what a tensor is', () => {
  const x = torch.tensor([[1, 2, 3], [4, 5, 6]], { dtype: torch.float32 });

  test('shape, strides, sizes', () => {
    expect(String(x.shape)).toBe('torch.Size([2, 3])');
    expect(inspect(x.shape)).toBe('torch.Size([2, 3])');
    expect(x.shape.numel()).toBe(6);
    expect([x.size(0), x.size(-1), x.ndim, x.dim(), x.numel(), x.nbytes]).toEqual([2, 3, 2, 2, 6, 24]);
    expect(x.stride()).toEqual([3, 1]);
    expect(x.T.stride()).toEqual([1, 3]);
    expect(x.T.isContiguous()).toBe(false);
    expect(x.T.contiguous().isContiguous()).toBe(true);
    expect(() => x.size(2)).toThrow('size: dimension 2 is out of range for a tensor of 2 dimensions (expected -2 to 1)');
    expect(Array.isArray(x.shape.map((n) => n * 2))).toBe(true);
    expect(x.shape.map((n) => n * 2)).not.toBeInstanceOf(torch.Size);
  });

  test('dtype and device', () => {
    expect(String(x.dtype)).toBe('torch.float32');
    expect(String(x.device)).toBe('cpu');
    expect(x.double().dtype).toBe(torch.float64);
    expect(x.to(torch.int64).dtype).toBe(torch.int64);
    expect(x.to('cpu', torch.bool).dtype).toBe(torch.bool);
    expect(x.to({ dtype: torch.int32 }).dtype).toBe(torch.int32);
    expect(x.to(torch.float32) === x).toBe(true);
    expect(x.to(torch.float32, { copy: true }) === x).toBe(false);
    expect(() => x.to('cuda')).toThrow(torch.DeviceError);
    expect(x.type()).toBe('torch.FloatTensor');
  });

  test('dtypes that tensors cannot have', () => {
    expect(() => x.to(torch.float16)).toThrow(torch.NotImplementedError);
    expect(() => torch.tensor([1], { dtype: torch.complex64 })).toThrow(/torch\.complex64 is not supported; tensors can have torch\.bool, /);
    expect(() => torch.setDefaultDtype(torch.float16)).toThrow(torch.NotImplementedError);
  });

  test('reading', async () => {
    expect(await x.tolist()).toEqual([[1, 2, 3], [4, 5, 6]]);
    expect(await x.T.tolist()).toEqual([[1, 4], [2, 5], [3, 6]]);
    expect(Array.from((await x.data()) as Float32Array)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Array.from(x.T.dataSync() as Float32Array)).toEqual([1, 4, 2, 5, 3, 6]);
    expect(await torch.tensor(true).item<boolean>()).toBe(true);
    await expect(x.item()).rejects.toThrow('a Tensor with 6 elements cannot be converted to Scalar');
    expect(Number(torch.tensor(2.5))).toBe(2.5);
    expect(JSON.stringify({ x })).toBe('{"x":[[1,2,3],[4,5,6]]}');
    expect(x.dataView().length).toBe(6);
    expect(() => x.T.dataView()).toThrow(/not contiguous/);
    expect(torch.tensor([[], []]).tolistSync()).toEqual([[], []]);
  });

  test('iteration over dimension 0', () => {
    expect([...x].map(list)).toEqual([[1, 2, 3], [4, 5, 6]]);
    expect(() => [...torch.tensor(1)]).toThrow('iteration over a 0-d tensor');
  });

  test('in-place ops return the tensor itself and forget cached sizes', () => {
    const y = torch.tensor([1, 2, 3]);
    expect(y.add_(1)).toBe(y);
    expect(list(y)).toEqual([2, 3, 4]);
    expect(y.copy_(torch.tensor([7]))).toBe(y);
    expect(list(y)).toEqual([7, 7, 7]);
  });
});

describe('indexing', () => {
  const x = torch.tensor([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]);

  test.each<[string, torch.Index[], unknown]>([
    ['an integer', [1], [4, 5, 6, 7]],
    ['a negative integer', [-1, -1], 11],
    ['slices', ['1:', '::2'], [[4, 6], [8, 10]]],
    ['a slice object', [torch.slice(0, 2), torch.slice(-1, null)], [[3], [7]]],
    ['torch.slice(stop)', [torch.slice(1)], [[0, 1, 2, 3]]],
    ['an ellipsis', ['...', 0], [0, 4, 8]],
    ['null', [0, null, '0:2'], [[0, 1]]],
    ['everything', [':'], [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]],
    ['a 0-d tensor', [torch.tensor(2), 1], 9],
  ])('%s', (_, index, want) => {
    expect(list(x.at(...index))).toEqual(want);
  });

  test('views share memory', () => {
    const y = x.clone();
    y.at('1:', 0).add_(100);
    expect(list(y.at(':', 0))).toEqual([0, 104, 108]);
  });

  test('assignment', () => {
    const y = x.clone();
    expect(y.setAt([0], -1)).toBe(y);
    y.setAt([':', '1:3'], torch.tensor([[5, 6]]));
    y.setAt([2, 3], 42);
    expect(list(y)).toEqual([[-1, 5, 6, -1], [4, 5, 6, 7], [8, 5, 6, 42]]);
    y.setAt(1, torch.tensor([[[9, 9, 9, 9]]]));
    expect(list(y.at(1))).toEqual([9, 9, 9, 9]);
  });

  test('errors', () => {
    expect(() => x.at(3)).toThrow(torch.IndexError);
    expect(() => x.at(0, 0, 0)).toThrow('too many indices for tensor of dimension 2: 3');
    expect(() => torch.tensor(1).at(0)).toThrow('invalid index of a 0-dim tensor');
    expect(() => x.at('...', '...')).toThrow('single ellipsis');
    expect(() => x.at('1;2')).toThrow("'1;2' is not an index");
    expect(() => x.at('::-1')).toThrow('slice step must be positive');
    expect(() => x.at(torch.tensor([0.5]))).toThrow('tensors used as indices must be long, int, byte or bool tensors');
    expect(() => x.at(0.5)).toThrow(torch.IndexError);
    expect(() => x.at({} as never)).toThrow(torch.IndexError);
  });
});
