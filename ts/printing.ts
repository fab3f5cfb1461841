/**
 * Tensors as text, character for character as PyTorch prints them (torch/_tensor_str.py).
 * @module
 */
import { getDefaultDtype, type DType, type TypedArray } from './dtype.js';
import { ArgumentError } from './errors.js';
import { escapeHtml, preformatted } from './runtime/console.js';
import { exponential, fixed } from './runtime/format.js';
import { isPlain } from './runtime/plain.js';

/** Options of {@link setPrintoptions}. */
export interface PrintOptions {
  /** Digits after the point. Default 4. */
  precision?: number | null;
  /** Tensors with more elements are summarised. Default 1000. */
  threshold?: number | null;
  /** Elements shown at each end of a summarised dimension. Default 3. */
  edgeitems?: number | null;
  /** Characters per line. Default 80. */
  linewidth?: number | null;
  /** `'default'`, `'short'` or `'full'`: sets all of the above, before those given beside it. */
  profile?: 'default' | 'short' | 'full' | null;
  /** Scientific notation: always, never, or (null) as the values need it. */
  sciMode?: boolean | null;
}

interface Settings {
  precision: number;
  threshold: number;
  edgeitems: number;
  linewidth: number;
  sciMode: boolean | null;
}

const PROFILES: Readonly<Record<string, Settings>> = {
  default: { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, sciMode: null },
  short: { precision: 2, threshold: 1000, edgeitems: 2, linewidth: 80, sciMode: null },
  full: { precision: 4, threshold: Infinity, edgeitems: 3, linewidth: 80, sciMode: null },
};

let settings: Settings = { ...PROFILES['default']! };

/**
 * Sets how tensors are printed. What is not given stays as it is, except `sciMode`, which returns to automatic, as in
 * PyTorch. PyTorch: `torch.set_printoptions`.
 * @example
 * torch.setPrintoptions({ precision: 2, sciMode: false });
 */
export function setPrintoptions(
  precision?: number | null | PrintOptions,
  threshold?: number | null,
  edgeitems?: number | null,
  linewidth?: number | null,
  profile?: 'default' | 'short' | 'full' | null,
  sciMode?: boolean | null,
): void {
  const o: PrintOptions = isPlain(precision)
    ? (precision as PrintOptions)
    : { precision: precision as number | null, threshold, edgeitems, linewidth, profile, sciMode };
  if (o.profile !== undefined && o.profile !== null) {
    const p = PROFILES[o.profile];
    if (!p) throw new ArgumentError(`setPrintoptions: profile must be 'default', 'short' or 'full', not '${String(o.profile)}'`);
    settings = { ...p };
  }
  for (const key of ['precision', 'threshold', 'edgeitems', 'linewidth'] as const) {
    const value = o[key];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number' || Number.isNaN(value) || value < 0) {
      throw new ArgumentError(`setPrintoptions: ${key} must be a number of at least 0, not ${String(value)}`);
    }
    settings[key] = value;
  }
  settings.sciMode = o.sciMode ?? null;
}

/** The options in force. PyTorch: `torch.get_printoptions`. */
export function getPrintoptions(): Readonly<Settings> {
  return { ...settings };
}

/** What printing needs of a tensor. */
export interface Printable {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly device: string;
  /** The elements, row-major. */
  readonly data: TypedArray;
  /** Name of the node that computed it, or null. */
  readonly gradFn: string | null;
  readonly requiresGrad: boolean;
}

/** The text of a tensor. */
export function tensorText(t: Printable, prefix = 'tensor('): string {
  const suffixes: string[] = [];
  if (t.device !== 'cpu') suffixes.push(`device='${t.device}'`);
  const numel = t.data.length;
  let body = '[]';
  if (numel === 0) {
    if (t.shape.length !== 1) suffixes.push(sizeSuffix(t.shape));
    if (t.dtype !== getDefaultDtype()) suffixes.push(`dtype=${String(t.dtype)}`);
  } else {
    if (settings.edgeitems === 0) suffixes.push(sizeSuffix(t.shape));
    const quiet = t.dtype === getDefaultDtype() || t.dtype.name === 'int64' || t.dtype.name === 'bool';
    if (!quiet) suffixes.push(`dtype=${String(t.dtype)}`);
    body = new Writer(t).text(prefix.length);
  }
  suffixes.push(...autogradFacts(t));
  return addSuffixes(prefix + body, suffixes, prefix.length);
}

