/**
 * Data sets, read or made. PyTorch: `torchvision.datasets`; the makers are scikit-learn's.
 * @module
 */
export type { OnDownload, PublishedFile } from './download.js';
export { type LowRankOptions, makeLowRankMatrix } from './low_rank.js';
export {
  type BlobsOptions, type CirclesOptions, type ClassificationOptions, makeBlobs, makeCircles, makeClassification, makeGaussianQuantiles, makeMoons,
  type MakeOptions, makeRegression, makeSCurve, makeSwissRoll, type MoonsOptions, type QuantilesOptions, type RegressionOptions, type SwissRollOptions,
} from './make.js';
export { FashionMNIST, MNIST, type MnistOptions, type MnistRootOptions } from './mnist.js';
export { MinMaxScaler, type MinMaxScalerOptions, StandardScaler, type StandardScalerOptions } from './preprocessing.js';
export type { RandomState } from './random_state.js';
export { type Samples, shuffle, type ShuffleOptions, type Split, type SplitOptions, trainTestSplit } from './split.js';
