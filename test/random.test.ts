// Generators, random tensors and scikit-learn's makers through the public API.
import { describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

const list = (t: torch.Tensor): unknown => t.tolistSync();

describe('the default generator', () => {
  test('gives the numbers of PyTorch', () => {
    torch.manualSeed(42);
    expect(String(torch.rand(2))).toBe('tensor([0.8823, 0.9150])');
    torch.manualSeed(0);
    expect(String(torch.randn(2, 2))).toBe('tensor([[ 1.5410, -0.2934],\n        [-2.1788,  0.5684]])');
    torch.manualSeed(0);
    expect(list(torch.randperm(5))).toEqual([4, 0, 1, 3, 2]);
  });

  test('tells its seed, also beyond 2^53', () => {
    torch.manualSeed(7);
    expect(torch.initialSeed()).toBe(7);
    torch.manualSeed(-1);
    expect(torch.initialSeed()).toBe(2n ** 64n - 1n);
    torch.manualSeed(2n ** 63n);
    expect(torch.initialSeed()).toBe(2n ** 63n);
    const seed = torch.seed();
    expect(torch.initialSeed()).toBe(seed);
  });

  test('refuses what is no seed', () => {
    expect(() => torch.manualSeed(1.5)).toThrow(/integer, not 1.5/);
    expect(() => torch.manualSeed(2n ** 64n)).toThrow(/64 bits/);
    expect(() => torch.manualSeed('5' as unknown as number)).toThrow(/integer.*not "5"/);
    expect(() => torch.manualSeed(NaN)).toThrow(/integer.*not NaN/);
  });

  test('is where it was after a refused call', () => {
    const weights = torch.tensor([1, 2], { dtype: torch.float32 }), x = torch.zeros(3);
    const refused = [
      () => x.uniform_(2, 1), () => x.uniform_(NaN, 1), () => x.normal_(0, -1), () => x.exponential_(0), () => x.cauchy_(0, 0),
      () => x.logNormal_(0, 0), () => x.geometric_(1), () => x.bernoulli_(1.5), () => x.bernoulli_(torch.tensor([0.5, 2, 0])),
      () => x.random_(5, 5), () => torch.randint(5, 5, [3]), () => torch.randint(0, 300, [3], { dtype: torch.uint8 }), () => torch.rand(-1),
      () => torch.rand(2, { dtype: torch.int64 }), () => torch.randperm(-1), () => torch.randperm(3, { dtype: torch.bool }),
      () => torch.randperm(300, { dtype: torch.uint8 }), () => torch.multinomial(weights, 3), () => torch.multinomial(weights.neg(), 1),
      () => torch.multinomial(weights.mul(0), 1), () => torch.normal(weights, weights.neg()), () => torch.normal(0, -1, [2]),
      () => torch.nn.functional.dropout(x, 1.5), () => torch.nn.init.truncNormal_(x, 0, 1, 2, 1), () => torch.nn.init.orthogonal_(x),
      () => torch.setRngState(torch.zeros(5056, { dtype: torch.uint8 })), () => torch.setRngState(torch.zeros(5056)),
    ];
    torch.manualSeed(3);
    const expected = list(torch.randn(2));
    for (const [i, call] of refused.entries()) {
      torch.manualSeed(3);
      expect(call, `call ${i}`).toThrow();
      expect(list(torch.randn(2)), `after call ${i}`).toEqual(expected);
    }
  });

  test('goes on from its state', () => {
    torch.manualSeed(3);
    torch.randn(3);
    const state = torch.getRngState();
    expect(list(torch.tensor([...state.shape]))).toEqual([5056]);
    const a = list(torch.randn(20));
    torch.setRngState(state);
    expect(list(torch.randn(20))).toEqual(a);
    expect(() => torch.setRngState(torch.zeros(8, { dtype: torch.uint8 }))).toThrow(/5056 bytes, got 8/);
  });

  test('is put back by forkRng', async () => {
    torch.manualSeed(3);
    const inside = torch.random.forkRng(() => list(torch.rand(3)));
    expect(list(torch.rand(3))).toEqual(inside);
    torch.manualSeed(3);
    await torch.random.forkRng(async () => {
      await Promise.resolve();
      torch.rand(5);
    });
    expect(list(torch.rand(3))).toEqual(inside);
  });
});

describe('Generator', () => {
  test('is a stream of its own', () => {
    const g = new torch.Generator();
    expect(g.initialSeed()).toBe(67280421310721);
    g.manualSeed(42);
    torch.manualSeed(1);
    const alone = list(torch.rand(2));
    torch.manualSeed(1);
    const drawn = list(torch.rand(2, { generator: g }));
    expect(list(torch.rand(2))).toEqual(alone);
    torch.manualSeed(42);
    expect(list(torch.rand(2))).toEqual(drawn);
  });

  test('can be cloned', () => {
    const g = new torch.Generator().manualSeed(5);
    torch.rand(3, { generator: g });
    const h = g.cloneState();
    expect(list(torch.rand(3, { generator: h }))).toEqual(list(torch.rand(3, { generator: g })));
  });
});

// Expected values: torch 2.13.
describe('PyTorch\'s numbers', () => {
  test('of initialisers made from several draws', () => {
    torch.manualSeed(1);
    const t = torch.empty(2, 3);
    torch.nn.init.truncNormal_(t, 0, 0.02);
    expect(list(t)).toEqual([[0.01322704367339611, 0.005338482093065977, 0.0012335451319813728], [0.01242634654045105, -0.009038119576871395, -0.003322604577988386]]);
    torch.nn.init.orthogonal_(t, { generator: new torch.Generator().manualSeed(1) });
    expect(torch.allclose(t.matmul(t.t()), torch.eye(2), { atol: 1e-6 })).toBe(true);
  });

  test('in float tensors of integers that their digits cannot tell apart', () => {
    torch.manualSeed(0);
    expect(list(torch.randint(-(2 ** 24) - 3, 2 ** 24 + 3, [3], { dtype: torch.float32 }))).toEqual([-8451835, 12888170, 1483856]);
  });

  test('around means that do not lie in order', () => {
    torch.manualSeed(0);
    const columns = torch.normal(torch.zeros(5, 6).t(), 1);
    torch.manualSeed(0);
    expect(list(columns)).toEqual(list(torch.randn(6, 5)));
  });

  test('of slopes', () => {
    torch.manualSeed(123456789012345678n);
    expect(list(torch.nn.functional.rrelu(torch.tensor([-1, -2, 3, -4], { dtype: torch.float32 }), 0.1, 0.4, true))).toEqual([-0.2835826873779297, -0.6101989150047302, 3, -1.3188047409057617]);
  });
});

describe('datasets', () => {
  const { makeBlobs, makeCircles, makeMoons, makeRegression, MinMaxScaler, shuffle, StandardScaler, trainTestSplit } = torch.datasets;

  test('makeCircles gives the numbers of scikit-learn', () => {
    const [x, y] = makeCircles(1000, { noise: 0.03, randomState: 42 });
    expect(x.dtype).toBe(torch.float64);
    expect([...x.shape]).toEqual([1000, 2]);
    expect(list(x.at(0))).toEqual([0.7542462506997276, 0.23148073787097836]);
    expect(y.at(0).itemSync()).toBe(1);
  });

  test('takes counts for each half, and leaves the order alone', () => {
    const [x, y] = makeMoons([1, 2], { shuffle: false });
    expect(list(y)).toEqual([0, 1, 1]);
    expect(list(x.at(0))).toEqual([1, 0]);
  });

  test('makeBlobs around given centers', () => {
    const [, y, centers] = makeBlobs(5, { centers: [[0, 0], [9, 9]], returnCenters: true, randomState: 0 });
    expect(list(centers)).toEqual([[0, 0], [9, 9]]);
    expect((list(y) as number[]).reduce((a, b) => a + b)).toBe(2);
  });

  test('makeRegression fits its coefficients', () => {
    const [x, y, coef] = makeRegression(20, { nFeatures: 3, nInformative: 2, coef: true, randomState: 1 });
    expect(torch.allclose(x.matmul(coef), y)).toBe(true);
  });

  test('refuses what scikit-learn refuses', () => {
    expect(() => makeMoons(0)).toThrow(/nSamples must be an integer of at least 1, not 0/);
    expect(() => makeCircles(10, { factor: 1.5 })).toThrow(/factor must be in \[0, 1\)/);
    expect(() => makeMoons(10, { nois: 1 } as object)).toThrow(/no option 'nois'/);
    expect(() => makeMoons(10, { randomState: -1 })).toThrow(/randomState/);
    expect(() => torch.datasets.makeClassification(10, { nInformative: 1 })).toThrow(/2\*\*n_informative/);
  });

  test('trainTestSplit splits tensors and arrays alike', () => {
    const x = torch.arange(10), names = [...'abcdefghij'];
    const [xTrain, xTest, nTrain, nTest] = trainTestSplit(x, names, { testSize: 0.3, randomState: 42 });
    expect(list(xTest)).toEqual([8, 1, 5]); // sklearn.model_selection.train_test_split(range(10), test_size=0.3, random_state=42)
    expect(list(xTrain)).toEqual([0, 7, 2, 9, 4, 3, 6]);
    expect(nTest).toEqual(['i', 'b', 'f']);
    expect(nTrain).toHaveLength(7);
    const [a, b] = trainTestSplit(x, { testSize: 2, shuffle: false });
    expect([list(a), list(b)]).toEqual([[0, 1, 2, 3, 4, 5, 6, 7], [8, 9]]);
  });

  test('trainTestSplit keeps shares of classes', () => {
    const y = Array.from({ length: 40 }, (_, i) => (i % 4 ? 'common' : 'rare'));
    const [, test] = trainTestSplit(y, { testSize: 0.5, stratify: y, randomState: 0 });
    expect(test.filter((c) => c === 'rare')).toHaveLength(5);
    expect(() => trainTestSplit([1, 2, 3], { stratify: [0, 0, 1] })).toThrow(/least populated class/);
    expect(() => trainTestSplit([1, 2], [1])).toThrow(/inconsistent numbers of samples: \[2, 1\]/);
  });

  test('shuffle keeps samples together', () => {
    const [x, y] = shuffle(torch.arange(6), ['0', '1', '2', '3', '4', '5'], { randomState: 1 });
    expect((list(x) as number[]).map(String)).toEqual(y);
    expect(shuffle([1, 2, 3], { nSamples: 2, randomState: 0 })).toHaveLength(2);
  });

  test('scalers scale and go back', () => {
    const x = torch.tensor([[1, 10], [3, 10], [5, 10]], { dtype: torch.float64 });
    const standard = new StandardScaler();
    const z = standard.fitTransform(x);
    expect(list(standard.mean!)).toEqual([3, 10]);
    expect(list(z)).toEqual([[-1.224744871391589, 0], [0, 0], [1.224744871391589, 0]]);
    expect(torch.allclose(standard.inverseTransform(z), x)).toBe(true);
    const unit = new MinMaxScaler({ clip: true }).fit(x);
    expect(list(unit.transform(torch.tensor([[2.5, 11]], { dtype: torch.float64 })))).toEqual([[0.375, 1]]);
    expect(unit.transform(x.float()).dtype).toBe(torch.float32);
    expect(() => new StandardScaler().transform(x)).toThrow(/not fitted yet/);
  });
});
