/**
 * Where tensors are made and disposed, while somebody wants to know.
 * @module
 */
import type { Cell, Sites } from './cells.js';

let tracking = false;

/** Turns the noting of places on or off. */
export function setTracking(on: boolean): void {
  tracking = on;
}

/** Whether places are noted. */
export function isTracking(): boolean {
  return tracking;
}

/** Where the program is now, outside this package; null unless that is wanted. */
export function siteHere(cell: Cell): Sites | null {
  return tracking || cell.sites !== null ? { made: callSite(), disposed: null } : null;
}

/** Our own files, by where this one lies. */
const HOME = import.meta.url.replace(/runtime\/[^/]*$/, '');

/** The innermost line of the stack that is not ours: `at train (file.ts:12:3)`. */
function callSite(): string {
  // V8 keeps ten lines, fewer than a call through a model of ours may have.
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = before;
  const lines = stack.split('\n').map((line) => line.trim());
  // V8 begins each line with "at"; Firefox and Safari write "function@file:line:column".
  const ours = (line: string): boolean => line === '' || line.startsWith('Error') || line.includes(HOME);
  const line = lines.find((l) => !ours(l)) ?? 'at an unknown place';
  return line.startsWith('at ') ? line : `at ${line}`;
}
