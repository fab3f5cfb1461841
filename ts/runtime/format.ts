/**
 * Numbers as C's printf writes them: `%.4f`, `%.4e`.
 *
 * JavaScript's toFixed and toExponential are exact but round ties up, where C rounds them to even, and end at 100 digits
 * and at 1e21. Where that matters the number is written by integer arithmetic.
 * @module
 */

/** The most digits that toFixed and toExponential write. */
const MOST = 100;

/** `%.{digits}f`. */
export function fixed(x: number, digits: number): string {
  if (!Number.isFinite(x)) return special(x);
  const abs = Math.abs(x);
  // A tie is a value whose last binary digit is worth half a unit of the last decimal digit.
  const plain = digits <= MOST && abs < 1e21 && (abs * 2 ** (digits + 1)) % 2 !== 1;
  return sign(x) + (plain ? abs.toFixed(digits) : pointed(scaled(abs, digits).toString(), digits));
}

/** `%.{digits}e`: at least two digits of exponent. */
export function exponential(x: number, digits: number): string {
  if (!Number.isFinite(x)) return special(x);
  const abs = Math.abs(x);
  // One digit more of a tie is a 5.
  const plain = abs === 0 ? digits <= MOST : digits < MOST && !abs.toExponential(digits + 1).split('e')[0]!.endsWith('5');
  const [mantissa, exponent] = plain ? (abs.toExponential(digits).split('e') as [string, string]) : scientific(abs, digits);
  const power = Number(exponent);
  return `${sign(x)}${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** `%.{digits}g`: the shorter of the two, without zeros at the end. */
export function general(x: number, digits = 6): string {
  if (!Number.isFinite(x)) return special(x);
  const [mantissa, exponent] = exponential(x, digits - 1).split('e') as [string, string];
  const power = Number(exponent);
  const bare = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  return power < -4 || power >= digits ? `${bare(mantissa)}e${exponent}` : bare(fixed(x, digits - 1 - power));
}

function sign(x: number): string {
  return x < 0 || Object.is(x, -0) ? '-' : '';
}

function special(x: number): string {
  return Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf';
}

/** A point before the last `digits` digits. */
function pointed(text: string, digits: number): string {
  if (digits === 0) return text;
  const long = text.padStart(digits + 1, '0');
  return `${long.slice(0, -digits)}.${long.slice(-digits)}`;
}

/** Mantissa and exponent of `abs`. */
function scientific(abs: number, digits: number): [mantissa: string, exponent: number] {
  if (abs === 0) return [pointed('0'.repeat(digits + 1), digits), 0];
  // No double lies so near below a power of ten that twenty digits would round up to it.
  const power = Number(abs.toExponential(20).split('e')[1]);
  const text = scaled(abs, digits - power).toString();
  return [pointed(text.slice(0, digits + 1), digits), power + text.length - digits - 1];
}

/** `abs` times 10 to the power of `digits`, rounded to an integer, ties to even. */
function scaled(abs: number, digits: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(abs).buffer)[0]!;
  const field = Number(bits >> 52n);
  // The value is `mantissa` times 2 to the power of `power` (IEEE 754: subnormal numbers have no hidden bit).
  const mantissa = (bits & (2n ** 52n - 1n)) + (field === 0 ? 0n : 2n ** 52n);
  const power = Math.max(field, 1) - 1075;
  const above = mantissa * 2n ** BigInt(Math.max(power, 0)) * 10n ** BigInt(Math.max(digits, 0));
  const below = 2n ** BigInt(Math.max(-power, 0)) * 10n ** BigInt(Math.max(-digits, 0));
  const [whole, rest] = [above / below, (above % below) * 2n];
  return rest > below || (rest === below && whole % 2n === 1n) ? whole + 1n : whole;
}
