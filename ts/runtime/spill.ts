/**
 * Spill, JavaScript's side: the oldest objects leave the engine, so that the collector can free those that nobody can
 * reach; the others come back when they are used (docs/ARCHITECTURE.md, "Memory"; crates/core/src/spill).
 * @module
 */
import { OutOfMemoryError } from '../errors.js';
import { type Away, Cell, cells, clock, enter, leave, unrefer } from './cells.js';
import { returnRemote, takeRemote } from './remotes.js';
import { checked, engine, run } from './wasm.js';

/** Counts since the program began. */
export interface SpillCounts {
  /** Objects (tensors, nodes, memory shared by several) that left, and their bytes. */
  out: number;
  outBytes: number;
  /** Objects that came back, and their bytes. */
  back: number;
  backBytes: number;
}

/** What was spilled so far. */
export const spilled: SpillCounts = { out: 0, outBytes: 0, back: 0, backBytes: 0 };

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
  const words = block(length);
  const count = words[0]!;
  const starts = new Uint32Array(count);
  const elements = copies(words, starts);
  if (elements === null) {
    run((wasm) => wasm.spill_cancel());
    return 0;
  }
  if (count > 0) take(words, starts, elements);
  run((wasm) => wasm.spill_commit());
  return count;
}

/** Finds where each record begins, and copies its elements; null where JavaScript has no memory for them either. */
function copies(words: Float64Array, starts: Uint32Array): (Uint8Array | null)[] | null {
  const heap = new Uint8Array(engine().memory.buffer);
  const elements: (Uint8Array | null)[] = [];
  let at = 1;
  try {
    for (let i = 0; i < starts.length; i++) {
      starts[i] = at;
      at += 2 + words[at + 1]!;
      at += 2 + words[at + 1]!;
      at += 1 + words[at]!;
      const from = words[at]!;
      const bytes = words[at + 1]!;
      elements.push(bytes > 0 ? heap.slice(from, from + bytes) : null);
      at += 3 + words[at + 2]!;
    }
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return elements;
}

/** Builds what the plan describes; see crates/core/src/spill/write.rs for the words. */
function take(words: Float64Array, starts: Uint32Array, elements: readonly (Uint8Array | null)[]): void {
  const count = starts.length;
  // First, how often each record is referred to: one that nobody else knows of stands in its cell itself.
  const referred = new Uint32Array(count);
  for (let at of starts) {
    at += 3 + words[at + 1]!;
    for (let k = words[at++]!; k > 0; k--) {
      const to = words[at++]!;
      if (to >= 0) referred[to]!++;
    }
  }
  // The cell that stands for each record.
  const homes: Cell[] = [];
  for (let i = 0; i < count; i++) {
    let at = starts[i]! + 1;
    const slots = words[at]!;
    const internal = words[at + 1 + slots]!;
    const owners: Cell[] = [];
    for (let k = 0; k < slots; k++) owners.push(cells()[words[++at]!]!);
    let home: Cell;
    if (internal > 0) home = cells()[internal - 1]!;
    else if (slots === 1 && referred[i] === 0) home = owners.pop()!;
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
    homes.push(home);
  }
  for (let i = 0; i < count; i++) {
    let at = starts[i]!;
    const kind = words[at]!;
    at += 3 + words[at + 1]!;
    const references: Cell[] = [];
    for (let k = words[at++]!; k > 0; k--) {
      const to = words[at++]!;
      references.push(to >= 0 ? homes[to]! : stayed(-1 - to));
    }
    const remotes: [number, ReturnType<typeof takeRemote>][] = [];
    for (let k = words[at++]!; k > 0; k--) {
      const id = words[at++]!;
      remotes.push([id, takeRemote(id)]);
    }
    at += 2;
    const own: number[] = [];
    for (let k = words[at++]!; k > 0; k--) own.push(words[at++]!);
    const data = elements[i]!;
    homes[i]!.away = { kind, references, words: own, data, remotes };
    spilled.outBytes += data?.length ?? 0;
  }
  spilled.out += count;
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
  spilled.back++;
  return slot;
}
