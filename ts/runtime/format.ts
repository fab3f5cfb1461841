/**
 * Numbers as C's printf writes them: `%.4f`, `%.4e`.
 *
 * JavaScript's toFixed and toExponential are exact but round ties up; C rounds ties to even.
 * @module
 */

/** `%.{digits}f`. */
export function fixed(x: number, digits: number): string {
  if (!Number.isFinite(x)) return special(x);
  const abs = Math.abs(x);
  let text: string;
  if (abs >= 1e21) text = BigInt(abs).toString() + (digits > 0 ? `.${'0'.repeat(digits)}` : '');
  else {
    text = abs.toFixed(digits);
    // A tie is a value whose last binary digit is worth half a unit of the last decimal digit.
    if ((abs * 2 ** (digits + 1)) % 2 === 1) text = even(text, abs, digits);
  }
  return (x < 0 || Object.is(x, -0) ? '-' : '') + text;
}

/** Rounds an exact tie to the even digit: `text` is one of its two neighbours. */
function even(text: string, abs: number, digits: number): string {
  // Exactly half-way, so one more digit writes the value exactly: its last digit is 5.
  const exact = abs.toFixed(digits + 1);
  if (!exact.endsWith('5')) return text;
  const down = digits === 0 ? exact.slice(0, -2) : exact.slice(0, -1);
  return Number(down.at(-1)) % 2 === 0 ? down : text === down ? increment(down) : text;
}

function increment(text: string): string {
  const digits = text.length - 1 - (text.includes('.') ? text.indexOf('.') : text.length - 1);
  const n = (BigInt(text.replace('.', '')) + 1n).toString().padStart(digits + 1, '0');
  return digits > 0 ? `${n.slice(0, -digits)}.${n.slice(-digits)}` : n;
}

/** `%.{digits}e`: at least two digits of exponent. */
export function exponential(x: number, digits: number): string {
  if (!Number.isFinite(x)) return special(x);
  const abs = Math.abs(x);
  let text = abs.toExponential(digits);
  // Forty more digits show whether the value lies exactly half-way (a double near a tie differs from it much earlier).
  const [exact] = abs.toExponential(Math.min(digits + 40, 100)).split('e') as [string, string];
  const [mantissa, exponent] = text.split('e') as [string, string];
  const tail = exact.slice(digits === 0 ? 2 : digits + 2);
  if (/^50*$/.test(tail)) {
    const down = exact.slice(0, digits === 0 ? 1 : digits + 2);
    if (Number(down.at(-1)) % 2 === 0) text = `${down}e${String(exponentOf(abs))}`;
    else text = `${mantissa}e${exponent}`;
  }
  const [m, e] = text.split('e') as [string, string];
  const power = Number(e);
  return `${x < 0 || Object.is(x, -0) ? '-' : ''}${m}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

function exponentOf(abs: number): number {
  return Number(abs.toExponential(40).split('e')[1]);
}

function special(x: number): string {
  return Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf';
}
