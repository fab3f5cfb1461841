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

describe('Sequential', () => {
  const { nn } = torch;
  /** Keeps what it gets, as a layer of a program's own may. */
  class Probe extends nn.ReLU {
    seen: torch.Tensor | null = null;
    override forward(input: torch.Tensor): torch.Tensor {
      this.seen = input;
      return super.forward(input);
    }
  }

  test('frees what passes between layers of ours, and gradients are the same', () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU({ inplace: true }), new nn.Identity(), new nn.Dropout(0), new nn.Linear(4, 2), new nn.Tanh());
    before = torch.memory().tensors;
    const input = torch.ones(2, 3);
    const out = model(input);
    expect(made()).toBe(2);
    out.sum().backward();
    const { weight } = model[0] as torch.nn.Linear;
    const freed = weight.grad!.tolistSync();
    model.zeroGrad();
    let h: torch.Tensor = input;
    for (const layer of model) h = layer(h) as torch.Tensor;
    h.sum().backward();
    expect(weight.grad!.tolistSync()).toEqual(freed);
    expect(input.tolistSync()).toEqual([[1, 1, 1], [1, 1, 1]]);
  });

  test('leaves what somebody else may have', () => {
    const probe = new Probe();
    const linear = new nn.Linear(3, 4);
    const own = new nn.Tanh();
    const results: torch.Tensor[] = [];
    const plain = own.forward.bind(own);
    own.forward = (t) => {
      results.push(plain(t));
      return results[0]!;
    };
    const hooked = new nn.ReLU();
    hooked.registerForwardHook((_, args, output) => void results.push(args[0] as torch.Tensor, output as torch.Tensor));
    const model = new nn.Sequential(linear, probe, new nn.Sigmoid(), own, new nn.ReLU(), hooked, new nn.Tanh());
    const out = model(torch.ones(2, 3));
    expect([out, probe.seen!, ...results].map((t) => t.isDisposed)).toEqual(Array(5).fill(false));
    expect(results.every((t) => t.numel() === 8)).toBe(true);
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

describe('spill', () => {
  beforeEach(() => torch.memory.setSpillThreshold(0));
  afterEach(() => torch.memory.setSpillThreshold(null));

  test('what left comes back with its graph, its views and its hooks', () => {
    const { spilled } = torch.memory();
    const w = torch.tensor([[1, 2], [3, 4]], { requiresGrad: true });
    const h = w.mul(w);
    const view = h.at(0);
    let seen = 0;
    h.registerHook((g) => {
      seen++;
      return g.mul(10);
    });
    const loss = h.exp().sum().add(view.sum());
    // Each of these calls moves out everything that is not its own.
    for (let i = 0; i < 3; i++) torch.ones(2).dispose();
    expect(torch.memory().spilled).toBeGreaterThan(spilled);
    expect(torch.memory().tensors - before).toBeLessThanOrEqual(1);
    expect(String(view)).toBe('tensor([1., 4.], grad_fn=<SelectBackward0>)');
    loss.backward();
    expect(seen).toBe(1);
    const want = [1, 2, 3, 4].map((v) => 10 * 2 * v * (Math.exp(v * v) + (v < 3 ? 1 : 0)));
    w.grad!.flatten().tolistSync().forEach((g: number, i: number) => expect(g / want[i]!).toBeCloseTo(1, 5));
    expect(() => loss.backward()).toThrow(/second time/);
    kept.push(w, h, view, loss, w.grad!);
  });

  test('memory stays shared, and versions are kept', () => {
    const a = torch.zeros(4);
    const b = a.view(2, 2);
    const w = torch.ones(4, { requiresGrad: true });
    const y = w.mul(a).sum();
    torch.ones(1).dispose();
    b.fill_(3);
    expect(a.tolistSync()).toEqual([3, 3, 3, 3]);
    expect(() => y.backward()).toThrow(/modified by an inplace operation/);
    kept.push(a, b, w, y);
  });

  test('scopes end what has left, and keep what was returned or kept', () => {
    let lost: torch.Tensor | undefined;
    let best: torch.Tensor | undefined;
    const out = torch.scope(() => {
      lost = x.add(1);
      best = torch.keep(x.add(2));
      const result = x.add(3);
      for (let i = 0; i < 3; i++) torch.ones(2);
      return { result };
    });
    expect(lost!.isDisposed).toBe(true);
    expect(() => lost!.add(1)).toThrow(torch.DisposedError);
    expect(best!.tolistSync()).toEqual([3, 4, 5]);
    expect(out.result.tolistSync()).toEqual([4, 5, 6]);
    kept.push(best!, out.result);
  });

  test('disposing of what has left', () => {
    const y = x.add(1);
    torch.ones(1).dispose();
    y.dispose();
    expect(y.isDisposed).toBe(true);
    expect(() => y.shape).toThrow(torch.DisposedError);
  });

  test('Infinity moves nothing', () => {
    torch.memory.setSpillThreshold(Infinity);
    const { spilled } = torch.memory();
    for (let i = 0; i < 5; i++) torch.empty(50 * 2 ** 20).dispose();
    torch.memory.emptyCache();
    expect(torch.memory().spilled).toBe(spilled);
    expect(() => torch.memory.setSpillThreshold(-1)).toThrow(torch.ArgumentError);
  });
});

describe('views of the engine\'s memory', () => {
  test('are copies where threads share it, which nothing could detach', () => {
    const y = torch.arange(4);
    const view = y.dataView();
    y.dispose();
    kept.push(torch.full([4], 7, { dtype: torch.int64 }));
    expect([...view]).toEqual([0n, 1n, 2n, 3n]);
  });

  test('a copy is a copy, and typed arrays given are copied', async () => {
    const given = Float32Array.of(1, 2, 3);
    const y = torch.tensor(given);
    given[0] = 9;
    const copy = await y.data();
    copy[1] = 9;
    expect(y.tolistSync()).toEqual([1, 2, 3]);
    kept.push(y);
  });
});

describe('track', () => {
  afterEach(() => void torch.memory.track(false));

  test('lists live tensors by where they were made, and says where one was disposed', () => {
    torch.memory.track();
    const model = new torch.nn.Sequential(new torch.nn.Linear(3, 4), new torch.nn.Linear(4, 2));
    const list = [1, 2, 3].map(() => torch.zeros(100, 10));
    const table = torch.memory.track();
    expect(table[0]).toMatchObject({ tensors: 3, bytes: 12000, kinds: ['float32[100, 10] x 3'] });
    expect(table[0]!.site).toMatch(/^at .*lifetime\.test\.ts:\d+:\d+/);
    expect(String(table)).toMatch(/^tensors +bytes +made +kinds\n-+ .*\n3 +11\.7 KiB +at .*lifetime\.test\.ts/);
    list[0]!.dispose();
    expect(torch.memory.track()[0]!.tensors).toBe(2);
    expect(() => list[0]!.add(1)).toThrow(/^add: a tensor is used after it was disposed.* It was disposed at .*lifetime\.test\.ts:\d+:\d+\)? and made at .*lifetime\.test\.ts/);
    torch.memory.track(false);
    expect(torch.memory.track(false)).toHaveLength(0);
    kept.push(...list, ...model.parameters());
  });
});

test('memorySummary is a table of what memory() says', () => {
  expect(torch.memorySummary()).toMatch(/^memory of cpu *\n-+ +-+\ntensors +\d+\n/);
  expect(torch.memorySummary()).toMatch(/moved out so far +[\d.]+ \w+\nbrought back/);
  expect(() => torch.memorySummary('cuda')).toThrow(torch.DeviceError);
});

test('an optimizer leaves no gradients behind', () => {
  const p = torch.ones(3, { requiresGrad: true });
  const adam = new torch.optim.Adam([p]);
  const once = (): void => {
    adam.zeroGrad();
    torch.scope(() => p.square().sum().backward());
    adam.step();
  };
  once();
  const then = made();
  for (let i = 0; i < 5; i++) once();
  expect(made()).toBe(then);
  kept.push(p);
});
