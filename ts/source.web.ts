/**
 * The engine's binary by fetch and its threads by Workers: browsers and bundlers, which find the literal URLs below.
 * @module
 */
import { download } from './runtime/binary.js';
import type { Build, WasmSource } from './runtime/source.js';

function place({ simd, threads, gpu }: Build): URL {
  if (gpu) return new URL('./cresset_webgpu_bg.wasm', import.meta.url);
  if (simd === 'relaxed') {
    return threads ? new URL('./cresset_relaxed_threads_bg.wasm', import.meta.url) : new URL('./cresset_relaxed_bg.wasm', import.meta.url);
  }
  return threads ? new URL('./cresset_threads_bg.wasm', import.meta.url) : new URL('./cresset_bg.wasm', import.meta.url);
}

function worker(): Worker {
  try {
    return new Worker(new URL('./worker.web.js', import.meta.url), { type: 'module' });
  } catch {
    // From another origin, a CDN's, a worker may be imported but not started.
    const url = new URL('./worker.web.js', import.meta.url).href;
    const blob = new Blob([`import ${JSON.stringify(url)};`], { type: 'text/javascript' });
    return new Worker(URL.createObjectURL(blob), { type: 'module' });
  }
}

/** `#wasm-source` of pages and their workers, which may not block on a download. */
export const source: WasmSource = {
  read: null,
  fetch: (build) => download(place(build)),
  crew: {
    // Browsers share memory with isolated pages only.
    lacking: () =>
      globalThis.crossOriginIsolated
        ? null
        : 'a cross-origin isolated page, served with the headers "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp"',
    cores: () => navigator.hardwareConcurrency,
    start: (invitation) =>
      new Promise((resolve, reject) => {
        const thread = worker();
        thread.onerror = (event) => reject(new Error(event.message || 'worker.web.js could not be loaded'));
        thread.onmessage = () => resolve();
        thread.postMessage(invitation);
      }),
  },
};
