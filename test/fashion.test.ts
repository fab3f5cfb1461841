// FashionMNIST on small files of the same form; the mirrors are a server on localhost.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';
import { DataLoader } from '../dist/data/index.js';
import { FashionMNIST, MNIST } from '../dist/datasets/index.js';
import { download } from '../dist/datasets/download.js';

const folder = mkdtempSync(join(tmpdir(), 'cresset-fashion-'));
afterAll(() => rmSync(folder, { recursive: true }));

const N = 5;
const pixel = (i: number, p: number): number => (i * 50 + p) % 256;

function idx(shape: number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = 8;
  header[3] = shape.length;
  shape.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i));
  return Buffer.concat([header, data]);
}
const images = idx([N, 28, 28], Uint8Array.from({ length: N * 784 }, (_, i) => pixel(Math.floor(i / 784), i % 784)));
const labels = idx([N], Uint8Array.of(9, 0, 3, 3, 7));
const FILES = { 'images-idx3-ubyte': images, 'labels-idx1-ubyte': labels };

/** A new folder with both halves, gzipped or not. */
function filled(name: string, zip: boolean): string {
  const at = join(folder, name);
  mkdirSync(at, { recursive: true });
  for (const half of ['train', 't10k']) {
    for (const [file, bytes] of Object.entries(FILES)) writeFileSync(join(at, `${half}-${file}${zip ? '.gz' : ''}`), zip ? gzipSync(bytes) : bytes);
  }
  return at;
}

