/**
 * The border to the engine: its exports, and the scratch block through which numbers go both ways.
 *
 * Everything is numbers (docs/ARCHITECTURE.md, "A call"): arguments and results are float64 words in a block
 * of WebAssembly memory; strings appear only in errors and names.
 * @module
 */
import { errorOfKind, InternalError, LoadError, TorchError } from '../errors.js';

/** What bindings/wasm exports. */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  scratch_ptr(): number;
  scratch_len(): number;
  scratch_reserve(words: number): void;
  call(op: number, flags: number): number;
  error_kind(): number;
  error_ptr(): number;
  error_len(): number;
  release(handle: number): void;
  retain(handle: number): number;
  replace(handle: number, other: number): number;
  info(handle: number): number;
  data_ptr(handle: number): number;
  lend(handle: number): void;
  alloc(dtype: number, ndim: number): number;
  live_bytes(): number;
  memory_limit(bytes: number): void;
  default_device(code: number): number;
  gpu_read?(handle: number): Promise<Uint8Array>;
  spill_block(words: number): number;
  spill_plan(count: number): number;
  spill_commit(): void;
  spill_cancel(): void;
  spill_restore(kind: number, references: number, words: number, internal: boolean): number;
  storage_ptr(handle: number): number;
  grad_mode(mode: number): number;
  op_count(): number;
  text(what: number, handle: number): number;
  memory_stats(what: number): number;
  set_threads(n: number): void;
  threads_present(): number;
  begin(): void;
  profile_start(): void;
  profile_stop(): void;
  profile_begin(id: number): void;
  profile_end(): void;
  profile_last_op(): number;
  profile_take(most: number): number;
  profile_names(): void;
}

/** Positions of what `info` writes (crates/core/src/call.rs, `info`). */
export const INFO = { dtype: 0, requiresGrad: 1, isLeaf: 2, isView: 3, hasGradFn: 4, device: 5, ndim: 6, numel: 7, offset: 8, shape: 9 } as const;

/** Called by the engine for hooks and custom Functions; words in and out of the scratch block, -1 for "it threw". */
export type Callback = (kind: number, id: number, count: number) => number;

let exports: Exports | null = null;
let capacity = 0;
let dead: InternalError | null = null;
let starter: () => void = () => {
  throw new LoadError('the engine is not loaded: call `await torch.init()` first');
};
let callback: Callback = () => -1;
/** What a callback threw, kept while the engine unwinds, so that the caller gets the original error. */
let thrown: { error: unknown } | null = null;

/** The scratch block. Empty while there is none, detached (empty again) after memory grew: see {@link scratch}. */
let words = new Float64Array(0);

/** Sets what loads the engine when it is first needed. */
export function setStarter(start: () => void): void {
  starter = start;
}

/** Whether the engine is loaded and usable. */
export function started(): boolean {
  return exports !== null && dead === null;
}

/** Takes a fresh instance into use. */
export function attach(instance: Exports): void {
  exports = instance;
  refresh();
}

/** The engine's exports, loading it if this is the first use. */
export function engine(): Exports {
  if (dead) throw dead;
  if (!exports) starter();
  return exports!;
}

/** The scratch block, valid until the next call into the engine (which may grow memory and so move the view). */
export function scratch(): Float64Array {
  return words.length === 0 ? refresh() : words;
}

function refresh(): Float64Array {
  const wasm = engine();
  capacity = wasm.scratch_len();
  words = new Float64Array(wasm.memory.buffer, wasm.scratch_ptr() >>> 0, capacity);
  return words;
}

/** The scratch block, long enough for `count` words; what the first `used` words hold is carried over. */
export function reserve(count: number, used: number): Float64Array {
  if (count <= capacity) return scratch();
  const old = scratch().slice(0, used);
  run((wasm) => wasm.scratch_reserve(count));
  const fresh = refresh();
  fresh.set(old);
  return fresh;
}

/**
 * Runs op number `op` on the arguments in the scratch block and returns how many words of results are there.
 * @throws the error the op answered with.
 */
export function call(op: number, flags: number): number {
  let count: number;
  try {
    count = exports!.call(op, flags);
  } catch (error) {
    throw trapped(error);
  }
  if (count < 0) throw failure();
  if (count >= WANTS_THREADS) count = flagged(count);
  // Results longer than the block came in a longer one, at another place.
  if (count > capacity) refresh();
  return count;
}

