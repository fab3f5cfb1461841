/**
 * What tensors hold: `torch.memory()`.
 * @module
 */
import { cells } from './runtime/cells.js';
import { setLimit, spillAll } from './runtime/collect.js';
import { type Device, device as toDevice, webgpu } from './device.js';
import { dtypeOf } from './dtype.js';
import { ArgumentError } from './errors.js';
import { shown } from './runtime/console.js';
import { ofGpu } from './runtime/gpu.js';
import { spilled } from './runtime/spill.js';
import { isTracking, setTracking } from './runtime/track.js';
import { checked, INFO, scratch } from './runtime/wasm.js';

/** Numbers of {@link memory} for the CPU; bytes unless said otherwise. */
export interface MemoryStats {
  /** Tensors in the engine that JavaScript objects hold (a count). */
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
  /** Bytes moved out of the engine since the program began, because nobody seemed to need them (see {@link memory.setSpillThreshold}). */
  readonly spilled: number;
  /** Of those, bytes brought back because they were used after all. */
  readonly restored: number;
}

/** Numbers of {@link memory} for a GPU, in bytes. What leaves the engine for JavaScript's heap leaves the CPU only: a GPU's elements cannot be fetched at once. */
export type GpuMemoryStats = Pick<MemoryStats, 'live' | 'peak' | 'pooled' | 'reserved'>;

/** Whatever the device. */
type AnyStats = MemoryStats | GpuMemoryStats;

/** What the engine's exports do besides telling. */
const TELL = 0;
const EMPTY = 1;
const RESET = 2;

function stats(what: number): MemoryStats {
  checked((wasm) => wasm.memory_stats(what));
  const [tensors, storages, live, peak, pooled, heap, reserved, largest] = scratch() as unknown as [number, number, number, number, number, number, number, number];
  return { tensors, storages, live, peak, pooled, heap, reserved, largest, spilled: spilled.outBytes, restored: spilled.backBytes };
}

function gpuStats(what: number): GpuMemoryStats {
  const [live, peak, pooled] = ofGpu("torch.memory('webgpu')", (wasm) => wasm.gpu_memory(what)) as unknown as [number, number, number];
  return { live, peak, pooled, reserved: live + pooled };
}

const isGpu = (device: Device | string | undefined): boolean => device !== undefined && toDevice(device) === webgpu;

/**
 * How much memory tensors hold on a device; without one, on the CPU. PyTorch: `torch.cuda.memory_stats`, on the CPU for this package's
 * own heap. On a GPU it counts the buffers that tensors have, rounded up to the sizes of which buffers are made.
 * @example
 * console.log(torch.memory().live);
 * @throws {@link DeviceError} for `'webgpu'` where no GPU is open.
 */
export function memory(device?: 'cpu'): MemoryStats;
export function memory(device: 'webgpu'): GpuMemoryStats;
export function memory(device?: Device | string): AnyStats;
export function memory(device?: Device | string): AnyStats {
  return isGpu(device) ? gpuStats(TELL) : stats(TELL);
}

/**
 * Moves out of the engine whatever nothing in it refers to, so that the collector can free what nobody can reach (what is
 * used again comes back by itself), and gives free memory back to the system where that is possible. WebAssembly cannot:
 * what is free there stays at hand for tensors of any size. A GPU gets back all buffers that no tensor has. PyTorch: `torch.cuda.empty_cache`.
 */
memory.emptyCache = emptyCache;

function emptyCache(device?: 'cpu'): MemoryStats;
function emptyCache(device: 'webgpu'): GpuMemoryStats;
function emptyCache(device?: Device | string): AnyStats;
function emptyCache(device?: Device | string): AnyStats {
  if (isGpu(device)) return gpuStats(EMPTY);
  spillAll();
  return stats(EMPTY);
}

/** Starts counting the peak anew. PyTorch: `torch.cuda.reset_peak_memory_stats`. */
memory.resetPeak = resetPeak;

function resetPeak(device?: 'cpu'): MemoryStats;
function resetPeak(device: 'webgpu'): GpuMemoryStats;
function resetPeak(device?: Device | string): AnyStats;
function resetPeak(device?: Device | string): AnyStats {
  return isGpu(device) ? gpuStats(RESET) : stats(RESET);
}

/**
 * Sets how many bytes tensors may hold before the oldest are moved out of the engine into ordinary buffers, which the
 * collector frees if nobody can reach them; what is used again comes back by itself. It happens in synchronous loops,
 * where no finalizer runs, and costs a few microseconds a tensor. Default: 128 MiB, and more while a program works with more.
 *
 * What is outside may be 4 GiB, like the engine itself; then nothing more leaves, and a full engine is an {@link OutOfMemoryError}.
 * @param bytes null for the default; Infinity never moves anything; 0 moves whatever can leave before every operation, for tests.
 */
