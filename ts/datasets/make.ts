/**
 * Made data sets. scikit-learn: `sklearn.datasets.make_*`; the numbers are its own for the same `randomState`.
 *
 * Samples are float64 tensors, class labels int64. A network in float32 takes `x.float()`.
 * @module
 */
import { ValueError } from '../errors.js';
import { op } from '../runtime/call.js';
import { isTensor, type Tensor } from '../tensor.js';
import { tensor } from '../creation.js';
import { float64 } from '../dtype.js';
import { checkRank, regressionOfLowRank } from './low_rank.js';
import { known, type RandomState, seedOf } from './random_state.js';

/** Options that most makers take. */
export interface MakeOptions {
  /** Whether samples come in random order. Default: true. */
  shuffle?: boolean;
  /** The seed. Default: different numbers each time. */
  randomState?: RandomState;
}

/** Options of {@link makeMoons}. */
export interface MoonsOptions extends MakeOptions {
  /** Standard deviation of the normal noise added to every coordinate. Default: none. */
  noise?: number | null;
}

/** Options of {@link makeCircles}. */
export interface CirclesOptions extends MoonsOptions {
  /** Radius of the inner circle, the outer being 1. Default: 0.8. */
  factor?: number;
}

/** Options of {@link makeBlobs}. */
export interface BlobsOptions extends MakeOptions {
  /** Dimensions of a sample. Default: 2. */
  nFeatures?: number;
  /** How many centers, or where they are (a row each). Default: 3. */
  centers?: number | Tensor | readonly (readonly number[])[] | null;
  /** Standard deviation of the blobs, one for all or one each. Default: 1. */
  clusterStd?: number | readonly number[];
  /** Where centers are drawn. Default: [-10, 10]. */
  centerBox?: readonly [number, number];
  /** Whether the centers are returned too. Default: false. */
  returnCenters?: boolean;
}

/** Options of {@link makeClassification}. */
export interface ClassificationOptions extends MakeOptions {
  /** Dimensions of a sample. Default: 20. */
  nFeatures?: number;
  /** Features that tell the class. Default: 2. */
  nInformative?: number;
  /** Features that are linear combinations of informative ones. Default: 2. */
  nRedundant?: number;
  /** Features that repeat others. Default: 0. */
  nRepeated?: number;
  /** Default: 2. */
  nClasses?: number;
  /** Default: 2. */
  nClustersPerClass?: number;
  /** Share of each class (the last may be left out). Default: equal shares. */
  weights?: readonly number[] | null;
  /** Share of samples whose class is drawn at random. Default: 0.01. */
  flipY?: number;
  /** Half the edge of the cube at whose corners the clusters are. Default: 1. */
  classSep?: number;
  /** Whether clusters are at the corners of a cube rather than of a random polytope. Default: true. */
  hypercube?: boolean;
  /** Accepted as in scikit-learn; only true, the default: samples and labels come as a pair. */
  returnXY?: true;
  /** Added to the features; null draws it. Default: 0. */
  shift?: number | readonly number[] | null;
  /** Multiplies the features; null draws it. Default: 1. */
  scale?: number | readonly number[] | null;
}

/** Options of {@link makeRegression}. */
export interface RegressionOptions extends MakeOptions {
  /** Dimensions of a sample. Default: 100. */
  nFeatures?: number;
  /** Features that the target depends on. Default: 10. */
  nInformative?: number;
  /** Targets of a sample. Default: 1. */
  nTargets?: number;
  /** Added to every target. Default: 0. */
  bias?: number;
  /** About how many singular vectors explain most of the features; null leaves them independent. Default: null. */
  effectiveRank?: number | null;
  /** With `effectiveRank`: weight of the fat noisy tail of the singular values, from 0 to 1. Default: 0.5. */
  tailStrength?: number;
  /** Standard deviation of the noise on the target. Default: 0. */
  noise?: number;
  /** Whether the model's coefficients are returned too. Default: false. */
  coef?: boolean;
}

/** Options of {@link makeSwissRoll}. */
export interface SwissRollOptions {
  /** Standard deviation of the noise. Default: 0. */
  noise?: number;
  /** Whether the sheet has a hole. Default: false. */
  hole?: boolean;
  /** The seed. Default: different numbers each time. */
  randomState?: RandomState;
}

/** Options of {@link makeGaussianQuantiles}. */
export interface QuantilesOptions extends MakeOptions {
  /** The center. Default: the origin. */
  mean?: readonly number[] | null;
  /** Variance of every coordinate. Default: 1. */
  cov?: number;
  /** Dimensions of a sample. Default: 2. */
  nFeatures?: number;
  /** Default: 3. */
  nClasses?: number;
}

const COMMON = ['shuffle', 'randomState'];

