/**
 * The engine's binary by fetch: browsers and bundlers, which find the literal URLs below.
 * @module
 */
import { download } from './runtime/binary.js';
import type { WasmSource } from './runtime/source.js';

/** `#wasm-source` of pages and their workers, which may not block on a download. */
export const source: WasmSource = {
  read: null,
  fetch: (simd) =>
    download(simd === 'relaxed' ? new URL('./cresset_relaxed_bg.wasm', import.meta.url) : new URL('./cresset_bg.wasm', import.meta.url)),
};
