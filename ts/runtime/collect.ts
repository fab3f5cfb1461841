/**
 * When memory is given back without being asked: finalizers where the event loop turns, spill where it does not
 * (docs/ARCHITECTURE.md, "Memory").
 * @module
 */
import { type Cell, cellOf, clock, type Id, idOf, internalCount, release, residentCount } from './cells.js';
import { gpuBytes } from './gpu.js';
import { remoteCount, watchRemotes } from './remotes.js';
import { spill } from './spill.js';
import { overLimit, run, started } from './wasm.js';

// --- finalizers ---------------------------------------------------------------------------------------------------
// Registering a finalizer costs 200-900 ns, more than a small op, and none runs before the current job is over. So new
// objects wait in a list until then; those that were disposed or spilled meanwhile are never registered.

const registry = new FinalizationRegistry<Id>((id) => {
  const cell = cellOf(id);
  if (cell === null) return;
  release(cell);
  // What only objects outside refer to can now leave as well.
  if (internalCount() > 0) due = true;
});

/** Objects that wait, and their cells at the same places. */
const objects: WeakKey[] = [];
const waiting: Cell[] = [];
/** When the list is as long as this, those that need no finalizer any more are taken out. */
const LONG = 1024;
let longest = LONG;

/** Lets the collector of `object` release its cell. */
export function finalize(object: WeakKey, cell: Cell): void {
  if (objects.length === 0) queueMicrotask(register);
  objects.push(object);
  waiting.push(cell);
  if (objects.length >= longest) {
    forgetGone();
    longest = Math.max(LONG, 2 * objects.length);
  }
  if (++sinceCheck >= CHECK) check();
}

function register(): void {
  for (let i = 0; i < waiting.length; i++) {
    const cell = waiting[i]!;
    if (cell.slot >= 0) registry.register(objects[i]!, idOf(cell));
  }
  objects.length = waiting.length = 0;
  longest = LONG;
}

/** Lets go of objects whose tensors were disposed or have left the engine: their memory is the collector's already. */
function forgetGone(): void {
  let n = 0;
  for (let i = 0; i < waiting.length; i++) {
    if (waiting[i]!.slot < 0) continue;
    objects[n] = objects[i]!;
    waiting[n++] = waiting[i]!;
  }
  objects.length = waiting.length = n;
}

// --- pressure -----------------------------------------------------------------------------------------------------

const MB = 2 ** 20;
const CHECK = 64;
const PRESSURE_STEP = 8 * MB;
const PRESSURE_MAX = 256 * MB;
/**
 * What a handle that has a finalizer counts besides its tensor's bytes. Small tensors are no burden by their bytes, but a
 * collection rids us of thousands of them in a few milliseconds, and spilling takes some microseconds for each.
 */
const HANDLE_WEIGHT = 4096;
let sinceCheck = 0;
let accounted = 0;
/** Written so that no optimiser removes the allocation. */
export let sink: ArrayBuffer | null = null;

/**
 * The collector sees neither memory inside WebAssembly nor a GPU's. For every few megabytes by which live tensors grew since the
 * last check, as much is allocated and dropped as an ordinary ArrayBuffer, so that collection, and with it our
 * finalizers, run in time.
 */
function check(): void {
  sinceCheck = 0;
  if (!started()) return;
  if (residentCount() > handleLimit) due = true;
  const live = run((wasm) => wasm.live_bytes()) + gpuBytes() + HANDLE_WEIGHT * Math.max(0, residentCount() - waiting.length);
  const grown = live - accounted;
  if (grown > 0 && grown < PRESSURE_STEP) return;
  accounted = live;
  try {
    if (grown > 0) sink = new ArrayBuffer(Math.min(grown, PRESSURE_MAX));
  } catch {
    // No memory even for garbage: the collector knows.
  }
  sink = null;
}

// --- spill --------------------------------------------------------------------------------------------------------

/** What tensors may hold before the oldest leave: room for a training step many times over, and little for a page. */
const DEFAULT_LIMIT = 128 * MB;
/** Never more than this: the engine's memory ends at 4 GiB. */
const MAX_LIMIT = 2560 * MB;
const HANDLES = 16384;

let wanted = DEFAULT_LIMIT;
let limit = DEFAULT_LIMIT;
let handleLimit = HANDLES;
let lastSpill = 0;
/** There is something to spill. */
let due = false;

/** Tells a fresh engine the limit. */
export function startLimit(): void {
  run((wasm) => wasm.memory_limit(limit));
}

/** Sets the bytes that tensors may hold before the oldest are moved out; 0 moves out all it can at every call, Infinity nothing. */
export function setLimit(bytes: number | null): void {
  wanted = bytes ?? DEFAULT_LIMIT;
  limit = wanted;
  handleLimit = wanted === 0 ? 0 : wanted === Infinity ? Infinity : HANDLES;
  if (started()) startLimit();
}

/** Spills if something said that it should. Called where no op is under way whose handles nobody else holds. */
export function relieve(): void {
  if (due || overLimit()) makeRoom();
}

function makeRoom(): void {
  due = false;
  if (wanted === Infinity) return;
  const now = clock();
  if (wanted === 0) {
    // No call is under way here, so all may leave.
    spill(now + 1);
    forgetGone();
    return;
  }
  // What the last quarter of the calls used is what the program works with. If that is still much, a shorter time counts.
  const since = now - lastSpill;
  let live = 0;
  for (let shift = 2; shift <= 8; shift += 2) {
    spill(now - Math.floor(since / 2 ** shift));
    live = run((wasm) => wasm.live_bytes());
    if (live <= wanted / 2 && residentCount() <= HANDLES / 2) break;
  }
  lastSpill = now;
  forgetGone();
  handleLimit = Math.max(HANDLES, 2 * residentCount());
  remoteLimit = Math.max(64, 2 * remoteCount());
  // More than that is worked with: a large model. Moving it out and back at every step would help nobody.
  const fitting = Math.max(wanted, Math.min(2 * live, MAX_LIMIT));
  if (live > MAX_LIMIT * 0.9) spill(now);
  if (fitting === limit) return;
  limit = fitting;
  startLimit();
}

/** How many functions may the engine hold before the next look for cycles. */
let remoteLimit = 64;

/**
 * A function that the engine holds for a graph may itself hold a tensor of that graph: a cycle that the collector cannot
 * see until the graph is outside. So when functions have become many, the oldest objects leave.
 */
watchRemotes((count) => {
  if (count > remoteLimit) due = true;
});

/** Spills whatever can leave; whether anything did. For an allocation that failed, and to find out what is garbage. */
export function spillAll(): boolean {
  if (wanted === Infinity) return false;
  const count = spill(clock());
  forgetGone();
  return count > 0;
}