function positive(name: string, what: string, n: number): number {
  if (!Number.isInteger(n) || n < 1) throw new ValueError(`${name}: ${what} must be a positive integer, not ${String(n)}`);
  return n;
}

function atLeast(name: string, what: string, n: number, least: number): number {
  if (!Number.isInteger(n) || n < least) throw new ValueError(`${name}: ${what} must be an integer of at least ${least}, not ${String(n)}`);
  return n;
}

/** Without dimensions of size 1, as scikit-learn returns targets and places: one sample gives a 0-d tensor. */
function squeezed(t: Tensor): Tensor {
  if (!t.shape.includes(1)) return t;
  const out = t.squeeze();
  t.dispose();
  return out;
}

/** Samples and their places along a curve. */
function placed([x, t]: [Tensor, Tensor]): [Tensor, Tensor] {
  return [x, squeezed(t)];
}

function notNegative(name: string, what: string, v: number | null | undefined): number | null {
  if (v === null || v === undefined) return null;
  if (!(v >= 0)) throw new ValueError(`${name}: ${what} must not be negative, got ${String(v)}`);
  return v;
}

/** Numbers of samples for two shapes: given, or halves, the odd one for the second. */
function halves(name: string, nSamples: number | readonly [number, number], least: number): [number, number] {
  if (typeof nSamples === 'number') {
    const n = atLeast(name, 'nSamples', nSamples, least);
    return [Math.floor(n / 2), Math.ceil(n / 2)];
  }
  if (!Array.isArray(nSamples) || nSamples.length !== 2) throw new ValueError(`${name}: nSamples can be either an integer or two of them`);
  return [...(nSamples as readonly [number, number])];
}

/**
 * Two interleaving half circles. scikit-learn: `make_moons`.
 * @param nSamples points in all, or of the outer and the inner moon. Default: 100.
 * @returns `[x, y]`: `x` float64 `[n, 2]`, `y` int64 `[n]` with 0 for the outer moon and 1 for the inner.
 * @example
 * const [x, y] = torch.datasets.makeMoons(200, { noise: 0.1, randomState: 42 });
 */
export function makeMoons(nSamples: number | readonly [number, number] = 100, options: MoonsOptions = {}): [x: Tensor, y: Tensor] {
  known('makeMoons', options, [...COMMON, 'noise']);
  const noise = notNegative('makeMoons', 'noise', options.noise);
  const seed = seedOf('makeMoons', options.randomState);
  return parts(op('make_moons', ...halves('makeMoons', nSamples, 1), options.shuffle ?? true, noise, seed));
}

/**
 * A large circle around a smaller one. scikit-learn: `make_circles`.
 * @param nSamples points in all, or of the outer and the inner circle. Default: 100.
 * @returns `[x, y]`: `x` float64 `[n, 2]`, `y` int64 `[n]` with 0 for the outer circle and 1 for the inner.
 * @example
 * const [x, y] = torch.datasets.makeCircles(1000, { noise: 0.03, randomState: 42 });
 */
export function makeCircles(nSamples: number | readonly [number, number] = 100, options: CirclesOptions = {}): [x: Tensor, y: Tensor] {
  known('makeCircles', options, [...COMMON, 'noise', 'factor']);
  const { factor = 0.8 } = options;
  if (!(factor >= 0 && factor < 1)) throw new ValueError(`makeCircles: factor must be in [0, 1), got ${factor}`);
  const noise = notNegative('makeCircles', 'noise', options.noise);
  const seed = seedOf('makeCircles', options.randomState);
  return parts(op('make_circles', ...halves('makeCircles', nSamples, 0), options.shuffle ?? true, noise, factor, seed));
}

/**
 * Normal blobs of points. scikit-learn: `make_blobs`.
 * @param nSamples points in all, or of each blob. Default: 100.
 * @returns `[x, y]`, and the centers if `returnCenters`: `x` float64 `[n, nFeatures]`, `y` int64 `[n]`.
 * @example
 * const [x, y] = torch.datasets.makeBlobs(300, { centers: 4, clusterStd: 0.6, randomState: 0 });
 */
