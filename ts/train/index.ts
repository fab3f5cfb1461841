/**
 * Around the training loop: progress.
 * @module
 */
export { Progress, type ProgressOptions, type ProgressOutput, type Shown, formatCount, formatTime } from './progress.js';