describe('from a folder', () => {
  test('plain and gzipped files, and torchvision\'s folders', async () => {
    filled('vision/FashionMNIST/raw', true);
    for (const root of [filled('plain', false), filled('zipped', true), join(folder, 'vision')]) {
      for (const set of [new FashionMNIST(root), new FashionMNIST({ root, train: true }), await FashionMNIST.load(root)]) {
        expect(set.length).toBe(N);
        expect([...set.data.shape]).toEqual([N, 28, 28]);
        expect(set.data.dtype).toBe(torch.uint8);
        expect(set.targets.dtype).toBe(torch.int64);
        expect(set.targets.tolistSync()).toEqual([9, 0, 3, 3, 7]);
      }
    }
  });

  test('an item is a float image and a class number', () => {
    const set = new FashionMNIST(filled('items', true), { train: false });
    const [x, y] = set.getItem(2);
    expect([...x.shape]).toEqual([1, 28, 28]);
    expect(x.dtype).toBe(torch.float32);
    const flat = x.flatten().tolistSync() as number[];
    expect(flat).toEqual(Array.from({ length: 784 }, (_, p) => Math.fround(pixel(2, p) / 255)));
    expect(y).toBe(3);
    expect(set.getItem(-1)[1]).toBe(7);
    expect(() => set.getItem(N)).toThrow('FashionMNIST: index 5 is out of range for 5 images');
    expect(set.classes[set.getItem(0)[1]]).toBe('Ankle boot');
    expect(set.classToIdx['Bag']).toBe(8);
    expect(String(set)).toBe(`Dataset FashionMNIST\n    Number of datapoints: 5\n    Root location: ${join(folder, 'items')}\n    Split: Test`);
  });

  test('transforms', () => {
    const set = new FashionMNIST(filled('transforms', true), { transform: (image) => image.sum().itemSync(), targetTransform: (y) => `class ${y}` });
    const sum = Array.from({ length: 784 }, (_, p) => pixel(1, p)).reduce((a, b) => a + b);
    expect(set.getItem(1)).toEqual([sum, 'class 0']);
    const same = new FashionMNIST(filled('transforms', true), { transform: (image) => image });
    expect([...same.getItem(1)[0].shape]).toEqual([28, 28]);
  });

  test('through a DataLoader, a batch is what its items are', async () => {
    const set = new FashionMNIST(filled('loader', true));
    const batches: [number[], unknown][] = [];
    for await (const [x, y] of new DataLoader(set, { batchSize: 2 })) {
      expect(x.dtype).toBe(torch.float32);
      batches.push([[...x.shape], y.tolistSync()]);
    }
    expect(batches).toEqual([[[2, 1, 28, 28], [9, 0]], [[2, 1, 28, 28], [3, 3]], [[1, 1, 28, 28], [7]]]);
    const [x] = [...new DataLoader(set, { batchSize: 5 })][0]!;
    expect(torch.equal(x.at(3), set.getItem(3)[0])).toBe(true);
  });

  test('a missing, cut, foreign or swapped file is named', async () => {
    const root = filled('broken', false);
    const file = (name: string): string => join(root, name);
    writeFileSync(file('train-labels-idx1-ubyte'), labels.subarray(0, 10));
    expect(() => new FashionMNIST(root)).toThrow(`${file('train-labels-idx1-ubyte')}: cut short: 10 bytes, but its header [5] asks for 13`);
    writeFileSync(file('train-labels-idx1-ubyte'), idx([4], Uint8Array.of(1, 2, 3, 4)));
    expect(() => new FashionMNIST(root)).toThrow('4 labels for the 5 images');
    writeFileSync(file('train-labels-idx1-ubyte'), images);
    await expect(FashionMNIST.load(root)).rejects.toThrow('holds [5, 28, 28], not labels [N] of bytes; are two files swapped?');
    rmSync(file('train-images-idx3-ubyte'));
    expect(() => new FashionMNIST(root)).toThrow(/^train-images-idx3-ubyte\.gz: no such file \(nor without \.gz\) in .*broken or .*raw\. To download: await FashionMNIST\.load\(.*download: true.*apt-get install dataset-fashion-mnist/);
    expect(() => new MNIST(root, { download: true })).toThrow('Downloading is asynchronous: write await MNIST.load(...)');
    await expect(MNIST.load(root)).rejects.toThrow('Set { download: true } to fetch it.');
    expect(() => new FashionMNIST({} as never)).toThrow('FashionMNIST: root must be the folder of the image files; it is undefined');
  });
});

describe('from a server', () => {
  let server: Server;
  let url: string;
  const asked: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(request.url!);
      const [, kind, name] = request.url!.split('/');
      const bytes = Object.entries(FILES).find(([file]) => name?.includes(file))?.[1];
      if (kind === 'gone' || bytes === undefined) return void response.writeHead(404).end('not here');
      const body = gzipSync(bytes);
      response.writeHead(200, { 'content-length': body.length });
      if (kind === 'cut') return void response.write(body.subarray(0, 20), () => response.destroy());
      response.end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test('the folder may be a URL', async () => {
    const set = await FashionMNIST.load(`${url}/good`, { train: false });
    expect(set.targets.tolistSync()).toEqual([9, 0, 3, 3, 7]);
    const other = await MNIST.from(`${url}/good/train-images-idx3-ubyte.gz`, labels);
    expect(other.classes[other.getItem(1)[1]]).toBe('0 - zero');
    await expect(FashionMNIST.load(`${url}/gone`)).rejects.toThrow(`${url}/gone/train-images-idx3-ubyte.gz: the server answered 404 Not Found`);
    await expect(FashionMNIST.load(`${url}/cut`)).rejects.toThrow(/the transfer broke off after \d+ bytes/);
  });

  const digest = createHash('sha256').update(gzipSync(images)).digest('hex');
  const file = { name: 'train-images-idx3-ubyte.gz', sha256: digest };

  test('the second mirror serves where the first does not, with progress', async () => {
    const seen: [string, number, number | undefined][] = [];
    const bytes = await download(file, [`${url}/gone`, `${url}/cut/`, `${url}/good`], (...args) => seen.push(args));
    expect(Buffer.from(bytes).equals(gzipSync(images))).toBe(true);
    expect(seen.at(-1)).toEqual([file.name, bytes.length, bytes.length]);
  });

  test('wrong bytes and dead mirrors are told one by one', async () => {
    const wrong = { name: file.name, sha256: '00' };
    await expect(download(wrong, [`${url}/good`, `${url}/gone`])).rejects.toThrow(
      new RegExp(`no mirror gave it:\\n  ${url}/good/${file.name}: other bytes than were published: SHA-256 ${digest}, not 00\\n  .*404 Not Found\\nFetch it by hand`),
    );
  });

  test('what does not match the published checksums is refused and not kept', async () => {
    const root = join(folder, 'downloaded');
    const options = { download: true, mirrors: [`${url}/good`] };
    await expect(FashionMNIST.load(root, options)).rejects.toThrow('other bytes than were published');
    expect(existsSync(root)).toBe(false);
  });

  test('what is there already is not fetched again', async () => {
    const root = filled('kept', true);
    const before = asked.length;
    await FashionMNIST.load(root, { download: true, mirrors: [`${url}/good`] });
    expect(asked.length).toBe(before);
    expect(readdirSync(root)).toHaveLength(4);
  });
});
