// Gradients through the public API: leaves, modes, hooks, custom functions, errors.
import { describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

const { autograd } = torch;
const list = (x: torch.Tensor | null): unknown => x?.tolistSync();
const leaf = (data: number[] | number[][]): torch.Tensor => torch.tensor(data, { dtype: torch.float64, requiresGrad: true });

describe('backward', () => {
  test('accumulates into leaves', () => {
    const x = leaf([1, 2]);
    x.mul(x).sum(null).backward();
    expect(list(x.grad)).toEqual([2, 4]);
    x.mul(3).sum(null).backward();
    expect(list(x.grad)).toEqual([5, 7]);
    x.grad = null;
    expect(x.grad).toBeNull();
  });

  test('grad is the same object as long as it is the same tensor', () => {
    const x = leaf([1, 2]);
    x.mul(2).sum(null).backward();
    expect(x.grad).toBe(x.grad);
    x.grad!.mul_(2);
    expect(list(x.grad)).toEqual([4, 4]);
  });

  test('what a tensor says about the graph', () => {
    const x = leaf([1, 2]);
    const y = x.mul(2).add(1);
    expect([x.isLeaf, y.isLeaf, x.requiresGrad, y.requiresGrad]).toEqual([true, false, true, true]);
    expect(x.gradFn).toBeNull();
    expect(y.gradFn!.name).toBe('AddBackward0');
    expect(y.gradFn!.nextFunctions[0]!.name).toBe('MulBackward0');
    expect(String(y.gradFn)).toBe('<AddBackward0>');
    expect(y.detach().requiresGrad).toBe(false);
  });

  test('a gradient for a tensor with several elements', () => {
    const x = leaf([1, 2]);
    x.mul(2).backward(torch.tensor([1, 10], { dtype: torch.float64 }));
    expect(list(x.grad)).toEqual([2, 20]);
    expect(() => x.mul(2).backward()).toThrow(torch.AutogradError);
  });

  test('the second backward needs retainGraph', () => {
    const x = leaf([1, 2]);
    const y = x.mul(x).sum(null);
    y.backward({ retainGraph: true });
    y.backward();
    expect(list(x.grad)).toEqual([4, 8]);
    expect(() => y.backward()).toThrow(/a second time/);
  });

  test('retainGrad and inputs', () => {
    const x = leaf([1, 2]);
    const z = leaf([3, 4]);
    const y = x.mul(z);
    y.retainGrad();
    y.sum(null).backward({ inputs: [x] });
    expect(list(x.grad)).toEqual([3, 4]);
    expect(z.grad).toBeNull();
  });

  test('a leaf modified in place, a saved tensor modified', () => {
    const x = leaf([1, 2]);
    expect(() => x.add_(1)).toThrow(torch.AutogradError);
    const y = x.mul(1);
    const z = y.mul(y);
    torch.noGrad(() => y.add_(1));
    expect(() => z.sum(null).backward()).toThrow(torch.AutogradError);
  });

  test('a long chain', () => {
    const x = leaf([1]);
    let y = x;
    for (let i = 0; i < 100_000; i++) y = y.add(1);
    y.backward();
    expect(list(x.grad)).toEqual([1]);
  });
});

describe('autograd.grad', () => {
  test('gradients of gradients', () => {
    const x = leaf([2, 3]);
    const y = x.mul(x).mul(x).sum(null);
    const [dx] = autograd.grad(y, x, { createGraph: true });
    expect(list(dx!)).toEqual([12, 27]);
    const [dxx] = autograd.grad(dx!.sum(null), [x]);
    expect(list(dxx!)).toEqual([12, 18]);
    expect(x.grad).toBeNull();
  });

  test('unused inputs', () => {
    const x = leaf([2]);
    const z = leaf([3]);
    const y = x.mul(2).sum(null);
    expect(() => autograd.grad(y, [x, z], { retainGraph: true })).toThrow('appears to not have been used in the graph');
    expect(autograd.grad(y, [x, z], { retainGraph: true, allowUnused: true })[1]).toBeNull();
    expect(list(autograd.grad(y, [x, z], { materializeGrads: true })[1]!)).toEqual([0]);
  });

  test('positional arguments', () => {
    const x = leaf([2, 3]);
    const y = x.mul(x);
    const [g] = autograd.grad([y], [x], [torch.tensor([1, 2], { dtype: torch.float64 })], true);
    expect(list(g!)).toEqual([4, 12]);
  });
});

describe('modes', () => {
  test('sync, nested, and restored after an error', () => {
    const x = leaf([1]);
    expect(torch.noGrad(() => x.mul(2)).requiresGrad).toBe(false);
    torch.noGrad(() => {
      expect(torch.isGradEnabled()).toBe(false);
      expect(torch.enableGrad(() => x.mul(2)).requiresGrad).toBe(true);
      expect(torch.isGradEnabled()).toBe(false);
    });
    expect(() => torch.noGrad(() => { throw new Error('x'); })).toThrow('x');
    expect(torch.isGradEnabled()).toBe(true);
    torch.inferenceMode(() => expect(torch.isInferenceModeEnabled()).toBe(true));
    torch.setGradEnabled(false);
    expect(x.mul(2).requiresGrad).toBe(false);
    torch.setGradEnabled(true);
    expect(torch.setGradEnabled(false, () => torch.isGradEnabled())).toBe(false);
    expect(torch.isGradEnabled()).toBe(true);
  });

  test('async functions keep the mode until they settle, in any order', async () => {
    let release = (): void => undefined;
    const first = torch.noGrad(() => new Promise<void>((resolve) => (release = resolve)));
    const second = torch.enableGrad(async () => torch.isGradEnabled());
    release();
    await first;
    expect(await second).toBe(true);
    expect(torch.isGradEnabled()).toBe(true);
    await expect(torch.noGrad(async () => { throw new Error('y'); })).rejects.toThrow('y');
    expect(torch.isGradEnabled()).toBe(true);
  });
});

describe('hooks', () => {
  test('see and replace a gradient, and can be removed', () => {
    const x = leaf([1, 2]);
    const seen: unknown[] = [];
    const y = x.mul(2);
    y.registerHook((g) => void seen.push(list(g)));
    const handle = x.registerHook((g) => g.mul(10));
    y.sum(null).backward({ retainGraph: true });
    expect(seen).toEqual([[1, 1]]);
    expect(list(x.grad)).toEqual([20, 20]);
    handle.remove();
    y.sum(null).backward();
    expect(list(x.grad)).toEqual([22, 22]);
  });

  test('an error in a hook arrives as it was thrown', () => {
    const x = leaf([1]);
    const error = new RangeError('from the hook');
    x.registerHook(() => { throw error; });
    let caught: unknown;
    try {
      x.mul(2).backward();
    } catch (e) {
      caught = e;
    }
    expect(caught).toBe(error);
    expect(list(leaf([1]).add(1))).toEqual([2]);
  });
});

describe('custom functions', () => {
  class Square extends autograd.Function {
    static override forward(ctx: torch.autograd.FunctionContext, x: torch.Tensor, scale: number): torch.Tensor {
      ctx.saveForBackward(x);
      ctx['scale'] = scale;
      return x.mul(x).mul(scale);
    }
    static override backward(ctx: torch.autograd.FunctionContext, g: torch.Tensor): (torch.Tensor | null)[] {
      const [x] = ctx.savedTensors;
      return [g.mul(x!).mul(2 * (ctx['scale'] as number)), null];
    }
  }

  test('forward and backward', () => {
    const x = leaf([1, 2]);
    const y = Square.apply(x, 3) as torch.Tensor;
    expect(list(y)).toEqual([3, 12]);
    expect(y.gradFn!.name).toBe('SquareBackward');
    y.sum(null).backward();
    expect(list(x.grad)).toEqual([6, 12]);
  });

  test('gradients of gradients', () => {
    const x = leaf([1, 2]);
    const [g] = autograd.grad(Square.apply(x, 1).sum(null), x, { createGraph: true });
    expect(list(autograd.grad(g!.sum(null), x)[0]!)).toEqual([2, 2]);
    expect(autograd.gradcheck((t: torch.Tensor) => Square.apply(t, 2), [x])).toBe(true);
    expect(autograd.gradgradcheck((t: torch.Tensor) => Square.apply(t, 2), [x])).toBe(true);
  });

  test('several inputs and outputs, setupContext, wrong number of gradients', () => {
    class Both extends autograd.Function {
      static override forward(a: torch.Tensor, b: torch.Tensor): torch.Tensor[] {
        return [a.add(b), a.mul(b)];
      }
      static override setupContext = (ctx: torch.autograd.FunctionContext, inputs: torch.Tensor[]): void => ctx.saveForBackward(...inputs);
      static override backward(ctx: torch.autograd.FunctionContext, g: torch.Tensor, h: torch.Tensor): torch.Tensor[] {
        const [a, b] = ctx.savedTensors;
        return [g.add(h.mul(b!)), g.add(h.mul(a!))];
      }
    }
    const a = leaf([2]);
    const b = leaf([5]);
    const [s, p] = Both.apply(a, b) as [torch.Tensor, torch.Tensor];
    s.add(p).backward();
    expect([list(a.grad), list(b.grad)]).toEqual([[6], [3]]);
    class Wrong extends Both {
      static override backward(_: torch.autograd.FunctionContext, g: torch.Tensor): torch.Tensor[] {
        return [g, g, g];
      }
    }
    const [t] = Wrong.apply(a, b) as [torch.Tensor];
    expect(() => t.backward()).toThrow('Wrong: backward returned 3 gradients (expected 2');
  });
});

describe('gradcheck', () => {
  test('passes a right gradient and names a wrong one', () => {
    class Lies extends autograd.Function {
      static override forward(_: torch.autograd.FunctionContext, x: torch.Tensor): torch.Tensor {
        return x.mul(2);
      }
      static override backward(_: torch.autograd.FunctionContext, g: torch.Tensor): torch.Tensor {
        return g.mul(3);
      }
    }
    const x = leaf([1, 2]);
    expect(autograd.gradcheck((t: torch.Tensor) => t.mul(t), x)).toBe(true);
    expect(() => autograd.gradcheck((t: torch.Tensor) => Lies.apply(t), x)).toThrow(/Jacobian mismatch for output 0 with respect to input 0/);
    expect(autograd.gradcheck((t: torch.Tensor) => Lies.apply(t), x, { raiseException: false })).toBe(false);
  });
});

test('anomaly detection names the op that made NaN', () => {
  const x = leaf([0]);
  expect(() => autograd.detectAnomaly(() => x.mul(0).div(x).sum(null).backward())).toThrow(/DivBackward0/);
  x.mul(0).div(x).sum(null).backward();
});
