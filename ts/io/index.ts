/**
 * Files: IDX and safetensors.
 * @module
 */
export { FileError, type OnProgress, type Source, readBytes } from './files.js';
export { type Idx, parseIdx, readIdx, readIdxSync } from './idx.js';
export * as safetensors from './safetensors.js';
