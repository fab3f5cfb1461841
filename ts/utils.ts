/**
 * `torch.utils`.
 * @module
 */
export * as data from './data/index.js';
