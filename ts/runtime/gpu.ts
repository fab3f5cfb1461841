/**
 * The way to the GPU: finding WebGPU on this platform, asking it for an adapter, opening the engine's device on it.
 *
 * The engine (wgpu's browser backend) looks for `navigator.gpu` by itself. Where that lies elsewhere, in Node, it is put there for as
 * long as the engine looks.
 * @module
 */
import { DeviceError, errorOfKind, LoadError, TorchError } from '../errors.js';
import { checked, type Exports, promised, run, scratch, started } from './wasm.js';

/** What the engine exports beside everything else if it was built for a GPU (bindings/wasm/src/gpu.rs). */
export interface GpuExports extends Exports {
  /** Opens the device, unless one is open; rejects with an error's kind and message. */
  gpu_open(): Promise<void>;
  /** Whether a device is open that is not lost: 1 or 0. */
  gpu_is_open(): number;
  /** Puts what was done since then in the block (ts/webgpu.ts, `counters`). */
  gpu_counters(): number;
  /** Bytes in use; it leaves the block alone. */
  gpu_live_bytes(): number;
  /** Puts bytes in use, their peak, and bytes kept for later in the block; 1 gives the latter back first, 2 counts the peak anew. */
  gpu_memory(what: number): number;
}

/** WebGPU as a platform provides it (with the classes of its errors, where they are no globals), or why it does not, in words that say what to do. */
export type Provided = { readonly gpu: GPU; readonly errors?: Readonly<Record<string, unknown>> } | { readonly lacking: string };

/** Where WebGPU comes from on this platform (`WasmSource.gpu`). */
export type GpuProvider = () => Provided | Promise<Provided>;

/** What pages, workers and Deno have: `navigator.gpu`. */
export function ownGpu(): Provided {
  const { navigator, isSecureContext } = globalThis as { navigator?: { gpu?: GPU }; isSecureContext?: boolean };
  if (navigator?.gpu) return { gpu: navigator.gpu };
  if (isSecureContext === false) {
    return { lacking: 'browsers give WebGPU to secure pages only, and this one is not: serve it by https, or open it on localhost' };
  }
  return {
    lacking:
      'this runtime has no WebGPU (there is no navigator.gpu): Chrome and Edge have it since 113 (on Linux where their flag enable-unsafe-webgpu is set), ' +
      'Safari since 26, Firefox since 141 on Windows and 145 on macOS; pages and dedicated workers have it, shared and service workers may not',
  };
}

let provider: GpuProvider = ownGpu;

/** Sets where WebGPU comes from. */
export function setGpuProvider(from: GpuProvider | undefined): void {
  provider = from ?? ownGpu;
}

/** An adapter, or why there is none. */
export type Probe = { readonly provided: Extract<Provided, { gpu: GPU }>; readonly adapter: GPUAdapter } | { readonly lacking: string };

/** Asks for the adapter that the engine will take: the fastest. Asked anew each time, since each opens one device only. */
export async function probe(): Promise<Probe> {
  const provided = await provider();
  if ('lacking' in provided) return provided;
  let adapter: GPUAdapter | null;
  try {
    adapter = await provided.gpu.requestAdapter({ powerPreference: 'high-performance' });
  } catch (cause) {
    return { lacking: `WebGPU failed to look for a GPU: ${cause instanceof Error ? cause.message : String(cause)}` };
  }
  return adapter === null ? { lacking: noAdapter() } : { provided, adapter };
}

/** Why there may be WebGPU and no adapter. */
function noAdapter(): string {
  if (typeof document === 'object' || 'WorkerGlobalScope' in globalThis) {
    return (
      'the browser offers no GPU: its graphics acceleration may be switched off in the settings, or it may refuse this driver; ' +
      'chrome://gpu or about:support tell. Update the driver, or start Chrome with --enable-unsafe-webgpu'
    );
  }
  return (
    'no GPU with a driver for Vulkan, Metal or Direct3D 12 was found. On Linux that takes the Vulkan loader (libvulkan1) and the ' +
    "driver of the GPU's maker; `vulkaninfo --summary` lists what there is"
  );
}

/**
 * Opens the engine's device. The engine has to be one that was built for it.
 * @throws {@link DeviceError} if there is no GPU, or it computes wrongly.
 */
export async function openGpu(): Promise<void> {
  if (gpuIsOpen()) return;
  const found = await probe();
  if ('lacking' in found) throw noGpu(found.lacking);
  await answered((wasm) => visibly(found.provided, () => (wasm as GpuExports).gpu_open()));
}

