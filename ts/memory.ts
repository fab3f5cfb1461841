/**
 * What tensors hold: `torch.memory()`.
 * @module
 */
import { checked, scratch } from './runtime/wasm.js';

/** Numbers of {@link memory}; bytes unless said otherwise. */
export interface MemoryStats {
  /** Tensors that JavaScript objects hold (a count). */
  readonly tensors: number;
  /** Blocks of memory in use, by tensors or by the graph (a count). */
  readonly storages: number;
  /** Bytes in use. */
  readonly live: number;
  /** The most that was ever in use at once. */
  readonly peak: number;
  /** Free bytes that tensors of any size can have before the engine's memory grows. */
  readonly pooled: number;
  /** Size of the engine's whole memory, which can grow up to 4 GiB and never shrinks. */
  readonly heap: number;
  /** The part of `heap` that is for tensors: `live` and `pooled` together. */
  readonly reserved: number;
  /** The largest tensor for which the memory need not grow. */
  readonly largest: number;
}

function stats(what: number): MemoryStats {
  checked((wasm) => wasm.memory_stats(what));
  const [tensors, storages, live, peak, pooled, heap, reserved, largest] = scratch() as unknown as [number, number, number, number, number, number, number, number];
  return { tensors, storages, live, peak, pooled, heap, reserved, largest };
}

/**
 * How much memory tensors hold. PyTorch: `torch.cuda.memory_stats`, for this package's own heap.
 * @example
 * console.log(torch.memory().live);
 */
export function memory(): MemoryStats {
  return stats(0);
}

/**
 * Gives free memory back to the system where that is possible. WebAssembly cannot: what is free stays at hand for tensors of
 * any size. PyTorch: `torch.cuda.empty_cache`.
 */
memory.emptyCache = (): MemoryStats => stats(1);

/** Starts counting the peak anew. PyTorch: `torch.cuda.reset_peak_memory_stats`. */
memory.resetPeak = (): MemoryStats => stats(2);
