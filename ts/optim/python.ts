/**
 * How Python writes the values that optimizers and schedulers show.
 * @module
 */

/**
 * `repr()` of a number, list, boolean, string, null or tensor. `float` writes an integer with `.0`, which Python does
 * for floats and JavaScript cannot tell.
 */
export function repr(value: unknown, float = false): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return number(value, float);
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) {
    const items = value.map((v) => repr(v, float)).join(', ');
    return value.length === 1 ? `(${items},)` : `(${items})`;
  }
  return String(value);
}

/** `str()`: as {@link repr}, strings without quotes. */
export function str(value: unknown, float = false): string {
  return typeof value === 'string' ? value : repr(value, float);
}

/** The shortest digits that read back as the same double, with Python's choice of exponent form. */
function number(x: number, float: boolean): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  if (Number.isInteger(x) && Math.abs(x) < 1e16) return (Object.is(x, -0) ? '-0' : String(x)) + (float || Object.is(x, -0) ? '.0' : '');
  const size = Math.abs(x);
  if (size >= 1e-4 && size < 1e16) return String(x);
  const [digits, exponent] = x.toExponential().split('e') as [string, string];
  return `${digits}e${exponent[0]!}${exponent.slice(1).padStart(2, '0')}`;
}

/** `weightDecay` as `weight_decay`. */
export function snake(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a}_${b.toLowerCase()}`);
}

/** `weight_decay` as `weightDecay`, `T_max` as `TMax`. */
export function camel(name: string): string {
  return name.replace(/(?<=[A-Za-z0-9])_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
}
