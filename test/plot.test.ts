// Plots are SVG made without a browser; what is drawn is looked for in the text.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import * as torch from '../dist/index.js';
import * as plot from '../dist/plot/index.js';

/** How many elements of a role Vega drew. */
const drawn = (svg: string, role: string): number => svg.split(`aria-roledescription="${role}"`).length - 1;

test('curves: a line per series, its name, title and labels', async () => {
  const svg = await plot.lines({ train: [0.5, 0.4, NaN, 0.2], test: torch.tensor([0.6, 0.5, 0.45, 0.4]) }, { title: 'Loss', xlabel: 'epoch', ylabel: 'nats' }).svg();
  expect(svg).toMatch(/^<svg [^]*<\/svg>$/);
  for (const text of ['Loss', 'epoch', 'nats', 'train', 'test']) expect(svg).toContain(`>${text}</text>`);
  expect(drawn(svg, 'line mark')).toBe(2);
});

test('bars, with one set off', async () => {
  const svg = await plot.bars(['cat', 'dog', 'bird'], [0.1, 0.7, 0.2], { highlight: 'dog' }).svg();
  expect(drawn(svg, 'bar')).toBe(3);
  expect(svg.split('fill="#d55e00"').length - 1).toBe(1);
});

test('a histogram counts every finite value once', () => {
  const figure = plot.histogram([0, 0.1, 0.9, 1, NaN, Infinity], { bins: 2 });
  expect((figure.spec['data'] as { values: unknown }).values).toEqual([{ from: 0, to: 0.5, count: 2 }, { from: 0.5, to: 1, count: 2 }]);
  expect((plot.histogram([3, 3], { bins: 4 }).spec['data'] as { values: { count: number }[] }).values[0]!.count).toBe(2);
});

test('points by class, with a curve', async () => {
  const svg = await plot.scatter([1, 2, 3], [1, 4, 9], { labels: [0, 1, 1], classes: ['no', 'yes'], line: { x: [1, 3], y: [1, 9] } }).svg();
  expect(drawn(svg, 'circle')).toBe(3);
  expect(svg).toContain('>yes</text>');
  expect(drawn(svg, 'line mark')).toBe(1);
});

/** The pixels of the one PNG inside an SVG, without the filter byte before each row. */
function pixels(svg: string, width: number, channels: number): number[][] {
  const png = Buffer.from(/data:image\/png;base64,([A-Za-z0-9+/=]+)/.exec(svg)![1]!, 'base64');
  const at = png.indexOf('IDAT');
  const raw = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  return Array.from({ length: raw.length / (width * channels + 1) }, (_, y) => [...raw.subarray(y * (width * channels + 1) + 1, (y + 1) * (width * channels + 1))]);
}

test('a decision boundary asks the model over the plane, top row first', async () => {
  const X = torch.tensor([[0, 0], [1, 1], [0, 1], [1, 0]]);
  const asked: number[][] = [];
  const figure = await plot.decisionBoundary(X, [0, 1, 1, 0], (points) => {
    asked.push([...points.shape]);
    return points.select(1, 1).gt(0.5);
  }, { resolution: 4 });
  const svg = await figure.svg();
  expect(asked).toEqual([[16, 2]]);
  expect(drawn(svg, 'circle')).toBe(4);
  const rows = pixels(svg, 4, 3);
  expect(rows[0]).toEqual(rows[1]);
  expect(rows[2]).toEqual(rows[3]);
  expect(rows[0]).not.toEqual(rows[3]);
  await expect(plot.decisionBoundary(torch.zeros(3), [0], (p) => p)).rejects.toThrow('X must be points [N, 2]; it is [3]');
});

test('a grid of images with labels', async () => {
  const grey = torch.tensor([[[0, 51], [102, 255]]], { dtype: torch.uint8 });
  const svg = await (await plot.images(grey, { labels: ['Bag\n(Shirt)'], right: [false], title: 'Test' })).svg();
  expect(pixels(svg, 2, 1)).toEqual([[0, 51], [102, 255]]);
  for (const text of ['Bag', '(Shirt)', 'Test']) expect(svg).toContain(text);
  expect(svg).toContain('#c23b00');
  const colour = await (await plot.images(torch.tensor([[[[0]], [[0.2]], [[1]]]]))).svg();
  expect(pixels(colour, 1, 3)).toEqual([[0, 51, 255]]);
  await expect(plot.images(torch.zeros(2, 2))).rejects.toThrow('they are [2, 2]');
  await expect(plot.images(grey, { labels: [] })).rejects.toThrow('0 labels for 1 pictures');
});

test('figures side by side and one above the other, saved', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cresset-plot-'));
  const a = plot.lines({ a: [1, 2] }, { title: 'left' });
  const b = plot.bars(['x'], [1], { title: 'right' });
  const file = join(folder, 'deep', 'both.svg');
  await plot.column(plot.row(a, b), plot.histogram([1, 2, 3], { title: 'below' })).save(file);
  const svg = readFileSync(file, 'utf8');
  for (const text of ['left', 'right', 'below']) expect(svg).toContain(`>${text}</text>`);
  expect(existsSync(`${file}.part`)).toBe(false);
  rmSync(folder, { recursive: true });
});

test('lists that do not fit', () => {
  expect(() => plot.bars(['a'], [1, 2])).toThrow('plot.bars: the lists must be of one length; they have 1, 2');
  expect(() => plot.lines({ a: 3 as never })).toThrow('series "a" must be an array, a typed array or a tensor; it is 3');
});
