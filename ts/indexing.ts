/**
 * `x.at(...)` and `x.setAt(...)`: PyTorch's indexing (torch/csrc/autograd/python_variable_indexing.cpp).
 *
 * Integers, slices, null and '...' are views, made one after the other; index tensors and masks go together into one
 * `index` or `index_put_` of the engine.
 * @module
 */
import { ArgumentError, IndexError, ValueError } from './errors.js';
import { kindOf } from './runtime/explain.js';
import { op } from './runtime/call.js';
import { shown } from './runtime/console.js';
import { dispose, isHandle, setOperation } from './runtime/handle.js';
import { make } from './runtime/make.js';
import type { Nested, Num } from './runtime/types.js';
import type { Tensor } from './tensor.js';

/** A slice: see {@link slice}. */
export class Slice {
  /** @internal Use {@link slice}. */
  constructor(
    readonly start: number | null,
    readonly stop: number | null,
    readonly step: number | null,
  ) {}

  toString(): string {
    return `slice(${[this.start, this.stop, this.step].map((v) => v ?? 'None').join(', ')})`;
  }

  static {
    shown(this.prototype);
  }
}

/** One index of {@link Tensor.at}. */
export type Index = number | bigint | boolean | string | null | Slice | Tensor | readonly Nested<number | boolean>[];

/**
 * `torch.slice(1, 3)` is Python's `1:3`, `torch.slice(null, null, 2)` is `::2`; with one argument, as in Python, `:stop`.
 * @example
 * x.at(torch.slice(1, 3), '...', 0);
 */
export function slice(stop: number | null): Slice;
export function slice(start: number | null, stop: number | null, step?: number | null): Slice;
export function slice(...args: (number | null | undefined)[]): Slice {
  if (args.length === 1) return new Slice(null, args[0] ?? null, null);
  return new Slice(args[0] ?? null, args[1] ?? null, args[2] ?? null);
}

/** `'1:3'`, `'::2'`, `'-1:'`. */
function parseSlice(text: string): Slice {
  const m = /^\s*([+-]?\d+)?\s*:\s*([+-]?\d+)?\s*(?::\s*([+-]?\d+)?\s*)?$/.exec(text);
  if (!m) throw new IndexError(`at: '${text}' is not an index; a slice is written 'start:stop:step' with any part left out, an ellipsis '...'`);
  const [start, stop, step] = [m[1], m[2], m[3]].map((s) => (s === undefined ? null : Number(s)));
  return new Slice(start!, stop!, step!);
}

type Part = { kind: 'int'; value: number } | { kind: 'slice'; value: Slice } | { kind: 'none' } | { kind: 'rest' } | { kind: 'bool'; value: boolean } | { kind: 'tensor'; value: Tensor; owned: boolean };

function isByteMask(t: Tensor): boolean {
  return t.dtype.name === 'bool' || t.dtype.name === 'uint8';
}

function part(index: Index): Part {
  if (index === null) return { kind: 'none' };
  if (typeof index === 'number' || typeof index === 'bigint') {
    if (!Number.isInteger(Number(index))) throw new IndexError(`at: ${String(index)} is not an integer`);
    return { kind: 'int', value: Number(index) };
  }
  if (typeof index === 'boolean') return { kind: 'bool', value: index };
  if (typeof index === 'string') return index === '...' ? { kind: 'rest' } : { kind: 'slice', value: parseSlice(index) };
  if (index instanceof Slice) return { kind: 'slice', value: index };
  if (isHandle(index)) return tensorPart(index as Tensor);
  if (Array.isArray(index) || ArrayBuffer.isView(index)) {
    const t = make('at', index, null) as Tensor;
    // An empty array selects nothing; it has no dtype of its own.
    return { kind: 'tensor', value: t.numel() === 0 ? t.long() : t, owned: true };
  }
  throw new IndexError(`at: an index must be an integer, a slice, null, '...', a tensor or an array of integers or booleans, not ${kindOf(index)}`);
}

function tensorPart(t: Tensor): Part {
  if (t.dtype.isFloatingPoint) throw new IndexError(`at: tensors used as indices must be long, int, byte or bool tensors, not ${String(t.dtype)}`);
  if (t.ndim > 0) return { kind: 'tensor', value: t, owned: false };
  return isByteMask(t) ? { kind: 'bool', value: Number(t.itemSync()) !== 0 } : { kind: 'int', value: Number(t.itemSync()) };
}

/** Dimensions of the indexed tensor that a part uses up. */
function uses(p: Part): number {
  if (p.kind === 'int' || p.kind === 'slice') return 1;
  return p.kind === 'tensor' ? (isByteMask(p.value) ? p.value.ndim : 1) : 0;
}

