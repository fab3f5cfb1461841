// Datasets, samplers, loaders. Orders are PyTorch's (fixtures/data.py).
import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import * as torch from '../dist/index.js';
import type { Tensor } from '../dist/index.js';

const {
  BatchSampler, ChainDataset, ConcatDataset, DataLoader, Dataset, defaultCollate, defaultConvert, IterableDataset, RandomSampler, randomSplit,
  SequentialSampler, StackDataset, Subset, SubsetRandomSampler, TensorDataset, WeightedRandomSampler,
} = torch.utils.data;

interface Case {
  global: unknown;
  after: number[];
  own: unknown;
  own_after: number[];
  global_after_own: number[];
}
const fixture = JSON.parse(readFileSync(new URL('fixtures/data.json', import.meta.url), 'utf8')) as Record<string, Case>;
const ten = Array.from({ length: 10 }, (_, i) => i);
const list = (t: Tensor): number[] => t.tolistSync() as number[];

describe('the order of samples, and the generator afterwards', () => {
  type Run = (generator: torch.Generator | null) => unknown;
  const twice = <T>(make: (generator: torch.Generator | null) => Iterable<T>): Run => (generator) => {
    const it = make(generator);
    return [[...it], [...it]];
  };
  const loader = (options: object): Run => (generator) => {
    const it = new DataLoader(ten, { ...options, generator });
    return [[...it].map(list), [...it].map(list)];
  };
  const cases: Record<string, Run> = {
    shuffle: loader({ batchSize: 3, shuffle: true }),
    'shuffle, drop last': loader({ batchSize: 3, shuffle: true, dropLast: true }),
    'in order': loader({ batchSize: 4 }),
    'random sampler, 25 of 10': twice((generator) => new RandomSampler(ten, { numSamples: 25, generator })),
    'random sampler, replacement': twice((generator) => new RandomSampler(ten, true, 40, generator)),
    subset: twice((generator) => new SubsetRandomSampler([3, 1, 4, 15, 9, 2, 6], generator)),
    weighted: twice((generator) => new WeightedRandomSampler([0.1, 0, 3, 0.5], 12, { generator })),
    'weighted, no replacement': twice((generator) => new WeightedRandomSampler([0.1, 0.2, 3, 0.5], 3, { replacement: false, generator })),
    split: (generator) => randomSplit(ten, [7, 3], { generator }).map((s) => [...s.indices]),
    'split by fractions': (generator) => randomSplit(ten, [0.35, 0.35, 0.3], generator).map((s) => [...s.indices]),
  };
  for (const [name, run] of Object.entries(cases)) {
    test(name, () => {
      const want = fixture[name]!;
      torch.manualSeed(42);
      expect(run(null)).toEqual(want.global);
      expect(list(torch.randint(1 << 20, [3]))).toEqual(want.after);
      const generator = new torch.Generator();
      generator.manualSeed(7);
      torch.manualSeed(42);
      expect(run(generator)).toEqual(want.own);
      expect(list(torch.randint(1 << 20, [3], { generator }))).toEqual(want.own_after);
      expect(list(torch.randint(1 << 20, [3]))).toEqual(want.global_after_own);
    });
  }
});

describe('datasets', () => {
  const x = torch.arange(12).reshape(6, 2);
  const y = torch.arange(6).float();

  test('TensorDataset: rows, and batches that equal stacked rows', () => {
    const set = new TensorDataset(x, y);
    expect(set.length).toBe(6);
    expect(set.getItem(-1).map((t) => t.tolistSync())).toEqual([[10, 11], 5]);
    const [a, b] = defaultCollate([set.getItem(4), set.getItem(1), set.getItem(1)]);
    const [c, d] = set.getBatch!([4, 1, 1]) as [Tensor, Tensor];
    expect([list(c), list(d)]).toEqual([list(a), list(b)]);
    expect(c.dtype).toBe(torch.int64);
    c.zero_();
    expect(list(x.at(4))).toEqual([8, 9]);
    expect(() => new TensorDataset(x, torch.zeros(5))).toThrow('Size mismatch between tensors');
  });

  test('Subset of a subset, its batches too', () => {
    const inner = new Subset(new TensorDataset(x, y), [5, 3, 1]);
    const outer = new Subset(inner, [2, 0]);
    expect((outer.getItem(0) as [torch.Tensor, torch.Tensor])[1].itemSync()).toBe(1);
    const [batch] = [...new DataLoader(outer, { batchSize: 2 })];
    expect(batch!.map((t) => t.tolistSync())).toEqual([[[2, 3], [10, 11]], [1, 5]]);
    expect(() => outer.getItem(2)).toThrow('index 2 is out of range for 2 samples');
  });

  test('ConcatDataset', () => {
    const set = new ConcatDataset([[1, 2], new Subset(ten, [7, 8, 9])]);
    expect(set.length).toBe(5);
    expect([0, 1, 2, 4, -1, -5].map((i) => set.getItem(i))).toEqual([1, 2, 7, 9, 9, 1]);
    expect(() => set.getItem(-6)).toThrow('absolute value of index should not exceed dataset length');
    expect(() => set.getItem(5)).toThrow('out of range');
  });

  test('StackDataset', () => {
    const pairs = new StackDataset(ten, ten.map((v) => v * v));
    expect(pairs.getItem(3)).toEqual([3, 9]);
    const named = new StackDataset({ x: ten, y: ten.map(String) });
    expect(named.getItem(3)).toEqual({ x: 3, y: '3' });
    expect(() => new StackDataset([1], [1, 2])).toThrow('Size mismatch between datasets');
  });

  class Count extends IterableDataset<number> {
    constructor(readonly n: number) {
      super();
    }
    override get length(): number {
      return this.n;
    }
    override *[Symbol.iterator](): Generator<number> {
      for (let i = 0; i < this.n; i++) yield i;
    }
  }
  class Later extends IterableDataset<number> {
    override async *[Symbol.asyncIterator](): AsyncGenerator<number> {
      for (let i = 0; i < 3; i++) yield await Promise.resolve(i);
    }
  }

  test('streams', async () => {
    const loader = new DataLoader(new Count(5), { batchSize: 2 });
    expect(loader.length).toBe(3);
    expect([...loader].map(list)).toEqual([[0, 1], [2, 3], [4]]);
    expect([...new DataLoader(new Count(5), { batchSize: 2, dropLast: true })].length).toBe(2);
    expect([...new DataLoader(new Count(3), { batchSize: null })]).toEqual([0, 1, 2]);
    const chain = new ChainDataset([new Count(2), new Count(1)]);
    expect(chain.length).toBe(3);
    expect([...chain]).toEqual([0, 1, 0]);
    const batches: number[][] = [];
    for await (const batch of new DataLoader(new Later().add(new Count(2)), { batchSize: 4 })) batches.push(list(batch));
    expect(batches).toEqual([[0, 1, 2, 0], [1]]);
    expect(() => [...new DataLoader(new Later())]).toThrow('use `for await`');
    expect(() => new DataLoader(new Later()).length).toThrow('has no length');
    expect(() => new DataLoader(new Count(1), { shuffle: true })).toThrow('expected unspecified shuffle option');
  });

  test('samples that come later', async () => {
    class Remote extends Dataset<{ x: number; name: string }> {
      override get length(): number {
        return 3;
      }
      getItem(i: number): Promise<{ x: number; name: string }> {
        return Promise.resolve({ x: i, name: `n${i}` });
      }
    }
    const seen: unknown[] = [];
    for await (const { x, name } of new DataLoader(new Remote(), { batchSize: 2 })) seen.push([list(x), name]);
    expect(seen).toEqual([[[0, 1], ['n0', 'n1']], [[2], ['n2']]]);
    expect(() => [...new DataLoader(new Remote())]).toThrow('use `for await');
  });
});

