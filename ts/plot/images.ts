/**
 * A grid of pictures with a text above each.
 * @module
 */
import { ArgumentError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { Figure } from './figure.js';
import { pngUrl } from './png.js';

/** Options of {@link images}. */
export interface ImageOptions {
  title?: string;
  /** The text above each picture; `\n` breaks it. */
  labels?: readonly string[];
  /** For each picture whether its label is right: right ones are set in green, wrong ones in red. */
  right?: readonly boolean[];
  /** Pictures in a row. Default: as square as it gets. */
  columns?: number;
  /** Pixels on the page for the width of a picture. Default: 84. */
  size?: number;
}

/**
 * Pictures in a grid: grey [N, H, W] or [N, 1, H, W], or colour [N, 3, H, W]; uint8 from 0 to 255 or floats from 0 to 1.
 *
 * ```ts
 * const figure = await plot.images(test.data.narrow(0, 0, 25), { labels: names });
 * ```
 */
export async function images(batch: Tensor, options: ImageOptions = {}): Promise<Figure> {
  const shape = [...batch.shape];
  const [n, channels, height, width] = shape.length === 3 ? [shape[0]!, 1, shape[1]!, shape[2]!] : shape;
  if ((shape.length !== 3 && shape.length !== 4) || (channels !== 1 && channels !== 3)) {
    throw new ArgumentError(`plot.images: pictures must be [N, H, W], [N, 1, H, W] or [N, 3, H, W]; they are [${shape.join(', ')}]`);
  }
  if (options.labels !== undefined && options.labels.length !== n) {
    throw new ArgumentError(`plot.images: ${options.labels.length} labels for ${n} pictures`);
  }
  const data = Array.from((await batch.data()) as ArrayLike<number | bigint>, Number);
  const scale = batch.dtype.isFloatingPoint ? 255 : 1;
  const columns = options.columns ?? Math.ceil(Math.sqrt(n!));
  const area = height! * width!;
  const values = await Promise.all(Array.from({ length: n! }, async (_, i) => {
    const pixels = new Uint8Array(area * channels);
    for (let c = 0; c < channels; c++) {
      // Channels lie one after the other in a tensor, and side by side in a picture.
      for (let p = 0; p < area; p++) pixels[p * channels + c] = Math.max(0, Math.min(255, Math.round(data[(i * channels + c) * area + p]! * scale)));
    }
    const right = options.right?.[i];
    const color = right === undefined ? '#222' : right ? '#00795a' : '#c23b00';
    return { column: i % columns, row: Math.floor(i / columns), url: await pngUrl(pixels, width!, height!, channels), label: options.labels?.[i] ?? '', color };
  }));
  const size = options.size ?? 84;
  const rows = Math.ceil(n! / columns);
  const tall = Math.round((size * height!) / width!);
  // Room for the text: 12 pixels a line.
  const caption = 12 * Math.max(0, ...values.map(({ label }) => (label === '' ? 0 : label.split('\n').length)));
  const [stepX, stepY] = [size + 26, tall + caption + 14];
  const place = (field: string, count: number): object => ({
    field, type: 'quantitative', axis: null, scale: { domain: [-0.5, count - 0.5], nice: false, zero: false, reverse: field === 'row' },
  });
  const encoding = { x: place('column', columns), y: place('row', rows) };
  return new Figure({
    ...(options.title === undefined ? {} : { title: options.title }),
    width: columns * stepX,
    height: rows * stepY,
    view: { stroke: null },
    data: { values },
    layer: [
      { mark: { type: 'image', width: size, height: tall, smooth: false, aspect: false, yOffset: caption / 2 }, encoding: { ...encoding, url: { field: 'url', type: 'nominal' } } },
      {
        mark: { type: 'text', baseline: 'top', fontSize: 9.5, lineBreak: '\n', lineHeight: 12, yOffset: -(tall + caption) / 2 - 2, limit: stepX - 2 },
        encoding: { ...encoding, text: { field: 'label', type: 'nominal' }, color: { field: 'color', type: 'nominal', scale: null, legend: null } },
      },
    ],
  });
}