/** What the engine promised, or the error it was rejected with. */
export async function answered<T>(fn: (wasm: Exports) => Promise<T>): Promise<T> {
  try {
    return await promised(fn);
  } catch (error) {
    if (error instanceof TorchError) throw error;
    // Anything but a kind and a message is what WebGPU itself threw.
    if (!Array.isArray(error)) throw new DeviceError(`webgpu: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    const [kind, message] = error as [number, string];
    throw errorOfKind(kind, message);
  }
}

/** The error of a program that wants a GPU where there is none. */
export function noGpu(why: string, cause?: unknown): DeviceError {
  return new DeviceError(`torch.init({ device: 'webgpu' }): ${why}. torch.webgpu.isAvailable() tells beforehand whether there is a GPU.`, { cause });
}

/** Whether an engine is one that was built for a GPU. */
const isForGpu = (wasm: Exports): wasm is GpuExports => 'gpu_open' in wasm;

/** Whether the engine runs and has an open device. Does not load the engine. */
export function gpuIsOpen(): boolean {
  return started() && run((wasm) => isForGpu(wasm) && wasm.gpu_is_open() !== 0);
}

/** Bytes that tensors have on the GPU. Asks nothing that would disturb the block. */
export function gpuBytes(): number {
  return run((wasm) => (isForGpu(wasm) ? wasm.gpu_live_bytes() : 0));
}

/**
 * What an export that answers with words in the block says of the open device. Does not load the engine.
 * @throws {@link DeviceError} if none is open.
 */
export function ofGpu(what: string, fn: (wasm: GpuExports) => number): Float64Array {
  if (!started() || !run(isForGpu)) {
    throw new DeviceError(`${what}: no GPU is open; open it first, before the first tensor: await torch.init({ device: 'webgpu' })`);
  }
  const count = checked((wasm) => fn(wasm as GpuExports));
  return scratch().slice(0, count);
}

/**
 * `gpu.requestAdapter`, whose adapter gives a device with subgroups if it has them. wgpu 30 never asks for them, since it does not know
 * the feature's name in WebGPU (FEATURES_MAPPING in its backend/webgpu.rs); so it is added to what it asks for. The engine finds out by
 * asking the device (crates/gpu/src/adapter.rs).
 */
function withSubgroups(gpu: GPU): GPU['requestAdapter'] {
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  return async (options) => {
    const adapter = await requestAdapter(options);
    if (!adapter?.features.has('subgroups')) return adapter;
    const requestDevice = adapter.requestDevice.bind(adapter);
    const value = (wanted?: GPUDeviceDescriptor) => requestDevice({ ...wanted, requiredFeatures: [...(wanted?.requiredFeatures ?? []), 'subgroups'] });
    return Object.defineProperty(adapter, 'requestDevice', { value, writable: true, configurable: true, enumerable: false });
  };
}

/**
 * Runs `fn` while `navigator.gpu` is to be found. The engine looks at `navigator` if there is a global `Window` or
 * `WorkerGlobalScope`, which Node has not, and asks for subgroups where they are; nothing of this outlasts `fn`, since libraries tell browsers by such names.
 * The classes of WebGPU's errors do: that is how the engine tells them apart.
 */
export function visibly<T>(provided: Extract<Provided, { gpu: GPU }>, fn: () => T): T {
  for (const [name, value] of Object.entries(provided.errors ?? {})) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
  const undo: (() => void)[] = [];
  const lend = (name: string, value: unknown, to: object = globalThis): void => {
    const before = Object.getOwnPropertyDescriptor(to, name);
    Object.defineProperty(to, name, { value, writable: true, configurable: true, enumerable: false });
    undo.push(() => {
      if (before) Object.defineProperty(to, name, before);
      else delete (to as Record<string, unknown>)[name];
    });
  };
  if ((globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu !== provided.gpu) lend('navigator', { gpu: provided.gpu });
  if (!('Window' in globalThis) && !('WorkerGlobalScope' in globalThis)) lend('WorkerGlobalScope', class {});
  lend('requestAdapter', withSubgroups(provided.gpu), provided.gpu);
  try {
    return fn();
  } finally {
    undo.forEach((f) => f());
  }
}

/** The error of a program that asks for the GPU when its engine runs without one. */
export function tooLate(): LoadError {
  return new LoadError(
    "torch.init({ device: 'webgpu' }): the engine is already loaded, without a GPU. A program has one engine: call " +
      "`await torch.init({ device: 'webgpu' })` first, before the first tensor and before any other torch.init; tensors on 'cpu' are in it as well.",
  );
}
