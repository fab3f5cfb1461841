/**
 * Handles: the numbers by which JavaScript objects own things in the engine, and who gives them back.
 *
 * The engine reuses a slot after its release, so every slot has a generation here, counted up at each release: an
 * object whose generation is not the slot's current one has been disposed. Whoever holds the pair (the finalizer, a
 * scope) can therefore give it back late, twice or never without harm, and without holding the object itself.
 * @module
 */
import { DisposedError } from '../errors.js';
import { run, scratch, started } from './wasm.js';

let generations = new Uint32Array(4096);
/** 1 where no scope may free the slot: parameters, buffers, gradients, optimizer state. */
let kept = new Uint8Array(4096);

/** Slot and generation in one number; what finalizers and scopes hold. */
export type Id = number;
const GENERATION = 2 ** 32;

let slot: (h: Handle) => number;
let live: (h: Handle) => boolean;
let idOf: (h: Handle) => Id;
let brand: (x: object) => boolean;

/** An object that owns a handle of the engine. {@link Tensor} is one. */
export class Handle {
  readonly #slot: number;
  readonly #generation: number;

  /** @internal `handle` is a number that the engine has just handed out; the new object owns it. */
  constructor(handle: number) {
    if (handle >= generations.length) grow(handle);
    this.#slot = handle;
    this.#generation = generations[handle]!;
    made(this);
  }

  static {
    slot = (h) => {
      if (generations[h.#slot] !== h.#generation) throw disposedError();
      return h.#slot;
    };
    live = (h) => generations[h.#slot] === h.#generation;
    idOf = (h) => h.#generation * GENERATION + h.#slot;
    brand = (x) => #slot in x;
  }
}

/** The engine's handle. @throws {@link DisposedError} */
export function handleOf(h: Handle): number {
  return slot(h);
}

/** Whether `x` owns a handle, disposed or not. */
export function isHandle(x: unknown): x is Handle {
  return typeof x === 'object' && x !== null && brand(x);
}

/** Whether the object's handle is still its own. */
export function isLive(h: Handle): boolean {
  return live(h);
}

let operation = '';

/** Notes which function is running, for the message of a {@link DisposedError}. */
export function setOperation(name: string): void {
  operation = name;
}

function disposedError(): DisposedError {
  const where = operation ? `${operation}: ` : '';
  return new DisposedError(
    `${where}a tensor is used after it was disposed (by dispose(), \`using\`, or the end of the torch.scope that made it). ` +
      'Return it from the scope or call torch.keep(tensor) if it has to live on.',
  );
}

function grow(handle: number): void {
  const size = 2 ** Math.ceil(Math.log2(handle + 1));
  const g = new Uint32Array(size);
  g.set(generations);
  generations = g;
  const k = new Uint8Array(size);
  k.set(kept);
  kept = k;
}

/** Gives the handle back now, if the object still owns one. */
export function dispose(h: Handle): void {
  if (live(h)) release(slot(h));
}

/** Takes the handle away from the object without releasing it: the caller owns it now, the object is disposed. */
export function takeHandle(h: Handle): number {
  const handle = slot(h);
  generations[handle]!++;
  kept[handle] = 0;
  return handle;
}

function release(handle: number): void {
  generations[handle]!++;
  kept[handle] = 0;
  // An engine that has stopped holds nothing any more.
  if (started()) run((wasm) => wasm.release(handle));
}

/** Gives a handle back by id; nothing happens if it was given back before. */
export function releaseId(id: Id): void {
  const handle = id % GENERATION;
  if (generations[handle] === (id - handle) / GENERATION) release(handle);
}

/** Whether the id's handle is still owned and not kept. */
export function isOwned(id: Id): boolean {
  const handle = id % GENERATION;
  return generations[handle] === (id - handle) / GENERATION && kept[handle] === 0;
}

/** Frees the object from every scope: only dispose() and garbage collection end it. */
export function keepHandle(h: Handle): void {
  kept[slot(h)] = 1;
}

/** The id of an object that still owns its handle, else null. */
export function liveId(h: Handle): Id | null {
  return live(h) ? idOf(h) : null;
}

// --- garbage collection -------------------------------------------------------------------------------------------
// Registering a finalizer costs 200-900 ns, more than a small op. New objects wait in a short queue, and those that
// were disposed meanwhile (the temporaries of our own code, what a scope freed) are never registered.

const registry = new FinalizationRegistry<Id>(releaseId);
const QUEUE = 256;
const waiting: Handle[] = [];
const register = (): void => {
  for (const h of waiting) if (live(h)) registry.register(h, idOf(h));
  waiting.length = 0;
};

/** The list of ids that the innermost open scope owns, or null. */
let owner: Id[] | null = null;

/** Sets which list new handles are entered into. Used by scope.ts only. */
export function setOwner(list: Id[] | null): void {
  owner = list;
}

let sinceCheck = 0;
let accounted = 0;

function made(h: Handle): void {
  if (owner) owner.push(idOf(h));
  if (waiting.length === 0) queueMicrotask(register);
  if (waiting.push(h) >= QUEUE) register();
  if (++sinceCheck >= 64) pressure();
}

/**
 * The collector does not see memory inside WebAssembly. For every few megabytes by which live tensors grew since the
 * last check, as much is allocated and dropped as an ordinary ArrayBuffer, so that collection, and with it our
 * finalizers, run in time (DESIGN.md section 4).
 */
function pressure(): void {
  sinceCheck = 0;
  if (!started()) return;
  // The scratch block may hold results that are being read right now: put back what the statistics overwrite.
  const saved = scratch().slice(0, STATS);
  run((wasm) => wasm.memory_stats(0));
  const live = scratch()[LIVE_BYTES]!;
  scratch().set(saved);
  const grown = live - accounted;
  if (grown > 0 && grown < PRESSURE_STEP) return;
  accounted = live;
  if (grown > 0) sink = new ArrayBuffer(Math.min(grown, PRESSURE_MAX));
  sink = null;
}
/** Words that memory_stats() writes, and which of them is the number of live bytes. */
const STATS = 8;
const LIVE_BYTES = 2;
const PRESSURE_STEP = 8 * 2 ** 20;
const PRESSURE_MAX = 256 * 2 ** 20;
/** Written so that no optimiser removes the allocation. */
export let sink: ArrayBuffer | null = null;
