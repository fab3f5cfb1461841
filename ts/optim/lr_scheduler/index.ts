/**
 * Learning rate schedules. PyTorch: `torch.optim.lr_scheduler`.
 * @module
 */
export { ChainedScheduler, SequentialLR, type SequentialLROptions } from './composite.js';
export { CosineAnnealingLR, type CosineAnnealingLROptions, CosineAnnealingWarmRestarts, type CosineAnnealingWarmRestartsOptions } from './cosine.js';
export { CyclicLR, type CyclicLROptions, OneCycleLR, type OneCycleLROptions, type PerGroup } from './cyclic.js';
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './plateau.js';
export { LRScheduler, type SchedulerStateDict } from './scheduler.js';
export {
  ConstantLR,
  type ConstantLROptions,
  ExponentialLR,
  type ExponentialLROptions,
  LambdaLR,
  type LambdaOptions,
  LinearLR,
  type LinearLROptions,
  type LrLambda,
  MultiplicativeLR,
  MultiStepLR,
  type MultiStepLROptions,
  PolynomialLR,
  type PolynomialLROptions,
  StepLR,
  type StepLROptions,
} from './simple.js';
