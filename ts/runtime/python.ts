/**
 * Values as Python writes them.
 * @module
 */

/** A Python float: `1.0`, `0.1`, `1e-05`, `inf`. The shortest digits that read back as the same double. */
export function pyFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    // Python writes two digits of exponent, and no fraction where there is none: 1e-05, 1.5e+20.
    const [digits, exponent] = value.toExponential().split('e');
    const e = Number(exponent);
    return `${digits!}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`;
  }
  return (Object.is(value, -0) ? '-' : '') + (Number.isInteger(value) ? `${value}.0` : String(value));
}

/** A Python string: single quotes, or double ones around a text with single ones in it. */
export function pyString(value: string): string {
  const escaped = value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  if (!value.includes("'")) return `'${escaped}'`;
  return value.includes('"') ? `'${escaped.replaceAll("'", "\\'")}'` : `"${escaped}"`;
}

/** `weightDecay` as `weight_decay`. */
export function snake(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a}_${b.toLowerCase()}`);
}

/** `weight_decay` as `weightDecay`, `T_max` as `TMax`. */
export function camel(name: string): string {
  return name.replace(/(?<=[A-Za-z0-9])_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
}
