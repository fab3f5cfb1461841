/**
 * Matrices of low rank, and linear models with such features (sklearn/datasets/_samples_generator.py).
 * @module
 */
import { tensor } from '../creation.js';
import { float64, int64 } from '../dtype.js';
import { ValueError } from '../errors.js';
import { qr } from '../generated/linalg.js';
import { arange, cat, zeros } from '../generated/torch.js';
import { scope } from '../runtime/scope.js';
import type { Tensor } from '../tensor.js';
import { known, NumpyRandom, type RandomState, seedOf } from './random_state.js';

/** Options of {@link makeLowRankMatrix}. */
export interface LowRankOptions {
  /** About how many singular vectors explain most of the data. Default: 10. */
  effectiveRank?: number;
  /** Weight of the fat noisy tail of the singular values, from 0 to 1. Default: 0.5. */
  tailStrength?: number;
  /** The seed. Default: different numbers each time. */
  randomState?: RandomState;
}

/** What {@link regressionOfLowRank} needs; everything is checked. @internal */
export interface LowRankRegression {
  readonly nFeatures: number;
  readonly nInformative: number;
  readonly nTargets: number;
  readonly bias: number;
  readonly noise: number;
  readonly shuffle: boolean;
  readonly effectiveRank: number;
  readonly tailStrength: number;
}

/** @internal */
export function checkRank(name: string, effectiveRank: number, tailStrength: number): void {
  if (!Number.isInteger(effectiveRank) || effectiveRank < 1) throw new ValueError(`${name}: effectiveRank must be a positive integer or null, not ${String(effectiveRank)}`);
  if (!(tailStrength >= 0 && tailStrength <= 1)) throw new ValueError(`${name}: tailStrength must be in [0, 1], not ${String(tailStrength)}`);
}

function lowRank(samples: number, features: number, rank: number, tail: number, rng: NumpyRandom): Tensor {
  const n = Math.min(samples, features);
  const [u] = qr(rng.normal([samples, n]));
  const [v] = qr(rng.normal([features, n]));
  const at = arange(n, { dtype: float64 }).div(rank);
  const singular = at.pow(2).neg().exp().mul(1 - tail).add(at.mul(-0.1).exp().mul(tail));
  return u.mul(singular).matmul(v.t());
}

/**
 * A matrix whose singular values fall off like a bell, with a fat tail. scikit-learn: `make_low_rank_matrix`; its numbers
 * for the same `randomState`, up to the rounding of products of matrices.
 * @param nSamples rows. Default: 100.
 * @param nFeatures columns. Default: 100.
 * @returns float64 `[nSamples, nFeatures]`.
 * @example
 * const x = torch.datasets.makeLowRankMatrix(50, 25, { effectiveRank: 5, tailStrength: 0.01, randomState: 0 });
 */
export function makeLowRankMatrix(nSamples = 100, nFeatures = 100, options: LowRankOptions = {}): Tensor {
  const name = 'makeLowRankMatrix';
  known(name, options, ['effectiveRank', 'tailStrength', 'randomState']);
  const { effectiveRank = 10, tailStrength = 0.5 } = options;
  checkRank(name, effectiveRank, tailStrength);
  for (const n of [nSamples, nFeatures]) if (!Number.isInteger(n) || n < 1) throw new ValueError(`${name}: nSamples and nFeatures must be positive integers, not ${String(n)}`);
  return scope(() => lowRank(nSamples, nFeatures, effectiveRank, tailStrength, new NumpyRandom(seedOf(name, options.randomState))));
}

/** `make_regression` with an `effective_rank`: samples, targets (a column each), coefficients. @internal */
export function regressionOfLowRank(samples: number, o: LowRankRegression, seed: number): [x: Tensor, y: Tensor, coef: Tensor] {
  return scope(() => {
    const rng = new NumpyRandom(seed);
    const informative = Math.min(o.nInformative, o.nFeatures);
    let x = lowRank(samples, o.nFeatures, o.effectiveRank, o.tailStrength, rng);
    let coef = cat([rng.uniform([informative, o.nTargets]).mul(100), zeros([o.nFeatures - informative, o.nTargets], { dtype: float64 })]);
    let y = x.matmul(coef).add(o.bias);
    if (o.noise > 0) y = y.add(rng.normal([samples, o.nTargets]).mul(o.noise));
    if (o.shuffle) {
      const rows = tensor(rng.permutation(samples), { dtype: int64 });
      const columns = tensor(rng.permutation(o.nFeatures), { dtype: int64 });
      x = x.indexSelect(0, rows).indexSelect(1, columns);
      y = y.indexSelect(0, rows);
      coef = coef.indexSelect(0, columns);
    }
    return [x, y, coef];
  });
}
