// How arguments are understood: positions, names, lists, overloads, and the messages for what does not fit.
import { describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

const list = (x: torch.Tensor): unknown => x.tolistSync();

function thrown(fn: () => unknown): Error {
  try {
    fn();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe('positions and names', () => {
  const x = torch.tensor([[1, 2, 3], [4, 5, 6]]);

  test('an argument may come by position or by name', () => {
    expect(list(x.sum([0]))).toEqual([5, 7, 9]);
    expect(list(x.sum({ dim: [0] }))).toEqual([5, 7, 9]);
    expect(x.sum([0], { keepdim: true }).shape).toEqual(torch.tensor([[0, 0, 0]]).shape);
    expect([...x.sum([0], true).shape]).toEqual([1, 3]);
    expect(list(torch.transpose(x, { dim0: 0, dim1: 1 }))).toEqual(list(x.T));
    expect(list((torch.add as (...args: unknown[]) => torch.Tensor)({ input: x, other: x }))).toEqual([[2, 4, 6], [8, 10, 12]]);
  });

  test('undefined is an argument left out, null is None', () => {
    expect([...x.sum([0], undefined).shape]).toEqual([3]);
    expect([...x.sum([0], { keepdim: undefined }).shape]).toEqual([3]);
    expect(x.sum(null).itemSync()).toBe(21);
  });

  test('sizes come as numbers, as one array, or as a single number', () => {
    expect([...x.view(3, 2).shape]).toEqual([3, 2]);
    expect([...x.view([3, 2]).shape]).toEqual([3, 2]);
    expect([...x.view(-1).shape]).toEqual([6]);
    expect([...x.permute(1, 0).shape]).toEqual([3, 2]);
    expect([...x.sum(0).shape]).toEqual([3]);
    expect([...x.view(...x.shape).shape]).toEqual([2, 3]);
  });

  test('numbers stand where PyTorch takes a scalar', () => {
    expect(list(x.add(1))).toEqual([[2, 3, 4], [5, 6, 7]]);
    expect(x.add(1).dtype).toBe(torch.int64);
    expect(x.add(1.5).dtype).toBe(torch.float32);
    expect(x.add(true).dtype).toBe(torch.int64);
    expect(list(torch.add(1, x))).toEqual([[2, 3, 4], [5, 6, 7]]);
    expect(list(torch.tensor([1n]).add(9007199254740993n))).toEqual([9007199254740994n]);
  });

  test('lists of any length', () => {
    const many = Array.from({ length: 70_000 }, () => x);
    expect([...torch.cat(many).shape]).toEqual([140_000, 3]);
  });
});

describe('what does not fit', () => {
  const x = torch.tensor([[1, 2, 3], [4, 5, 6]]);

  test('the message names function, argument, what was given and what is accepted', () => {
    const error = thrown(() => x.transpose(0, 'a' as never));
    expect(error).toBeInstanceOf(torch.ArgumentError);
    expect(error).toBeInstanceOf(torch.TorchError);
    expect(error.message).toBe(
      "transpose: argument 'dim1' must be integer, not the string \"a\". It is called as transpose(dim0: integer, dim1: integer)",
    );
  });

  test('a missing argument', () => {
    expect(thrown(() => x.transpose(0 as never, undefined as never)).message).toContain("argument 'dim1' (integer) is missing");
  });

  test('an unknown name', () => {
    expect(thrown(() => (x.transpose as (...args: unknown[]) => unknown).call(x, 0, 1, { dims: 1 })).message).toMatch(/transpose: .*'dims'|takes at most/);
    expect(thrown(() => (torch.clone as (...args: unknown[]) => unknown)(x, { memory: 1 })).message).toContain("there is no argument 'memory'");
  });

  test('the same argument twice', () => {
    expect(thrown(() => (torch.clone as (...args: unknown[]) => unknown)(x, { input: x })).message).toContain("'input' is given twice");
  });

  test('too many positions', () => {
    expect(thrown(() => (torch.clone as unknown as (...a: unknown[]) => void)(x, 1, 2)).message).toContain('takes at most 1 positional argument, 3 given');
  });

  test('several signatures are listed when none fits', () => {
    const error = thrown(() => x.squeeze('a' as never));
    expect(error.message).toContain('squeeze: no signature fits the arguments (the string "a")');
    expect(error.message).toContain('squeeze(dim: integer)');
  });

  test('a fraction is no integer, an object is no tensor', () => {
    expect(thrown(() => x.select(0, 0.5)).message).toContain("'index' must be integer, not the number 0.5");
    expect(thrown(() => torch.clone({ shape: [1], dtype: 1 } as never)).message).toMatch(/clone: /);
    expect(thrown(() => torch.cat([x, 3] as never)).message).toContain("'tensors' must be Tensor[], not an array of Tensor and integer");
  });

  test('the engine goes on after an error', () => {
    thrown(() => x.view(7));
    expect(list(x.add(1))).toEqual([[2, 3, 4], [5, 6, 7]]);
  });
});
