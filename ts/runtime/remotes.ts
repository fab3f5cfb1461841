/**
 * Functions that the engine calls: hooks, and the backward of custom Functions.
 * @module
 */

/** Words in: handles and numbers as the kind says. The result's handles belong to the engine. */
export type Remote = (words: readonly number[]) => readonly number[];

const remotes = new Map<number, Remote>();
let next = 1;

let onAdded: (count: number) => void = () => undefined;

/** Sets who is told how many functions there are when one is added. */
export function watchRemotes(fn: typeof onAdded): void {
  onAdded = fn;
}

/** Gives a function a number by which the engine can call it, until the engine says that it is dropped. */
export function addRemote(fn: Remote): number {
  remotes.set(next, fn);
  onAdded(remotes.size);
  return next++;
}

/** The function with this number. */
export function remoteOf(id: number): Remote {
  return remotes.get(id)!;
}

/** Forgets a function. */
export function dropRemote(id: number): void {
  remotes.delete(id);
}

/** Takes a function away whose object leaves the engine: from now on only that object holds it. */
export function takeRemote(id: number): Remote {
  const fn = remotes.get(id)!;
  remotes.delete(id);
  return fn;
}

/** Brings a function back under its number. */
export function returnRemote(id: number, fn: Remote): void {
  remotes.set(id, fn);
}

/** How many functions the engine may call now. */
export function remoteCount(): number {
  return remotes.size;
}
