// IDX and safetensors: what is read is what was written, and a broken file is told by name.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';
import { FileError, parseIdx, readIdx, readIdxSync, safetensors } from '../dist/io/index.js';

const folder = mkdtempSync(join(tmpdir(), 'cresset-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** An IDX file of this type code and shape. */
function idx(type: number, shape: number[], data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = type;
  header[3] = shape.length;
  shape.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i));
  return Buffer.concat([header, data]);
}

describe('IDX', () => {
  const bytes = idx(0x08, [2, 3], Uint8Array.of(0, 1, 2, 3, 4, 255));

  test('bytes, plain and gzipped, from memory and from a file', async () => {
    const file = join(folder, 'a-idx2-ubyte.gz');
    writeFileSync(file, gzipSync(bytes));
    for (const x of [await readIdx(bytes), await readIdx(gzipSync(bytes)), await readIdx(file), readIdxSync(file)]) {
      expect(x.dtype).toBe(torch.uint8);
      expect(x.tolistSync()).toEqual([[0, 1, 2], [3, 4, 255]]);
    }
  });

  test('every element type, big-endian', () => {
    const of = (type: number, data: Buffer): number[] => Array.from(parseIdx(idx(type, [1], data)).data, Number);
    const buffer = (write: (b: Buffer) => void, n: number): Buffer => {
      const b = Buffer.alloc(n);
      write(b);
      return b;
    };
    expect(of(0x09, buffer((b) => b.writeInt8(-5), 1))).toEqual([-5]);
    expect(of(0x0b, buffer((b) => b.writeInt16BE(-500), 2))).toEqual([-500]);
    expect(of(0x0c, buffer((b) => b.writeInt32BE(-70000), 4))).toEqual([-70000]);
    expect(of(0x0d, buffer((b) => b.writeFloatBE(0.5), 4))).toEqual([0.5]);
    expect(of(0x0e, buffer((b) => b.writeDoubleBE(Math.PI), 8))).toEqual([Math.PI]);
  });

  test('a file that is missing, cut short, too long or foreign', async () => {
    const missing = join(folder, 'nowhere-idx3-ubyte');
    await expect(readIdx(missing)).rejects.toThrow(`${missing}: no such file`);
    expect(() => parseIdx(bytes.subarray(0, 12), 'x.idx')).toThrow(/^x\.idx: cut short: 12 bytes, but its header \[2, 3\] asks for 18; fetch it anew$/);
    expect(() => parseIdx(bytes.subarray(0, 7), 'x.idx')).toThrow('x.idx: cut short: 7 bytes, the header alone has 12');
    expect(() => parseIdx(Buffer.concat([bytes, Buffer.of(1)]), 'x.idx')).toThrow('x.idx: too long: 19 bytes');
    expect(() => parseIdx(Buffer.from('<html>not found</html>'), 'x.idx')).toThrow('x.idx: not an IDX file: it begins with 3c 68 74 6d');
    expect(() => parseIdx(new Uint8Array(), 'x.idx')).toThrow('x.idx: not an IDX file: it has 0 bytes');
    await expect(readIdx(gzipSync(bytes).subarray(0, 20))).rejects.toThrow('the gzip data is cut short or damaged');
    await expect(readIdx(missing)).rejects.toBeInstanceOf(FileError);
  });
});

