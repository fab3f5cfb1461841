/**
 * Around the training loop: progress, and what a model consists of.
 * @module
 */
export { Progress, type ProgressOptions, type ProgressOutput, type Shown, formatCount, formatTime } from './progress.js';
export { Summary, type SummaryRow, summary } from './summary.js';