describe('collation', () => {
  test('kinds of samples', () => {
    expect(String(defaultCollate([0, 1, 2]))).toBe('tensor([0, 1, 2])');
    expect(String(defaultCollate([0.5, 1]))).toBe('tensor([0.5000, 1.0000], dtype=torch.float64)');
    expect(String(defaultCollate([true, false]))).toBe('tensor([ True, False])');
    expect(defaultCollate(['a', 'b'])).toEqual(['a', 'b']);
    expect(defaultCollate([[0, 1], [2, 3]]).map(String)).toEqual(['tensor([0, 2])', 'tensor([1, 3])']);
    expect(list(defaultCollate([{ a: torch.ones(2) }, { a: torch.zeros(2) }]).a)).toEqual([[1, 1], [0, 0]]);
    expect(defaultCollate([Float32Array.of(1, 2), Float32Array.of(3, 4)]).dtype).toBe(torch.float32);
    expect(() => defaultCollate([[1, 2], [3]])).toThrow('each element in list of batch should be of equal size');
    expect(() => defaultCollate([new Date()])).toThrow('found Date');
    expect(list(defaultConvert(Float32Array.of(1, 2)) as Tensor)).toEqual([1, 2]);
  });

  test('a function of your own', () => {
    const loader = new DataLoader(ten, { batchSize: 4, collateFn: (xs: number[]) => xs.reduce((a, b) => a + b, 0) });
    expect([...loader]).toEqual([6, 22, 17]);
  });
});

describe('loader', () => {
  test('options', () => {
    expect(new DataLoader(ten).length).toBe(10);
    expect(new DataLoader(ten, 3, { dropLast: true }).length).toBe(3);
    expect(new DataLoader(ten, { batchSize: null }).length).toBe(10);
    const batches = new BatchSampler(new SequentialSampler(ten), 4, false);
    expect([...new DataLoader(ten, { batchSampler: batches })].map(list)).toEqual([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]);
    expect([...new DataLoader(ten, { batchSize: 2, sampler: [9, 0, 9] })].map(list)).toEqual([[9, 0], [9]]);
    expect(() => new DataLoader(ten, { sampler: [1], shuffle: true })).toThrow('mutually exclusive with shuffle');
    expect(() => new DataLoader(ten, { batchSampler: [[1]], batchSize: 2 })).toThrow('batch_sampler option is mutually exclusive');
    expect(() => new DataLoader(ten, { batchSize: 0 })).toThrow('batch_size should be a positive integer value, but got batch_size=0');
    expect(() => new DataLoader(ten, { batchsize: 2 } as object)).toThrow("unknown option 'batchsize'");
    expect(() => new DataLoader({} as number[])).toThrow('the dataset must be an array');
    expect(() => new RandomSampler([])).toThrow('num_samples should be a positive integer value');
  });

  test('an asynchronous epoch is the synchronous one, and lets other work run', async () => {
    const set = new TensorDataset(torch.arange(500), torch.arange(500).float());
    const loader = new DataLoader(set, { batchSize: 1, shuffle: true });
    torch.manualSeed(1);
    const sync = [...loader].map(([x]) => x.itemSync());
    torch.manualSeed(1);
    // A clock on which every look takes longer than the loader lets the event loop wait.
    let now = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 10));
    let turns = 0;
    const other = (): void => {
      turns++;
      if (asynchronous.length < 500) setImmediate(other);
    };
    const asynchronous: unknown[] = [];
    setImmediate(other);
    for await (const [x] of loader) asynchronous.push(x.itemSync());
    clock.mockRestore();
    expect(asynchronous).toEqual(sync);
    expect(turns).toBeGreaterThan(100);
  });
});
