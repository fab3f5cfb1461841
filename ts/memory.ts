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
  /** Bytes kept for reuse. */
  readonly pooled: number;
  /** Size of the engine's whole memory. */
  readonly heap: number;
}

function stats(what: number): MemoryStats {
  checked((wasm) => wasm.memory_stats(what));
  const [tensors, storages, live, peak, pooled, heap] = scratch() as unknown as [number, number, number, number, number, number];
  return { tensors, storages, live, peak, pooled, heap };
}

/**
 * How much memory tensors hold. PyTorch: `torch.cuda.memory_stats`, for this package's own heap.
 * @example
 * console.log(torch.memory().live);
 */
export function memory(): MemoryStats {
  return stats(0);
}

/** Gives memory kept for reuse back. PyTorch: `torch.cuda.empty_cache`. */
memory.emptyCache = (): MemoryStats => stats(1);

/** Starts counting the peak anew. PyTorch: `torch.cuda.reset_peak_memory_stats`. */
memory.resetPeak = (): MemoryStats => stats(2);
