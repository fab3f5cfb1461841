/**
 * safetensors: named tensors in one file, the format that PyTorch models are published in. The functions are those of
 * Python's `safetensors.torch`.
 *
 * The format (https://github.com/huggingface/safetensors#format): eight bytes with the length of a JSON header, the
 * header (name -> dtype, shape, place of the data), the data; everything little-endian, without gaps.
 * @module
 */
import { tensor } from '../creation.js';
import { type DType, type TypedArray, bool, float32, float64, int32, int64, uint8 } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { type Tensor, isTensor } from '../tensor.js';
import { FileError, type Source, nameOf, readBytes, writeFileSync } from './files.js';

/** Tensors by name, such as a module's `stateDict()`. */
export type NamedTensors = Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>;

/** What the header says of one tensor. */
interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** The header may not be longer: the limit of the reference implementation, against files made to exhaust memory. */
const MAX_HEADER = 100_000_000;

/** The format's names of our dtypes. */
const NAMES = new Map<DType, string>([[float64, 'F64'], [float32, 'F32'], [int64, 'I64'], [int32, 'I32'], [uint8, 'U8'], [bool, 'BOOL']]);

interface Reader {
  size: number;
  dtype: DType;
  read: (bytes: Uint8Array) => TypedArray;
}

/** A view of the bytes as `Type`; a copy where they do not lie on a multiple of its element size. (A Buffer's `slice` would not copy.) */
function cast<T extends TypedArray>(Type: { new (buffer: ArrayBufferLike, at: number, n: number): T; readonly BYTES_PER_ELEMENT: number }): (bytes: Uint8Array) => T {
  return (bytes) => {
    const own = bytes.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
    return new Type(own.buffer, own.byteOffset, own.byteLength / Type.BYTES_PER_ELEMENT);
  };
}

/** Elements of 16 bits, each widened by `widen`. */
function halves(widen: (bits: number) => number): (bytes: Uint8Array) => Float32Array {
  return (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Float32Array.from({ length: bytes.byteLength / 2 }, (_, i) => widen(view.getUint16(2 * i, true)));
  };
}