export function makeBlobs(nSamples: number | readonly number[], options: BlobsOptions & { returnCenters: true }): [x: Tensor, y: Tensor, centers: Tensor];
export function makeBlobs(nSamples?: number | readonly number[], options?: BlobsOptions): [x: Tensor, y: Tensor];
export function makeBlobs(nSamples: number | readonly number[] = 100, options: BlobsOptions = {}): Tensor[] {
  known('makeBlobs', options, [...COMMON, 'nFeatures', 'centers', 'clusterStd', 'centerBox', 'returnCenters']);
  const { nFeatures = 2, clusterStd = 1, centerBox = [-10, 10] } = options;
  let centers = options.centers ?? null;
  if (typeof centers === 'number' && typeof nSamples !== 'number') throw new ValueError('makeBlobs: with a list of nSamples, centers must be their places or null');
  let count = 3;
  let place: Tensor | null = null;
  if (typeof centers === 'number') count = positive('makeBlobs', 'centers', centers);
  else if (centers !== null) {
    place = isTensor(centers) ? centers : tensor(centers, { dtype: float64 });
    count = place.shape[0] ?? 0;
    if (isTensor(centers)) centers = null;
  }
  positive('makeBlobs', 'nFeatures', nFeatures);
  const counts = typeof nSamples === 'number' ? shares(positive('makeBlobs', 'nSamples', nSamples), count) : [...nSamples];
  const stds = typeof clusterStd === 'number' ? [clusterStd] : [...clusterStd];
  if (typeof clusterStd !== 'number' && stds.length !== counts.length) {
    throw new ValueError(`makeBlobs: Length of clusterStd (${stds.length}) not consistent with number of centers (${counts.length})`);
  }
  for (const s of stds) notNegative('makeBlobs', 'clusterStd', s);
  const seed = seedOf('makeBlobs', options.randomState);
  const out = parts(op('make_blobs', counts, place, nFeatures, stds, ...centerBox, options.shuffle ?? true, seed)) as Tensor[];
  if (place !== null && centers !== null) place.dispose();
  if (options.returnCenters) return out;
  out.pop()!.dispose();
  return out;
}

/** As equal as whole numbers can be, larger ones first. */
function shares(n: number, parts: number): number[] {
  return Array.from({ length: parts }, (_, i) => Math.floor(n / parts) + (i < n % parts ? 1 : 0));
}

/**
 * Labelled clusters with informative, redundant, repeated and useless features. scikit-learn: `make_classification`.
 * @param nSamples points in all. Default: 100.
 * @returns `[x, y]`: `x` float64 `[n, nFeatures]`, `y` int64 `[n]`.
 * @throws {@link ValueError} if the features do not add up or there are more clusters than corners.
 * @example
 * const [x, y] = torch.datasets.makeClassification(500, { nFeatures: 10, nInformative: 5, randomState: 1 });
 */
export function makeClassification(nSamples = 100, options: ClassificationOptions = {}): [x: Tensor, y: Tensor] {
  const name = 'makeClassification';
  known(name, options, [...COMMON, 'nFeatures', 'nInformative', 'nRedundant', 'nRepeated', 'nClasses', 'nClustersPerClass', 'weights', 'flipY', 'classSep', 'hypercube', 'shift', 'scale', 'returnXY']);
  const { nFeatures = 20, nInformative = 2, nRedundant = 2, nRepeated = 0, nClasses = 2, nClustersPerClass = 2 } = options;
  const { flipY = 0.01, classSep = 1, hypercube = true, shuffle = true } = options;
  if ((options.returnXY ?? true) !== true) throw new ValueError(`${name}: returnXY must be true; samples and labels come as [x, y]`);
  positive(name, 'nClasses', nClasses);
  const given = options.weights ?? null;
  const weights = given === null ? Array.from({ length: nClasses }, () => 1 / nClasses) : [...given];
  if (given !== null && weights.length === nClasses - 1) weights.push(1 - weights.reduce((a, b) => a + b, 0));
  if (typeof options.scale === 'number' && !(options.scale > 0)) throw new ValueError(`${name}: scale must be positive, not ${options.scale}`);
  if (!(flipY >= 0 && flipY <= 1)) throw new ValueError(`${name}: flipY must be in [0, 1], not ${String(flipY)}`);
  if (!(classSep > 0)) throw new ValueError(`${name}: classSep must be positive, not ${String(classSep)}`);
  positive(name, 'nSamples', nSamples);
  positive(name, 'nClustersPerClass', nClustersPerClass);
  // scikit-learn cuts off what is more than nSamples; here it is refused.
  const planned = weights.reduce((sum, w) => sum + nClustersPerClass * Math.trunc((nSamples * w) / nClustersPerClass), 0);
  if (weights.some((w) => !(w >= 0)) || planned > nSamples) {
    throw new ValueError(`${name}: weights must not be negative or sum to more than 1, got [${weights.join(', ')}]`);
  }
  const list = (v: number | readonly number[] | null): readonly number[] => (v === null ? [] : typeof v === 'number' ? [v] : v);
  const shift = list(options.shift === undefined ? 0 : options.shift);
  const scale = list(options.scale === undefined ? 1 : options.scale);
  return parts(
    op('make_classification', nSamples, positive(name, 'nFeatures', nFeatures), positive(name, 'nInformative', nInformative),
      nRedundant, nRepeated, nClasses, nClustersPerClass, weights, flipY, classSep, hypercube, shift, scale,
      shuffle, seedOf(name, options.randomState)),
  );
}

