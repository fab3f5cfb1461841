/**
 * Spill, JavaScript's side: the oldest objects leave the engine, so that the collector can free those that nobody can
 * reach; the others come back when they are used (docs/ARCHITECTURE.md, "Memory"; crates/core/src/spill).
 * @module
 */
import { OutOfMemoryError } from '../errors.js';
import { type Away, Cell, cells, clock, enter, leave, unrefer } from './cells.js';
import { returnRemote, takeRemote } from './remotes.js';
import { checked, engine, run } from './wasm.js';

/** Bytes that left the engine and came back since the program began. */
export const spilled = { outBytes: 0, backBytes: 0 };

/** While objects come back, none may leave: their parts have no owner yet. */
let returning = false;

/** What may be outside: as much again as the engine can hold. A program that keeps more has too much, not garbage. */
const MAX_OUTSIDE = 4 * 2 ** 30;
/** Asking costs some microseconds. */
const ASK_EVERY = 16 * 2 ** 20;
let asked = 0;
let full = false;

declare const Deno: { memoryUsage?(): { external: number } } | undefined;
declare const process: { memoryUsage?(): { arrayBuffers: number } } | undefined;

/**
 * Whether ordinary buffers hold so much that no more may leave. Where a program cannot ask (in pages), the browser's own limit
 * has to do: an allocation fails.
 */
function outsideIsFull(): boolean {
  if (spilled.outBytes - asked >= ASK_EVERY) {
    asked = spilled.outBytes;
    const held = typeof Deno !== 'undefined' ? Deno.memoryUsage?.().external : typeof process !== 'undefined' ? process.memoryUsage?.().arrayBuffers : 0;
    full = (held ?? 0) > MAX_OUTSIDE;
    // What has become garbage meanwhile is found out by asking again.
    if (full) asked = -Infinity;
  }
  return full;
}

function block(words: number): Float64Array {
  const at = run((wasm) => wasm.spill_block(words)) >>> 0;
  return new Float64Array(engine().memory.buffer, at, words);
}

/**
 * Lets everything leave the engine that was last used before call number `before` and that nothing in the engine refers to,
 * and all that only such objects refer to.
 * @param exchange even if it is full outside, because something comes back for it.
 * @returns how many objects left.
 */
export function spill(before: number, exchange = false): number {
  if (returning || (!exchange && outsideIsFull())) return 0;
  const table = cells();
  const candidates = block(table.length);
  let n = 0;
  for (const cell of table) if (cell !== null && !cell.internal && cell.stamp < before) candidates[n++] = cell.slot;
  const length = run((wasm) => wasm.spill_plan(n));
  const leaving = read(block(length));
  if (leaving === null) {
    run((wasm) => wasm.spill_cancel());
    return 0;
  }
  take(leaving);
  run((wasm) => wasm.spill_commit());
  return leaving.length;
}

/** An object that leaves, as the plan describes it. */
interface Leaving {
  readonly kind: number;
  /** The handles' numbers of it, and its internal one plus 1, or 0. */
  readonly slots: readonly number[];
  readonly internal: number;
  /** What it refers to: the place of another that leaves, or -1 - the internal number of what stays. */
  readonly targets: readonly number[];
  readonly remotes: readonly number[];
  readonly data: Uint8Array | null;
  readonly words: readonly number[];
}