memory.setSpillThreshold = (bytes: number | null): void => {
  if (bytes !== null && !(bytes >= 0)) {
    throw new ArgumentError(`memory.setSpillThreshold: bytes must be null or a number that is not negative, not ${String(bytes)}`);
  }
  setLimit(bytes);
};

/** Tensors that were made at one place, as {@link memory.track} lists them. */
export interface SiteRow {
  /** Where in the program: a line of a stack, `at train (train.js:12:5)`. */
  readonly site: string;
  /** How many live ones were made there. */
  readonly tensors: number;
  /** Bytes of their elements; those of views count again. */
  readonly bytes: number;
  /** The kinds of tensors, the most frequent first: `float32[64, 10]`. */
  readonly kinds: readonly string[];
}

/** The table of {@link memory.track}: an array of rows that prints as a table. */
export class SiteTable extends Array<SiteRow> {
  override toString(): string {
    if (this.length === 0) return 'no live tensors were made since tracking began';
    const rows = this.map((r) => [String(r.tensors), sizeText(r.bytes), r.site, r.kinds.slice(0, 3).join(' ')]);
    return tableText(['tensors', 'bytes', 'made', 'kinds'], rows);
  }

  static {
    shown(this.prototype);
  }
}

/**
 * Notes from now on where each tensor is made and disposed, and lists the live ones by the place where they were made,
 * the largest first. While it is on, a {@link DisposedError} names these places too; it makes every operation slower by
 * a few microseconds. `torch.memory.track(false)` ends it.
 * @example
 * torch.memory.track();
 * const kept = [1, 2].map(() => torch.ones(500, 500));
 * console.log(torch.memory.track()[0].tensors); // -> 2
 * torch.memory.track(false);
 */
memory.track = (on = true): SiteTable => {
  const table = isTracking() ? bySite() : new SiteTable();
  setTracking(on);
  return table;
};

function bySite(): SiteTable {
  const sites = new Map<string, { tensors: number; bytes: number; kinds: Map<string, number> }>();
  for (const cell of cells()) {
    if (!cell?.sites) continue;
    const { slot } = cell;
    checked((wasm) => wasm.info(slot));
    const words = scratch();
    const dtype = dtypeOf(words[INFO.dtype]!);
    const kind = `${dtype.name}[${[...words.subarray(INFO.shape, INFO.shape + words[INFO.ndim]!)].join(', ')}]`;
    let row = sites.get(cell.sites.made);
    if (!row) sites.set(cell.sites.made, (row = { tensors: 0, bytes: 0, kinds: new Map() }));
    row.tensors++;
    row.bytes += words[INFO.numel]! * dtype.itemsize;
    row.kinds.set(kind, (row.kinds.get(kind) ?? 0) + 1);
  }
  const rows = [...sites].map(([site, { tensors, bytes, kinds }]): SiteRow => {
    return { site, tensors, bytes, kinds: [...kinds].sort((a, b) => b[1] - a[1]).map(([kind, n]) => (n > 1 ? `${kind} x ${n}` : kind)) };
  });
  return SiteTable.from(rows.sort((a, b) => b.bytes - a.bytes)) as SiteTable;
}

/**
 * {@link memory} as a text for people. PyTorch: `torch.cuda.memory_summary`.
 * @example
 * console.log(torch.memorySummary());
 */
export function memorySummary(device?: Device | string): string {
  const head = [`memory of ${String(toDevice(device ?? 'cpu'))}`, ''];
  if (isGpu(device)) {
    const m = gpuStats(TELL);
    return tableText(head, [
      ['in use', sizeText(m.live)],
      ['most at once', sizeText(m.peak)],
      ['free for tensors', sizeText(m.pooled)],
      ['all buffers', sizeText(m.reserved)],
    ]);
  }
  const m = stats(TELL);
  return tableText(head, [
    ['tensors', String(m.tensors)],
    ['blocks of memory', String(m.storages)],
    ['in use', sizeText(m.live)],
    ['most at once', sizeText(m.peak)],
    ['free for tensors', sizeText(m.pooled)],
    ['whole heap', sizeText(m.heap)],
    ['moved out so far', sizeText(m.spilled)],
    ['brought back', sizeText(m.restored)],
  ]);
}

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const unit = Math.min(Math.floor(Math.log2(bytes) / 10), 4);
  return `${(bytes / 1024 ** unit).toFixed(1)} ${['', 'KiB', 'MiB', 'GiB', 'TiB'][unit]!}`;
}

function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((r) => r[i]!.length)));
  const line = (r: readonly string[]): string => r.map((text, i) => text.padEnd(widths[i]!)).join('  ').trimEnd();
  return [line(head), widths.map((w) => '-'.repeat(w)).join('  '), ...rows.map(line)].join('\n');
}
