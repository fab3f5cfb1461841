/**
 * PyTorch's own cases (samples of its OpInfo, ModuleInfo and OptimizerInfo databases, run through PyTorch 2.13): each suite
 * is a file with a case a line and a safetensors file with the tensors that the cases name.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import * as torch from '../../dist/index.js';

/** Anything that the package exports, by path: the suites name far more than the types know. */
export type Loose = any; // eslint-disable-line @typescript-eslint/no-explicit-any

export interface TensorRef {
  $t: string;
  dtype: string;
  shape: number[];
  rg?: boolean;
}

/** A value as the files encode it. */
export type Encoded = null | number | string | boolean | TensorRef | { $f: string } | { $dtype: string } | { $slice: Encoded[] } | { $ellipsis: true } | { $l: Encoded[] } | { $d: Record<string, Encoded> } | { $m: string; args: Encoded; kwargs: Encoded };

const read = (name: string) => gunzipSync(readFileSync(new URL(`./fixtures/${name}.gz`, import.meta.url)));

type Raw = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array | Int16Array | Int8Array;
const ARRAYS: Record<string, new (buffer: ArrayBuffer) => Raw> = {
  F32: Float32Array, F64: Float64Array, I64: BigInt64Array, I32: Int32Array, I16: Int16Array, I8: Int8Array, U8: Uint8Array, BOOL: Uint8Array, F16: Uint16Array, BF16: Uint16Array,
};

/** `NN_functional.pad_x` as this package spells it. */
export const camel = (name: string): string => name.replace(/([A-Za-z0-9])_+([A-Za-z0-9])/g, (_, a: string, b: string) => a + b.toUpperCase()).replace(/([A-Za-z0-9])_+([A-Za-z0-9])/g, (_, a: string, b: string) => a + b.toUpperCase());

const special: Record<string, number> = { inf: Infinity, '-inf': -Infinity, nan: NaN };

/** How tensors are made from their data. */
export interface MakeOptions {
  /** As a non-contiguous view of the same values. */
  strided?: boolean;
  /** Floating-point tensors in this dtype instead of their own. */
  float?: string;
}

export class Suite {
  readonly cases: Loose[];
  readonly #header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  readonly #bytes: Buffer;
  readonly #base: number;

  constructor(name: string) {
    this.cases = read(`${name}.jsonl`).toString('utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line) as Loose);
    this.#bytes = read(`${name}.safetensors`);
    const length = Number(this.#bytes.readBigUInt64LE(0));
    this.#header = JSON.parse(this.#bytes.subarray(8, 8 + length).toString('utf8')) as never;
    this.#base = 8 + length;
  }

  /** The cases by the name of what they test. */
  byName(name: (record: Loose) => string): Map<string, Loose[]> {
    const groups = new Map<string, Loose[]>();
    for (const record of this.cases) {
      const key = name(record);
      groups.set(key, [...(groups.get(key) ?? []), record]);
    }
    return groups;
  }

  /** The stored elements. */
  raw(key: string): Raw {
    const entry = this.#header[key]!;
    const [from, to] = entry.data_offsets;
    const copy = new Uint8Array(to - from);
    copy.set(this.#bytes.subarray(this.#base + from, this.#base + to));
    return new ARRAYS[entry.dtype]!(copy.buffer);
  }

  tensor(ref: TensorRef, options: MakeOptions = {}): torch.Tensor {
    const api = torch as Loose;
    const dtype = options.float !== undefined && ref.dtype.startsWith('float') ? options.float : ref.dtype;
    let t: Loose = api.tensor(this.raw(ref.$t), { dtype: api[ref.dtype] }).reshape(ref.shape);
    if (dtype !== ref.dtype) t = t.to(api[dtype]);
    if (options.strided && ref.shape.length > 0) t = api.stack([t, api.zerosLike(t)], -1).select(-1, 0);
    t = t.detach();
    return ref.rg ? t.requiresGrad_(true) : t;
  }

  /** A value of the case; tensors that require grad are added to `leaves` in order. */
  decode(value: Encoded, leaves: torch.Tensor[], options: MakeOptions = {}): Loose {
    const again = (v: Encoded): Loose => this.decode(v, leaves, options);
    if (value === null || typeof value !== 'object') return value;
    if ('$t' in value) {
      const t = this.tensor(value, options);
      if (value.rg) leaves.push(t);
      return t;
    }
    if ('$f' in value) return special[value.$f];
    if ('$dtype' in value) return (torch as Loose)[value.$dtype];
    if ('$slice' in value) return (torch as Loose).slice(...value.$slice.map((v) => again(v) ?? null));
    if ('$ellipsis' in value) return '...';
    if ('$l' in value) return value.$l.map(again);
    if ('$d' in value) return Object.fromEntries(Object.entries(value.$d).map(([k, v]) => [camel(k), again(v)]));
    return new (torch as Loose).nn[value.$m](...again(value.args), again(value.kwargs));
  }
}

/** Tensors of a result, in order. */
export function flatten(result: Loose): Loose[] {
  if (result === null || typeof result !== 'object' || isTensor(result)) return [result];
  const items: Loose[] = typeof result[Symbol.iterator] === 'function' ? [...result] : Object.values(result);
  return items.flatMap(flatten);
}

export const flattenEncoded = (value: Encoded): Encoded[] => (value !== null && typeof value === 'object' && '$l' in value ? value.$l.flatMap(flattenEncoded) : [value]);

export const isTensor = (x: unknown): x is torch.Tensor => x instanceof torch.Tensor;

const TOLERANCE: Record<string, [rtol: number, atol: number]> = { float32: [1e-4, 1e-5], float64: [1e-7, 1e-7] };

/** What differs between a result and what PyTorch gave, or null. */
export async function difference(suite: Suite, got: Loose, want: Encoded, compareValues = true): Promise<string | null> {
  if (want === null) return got == null || (isTensor(got) && (await got.data()).every((x: number | bigint) => Number(x) === 0)) ? null : `got ${String(got)}, want nothing`;
  if (typeof want !== 'object' || '$f' in want) {
    const w = typeof want === 'object' ? special[want.$f]! : want;
    const g: Loose = isTensor(got) ? await got.item() : got;
    if (typeof w !== 'number') return g === w ? null : `got ${String(g)}, want ${String(w)}`;
    return Object.is(Number(g), w) || Math.abs(Number(g) - w) <= 1e-5 + 1e-4 * Math.abs(w) ? null : `got ${String(g)}, want ${w}`;
  }
  if (!('$t' in want)) return `a value of another kind: want ${JSON.stringify(want).slice(0, 80)}`;
  if (!isTensor(got)) return `got ${typeof got}, want a tensor`;
  const dtype = String(got.dtype).replace('torch.', '');
  if (dtype !== want.dtype) return `dtype ${dtype}, want ${want.dtype}`;
  if (got.shape.join() !== want.shape.join()) return `shape [${got.shape.join()}], want [${want.shape.join()}]`;
  if (!compareValues) return null;
  const a = (await got.detach().data()) as ArrayLike<number | bigint>;
  const b = suite.raw(want.$t);
  const [rtol, atol] = TOLERANCE[want.dtype] ?? [0, 0];
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [Number(a[i]), Number(b[i])];
    if (Object.is(x, y) || x === y) continue;
    if (!(Math.abs(x - y) <= atol + rtol * Math.abs(y)) || !Number.isFinite(y)) return `element ${i} of ${b.length}: ${x}, want ${y}`;
  }
  return null;
}