/** Added to what `call` and `alloc` answer when tensors hold more than the limit (bindings/wasm). */
const OVER_LIMIT = 2 ** 30;
/** Added when a kernel could have used threads that are not there yet. */
const WANTS_THREADS = 2 ** 29;
let over = false;
let recruiter: () => void = () => {};

/** Sets who gets the threads. */
export function setRecruiter(f: () => void): void {
  recruiter = f;
}

/** The number without its flags, which are seen to. */
function flagged(answer: number): number {
  if ((answer & OVER_LIMIT) !== 0) over = true;
  if ((answer & WANTS_THREADS) !== 0) recruiter();
  return answer & (WANTS_THREADS - 1);
}

/** Whether tensors were over the limit since this was asked last. */
export function overLimit(): boolean {
  if (!over) return false;
  over = false;
  return true;
}

/** Runs anything else of the engine's exports, with the same care for traps. */
export function run<T>(fn: (wasm: Exports) => T): T {
  const wasm = engine();
  try {
    return fn(wasm);
  } catch (error) {
    if (error instanceof TorchError) throw error;
    throw trapped(error);
  }
}

/** Who waits for what the engine promised, and is told if it dies meanwhile: such a promise stays open for ever. */
const waiting = new Set<(dead: InternalError) => void>();

/** Runs an export that promises something. If the engine dies before that has come, the promise is rejected. */
export function promised<T>(fn: (wasm: Exports) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const coming = run(fn);
    waiting.add(reject);
    void coming.then(resolve, reject).finally(() => waiting.delete(reject));
  });
}

/** Like {@link run} for exports that answer -1 on failure. */
export function checked(fn: (wasm: Exports) => number): number {
  const count = run(fn);
  if (count < 0) throw failure();
  return count >= WANTS_THREADS ? flagged(count) : count;
}

/** The engine's last error as an error object. */
export function failure(): unknown {
  if (thrown) {
    const { error } = thrown;
    thrown = null;
    return error;
  }
  const wasm = exports!;
  return errorOfKind(wasm.error_kind(), message(wasm));
}

const decoder = new TextDecoder();

/** The text in the engine's message block. TextDecoder refuses shared memory, so the bytes are copied first. */
export function message(wasm: Exports): string {
  const at = wasm.error_ptr() >>> 0;
  return decoder.decode(new Uint8Array(wasm.memory.buffer).slice(at, at + wasm.error_len()));
}

/** A trap leaves the instance in an unknown state: it is marked dead, and every later call says so. */
function trapped(error: unknown): InternalError {
  // A panic was told before it trapped.
  if (dead) return dead;
  let text = '';
  try {
    text = message(exports!);
  } catch {
    // The message block is a courtesy; without it the trap's own message has to do.
  }
  const why = text || (error instanceof Error ? error.message : String(error));
  dead = new InternalError(
    `the engine stopped on an internal error and can no longer be used in this process or page: ${why}. ` +
      'This is a bug in cresset, please report it with the call that caused it.',
    error === undefined ? undefined : { cause: error },
  );
  words = new Float64Array(0);
  for (const reject of waiting) reject(dead);
  waiting.clear();
  return dead;
}

/** What the engine calls for when it has panicked (crates/core/src/callback.rs, `Kind`); it traps as soon as that returns. */
const PANICKED = 4;

/** Sets what handles the engine's calls back into JavaScript. */
export function setCallback(fn: Callback): void {
  callback = fn;
}

/** The function given to the engine. Nothing may unwind through the engine's frames, so errors wait in `thrown`; a panic ends these frames anyway. */
export function dispatchCallback(kind: number, id: number, count: number): number {
  if (kind === PANICKED) throw trapped(undefined);
  try {
    if (count > capacity) refresh();
    return callback(kind, id, count);
  } catch (error) {
    thrown ??= { error };
    return -1;
  }
}

/** Whether threads share the engine's memory, so that its views outlive everything. */
export function isShared(): boolean {
  // Pages that are not isolated have no SharedArrayBuffer.
  return typeof SharedArrayBuffer === 'function' && engine().memory.buffer instanceof SharedArrayBuffer;
}

/** A view of the engine's memory as bytes. Valid until the next call into the engine. */
export function bytes(): Uint8Array {
  return new Uint8Array(engine().memory.buffer);
}
