/**
 * `torch.webgpu`: whether there is a GPU, which, and what it was asked to do.
 *
 * ```ts
 * const device = (await torch.webgpu.isAvailable()) ? 'webgpu' : 'cpu';
 * await torch.init({ device });
 * ```
 * @module
 */
import { DeviceError } from './errors.js';
import { ofGpu, probe } from './runtime/gpu.js';

/** A GPU as WebGPU describes it. Browsers keep some of it to themselves, which is an empty string then. */
export interface Adapter {
  /** The maker, as `'nvidia'`. */
  readonly vendor: string;
  /** The family, as `'ampere'`. */
  readonly architecture: string;
  /** The model, as its maker's number. */
  readonly device: string;
  /** The model, or the driver, in words. */
  readonly description: string;
  /** Whether the CPU computes in a GPU's place. */
  readonly isFallback: boolean;
  /** Bytes that a tensor may have at most. */
  readonly largestTensor: number;
  /** Bytes that the invocations of a workgroup share at most. */
  readonly workgroupStorage: number;
}

/** How often something happened since the device was opened. A training step that is repeated should create nothing. */
export interface Counters {
  /** Command buffers handed to the GPU. */
  readonly submits: number;
  /** Compute passes begun. */
  readonly passes: number;
  /** Kernels launched in them. */
  readonly dispatches: number;
  /** Buffers created. */
  readonly buffers: number;
  /** Bind groups created. */
  readonly bindGroups: number;
  /** Pipelines compiled. */
  readonly pipelines: number;
  /** Writes of elements to the GPU. */
  readonly uploads: number;
  /** Reads of elements from it. */
  readonly readbacks: number;
}

/**
 * Whether there is a GPU that `device: 'webgpu'` would take. It may be asked before `torch.init`. PyTorch: as
 * `torch.mps.is_available` for its device.
 * @example
 * await torch.init({ device: (await torch.webgpu.isAvailable()) ? 'webgpu' : 'cpu' });
 */
export async function isAvailable(): Promise<boolean> {
  return !('lacking' in (await probe()));
}

/**
 * Why there is no GPU here, in words that say what to do; null where there is one.
 * @example
 * const why = await torch.webgpu.whyNot();
 * if (why !== null) console.log(`on the CPU: ${why}`);
 */
export async function whyNot(): Promise<string | null> {
  const found = await probe();
  return 'lacking' in found ? found.lacking : null;
}

/**
 * The GPU that `device: 'webgpu'` takes: the fastest that WebGPU offers.
 * @example
 * const { description, largestTensor } = await torch.webgpu.adapter();
 * @throws {@link DeviceError} if there is none; the message says why.
 */
export async function adapter(): Promise<Adapter> {
  const found = await probe();
  if ('lacking' in found) throw new DeviceError(`torch.webgpu.adapter: ${found.lacking}`);
  const { info, limits } = found.adapter;
  const { vendor, architecture, device, description, isFallbackAdapter } = info as GPUAdapterInfo & { isFallbackAdapter?: boolean };
  return {
    vendor, architecture, device, description,
    isFallback: isFallbackAdapter ?? false,
    largestTensor: Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize),
    workgroupStorage: limits.maxComputeWorkgroupStorageSize,
  };
}

/** The counters in the order of bindings/wasm/src/gpu.rs. */
const COUNTERS = ['submits', 'passes', 'dispatches', 'buffers', 'bindGroups', 'pipelines', 'uploads', 'readbacks'] as const satisfies (keyof Counters)[];

/**
 * What the GPU was asked to do since it was opened.
 * @example
 * const before = torch.webgpu.counters();
 * step();
 * console.log(torch.webgpu.counters().dispatches - before.dispatches);
 * @throws {@link DeviceError} if no GPU is open.
 */
export function counters(): Counters {
  const words = ofGpu('torch.webgpu.counters', (wasm) => wasm.gpu_counters());
  return Object.fromEntries(COUNTERS.map((name, i) => [name, words[i]!])) as unknown as Counters;
}
