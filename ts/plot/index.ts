/**
 * Pictures of training: curves, points with decision boundaries, bars, histograms, grids of images; as SVG, also without
 * a browser. Needs the packages vega and vega-lite.
 * @module
 */
export { type BarOptions, type ChartOptions, type HistogramOptions, type LineOptions, bars, histogram, lines } from './charts.js';
export { Figure, type Spec, column, row } from './figure.js';
export { type ImageOptions, images } from './images.js';
export { type BoundaryOptions, type ScatterOptions, decisionBoundary, scatter } from './scatter.js';
export type { Values } from './values.js';
