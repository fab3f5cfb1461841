/**
 * Points in the plane, over the regions in which a model decides for each class.
 * @module
 */
import { tensor } from '../creation.js';
import { float32 } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type ChartOptions, frame } from './charts.js';
import { Figure, type Spec } from './figure.js';
import { pngUrl } from './png.js';
import { type Values, numbers, sameLength } from './values.js';

/** Options of {@link scatter}. */
export interface ScatterOptions extends ChartOptions {
  /** The class of each point: a number or a text. */
  labels?: Values | readonly string[];
  /** Names of the classes 0, 1, 2, ..., for the legend. */
  classes?: readonly string[];
  /** A curve to draw through the plane, such as a model's prediction. */
  line?: { x: Values; y: Values; label?: string };
}

const LIGHT = [[204, 227, 240], [247, 223, 204], [204, 236, 227], [245, 228, 237], [250, 236, 204], [221, 240, 251]];

function labelTexts(labels: NonNullable<ScatterOptions['labels']>, classes: readonly string[] | undefined): string[] {
  const list = Array.isArray(labels) && typeof labels[0] === 'string' ? (labels as string[]) : numbers(labels as Values, 'labels');
  return list.map((label) => (typeof label === 'number' ? classes?.[label] ?? String(label) : label));
}

function dots(x: Values, y: Values, options: ScatterOptions): { layers: Spec[]; xs: number[]; ys: number[] } {
  const xs = numbers(x, 'x');
  const ys = numbers(y, 'y');
  const texts = options.labels === undefined ? undefined : labelTexts(options.labels, options.classes);
  sameLength('scatter', xs, ys, texts ?? xs);
  const axis = (field: string, title: string | undefined): Spec => ({ field, type: 'quantitative', title: title ?? null, scale: { zero: false } });
  const order = [...(options.classes ?? [...new Set(texts)].sort())];
  const layers: Spec[] = [{
    data: { values: xs.map((value, i) => ({ x: value, y: ys[i], label: texts?.[i] })) },
    mark: { type: 'circle', size: 28, opacity: 0.85, stroke: 'white', strokeWidth: 0.4 },
    encoding: {
      x: axis('x', options.xlabel),
      y: axis('y', options.ylabel),
      ...(texts === undefined ? {} : { color: { field: 'label', type: 'nominal', title: null, scale: { domain: order }, legend: { orient: 'top' } } }),
    },
  }];
  if (options.line !== undefined) {
    const [lx, ly] = [numbers(options.line.x, 'line.x'), numbers(options.line.y, 'line.y')];
    sameLength('scatter line', lx, ly);
    layers.push({
      data: { values: lx.map((value, i) => ({ x: value, y: ly[i] })) },
      mark: { type: 'line', color: '#d55e00', strokeWidth: 2 },
      encoding: { x: axis('x', options.xlabel), y: axis('y', options.ylabel), order: { field: 'x' } },
    });
  }
  return { layers, xs, ys };
}

/** Points in the plane, coloured by class: `plot.scatter(X.select(1, 0), X.select(1, 1), { labels: y })`. */
export function scatter(x: Values, y: Values, options: ScatterOptions = {}): Figure {
  return new Figure({ ...frame(options), layer: dots(x, y, options).layers });
}

/** Options of {@link decisionBoundary}. */
export interface BoundaryOptions extends ScatterOptions {
  /** How many points of the plane are asked for, along each axis. Default: 160. */
  resolution?: number;
}

/**
 * The points `X` [N, 2] with their classes `y` [N] over a model's decisions: `predict` gets points [n, 2] and gives their
 * class numbers [n].
 *
 * ```ts
 * const figure = await plot.decisionBoundary(X, y, (points) => model(points).squeeze(1).gt(0));
 * ```
 */
export async function decisionBoundary(X: Tensor, y: Values, predict: (points: Tensor) => Tensor, options: BoundaryOptions = {}): Promise<Figure> {
  if (X.shape.length !== 2 || X.shape[1] !== 2) {
    throw new ArgumentError(`plot.decisionBoundary: X must be points [N, 2]; it is [${[...X.shape].join(', ')}]`);
  }
  const flat = Array.from((await X.data()) as ArrayLike<number | bigint>, Number);
  const xs = flat.filter((_, i) => i % 2 === 0);
  const ys = flat.filter((_, i) => i % 2 === 1);
  const { layers } = dots(xs, ys, { ...options, labels: options.labels ?? y });
  const [left, right] = margins(xs);
  const [bottom, top] = margins(ys);
  const n = options.resolution ?? 160;
  const grid = new Float32Array(n * n * 2);
  for (let i = 0; i < n * n; i++) {
    grid[2 * i] = left + ((i % n) + 0.5) * ((right - left) / n);
    // The first row of a picture is the top.
    grid[2 * i + 1] = top - (Math.floor(i / n) + 0.5) * ((top - bottom) / n);
  }
  const points = tensor(grid, { dtype: X.dtype.isFloatingPoint ? X.dtype : float32 }).reshape([n * n, 2]);
  const answer = predict(points);
  const classes = Array.from((await answer.data()) as ArrayLike<number | bigint>, Number);
  points.dispose();
  answer.dispose();
  if (classes.length !== n * n) {
    throw new ArgumentError(`plot.decisionBoundary: predict must give one class for each of the ${n * n} points; it gave ${classes.length}`);
  }
  const pixels = Uint8Array.from(classes.flatMap((c) => LIGHT[((c % LIGHT.length) + LIGHT.length) % LIGHT.length]!));
  const ground: Spec = {
    data: { values: [{ url: await pngUrl(pixels, n, n, 3), left, right, bottom, top }] },
    mark: { type: 'image', aspect: false },
    encoding: {
      x: { field: 'left', type: 'quantitative', scale: { domain: [left, right], nice: false } },
      x2: { field: 'right' },
      y: { field: 'bottom', type: 'quantitative', scale: { domain: [bottom, top], nice: false } },
      y2: { field: 'top' },
      url: { field: 'url', type: 'nominal' },
    },
  };
  return new Figure({ ...frame(options), layer: [ground, ...layers] });
}

/** The range of values with a tenth to spare on each side. */
function margins(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const spare = (high - low || 1) / 10;
  return [low - spare, high + spare];
}