const word = new Uint32Array(1);
const wordAsFloat = new Float32Array(word.buffer);

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(bits: number): number {
  word[0] = bits << 16;
  return wordAsFloat[0]!;
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** How each dtype of the format is read. The narrow ones that we do not have are widened; every value stays exact. */
const READERS: Record<string, Reader> = {
  F64: { size: 8, dtype: float64, read: cast(Float64Array) },
  F32: { size: 4, dtype: float32, read: cast(Float32Array) },
  F16: { size: 2, dtype: float32, read: halves(fromFloat16) },
  BF16: { size: 2, dtype: float32, read: halves(fromBfloat16) },
  I64: { size: 8, dtype: int64, read: cast(BigInt64Array) },
  I32: { size: 4, dtype: int32, read: cast(Int32Array) },
  I16: { size: 2, dtype: int32, read: (bytes) => Int32Array.from(new Int16Array(new Uint8Array(bytes).buffer)) },
  I8: { size: 1, dtype: int32, read: (bytes) => Int32Array.from(new Int8Array(bytes)) },
  U8: { size: 1, dtype: uint8, read: (bytes) => bytes },
  BOOL: { size: 1, dtype: bool, read: (bytes) => bytes },
};

/** Header and data of a file, checked for being one. */
function split(bytes: Uint8Array, name: string): { header: Record<string, unknown>; data: Uint8Array } {
  const foreign = (why: string): FileError => new FileError(`${name}: not a safetensors file: ${why}; is it the right file?`);
  if (bytes.length < 8) throw foreign(`it has ${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER) throw foreign(`its first eight bytes promise a header of ${length} bytes`);
  if (bytes.length < 8 + length) throw new FileError(`${name}: cut short: ${bytes.length} bytes, the header alone has ${8 + length}; fetch it anew`);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.slice(8, 8 + length)));
  } catch (error) {
    throw new FileError(`${name}: not a safetensors file: its header is not JSON; is it the right file?`, { cause: error });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw foreign('its header is not a JSON object');
  return { header: header as Record<string, unknown>, data: bytes.subarray(8 + length) };
}

function isEntry(value: unknown): value is Entry {
  const { dtype, shape, data_offsets: place } = (value ?? {}) as Partial<Entry>;
  const sizes = (list: unknown): boolean => Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
  return typeof dtype === 'string' && sizes(shape) && sizes(place) && place!.length === 2;
}

function read(key: string, entry: unknown, data: Uint8Array, name: string): Tensor {
  const at = `${name}: tensor "${key}"`;
  if (!isEntry(entry)) throw new FileError(`${at}: its header entry lacks dtype, shape or data_offsets; the file is damaged`);
  const { dtype, shape, data_offsets: [start, end] } = entry;
  const reader = READERS[dtype];
  if (reader === undefined) throw new FileError(`${at}: dtype ${dtype} cannot be read; those that can are ${Object.keys(READERS).join(' ')}`);
  const size = shape.reduce((n, d) => n * d, reader.size);
  if (end - start !== size) throw new FileError(`${at}: [${shape.join(', ')}] of ${dtype} takes ${size} bytes, the header gives it ${end - start}; the file is damaged`);
  if (end > data.length) throw new FileError(`${name}: cut short: tensor "${key}" ends at byte ${end} of the data, there are ${data.length}; fetch it anew`);
  return tensor(reader.read(data.subarray(start, end)), { dtype: reader.dtype }).reshape(shape);
}

/**
 * The tensors in the bytes of a safetensors file. float16 and bfloat16 are widened to float32, int8 and int16 to int32.
 *
 * Python: `safetensors.torch.load`.
 * @throws {@link FileError} if the bytes are not such a file, or not all of it.
 */
export function load(bytes: Uint8Array, name = 'the given bytes'): Record<string, Tensor> {
  const { header, data } = split(bytes, name);
  const keys = Object.keys(header).filter((key) => key !== '__metadata__');
  return Object.fromEntries(keys.map((key) => [key, read(key, header[key], data, name)]));
}

/**
 * The tensors of a safetensors file, from a path (Node, Deno, Bun), a URL, or the bytes.
 *
 * ```ts
 * model.loadStateDict(await safetensors.loadFile('model.safetensors'));
 * ```
 * Python: `safetensors.torch.load_file`.
 * @throws {@link FileError} if it is missing, cut short, or of another kind.
 */
export async function loadFile(source: Source): Promise<Record<string, Tensor>> {
  return load(await readBytes(source), nameOf(source));
}

/** The texts stored beside the tensors (`__metadata__`); empty if there are none. Python: `safe_open(...).metadata()`. */
export async function loadMetadata(source: Source): Promise<Record<string, string>> {
  const { header } = split(await readBytes(source), nameOf(source));
  return { ...(header['__metadata__'] as Record<string, string> | undefined) };
}

/**
 * The bytes of a safetensors file with these tensors: `save(model.stateDict())`. Non-contiguous tensors are stored row
 * by row; tensors that share memory are stored once each. Equal tensors give equal bytes.
 *
 * Python: `safetensors.torch.save`.
 * @throws {@link ArgumentError} if a value is not a tensor, or of a dtype that the format lacks.
 */
export async function save(tensors: NamedTensors, metadata?: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const entries = tensors instanceof Map ? [...(tensors as ReadonlyMap<string, Tensor>)] : Object.entries(tensors as Record<string, Tensor>);
  for (const [key, value] of entries) {
    if (!isTensor(value)) throw new ArgumentError(`safetensors.save: "${key}" is not a tensor`);
    if (!NAMES.has(value.dtype)) throw new ArgumentError(`safetensors.save: "${key}" is ${String(value.dtype)}, which the format cannot hold`);
  }
  // The reference implementation's order: larger element types first, so that all are aligned, then by name.
  entries.sort(([a, x], [b, y]) => y.dtype.itemsize - x.dtype.itemsize || (a < b ? -1 : a > b ? 1 : 0));
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  let at = 0;
  for (const [key, value] of entries) {
    const size = value.numel() * value.dtype.itemsize;
    header[key] = { dtype: NAMES.get(value.dtype)!, shape: [...value.shape], data_offsets: [at, at + size] } satisfies Entry;
    at += size;
  }
  // Padded with spaces to a multiple of 8, so that the data begins aligned.
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded + at).fill(0x20, 8, 8 + padded);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(text, 8);
  let to = 8 + padded;
  for (const [, value] of entries) {
    const data = await value.data();
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), to);
    to += data.byteLength;
  }
  return bytes;
}

/**
 * Writes tensors to a safetensors file (Node, Deno, Bun): `await saveFile(model.stateDict(), 'model.safetensors')`.
 * The file appears whole or not at all.
 *
 * Python: `safetensors.torch.save_file`.
 */
export async function saveFile(tensors: NamedTensors, filename: string, metadata?: Readonly<Record<string, string>>): Promise<void> {
  writeFileSync(filename, await save(tensors, metadata));
}
