/**
 * `torch.nn`: modules, losses, containers.
 * @module
 */
export * from './activation.js';
export * from './adaptive_pooling.js';
export * from './attention.js';
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, type BatchNormOptions } from './batchnorm.js';
export { ModuleDict, ModuleList, Sequential, type NamedModules } from './containers.js';
export * from './conv.js';
export * from './distance.js';
export * from './dropout.js';
export * from './flatten.js';
export * from './fold.js';
export * as functional from './functional.js';
export type { BackwardHook, BackwardPreHook, ForwardHook, ForwardPreHook, RemovableHandle } from './hooks.js';
export * as init from './init.js';
export { Bilinear, Identity, Linear, type BilinearOptions, type LinearOptions } from './linear.js';
export * from './loss.js';
export * from './loss_classification.js';
export * from './loss_margin.js';
export { Module } from './module.js';
export * from './normalization.js';
export * from './padding.js';
export { Buffer, Parameter } from './parameter.js';
export { ParameterDict, ParameterList } from './parameter_containers.js';
export * from './pooling.js';
export * from './rnn.js';
export * from './rnn_cell.js';
export * from './softmax.js';
export * from './sparse.js';
export { LoadResult, type StateDict } from './state.js';
export * from './transformer.js';
export * from './upsampling.js';
export * as utils from './utils/index.js';
