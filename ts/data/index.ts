/**
 * Datasets, samplers and loaders. PyTorch: `torch.utils.data`.
 * @module
 */
export { type Collated, defaultCollate, defaultConvert } from './collate.js';
export {
  type AnyMapStyle,
  ChainDataset,
  ConcatDataset,
  Dataset,
  IterableDataset,
  type MapStyle,
  randomSplit,
  type RandomSplitOptions,
  StackDataset,
  Subset,
  TensorDataset,
} from './dataset.js';
export { DataLoader, type DataLoaderOptions } from './loader.js';
export {
  BatchSampler,
  RandomSampler,
  type RandomSamplerOptions,
  type Sampler,
  SequentialSampler,
  type Sized,
  SubsetRandomSampler,
  WeightedRandomSampler,
  type WeightedRandomSamplerOptions,
} from './sampler.js';
