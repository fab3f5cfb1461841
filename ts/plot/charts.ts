/**
 * Curves, bars and histograms.
 * @module
 */
import { Figure, type Spec } from './figure.js';
import { type Values, numbers, sameLength } from './values.js';

/** Options that every chart takes. */
export interface ChartOptions {
  title?: string;
  xlabel?: string;
  ylabel?: string;
  /** Width in pixels. Default: 420. */
  width?: number;
  /** Height in pixels. Default: 280. */
  height?: number;
}

/** Title and size of a chart. @internal */
export function frame({ title, width = 420, height = 280 }: ChartOptions): Spec {
  return { ...(title === undefined ? {} : { title }), width, height };
}

/** Options of {@link lines}. */
export interface LineOptions extends ChartOptions {
  /** The horizontal positions, for all series. Default: 1, 2, 3, ... */
  x?: Values;
  /** A logarithmic vertical axis. */
  log?: boolean;
  /** Points on the lines. Default: on lines of at most 30 points. */
  points?: boolean;
  /** From where to where the vertical axis goes. Default: as the data asks, not necessarily from 0. */
  ylim?: [number, number];
}

/**
 * Curves over a common axis, one per entry: `plot.lines({ train: losses, test: testLosses }, { ylabel: 'loss' })`.
 * A value that is not finite is a gap.
 */
export function lines(series: Readonly<Record<string, Values>>, options: LineOptions = {}): Figure {
  const given = options.x === undefined ? undefined : numbers(options.x, 'x');
  const values = Object.entries(series).flatMap(([name, list]) => {
    const ys = numbers(list, `series "${name}"`);
    if (given !== undefined) sameLength('lines', given, ys);
    return ys.map((y, i) => ({ x: given?.[i] ?? i + 1, y: Number.isFinite(y) ? y : null, series: name }));
  });
  const names = Object.keys(series);
  const xs = new Set(values.map((value) => value.x));
  const whole = [...xs].every(Number.isInteger);
  const axis = whole && xs.size <= 30 ? { tickMinStep: 1, format: 'd' } : {};
  const scale = { zero: false, ...(options.log ? { type: 'log' } : {}), ...(options.ylim ? { domain: options.ylim } : {}) };
  return new Figure({
    ...frame(options),
    data: { values },
    mark: { type: 'line', point: options.points ?? xs.size <= 30 ? { size: 25 } : false, strokeWidth: 2, clip: options.ylim !== undefined },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: options.xlabel ?? null, axis, scale: { zero: false, nice: !whole, padding: 8 } },
      y: { field: 'y', type: 'quantitative', title: options.ylabel ?? null, scale },
      color: { field: 'series', type: 'nominal', title: null, sort: names, scale: { domain: names }, legend: names.length > 1 ? { orient: 'top' } : null },
    },
  });
}

/** Options of {@link bars}. */
export interface BarOptions extends ChartOptions {
  /** Draw the bars from left to right, with the labels at the left: for long labels. */
  horizontal?: boolean;
  /** The label to set off in another colour, such as the predicted class. */
  highlight?: string;
}

/** One bar per label, such as the probabilities of classes. */
export function bars(labels: readonly string[], heights: Values, options: BarOptions = {}): Figure {
  const ys = numbers(heights, 'heights');
  sameLength('bars', labels, ys);
  const values = ys.map((value, i) => ({ label: labels[i], value, mark: labels[i] === options.highlight }));
  const [along, up] = options.horizontal ? (['y', 'x'] as const) : (['x', 'y'] as const);
  const title = { x: options.xlabel ?? null, y: options.ylabel ?? null };
  return new Figure({
    ...frame(options),
    data: { values },
    mark: { type: 'bar' },
    encoding: {
      [along]: { field: 'label', type: 'nominal', sort: null, title: title[along], axis: { labelAngle: options.horizontal ? 0 : labels.some((l) => l.length > 3) ? -40 : 0 } },
      [up]: { field: 'value', type: 'quantitative', title: title[up] },
      color: { field: 'mark', type: 'nominal', legend: null, scale: { domain: [false, true], range: ['#0072b2', '#d55e00'] } },
    },
  });
}

/** Options of {@link histogram}. */
export interface HistogramOptions extends ChartOptions {
  /** How many bins, of equal width from the least to the greatest value. Default: 30. */
  bins?: number;
}

/** How often values fall into each of a row of equal intervals; values that are not finite are left out. */
export function histogram(data: Values, options: HistogramOptions = {}): Figure {
  const xs = numbers(data, 'data').filter(Number.isFinite);
  const bins = options.bins ?? 30;
  const low = xs.reduce((a, b) => Math.min(a, b), Infinity);
  const high = xs.reduce((a, b) => Math.max(a, b), -Infinity);
  const width = high > low ? (high - low) / bins : 1;
  const counts = new Array<number>(bins).fill(0);
  for (const x of xs) counts[Math.min(bins - 1, Math.floor((x - low) / width))]! += 1;
  const values = xs.length === 0 ? [] : counts.map((count, i) => ({ from: low + i * width, to: low + (i + 1) * width, count }));
  return new Figure({
    ...frame(options),
    data: { values },
    mark: { type: 'bar', binSpacing: 0, color: '#0072b2', stroke: 'white', strokeWidth: 0.5 },
    encoding: {
      x: { field: 'from', type: 'quantitative', bin: 'binned', title: options.xlabel ?? null, scale: { zero: false } },
      x2: { field: 'to' },
      y: { field: 'count', type: 'quantitative', title: options.ylabel ?? 'count' },
      y2: { datum: 0 },
    },
  });
}
