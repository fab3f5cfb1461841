/**
 * Cells: what stands between JavaScript's objects and the engine's numbers.
 *
 * A handle owns a cell, and the table below finds the cell of each of the engine's slots, never the handle: an object that
 * the program has dropped stays collectable while its tensor is in the engine, and after it has left (spill.ts) nothing
 * of it is known here any more. The engine reuses a slot after its release, so every slot has a generation, counted up at
 * each release: whoever holds slot and generation (a finalizer, a scope) can give it back late, twice or never without harm.
 * @module
 */
import type { Remote } from './remotes.js';
import { run, started } from './wasm.js';

/** Which tensors end with a `torch.scope`. */
export interface Owner {
  /** What it made, as far as it is in the engine. */
  ids: Id[];
  /** It has ended, and what it owned with it. */
  closed: boolean;
  /** Who took over what it owned, if somebody did. */
  heir: Owner | null;
}

/** What left the engine: see crates/core/src/spill. */
export interface Away {
  readonly kind: number;
  readonly references: readonly Cell[];
  readonly words: readonly number[];
  /** The elements, if the object had memory of its own. */
  readonly data: Uint8Array | null;
  /** Functions that the object calls, by their numbers. */
  readonly remotes: readonly (readonly [number, Remote])[];
}

/** One of the engine's numbers: a handle's, or an internal one that only what left the engine refers to. */
export class Cell {
  /** Its number; -1 when disposed, or not in the engine now. */
  slot: number;
  /** The call in which it was last used. */
  stamp = now;
  /** What it is while not in the engine: the object, or the cell of the same object. Null also when disposed. */
  away: Away | Cell | null = null;
  owner: Owner | null;
  /** Of an internal one: how many objects outside refer to it. Those that were collected silently still count. */
  uses = -1;
  /** Where it was made and where disposed, when that is tracked. */
  sites: Sites | null = null;

  constructor(slot: number, owner: Owner | null) {
    this.slot = slot;
    this.owner = owner;
  }

  /** Its scope is over, and nobody took it over. */
  get orphaned(): boolean {
    while (this.owner?.closed && this.owner.heir) this.owner = this.owner.heir;
    return this.owner?.closed ?? false;
  }

  get internal(): boolean {
    return this.uses >= 0;
  }
}

/** Where a tensor was made and disposed, as stack lines. */
export interface Sites {
  readonly made: string;
  disposed: string | null;
}

/** Slot and generation in one number. */
export type Id = number;
const GENERATION = 2 ** 32;

let generations = new Uint32Array(1024);
const table: (Cell | null)[] = [];
/** Cells in the engine that handles own, and internal ones. */
let residents = 0;
let internals = 0;
/** Counts calls of ops. */
let now = 1;

/** The number of the current call. */
export function clock(): number {
  return now;
}

/** A call begins: what is used from now on is in use by it. */
export function tick(): void {
  now++;
}

/** The cells by slot; null where no cell is. */
export function cells(): readonly (Cell | null)[] {
  return table;
}

/** How many internal cells are in the engine. */
export function internalCount(): number {
  return internals;
}

/** How many handles are in the engine. */
export function residentCount(): number {
  return residents;
}

/** Enters a cell that is in the engine. */
export function enter(cell: Cell): void {
  const { slot } = cell;
  if (slot >= generations.length) {
    const longer = new Uint32Array(2 ** Math.ceil(Math.log2(slot + 1)));
    longer.set(generations);
    generations = longer;
  }
  while (table.length <= slot) table.push(null);
  table[slot] = cell;
  if (cell.internal) internals++;
  else residents++;
}

/** Takes a cell out of the table; its slot is somebody else's from now on. */
export function leave(cell: Cell): number {
  const { slot } = cell;
  generations[slot]!++;
  table[slot] = null;
  if (cell.internal) internals--;
  else residents--;
  cell.slot = -1;
  return slot;
}

/** What a finalizer or a scope holds of a cell in the engine. */
export function idOf(cell: Cell): Id {
  return generations[cell.slot]! * GENERATION + cell.slot;
}

/** The cell of an id, if it still has that slot. */
export function cellOf(id: Id): Cell | null {
  const slot = id % GENERATION;
  return generations[slot] === (id - slot) / GENERATION ? table[slot]! : null;
}

/** Gives a cell's object back to the engine, or forgets it outside. */
export function release(cell: Cell): void {
  if (cell.slot >= 0) {
    const slot = leave(cell);
    // An engine that has stopped holds nothing any more.
    if (started()) run((wasm) => wasm.release(slot));
  }
  const { away } = cell;
  cell.away = null;
  if (away) unrefer(away instanceof Cell ? [away] : away.references);
}

/** Objects outside that referred to these cells no longer do. */
export function unrefer(references: readonly Cell[]): void {
  // A graph may be deep: no recursion.
  const todo = [...references];
  for (let cell; (cell = todo.pop()); ) {
    if (--cell.uses > 0) continue;
    cell.uses = 0;
    const { away } = cell;
    cell.away = null;
    if (cell.slot >= 0) release(cell);
    else if (away) todo.push(...(away instanceof Cell ? [away] : away.references));
  }
}
