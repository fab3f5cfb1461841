// Who frees what: dispose, using, scopes.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

let before = 0;
beforeEach(() => void (before = torch.memory().tensors));
const made = (): number => torch.memory().tensors - before;
const kept: torch.Tensor[] = [];
afterEach(() => kept.splice(0).forEach((t) => t.dispose()));

const x = torch.tensor([1, 2, 3]);

describe('dispose', () => {
  test('frees at once, twice is harmless, use afterwards is an error', () => {
    const y = x.add(1);
    expect(made()).toBe(1);
    y.dispose();
    y.dispose();
    expect(made()).toBe(0);
    expect(y.isDisposed).toBe(true);
    expect(() => y.add(1)).toThrow(torch.DisposedError);
    expect(() => y.add(1)).toThrow(/^add: a tensor is used after it was disposed/);
    expect(() => x.add(y)).toThrow(torch.DisposedError);
    expect(() => y.shape).toThrow(torch.DisposedError);
    expect(String(y)).toBe('tensor(<disposed>)');
  });

  test('a freed number is not mistaken for a new tensor', () => {
    const y = x.add(1);
    y.dispose();
    const z = x.add(2);
    kept.push(z);
    expect(() => y.tolistSync()).toThrow(torch.DisposedError);
    y.dispose();
    expect(z.tolistSync()).toEqual([3, 4, 5]);
  });

  test('using', () => {
    {
      using y = x.add(1);
      expect(y.numel()).toBe(3);
      expect(made()).toBe(1);
    }
    expect(made()).toBe(0);
  });

  test('views keep the memory alive', () => {
    const y = x.add(1);
    const v = y.at('1:');
    y.dispose();
    expect(v.tolistSync()).toEqual([3, 4]);
    v.dispose();
    expect(made()).toBe(0);
  });
});

describe('scope', () => {
  test('frees what was not returned', () => {
    const out = torch.scope(() => {
      const a = x.add(1);
      const b = a.mul(2);
      return { list: [b], map: new Map([['a', a]]) };
    });
    expect(made()).toBe(2);
    expect(out.list[0]!.tolistSync()).toEqual([4, 6, 8]);
    kept.push(out.list[0]!, out.map.get('a')!);
  });

  test('frees everything when the function throws', () => {
    expect(() => torch.scope(() => {
      x.add(1).mul(2);
      throw new Error('stop');
    })).toThrow('stop');
    expect(made()).toBe(0);
  });

  test('keep takes a tensor out', () => {
    let best: torch.Tensor | undefined;
    torch.scope(() => void (best = torch.keep(x.add(1))));
    expect(best!.tolistSync()).toEqual([2, 3, 4]);
    kept.push(best!);
  });

  test('nested: what the inner one returns belongs to the outer one', () => {
    torch.scope(() => {
      const inner = torch.scope(() => x.add(1).mul(2));
      expect(inner.tolistSync()).toEqual([4, 6, 8]);
      expect(made()).toBe(1);
    });
    expect(made()).toBe(0);
  });

  test('async, also when several overlap', async () => {
    const y = await torch.scope(async () => {
      const a = x.add(1);
      await Promise.resolve();
      return a.mul(2);
    });
    expect(made()).toBe(1);
    kept.push(y);
    const tick = (n: number): Promise<void> => (n === 0 ? Promise.resolve() : Promise.resolve().then(() => tick(n - 1)));
    const run = (n: number): Promise<number[]> => torch.scope(async () => {
      let t = x.add(n);
      for (let i = 0; i < n; i++) {
        await tick(i);
        t = t.add(1);
      }
      return t.tolistSync() as number[];
    });
    expect(await Promise.all([run(5), run(2), run(7)])).toEqual([[11, 12, 13], [5, 6, 7], [15, 16, 17]]);
    expect(made()).toBe(1);
    await expect(torch.scope(async () => { x.add(1); throw new Error('late'); })).rejects.toThrow('late');
    expect(made()).toBe(1);
  });

  test('gradients are never freed', () => {
    const w = torch.tensor([1.5], { requiresGrad: true });
    torch.scope(() => {
      w.mul(2).sum(null).backward();
      void w.grad;
    });
    expect(w.grad!.tolistSync()).toEqual([2]);
    kept.push(w, w.grad!);
  });

  test('the graph does not need the objects that a scope freed', () => {
    const w = torch.tensor([1.5], { requiresGrad: true });
    const loss = torch.scope(() => w.mul(w).mul(w).sum(null));
    loss.backward();
    expect(w.grad!.tolistSync()).toEqual([6.75]);
    kept.push(w, loss, w.grad!);
  });
});

test('memory is counted', () => {
  torch.memory.resetPeak();
  const { live } = torch.memory();
  const big = torch.tensor(new Float32Array(1 << 16));
  expect(torch.memory().live - live).toBeGreaterThanOrEqual(4 << 16);
  big.dispose();
  expect(torch.memory().live).toBe(live);
  expect(torch.memory().peak).toBeGreaterThanOrEqual(live + (4 << 16));
});
