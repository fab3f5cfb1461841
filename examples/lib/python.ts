/**
 * What a Python program has built in and these ports need: print, rounding in f-strings, how numpy shows arrays.
 * @module
 */
import { type plot, type Tensor, TorchError } from 'cresset';
import { host } from './host.js';

/** Python's `print`: arguments by their printed form, a space between. Lists show their items as Python's do. */
export function print(...values: unknown[]): void {
  host.print(values.map(text).join(' '));
}

function text(value: unknown): string {
  return Array.isArray(value) && !isSize(value) ? `[${value.map(String).join(', ')}]` : String(value);
}

function isSize(list: unknown[]): boolean {
  return list.constructor !== Array;
}

/** Python's `f"{x:.4f}"`: a tie goes to the even digit, where JavaScript's `toFixed` goes up. */
export function fixed(x: number, digits: number): string {
  const up = x.toFixed(digits);
  if (!Number.isFinite(x)) return up;
  // toFixed(100) shows every digit that a double of this size has.
  const exact = Math.abs(x).toFixed(Math.min(100, digits + 60));
  const rest = exact.slice(exact.indexOf('.') + 1 + digits);
  if (!/^50*$/.test(rest)) return up;
  const odd = /[13579]$/.test(up.replace('.', ''));
  if (!odd) return up;
  const down = (Math.abs(Number(up)) - 10 ** -digits).toFixed(digits);
  return x < 0 ? `-${down}` : down;
}

/** Python's `round(x, digits)`, as it prints. */
export function round(x: number, digits: number): string {
  const rounded = Number(fixed(x, digits));
  if (Number.isInteger(rounded)) return `${rounded}.0`;
  const [mantissa, exponent] = rounded.toExponential().split('e') as [string, string];
  return Math.abs(rounded) < 1e-4 ? `${mantissa}e${exponent[0]!}${exponent.slice(1).padStart(2, '0')}` : String(rounded);
}

/** A vector or matrix as numpy prints it (precision 8): what `print(X)` shows before `X` becomes a tensor. */
export function numpy(array: Tensor): string {
  const rows = array.tolistSync() as number[] | number[][];
  const flat = rows.flat();
  const show = array.dtype.isFloatingPoint ? floats(flat) : integers(flat);
  const line = (row: readonly number[]): string => `[${row.map(show).join(' ')}]`;
  return array.ndim === 1 ? line(rows as number[]) : `[${(rows as number[][]).map(line).join('\n ')}]`;
}

function integers(values: readonly number[]): (x: number) => string {
  const width = Math.max(...values.map((x) => String(x).length));
  return (x) => String(x).padStart(width);
}

/** numpy's FloatingFormat (numpy/_core/arrayprint.py): the shortest digits of all, at most 8 after the point. */
function floats(values: readonly number[]): (x: number) => string {
  const sizes = values.map(Math.abs).filter((x) => x !== 0);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  if (sizes.length > 0 && (most >= 1e8 || least < 1e-4 || most / least > 1000)) {
    const parts = (x: number): [string, string] => {
      const short = x.toExponential();
      const shown = short.replace(/e.*/, '').length > 10 + Number(x < 0) ? x.toExponential(8) : short;
      const [mantissa, exponent] = shown.split('e') as [string, string];
      return [mantissa, `e${exponent[0]!}${exponent.slice(1).padStart(2, '0')}`];
    };
    const digits = Math.max(...values.map((x) => (parts(x)[0].split('.')[1] ?? '').replace(/0+$/, '').length));
    const write = (x: number): string => x.toExponential(digits).replace(/e.*/, '') + parts(x)[1];
    const width = Math.max(...values.map((x) => write(x).length));
    return (x) => write(x).padStart(width);
  }
  const write = (x: number): string => fixed(x, 8).replace(/0+$/, '');
  const before = Math.max(...values.map((x) => write(x).indexOf('.')));
  const after = Math.max(...values.map((x) => write(x).length - write(x).indexOf('.') - 1));
  return (x) => {
    const [whole, rest] = write(x).split('.') as [string, string];
    return `${whole.padStart(before)}.${rest.padEnd(after)}`;
  };
}

let drawing = host.picture !== null;

/** Draws a figure and keeps it as NAME/FILE. Without the packages that draw, the program goes on without pictures. */
export async function save(name: string, file: string, figure: plot.Figure): Promise<void> {
  if (!drawing) return;
  let svg: string;
  try {
    svg = await figure.svg();
  } catch (error) {
    // Of what can go wrong here only the missing packages are an error of cresset's own; others are the figure's.
    if (!(error instanceof TorchError)) throw error;
    drawing = false;
    return host.warn(error.message);
  }
  await host.picture?.(`${name}/${file}`, svg);
}