describe('safetensors', () => {
  test('every dtype and shape comes back, and views are stored row by row', async () => {
    const x = torch.arange(6, { dtype: torch.float32 }).reshape(2, 3);
    const tensors = {
      'layer.weight': x,
      transposed: x.T,
      double: torch.tensor([Math.PI, -0], { dtype: torch.float64 }),
      long: torch.tensor([2n ** 60n, -1n], { dtype: torch.int64 }),
      int: torch.tensor([-7], { dtype: torch.int32 }),
      byte: torch.tensor([255], { dtype: torch.uint8 }),
      bool: torch.tensor([true, false, true]),
      scalar: torch.tensor(2.5),
      empty: torch.zeros(0, 4),
    };
    const back = safetensors.load(await safetensors.save(tensors));
    expect(Object.keys(back).sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, t] of Object.entries(tensors)) {
      expect(back[name]!.dtype).toBe(t.dtype);
      expect([...back[name]!.shape]).toEqual([...t.shape]);
      expect(back[name]!.tolistSync()).toEqual(t.tolistSync());
    }
  });

  test('the bytes are those of the format', async () => {
    const bytes = await safetensors.save({ b: torch.tensor([1, 2], { dtype: torch.uint8 }), a: torch.tensor([1.5]) }, { made: 'here' });
    const length = Number(Buffer.from(bytes).readBigUInt64LE(0));
    expect(length % 8).toBe(0);
    expect(JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString())).toEqual({
      __metadata__: { made: 'here' },
      a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
      b: { dtype: 'U8', shape: [2], data_offsets: [4, 6] },
    });
    expect([...bytes.subarray(8 + length)]).toEqual([0, 0, 0xc0, 0x3f, 1, 2]);
    expect(await safetensors.loadMetadata(bytes)).toEqual({ made: 'here' });
  });

  /** A file with this header and these data bytes. */
  function file(header: unknown, data: number[] = []): Uint8Array {
    const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, text, Buffer.from(data)]);
  }

  test('narrow types are widened without loss', () => {
    const t = (dtype: string, data: number[]): unknown =>
      safetensors.load(file({ x: { dtype, shape: [data.length / (dtype === 'I8' ? 1 : 2)], data_offsets: [0, data.length] } }, data))['x']!.tolistSync();
    // 1, -2, the least and the greatest float16, infinity (IEEE 754 binary16).
    expect(t('F16', [0, 0x3c, 0, 0xc0, 1, 0, 0xff, 0x7b, 0, 0x7c])).toEqual([1, -2, 2 ** -24, 65504, Infinity]);
    expect(t('BF16', [0x80, 0x3f, 0x49, 0xc0])).toEqual([1, -3.140625]);
    expect(t('I8', [255, 1])).toEqual([-1, 1]);
    expect(t('I16', [0xfe, 0xff])).toEqual([-2]);
  });

  test('data that is not aligned is read all the same', () => {
    const x = safetensors.load(file({ a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] }, x: { dtype: 'F32', shape: [1], data_offsets: [1, 5] } }, [9, 0, 0, 0xc0, 0x3f]));
    expect(x['x']!.tolistSync()).toEqual([1.5]);
  });

  test('files on disk, and broken ones', async () => {
    const path = join(folder, 'sub', 'w.safetensors');
    await safetensors.saveFile({ x: torch.tensor([1, 2, 3]) }, path);
    expect((await safetensors.loadFile(path))['x']!.tolistSync()).toEqual([1, 2, 3]);
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, whole.length - 4));
    await expect(safetensors.loadFile(path)).rejects.toThrow(`${path}: cut short: tensor "x" ends at byte 24 of the data, there are 20`);
    await expect(safetensors.loadFile(join(folder, 'none.safetensors'))).rejects.toThrow('none.safetensors: no such file');
    const load = (bytes: Uint8Array) => () => safetensors.load(bytes, 'm.safetensors');
    expect(load(Buffer.from('PK\x03\x04 a zip file of PyTorch'))).toThrow('m.safetensors: not a safetensors file');
    expect(load(file('nonsense'))).toThrow('its header is not JSON');
    expect(load(file([1]))).toThrow('its header is not a JSON object');
    expect(load(file({ x: { dtype: 'F8_E4M3', shape: [1], data_offsets: [0, 1] } }, [0]))).toThrow('m.safetensors: tensor "x": dtype F8_E4M3 cannot be read');
    expect(load(file({ x: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, [0, 0, 0, 0]))).toThrow('[2] of F32 takes 8 bytes, the header gives it 4');
    expect(load(file({ x: 3 }))).toThrow('its header entry lacks dtype');
  });

  test('what is no tensor cannot be saved', async () => {
    await expect(safetensors.save({ x: [1] as never })).rejects.toThrow('safetensors.save: "x" is not a tensor');
  });
});
