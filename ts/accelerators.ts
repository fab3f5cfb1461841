/**
 * What programs ask before they choose a device: `torch.cuda`, `torch.accelerator`, `torch.backends`. Tensors live on the
 * CPU, so the answer is no, and `const device = torch.cuda.isAvailable() ? 'cuda' : 'cpu'` can be kept as it is.
 * @module
 */
import type { Device } from './device.js';

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

/** PyTorch: `torch.accelerator`. */
export const accelerator = {
  /** Whether there is a device beside the CPU: no. PyTorch: `torch.accelerator.is_available`. */
  isAvailable: (): boolean => false,
  /** The device beside the CPU; null, there is none. PyTorch: `torch.accelerator.current_accelerator`. */
  currentAccelerator: (): Device | null => null,
  /** PyTorch: `torch.accelerator.device_count`. */
  deviceCount: (): number => 0,
} as const;

/** PyTorch: `torch.backends`. */
export const backends = {
  mps: {
    /** Whether tensors can live on an Apple GPU: no. PyTorch: `torch.backends.mps.is_available`. */
    isAvailable: (): boolean => false,
  },
} as const;
