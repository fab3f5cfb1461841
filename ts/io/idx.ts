/**
 * IDX, the file format of MNIST and its kin: a magic number with type and rank, the sizes, the elements; all big-endian.
 * The format is described at http://yann.lecun.com/exdb/mnist/ ("the IDX file format").
 * @module
 */
import { tensor } from '../creation.js';
import { type TypedArray, dtypeOfArray } from '../dtype.js';
import type { Tensor } from '../tensor.js';
import { FileError, type Source, gunzip, gunzipSync, nameOf, readBytes, readFileSync } from './files.js';

/** What an IDX file holds. */
export interface Idx {
  /** Sizes, outermost first. */
  readonly shape: readonly number[];
  /** The elements, row by row, in the machine's byte order. */
  readonly data: TypedArray;
}

/** Bytes per element and reader by the type code of the format; int8 and int16 are read into int32. */
const TYPES: Record<number, { size: number; read: (view: DataView, at: number, n: number) => TypedArray }> = {
  0x08: { size: 1, read: (view, at, n) => new Uint8Array(view.buffer, view.byteOffset + at, n) },
  0x09: { size: 1, read: (view, at, n) => Int32Array.from({ length: n }, (_, i) => view.getInt8(at + i)) },
  0x0b: { size: 2, read: (view, at, n) => Int32Array.from({ length: n }, (_, i) => view.getInt16(at + 2 * i)) },
  0x0c: { size: 4, read: (view, at, n) => Int32Array.from({ length: n }, (_, i) => view.getInt32(at + 4 * i)) },
  0x0d: { size: 4, read: (view, at, n) => Float32Array.from({ length: n }, (_, i) => view.getFloat32(at + 4 * i)) },
  0x0e: { size: 8, read: (view, at, n) => Float64Array.from({ length: n }, (_, i) => view.getFloat64(at + 8 * i)) },
};

/**
 * Reads the bytes of an IDX file that is not compressed. `name` is what errors call it.
 * @throws {@link FileError} if the bytes are not IDX, or too few or too many.
 */
export function parseIdx(bytes: Uint8Array, name = 'the given bytes'): Idx {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = bytes.length >= 4 && view.getUint16(0) === 0 ? TYPES[bytes[2]!] : undefined;
  if (type === undefined) {
    const head = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new FileError(
      bytes.length < 4
        ? `${name}: not an IDX file: it has ${bytes.length} bytes; fetch it anew`
        : `${name}: not an IDX file: it begins with ${head}, an IDX file with 00 00, a type (08, 09, 0b to 0e) and the number of dimensions; is it the right file?`,
    );
  }
  const rank = bytes[3]!;
  const header = 4 + 4 * rank;
  if (bytes.length < header) throw new FileError(`${name}: cut short: ${bytes.length} bytes, the header alone has ${header}; fetch it anew`);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.reduce((n, size) => n * size, 1);
  const wanted = header + count * type.size;
  if (bytes.length !== wanted) {
    const what = bytes.length < wanted ? 'cut short' : 'too long';
    throw new FileError(`${name}: ${what}: ${bytes.length} bytes, but its header [${shape.join(', ')}] asks for ${wanted}; fetch it anew`);
  }
  return { shape, data: type.read(view, header, count) };
}

/**
 * A tensor from an IDX file, plain or gzipped: from a path (Node, Deno, Bun), a URL, or the bytes.
 * uint8, int32, float32 and float64 keep their type; int8 and int16 become int32.
 *
 * ```ts
 * const images = await torch.io.readIdx('train-images-idx3-ubyte.gz'); // uint8 [60000, 28, 28]
 * ```
 * @throws {@link FileError} if the file is missing, cut short, or not IDX.
 */
export async function readIdx(source: Source): Promise<Tensor> {
  const name = nameOf(source);
  return idxTensor(parseIdx(await gunzip(await readBytes(source), name), name));
}

/** {@link readIdx} at once, from a path: Node, Deno and Bun only. */
export function readIdxSync(path: string): Tensor {
  return idxTensor(parseIdx(gunzipSync(readFileSync(path), path), path));
}

/** The tensor of what an IDX file holds. @internal */
export function idxTensor({ shape, data }: Idx): Tensor {
  return tensor(data, { dtype: dtypeOfArray(data)! }).reshape([...shape]);
}
