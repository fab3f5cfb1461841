/**
 * cresset: PyTorch for TypeScript. `import * as torch from 'cresset'`.
 * @module
 */
export { accelerator, backends, cuda } from './accelerators.js';
export * as autograd from './autograd.js';
export {
  enableGrad,
  inferenceMode,
  isGradEnabled,
  isInferenceModeEnabled,
  noGrad,
  setGradEnabled,
} from './autograd-mode.js';
export { asTensor, fromNumpy, meshgrid, type MeshgridOptions, scalarTensor, tensor, type TensorData, type TensorOptions } from './creation.js';
export * as datasets from './datasets/index.js';
export { Device, device, getDefaultDevice, setDefaultDevice } from './device.js';
export {
  bfloat16,
  bool,
  complex128,
  complex64,
  double,
  DType,
  float,
  float16,
  float32,
  float64,
  getDefaultDtype,
  half,
  int,
  int16,
  int32,
  int64,
  int8,
  long,
  setDefaultDtype,
  short,
  type TypedArray,
  uint8,
} from './dtype.js';
export * from './errors.js';
export * as fft from './generated/fft.js';
export * as linalg from './generated/linalg.js';
export * as masked from './generated/masked.js';
export * as special from './generated/special.js';
export * from './generated/torch.js';
export { type Index, Slice, slice } from './indexing.js';
export { canCast, finfo, type FloatInfo, iinfo, type IntegerInfo, isComplex, isFloatingPoint, numel, promoteTypes } from './info.js';
export * as io from './io/index.js';
export { type GpuMemoryStats, memory, type MemoryStats, memorySummary, type SiteRow, SiteTable } from './memory.js';
export * as metrics from './metrics/index.js';
export * as nn from './nn/index.js';
export * as onnx from './onnx/index.js';
export * as optim from './optim/index.js';
export * as plot from './plot/index.js';
export { getPrintoptions, type PrintOptions, setPrintoptions } from './printing.js';
export * as profiler from './profiler/index.js';
export * as random from './random.js';
export { defaultGenerator, Generator, getRngState, initialSeed, manualSeed, seed, setRngState } from './random.js';
export { init, type InitOptions } from './runtime/load.js';
export { getNumThreads, setNumThreads } from './runtime/threads.js';
export { keep, scope } from './runtime/scope.js';
export * as signal from './signal.js';
export { Size } from './size.js';
export { isTensor, Tensor } from './tensor.js';
export * as train from './train/index.js';
export * as utils from './utils.js';
export * as webgpu from './webgpu.js';