/** Reads the plan (crates/core/src/spill/write.rs has the words) and copies the elements; null where JavaScript has no memory for them either. */
function read(plan: Float64Array): Leaving[] | null {
  const heap = new Uint8Array(engine().memory.buffer);
  let at = 0;
  const next = (): number => plan[at++]!;
  const list = (): number[] => {
    const items: number[] = [];
    for (let n = next(); n > 0; n--) items.push(next());
    return items;
  };
  const leaving: Leaving[] = [];
  try {
    for (let n = next(); n > 0; n--) {
      const [kind, slots, internal, targets, remotes, from, bytes] = [next(), list(), next(), list(), list(), next(), next()];
      leaving.push({ kind, slots, internal, targets, remotes, data: bytes > 0 ? heap.slice(from, from + bytes) : null, words: list() });
    }
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return leaving;
}

/** Puts what leaves into the cells that stood for it. */
function take(leaving: readonly Leaving[]): void {
  // How often each is referred to: one that nobody else knows of stands in its handle's cell itself.
  const referred = new Uint32Array(leaving.length);
  for (const { targets } of leaving) for (const to of targets) if (to >= 0) referred[to]!++;
  const homes = leaving.map(({ slots, internal }, i) => {
    const owners = slots.map((slot) => cells()[slot]!);
    let home: Cell;
    if (internal > 0) home = cells()[internal - 1]!;
    else if (owners.length === 1 && referred[i] === 0) home = owners.pop()!;
    else {
      home = new Cell(-1, null);
      home.uses = 0;
    }
    if (home.slot >= 0) leave(home);
    if (home.internal) home.uses += referred[i]! + owners.length;
    for (const owner of owners) {
      leave(owner);
      owner.away = home;
    }
    return home;
  });
  leaving.forEach(({ kind, targets, remotes, data, words }, i) => {
    homes[i]!.away = {
      kind,
      words,
      data,
      references: targets.map((to) => (to >= 0 ? homes[to]! : stayed(-1 - to))),
      remotes: remotes.map((id) => [id, takeRemote(id)] as const),
    };
    spilled.outBytes += data?.length ?? 0;
  });
}

/** The internal cell of something that stays in the engine. */
function stayed(slot: number): Cell {
  let cell = cells()[slot] ?? null;
  if (cell === null) {
    cell = new Cell(slot, null);
    cell.uses = 0;
    enter(cell);
  }
  cell.uses++;
  return cell;
}

/** Brings what a cell stands for back into the engine, with all that it refers to. */
export function bringBack(cell: Cell): void {
  for (let share = 1 / 16; ; share *= 2) {
    try {
      comeBack(cell);
      return;
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || share > 1) throw error;
      // However full it is outside: what comes back makes as much room there.
      spill(Math.min(stampOfOldest(share), clock()), true);
    }
  }
}

/** The call before which this share of the handles in the engine were last used. */
function stampOfOldest(share: number): number {
  const stamps = Float64Array.from(cells().flatMap((cell) => (cell === null || cell.internal ? [] : [cell.stamp]))).sort();
  return (stamps[Math.floor(share * (stamps.length - 1))] ?? 0) + 1;
}

function comeBack(cell: Cell): void {
  returning = true;
  try {
    const todo = [cell];
    while (todo.length > 0) {
      const next = todo.at(-1)!;
      const { away } = next;
      if (away === null) {
        todo.pop();
        continue;
      }
      const references = away instanceof Cell ? [away] : away.references;
      const missing = references.filter((r) => r.slot < 0);
      if (missing.length > 0) {
        for (const r of missing) todo.push(r);
        continue;
      }
      next.slot = away instanceof Cell ? checked((wasm) => wasm.retain(away.slot)) : restore(away, next.internal);
      next.away = null;
      next.stamp = clock();
      enter(next);
      unrefer(references);
      todo.pop();
    }
  } finally {
    returning = false;
  }
}

function restore({ kind, references, words, data, remotes }: Away, internal: boolean): number {
  const memory = block(references.length + words.length);
  references.forEach((r, i) => (memory[i] = r.slot));
  memory.set(words, references.length);
  const slot = checked((wasm) => wasm.spill_restore(kind, references.length, words.length, internal));
  if (data !== null) {
    const wasm = engine();
    new Uint8Array(wasm.memory.buffer).set(data, wasm.storage_ptr(slot) >>> 0);
    spilled.backBytes += data.length;
  }
  for (const [id, fn] of remotes) returnRemote(id, fn);
  return slot;
}
