// What a page has to download for each library: its JavaScript as a bundler makes it, minified, and its WebAssembly.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { root } from '../../scripts/lib.mjs';
import { bench } from './node.mjs';

const [here, theirs] = [join(root, 'node_modules'), join(bench, 'node_modules')];
const tfjsWasm = join(theirs, '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm');

/** The WebAssembly of a library, where it is one file: for us as the build asks. */
export const binaryOf = (peer, simd) => ({
  cresset: join(root, 'dist', simd === 'relaxed' ? 'cresset_relaxed_bg.wasm' : 'cresset_bg.wasm'),
  'onnxruntime-web': join(here, 'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm'),
  'tfjs-wasm': tfjsWasm,
})[peer];

/** What is imported, and the files beside the bundle. tfjs: its core and a backend, as its size guide advises, without layers and converters. */
const PARTS = {
  cresset: { code: "export * from './dist/index.js';", at: root },
  'onnxruntime-web': { code: "export * from 'onnxruntime-web/wasm';", at: root },
  'tfjs-wasm': { code: "export * from '@tensorflow/tfjs-core'; export * from '@tensorflow/tfjs-backend-wasm';", at: bench },
  'tfjs-cpu': { code: "export * from '@tensorflow/tfjs-core'; export * from '@tensorflow/tfjs-backend-cpu';", at: bench },
  'jax-js': { code: "export * from '@jax-js/jax';", at: bench },
  'js-pytorch': { code: "export { torch } from './node_modules/js-pytorch/dist/js-pytorch-browser.js';", at: bench },
};

const known = new Map();

/** `{ gzip, brotli }` in bytes of what a page downloads, or undefined for what is not for pages. */
export function downloadOf(peer, simd) {
  if (!known.has(peer)) known.set(peer, measure(peer, simd));
  return known.get(peer);
}

async function measure(peer, simd) {
  const part = PARTS[peer];
  if (!part) return undefined;
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    stdin: { contents: part.code, resolveDir: part.at }, bundle: true, minify: true, format: 'esm', target: 'es2022', platform: 'browser', conditions: ['browser'],
    write: false, logLevel: 'silent', external: ['vega', 'vega-lite', 'fs', 'path', 'module', 'worker_threads', 'perf_hooks', 'os', 'util', 'crypto', 'node:*'],
  });
  const binary = binaryOf(peer, simd);
  const files = [...outputFiles.map(({ contents }) => contents), ...(binary ? [readFileSync(binary)] : [])];
  const sum = (compress) => files.reduce((n, file) => n + compress(file).length, 0);
  return {
    gzip: sum((file) => gzipSync(file, { level: 9 })),
    brotli: sum((file) => brotliCompressSync(file, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: file.length } })),
  };
}
