/**
 * What tells named arguments from values.
 * @module
 */

/** Whether a value is an object written as `{ ... }`: what carries named arguments. */
export function isPlain(x: unknown): x is Record<string, unknown> {
  if (typeof x !== 'object' || x === null) return false;
  const proto: unknown = Object.getPrototypeOf(x);
  return proto === Object.prototype || proto === null;
}
