/**
 * How Python writes the values that optimizers and schedulers show.
 * @module
 */
import { pyFloat, pyString } from '../runtime/python.js';

/**
 * `repr()` of a number, list, boolean, string, null or tensor. `float` writes an integer with `.0`, which Python does
 * for floats and JavaScript cannot tell.
 */
export function repr(value: unknown, float = false): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return float || !Number.isInteger(value) || Object.is(value, -0) ? pyFloat(value) : String(value);
  if (typeof value === 'string') return pyString(value);
  if (Array.isArray(value)) {
    const items = value.map((v) => repr(v, float)).join(', ');
    // In PyTorch numbers (`betas`) are tuples, names lists.
    if (value.some((v) => typeof v === 'string')) return `[${items}]`;
    return value.length === 1 ? `(${items},)` : `(${items})`;
  }
  return String(value);
}

/** `repr()` of a dict with string keys. */
export function pyDict(dict: Readonly<Record<string, unknown>>, item: (key: string, value: unknown) => string = (_, v) => repr(v)): string {
  return `{${Object.entries(dict).map(([k, v]) => `${pyString(k)}: ${item(k, v)}`).join(', ')}}`;
}

/** `str()`: as {@link repr}, strings without quotes. */
export function str(value: unknown, float = false): string {
  return typeof value === 'string' ? value : repr(value, float);
}
