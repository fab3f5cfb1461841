// Makers and scalers: scikit-learn's own results (fixtures/sklearn.py). The makers' streams are tested beside the engine.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

const { datasets } = torch;
interface Part {
  shape: number[];
  values: (number | null)[];
}
interface Fixture {
  makers: { name: string; n: number | number[]; kwargs: Record<string, unknown>; out: Part[] }[];
  scalers: {
    name: 'StandardScaler' | 'MinMaxScaler';
    kwargs: Record<string, unknown>;
    dtype: 'float32' | 'float64' | 'int64';
    x: Part;
    y: Part;
    batches: number[];
    learned: Record<string, Part>;
    transformed: Part;
    back: Part;
  }[];
  few: number[][];
}
const fixture = JSON.parse(readFileSync(new URL('fixtures/sklearn.json', import.meta.url), 'utf8')) as Fixture;
const camel = (s: string): string => s.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
const named = (o: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(Object.entries(o).map(([k, v]) => [camel(k), v]));
const part = (t: torch.Tensor): Part => ({ shape: [...t.shape], values: Array.from(t.double().dataSync() as Float64Array, (v) => (Number.isNaN(v) ? null : v)) });

describe('makers', () => {
  test.each(fixture.makers.map((c) => [`${c.name} ${JSON.stringify(c.kwargs)}`, c] as const))('%s', (_, c) => {
    const { n_features: width, ...kwargs } = c.kwargs;
    const make = (datasets as unknown as Record<string, (...args: unknown[]) => torch.Tensor | torch.Tensor[]>)[camel(c.name)]!;
    const out = c.name === 'make_low_rank_matrix' ? make(c.n, width, named(kwargs)) : make(c.n, named(c.kwargs));
    const parts = (Array.isArray(out) ? out : [out]).map(part);
    expect(parts.map((p) => p.shape)).toEqual(c.out.map((p) => p.shape));
    // Products of matrices are rounded in another order.
    const product = /regression|classification|low_rank/.test(c.name);
    parts.forEach((p, i) => {
      if (!product) expect(p.values).toEqual(c.out[i]!.values);
      else p.values.forEach((v, k) => expect(Math.abs(v! - c.out[i]!.values[k]!)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(v!))));
    });
  });

  test('bad parameters are refused as there', () => {
    const bad: (() => unknown)[] = [
      () => datasets.makeClassification(20, { flipY: 1.1 }),
      () => datasets.makeClassification(20, { classSep: -1 }),
      () => datasets.makeClassification(20, { scale: 0 }),
      () => datasets.makeClassification(20, { weights: [0.9, 0.3] }),
      () => datasets.makeClassification(20, { weights: [-0.1, 1.1] }),
      () => datasets.makeBlobs(10, { nFeatures: 0 }),
      () => datasets.makeBlobs(10, { centers: 2, clusterStd: [1] }),
      () => datasets.makeRegression(10, { effectiveRank: 0 }),
      () => datasets.makeRegression(10, { tailStrength: 2 }),
      () => datasets.makeGaussianQuantiles(10, { mean: [1, 2, 3] }),
      () => datasets.makeLowRankMatrix(0),
      () => datasets.makeMoons(0),
      () => datasets.shuffle([1, 2], { nSamples: 0 }),
    ];
    for (const call of bad) expect(call).toThrow(torch.ValueError);
    // The engine goes on.
    expect(datasets.makeMoons(3, { randomState: 0 })[1].numel()).toBe(3);
  });
});

test('a sample of several arrays', () => {
  const x = torch.arange(20);
  expect(datasets.shuffle(x, x.mul(2), { randomState: 11, nSamples: 5 }).map((t) => t.tolistSync())).toEqual(fixture.few);
});

describe('scalers', () => {
  const tensorOf = (p: Part, dtype: torch.DType): torch.Tensor => torch.tensor(p.values.map((v) => v ?? NaN), { dtype }).reshape(p.shape);
  test.each(fixture.scalers.map((c) => [`${c.name} ${JSON.stringify(c.kwargs)} ${c.dtype} [${c.x.shape.join()}] in ${c.batches.length}`, c] as const))('%s', (_, c) => {
    const scaler = new datasets[c.name](named(c.kwargs));
    const x = tensorOf(c.x, torch[c.dtype]);
    const y = tensorOf(c.y, torch[c.dtype]);
    if (c.batches.length === 1) scaler.fit(y).fit(x);
    else torch.scope(() => torch.split(x, c.batches).forEach((batch) => scaler.partialFit(batch)));
    const learned = Object.keys(c.learned).map((name) => {
      const v = (scaler as unknown as Record<string, torch.Tensor | number>)[camel(name.slice(0, -1))]!;
      return [name, typeof v === 'number' ? { shape: [], values: [v] } : part(v)];
    });
    expect(Object.fromEntries(learned)).toEqual(c.learned);
    const transformed = scaler.transform(y);
    expect(transformed.dtype).toBe(c.dtype === 'float32' ? torch.float32 : torch.float64);
    expect(part(transformed)).toEqual(c.transformed);
    expect(part(scaler.inverseTransform(transformed))).toEqual(c.back);
  });

  test('before they are fitted', () => {
    expect(() => new datasets.StandardScaler().transform(torch.ones(2, 2))).toThrow(/not fitted/);
    expect(() => new datasets.MinMaxScaler().transform(torch.ones(2, 2))).toThrow(/not fitted/);
  });
});