/** Reads (`value` null) or writes the indexed part of `x`. */
export function encodeIndex(x: Tensor, index: readonly Index[], value: Tensor | Num | null): Tensor | null {
  setOperation('at');
  // A single array with slices, tensors or null in it is a tuple of indices.
  const only = index.length === 1 ? index[0] : undefined;
  const items = Array.isArray(only) && (only as unknown[]).some((v) => v === null || typeof v === 'string' || typeof v === 'object' && !Array.isArray(v)) ? (only as readonly Index[]) : index;
  const parts = items.map(part);
  const used = parts.reduce((n, p) => n + uses(p), 0);
  if (used > x.ndim) {
    if (x.ndim === 0) throw new IndexError('at: invalid index of a 0-dim tensor; use x.item() to read its number');
    throw new IndexError(`at: too many indices for tensor of dimension ${x.ndim}: ${used}`);
  }
  if (parts.filter((p) => p.kind === 'rest').length > 1) throw new IndexError("at: an index can only have a single ellipsis ('...')");
  const cursor = new Cursor(x);
  try {
    for (const p of parts) cursor.apply(p, x.ndim - used);
    return value === null ? cursor.read() : cursor.write(value);
  } finally {
    for (const p of parts) if (p.kind === 'tensor' && p.owned) dispose(p.value);
  }
}

/** The view so far, the next dimension of it, and the index tensors by dimension. */
class Cursor {
  readonly #x: Tensor;
  #view: Tensor;
  #dim = 0;
  readonly #tensors: (Tensor | null)[] = [];
  readonly #made: Tensor[] = [];

  constructor(x: Tensor) {
    this.#x = x;
    this.#view = x;
  }

  #step(name: string, ...args: unknown[]): void {
    const next = op(name, this.#view, ...args) as Tensor;
    if (this.#view !== this.#x) dispose(this.#view);
    this.#view = next;
  }

  #pass(count: number): void {
    for (let i = 0; i < count; i++) this.#tensors.push(null);
    this.#dim += count;
  }

  apply(p: Part, rest: number): void {
    switch (p.kind) {
      case 'int':
        return this.#step('select', this.#dim, p.value);
      case 'slice': {
        const { start, stop, step } = p.value;
        if (step !== null && step <= 0) throw new ValueError(`at: slice step must be positive, not ${step}; use torch.flip to reverse a dimension`);
        if (start !== null || stop !== null || (step ?? 1) !== 1) this.#step('slice', this.#dim, start, stop, step ?? 1);
        return this.#pass(1);
      }
      case 'none':
        this.#step('unsqueeze', this.#dim);
        return this.#pass(1);
      case 'rest':
        return this.#pass(rest);
      case 'bool': {
        // True keeps, False drops a new dimension of size 1.
        this.#step('unsqueeze', this.#dim);
        const t = make('at', new BigInt64Array(p.value ? 1 : 0), null) as Tensor;
        this.#made.push(t);
        this.#tensors.push(t);
        this.#dim++;
        return;
      }
      case 'tensor':
        this.#tensors.push(p.value);
        this.#dim += uses(p);
    }
  }

  #advanced(): boolean {
    return this.#tensors.some((t) => t !== null);
  }

  #close(): void {
    for (const t of this.#made) dispose(t);
  }

  read(): Tensor {
    if (!this.#advanced()) return this.#view === this.#x ? (op('alias', this.#x) as Tensor) : this.#view;
    const out = op('index', this.#view, this.#tensors) as Tensor;
    if (this.#view !== this.#x) dispose(this.#view);
    this.#close();
    return out;
  }

  write(value: Tensor | Num): null {
    if (this.#advanced()) {
      const v = isHandle(value) ? value : make('setAt', value, null);
      const cast = op('to_dtype', v, this.#x.dtype) as Tensor;
      op('index_put_', this.#view, this.#tensors, cast, false);
      dispose(cast);
      if (v !== value) dispose(v);
    } else op('copy_', this.#view, isHandle(value) ? this.#fit(value as Tensor) : value);
    if (this.#view !== this.#x) dispose(this.#view);
    this.#close();
    return null;
  }

  /** Leading dimensions of size 1 that the target lacks go: `x[0] = y` with y of shape [1, n]. */
  #fit(value: Tensor): Tensor {
    let v = value;
    while (v.ndim > this.#view.ndim && v.shape[0] === 1) {
      const next = op('select', v, 0, 0) as Tensor;
      this.#made.push(next);
      v = next;
    }
    if (v.ndim > this.#view.ndim) {
      throw new ArgumentError(`setAt: a value of shape [${value.shape.join(', ')}] does not fit into [${this.#view.shape.join(', ')}]`);
    }
    return v;
  }
}
