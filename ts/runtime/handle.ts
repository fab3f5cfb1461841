/**
 * Handles: JavaScript objects that own something in the engine.
 * @module
 */
import { DisposedError } from '../errors.js';
import { Cell, clock, enter, idOf, leave, type Owner, release } from './cells.js';
import { finalize } from './collect.js';
import { bringBack } from './spill.js';
import { siteHere } from './track.js';

let cell: (h: Handle) => Cell;
let brand: (x: object) => boolean;

/** An object that owns a handle of the engine. {@link Tensor} is one. */
export class Handle {
  readonly #cell: Cell;

  /** @internal `handle` is a number that the engine has just handed out; the new object owns it. */
  constructor(handle: number) {
    const c = new Cell(handle, owner);
    this.#cell = c;
    enter(c);
    if (owner) owner.ids.push(idOf(c));
    c.sites = siteHere(c);
    finalize(this, c);
  }

  static {
    cell = (h) => h.#cell;
    brand = (x) => #cell in x;
  }
}

/** The innermost open scope, or null. */
let owner: Owner | null = null;

/** Sets to which scope new handles belong. Used by scope.ts only. */
export function setOwner(scope: Owner | null): void {
  owner = scope;
}

/** The engine's handle, which is used by the current call. @throws {@link DisposedError} */
export function handleOf(h: Handle): number {
  const c = cell(h);
  if (c.slot < 0) comeBack(h, c);
  c.stamp = clock();
  return c.slot;
}

/** Brings a spilled tensor back. */
function comeBack(h: Handle, c: Cell): void {
  if (!isLive(h)) throw disposedError(c);
  bringBack(c);
  returns++;
  if (c.owner) c.owner.ids.push(idOf(c));
  finalize(h, c);
}

let returns = 0;

/** How many tensors were brought back so far: whoever writes into the engine's memory must look again after one was. */
export function returnCount(): number {
  return returns;
}

/** Whether `x` owns a handle, disposed or not. */
export function isHandle(x: unknown): x is Handle {
  return typeof x === 'object' && x !== null && brand(x);
}

/** Whether the object's handle is still its own. */
export function isLive(h: Handle): boolean {
  const c = cell(h);
  if (c.slot >= 0) return true;
  if (c.away !== null && c.orphaned) release(c);
  return c.away !== null;
}

/** The cell of an object. */
export function cellOfHandle(h: Handle): Cell {
  return cell(h);
}

let operation = '';

/** Notes which function is running, for the message of a {@link DisposedError}. */
export function setOperation(name: string): void {
  operation = name;
}

function disposedError(c: Cell): DisposedError {
  const where = operation ? `${operation}: ` : '';
  const disposed = c.sites?.disposed ? ` It was disposed ${c.sites.disposed} and made ${c.sites.made}.` : '';
  return new DisposedError(
    `${where}a tensor is used after it was disposed (by dispose(), \`using\`, or the end of the torch.scope that made it).${disposed} ` +
      'Return it from the scope or call torch.keep(tensor) if it has to live on.',
  );
}

/** Gives the handle back now, if the object still owns one. */
export function dispose(h: Handle): void {
  const c = cell(h);
  if (c.sites) c.sites.disposed ??= siteHere(c)!.made;
  release(c);
}

/** Takes the handle away from the object without releasing it: the caller owns it now, the object is disposed. */
export function takeHandle(h: Handle): number {
  handleOf(h);
  return leave(cell(h));
}

/** Frees the object from every scope: only dispose() and garbage collection end it. */
export function keepHandle(h: Handle): void {
  if (!isLive(h)) throw disposedError(cell(h));
  cell(h).owner = null;
}