/**
 * A random linear model and noisy samples of it. scikit-learn: `make_regression`.
 * @param nSamples points in all. Default: 100.
 * @returns `[x, y]`, and the coefficients if `coef`: `x` float64 `[n, nFeatures]`, `y` float64 `[n]` (`[n, nTargets]` of several).
 * @example
 * const [x, y] = torch.datasets.makeRegression(200, { nFeatures: 1, noise: 10, randomState: 0 });
 */
export function makeRegression(nSamples: number, options: RegressionOptions & { coef: true }): [x: Tensor, y: Tensor, coef: Tensor];
export function makeRegression(nSamples?: number, options?: RegressionOptions): [x: Tensor, y: Tensor];
export function makeRegression(nSamples = 100, options: RegressionOptions = {}): Tensor[] {
  const name = 'makeRegression';
  known(name, options, [...COMMON, 'nFeatures', 'nInformative', 'nTargets', 'bias', 'effectiveRank', 'tailStrength', 'noise', 'coef']);
  const { nFeatures = 100, nInformative = 10, nTargets = 1, bias = 0, noise = 0, shuffle = true } = options;
  const { effectiveRank = null, tailStrength = 0.5 } = options;
  notNegative(name, 'noise', noise);
  atLeast(name, 'nInformative', nInformative, 0);
  positive(name, 'nSamples', nSamples);
  positive(name, 'nFeatures', nFeatures);
  positive(name, 'nTargets', nTargets);
  const seed = seedOf(name, options.randomState);
  checkRank(name, effectiveRank ?? 1, tailStrength);
  const [x, y, coef] =
    effectiveRank === null
      ? parts<[Tensor, Tensor, Tensor]>(op('make_regression', nSamples, nFeatures, nInformative, nTargets, bias, noise, shuffle, seed))
      : regressionOfLowRank(nSamples, { nFeatures, nInformative, nTargets, bias, noise, shuffle, effectiveRank, tailStrength }, seed);
  if (options.coef) return [x, squeezed(y), squeezed(coef)];
  coef.dispose();
  return [x, squeezed(y)];
}

/**
 * A rolled-up sheet in three dimensions. scikit-learn: `make_swiss_roll`.
 * @param nSamples points. Default: 100.
 * @returns `[x, t]`: `x` float64 `[n, 3]`, `t` float64 `[n]`, the place along the roll.
 */
export function makeSwissRoll(nSamples = 100, options: SwissRollOptions = {}): [x: Tensor, t: Tensor] {
  const name = 'makeSwissRoll';
  known(name, options, ['noise', 'hole', 'randomState']);
  return placed(parts(op('make_swiss_roll', positive(name, 'nSamples', nSamples), notNegative(name, 'noise', options.noise) ?? 0, options.hole ?? false, seedOf(name, options.randomState))));
}

/**
 * A sheet bent like the letter S in three dimensions. scikit-learn: `make_s_curve`.
 * @param nSamples points. Default: 100.
 * @returns `[x, t]`: `x` float64 `[n, 3]`, `t` float64 `[n]`, the place along the curve.
 */
export function makeSCurve(nSamples = 100, options: Omit<SwissRollOptions, 'hole'> = {}): [x: Tensor, t: Tensor] {
  const name = 'makeSCurve';
  known(name, options, ['noise', 'randomState']);
  return placed(parts(op('make_s_curve', positive(name, 'nSamples', nSamples), notNegative(name, 'noise', options.noise) ?? 0, seedOf(name, options.randomState))));
}

/**
 * A normal cloud, labelled by distance from its center. scikit-learn: `make_gaussian_quantiles`.
 * @param nSamples points. Default: 100.
 * @returns `[x, y]`: `x` float64 `[n, nFeatures]`, `y` int64 `[n]`, 0 nearest the center.
 */
export function makeGaussianQuantiles(nSamples = 100, options: QuantilesOptions = {}): [x: Tensor, y: Tensor] {
  const name = 'makeGaussianQuantiles';
  known(name, options, [...COMMON, 'mean', 'cov', 'nFeatures', 'nClasses']);
  const { cov = 1, nFeatures = 2, nClasses = 3, shuffle = true } = options;
  notNegative(name, 'cov', cov);
  const mean = options.mean ?? Array.from({ length: positive(name, 'nFeatures', nFeatures) }, () => 0);
  if (mean.length !== nFeatures) throw new ValueError(`${name}: mean has ${mean.length} numbers for ${nFeatures} features`);
  return parts(op('make_gaussian_quantiles', [...mean], cov, positive(name, 'nSamples', nSamples), nClasses, shuffle, seedOf(name, options.randomState)));
}

/** The parts of a result as a plain array. */
function parts<T extends Tensor[]>(out: unknown): T {
  return [...(out as Iterable<Tensor>)] as T;
}
