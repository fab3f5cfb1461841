/**
 * What programs ask before they choose a device: `torch.cuda`, `torch.accelerator`, `torch.backends`. There is no CUDA here, and
 * `const device = torch.cuda.isAvailable() ? 'cuda' : 'cpu'` can be kept as it is; a GPU is device 'webgpu'.
 * @module
 */
import { type Device, webgpu } from './device.js';
import { gpuIsOpen } from './runtime/gpu.js';

/** PyTorch: `torch.cuda`. */
export const cuda = {
  /** Whether tensors can live on an NVIDIA GPU: no. PyTorch: `torch.cuda.is_available`. */
  isAvailable: (): boolean => false,
  /** PyTorch: `torch.cuda.device_count`. */
  deviceCount: (): number => 0,
  /** Does nothing where there is no such GPU, as in PyTorch: `torch.cuda.manual_seed`. */
  manualSeed: (_seed: number | bigint): void => undefined,
  /** Does nothing where there is no such GPU, as in PyTorch: `torch.cuda.manual_seed_all`. */
  manualSeedAll: (_seed: number | bigint): void => undefined,
} as const;

/**
 * The device beside the CPU that tensors can live on now: a GPU that `torch.init({ device: 'webgpu' })` opened. Whether one could be opened
 * takes a moment to know: `await torch.webgpu.isAvailable()`. PyTorch: `torch.accelerator`.
 */
export const accelerator = {
  /** Whether a GPU is open. PyTorch: `torch.accelerator.is_available`. */
  isAvailable: (): boolean => gpuIsOpen(),
  /** The open GPU, or null. PyTorch: `torch.accelerator.current_accelerator`. */
  currentAccelerator: (): Device | null => (gpuIsOpen() ? webgpu : null),
  /** PyTorch: `torch.accelerator.device_count`. */
  deviceCount: (): number => (gpuIsOpen() ? 1 : 0),
} as const;

/** PyTorch: `torch.backends`. */
export const backends = {
  mps: {
    /** Whether tensors can live on an Apple GPU: no. PyTorch: `torch.backends.mps.is_available`. */
    isAvailable: (): boolean => false,
  },
} as const;