/** The shape as a Python tuple. */
function sizeSuffix(shape: readonly number[]): string {
  return `size=(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
}

/**
 * A tensor as HTML: one or two dimensions as a table with the same elements that the text shows, anything else as the text.
 */
export function tensorHtml(t: Printable): string {
  const text = tensorText(t);
  if (t.shape.length < 1 || t.shape.length > 2 || t.data.length === 0) return preformatted(text);
  const style = 'text-align: right; font-family: monospace; white-space: pre';
  const cells = (row: readonly string[]): string => row.map((cell) => `<td style="${style}">${escapeHtml(cell)}</td>`).join('');
  const rows = new Writer(t).table().map((row) => `<tr>${cells(row)}</tr>`);
  const facts = [`tensor of shape [${t.shape.join(', ')}]`, String(t.dtype), ...autogradFacts(t)];
  return `<table><caption>${escapeHtml(facts.join(', '))}</caption><tbody>${rows.join('')}</tbody></table>`;
}

function autogradFacts(t: Printable): string[] {
  if (t.gradFn !== null) return [`grad_fn=<${t.gradFn}>`];
  return t.requiresGrad ? ['requires_grad=True'] : [];
}

function addSuffixes(text: string, suffixes: readonly string[], indent: number): string {
  let out = text;
  // PyTorch counts one character more than the last line has when there are several; so do we.
  let width = text.length - text.lastIndexOf('\n') + 1;
  for (const s of suffixes) {
    if (width + s.length + 2 > settings.linewidth) {
      out += `,\n${' '.repeat(indent)}${s}`;
      width = indent + s.length;
    } else {
      out += `, ${s}`;
      width += s.length + 2;
    }
  }
  return `${out})`;
}

/** Formats the elements: one width for all of those that are printed. */
class Writer {
  readonly #t: Printable;
  readonly #summarize: boolean;
  readonly #strides: number[];
  #width = 1;
  #integers = true;
  #scientific = false;

  constructor(t: Printable) {
    this.#t = t;
    this.#summarize = t.data.length > settings.threshold;
    this.#strides = t.shape.map((_, i) => t.shape.slice(i + 1).reduce((a, b) => a * b, 1));
    const shown: number[] = [];
    this.#collect(0, 0, shown);
    if (t.dtype.isFloatingPoint) this.#measureFloats(shown.map((i) => Number(t.data[i])));
    else for (const i of shown) this.#width = Math.max(this.#width, this.#format(i).length);
  }

  text(indent: number): string {
    return this.#block(0, 0, indent);
  }

  /** The elements of one or two dimensions as rows of cells. */
  table(): string[][] {
    const last = this.#t.shape.length - 1;
    const cells = (at: number): string[] => this.#along(last).map((i) => (i === null ? '...' : this.#format(at + i)));
    if (last === 0) return [cells(0)];
    return this.#along(0).map((i) => (i === null ? this.#along(last).map(() => '...') : cells(i * this.#strides[0]!)));
  }

  /** Indices along a dimension that are printed; null stands for the dots. */
  #along(dim: number): (number | null)[] {
    const n = this.#t.shape[dim]!;
    const edge = settings.edgeitems;
    const last = dim === this.#t.shape.length - 1;
    if (!this.#summarize || (n <= 2 * edge && !(last && edge === 0))) return Array.from({ length: n }, (_, i) => i);
    const ends = Array.from({ length: edge }, (_, i) => i);
    return [...ends, null, ...ends.map((i) => n - edge + i)];
  }

  #collect(dim: number, at: number, into: number[]): void {
    if (dim === this.#t.shape.length) into.push(at);
    else for (const i of this.#along(dim)) if (i !== null) this.#collect(dim + 1, at + i * this.#strides[dim]!, into);
  }

  #measureFloats(values: readonly number[]): void {
    const finite = values.filter((v) => v !== 0 && Number.isFinite(v));
    if (finite.length === 0) return;
    let min = Infinity;
    let max = 0;
    for (const v of finite) {
      min = Math.min(min, Math.abs(v));
      max = Math.max(max, Math.abs(v));
    }
    this.#integers = finite.every((v) => Number.isInteger(v));
    this.#scientific = settings.sciMode ?? (max / min > 1000 || max > 1e8 || min < 1e-4);
    for (const v of finite) this.#width = Math.max(this.#width, this.#float(v).length);
  }

  #float(v: number): string {
    if (this.#scientific) return exponential(v, settings.precision);
    if (!this.#integers) return fixed(v, settings.precision);
    return fixed(v, 0) + (Number.isFinite(v) ? '.' : '');
  }

  #format(index: number): string {
    const v = this.#t.data[index]!;
    if (this.#t.dtype.isFloatingPoint) return this.#float(Number(v));
    if (this.#t.dtype.name === 'bool') return v ? 'True' : 'False';
    return String(v);
  }

  #block(dim: number, at: number, indent: number): string {
    const { shape } = this.#t;
    if (shape.length === 0) return this.#format(at).padStart(this.#width);
    if (dim === shape.length - 1) return this.#row(dim, at, indent);
    const parts = this.#along(dim).map((i) => (i === null ? '...' : this.#block(dim + 1, at + i * this.#strides[dim]!, indent + 1)));
    return `[${parts.join(`,${'\n'.repeat(shape.length - dim - 1)}${' '.repeat(indent + 1)}`)}]`;
  }

  #row(dim: number, at: number, indent: number): string {
    const perLine = Math.max(1, Math.floor((settings.linewidth - indent) / (this.#width + 2)));
    const dots = settings.edgeitems === 0 ? '...' : ' ...';
    const items = this.#along(dim).map((i) => (i === null ? dots : this.#format(at + i).padStart(this.#width)));
    const lines: string[] = [];
    for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(', '));
    return `[${lines.join(`,\n${' '.repeat(indent + 1)}`)}]`;
  }
}
