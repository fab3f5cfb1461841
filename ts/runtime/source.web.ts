/**
 * The engine's binary by fetch: browsers and bundlers, which find the literal URLs below.
 * @module
 */
import { LoadError } from '../errors.js';
import type { FetchBinary, ReadBinary } from './source.js';

/** A page cannot read synchronously. */
export const readBinary: ReadBinary = null;

/** Fetches and compiles the binary while it streams in. */
export const fetchBinary: FetchBinary = async (relaxed) => {
  const url = relaxed
    ? new URL('../generated/wasm/cresset_relaxed_bg.wasm', import.meta.url)
    : new URL('../generated/wasm/cresset_bg.wasm', import.meta.url);
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new LoadError(`the engine's binary could not be fetched from ${url.href}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  if (!response.ok) {
    throw new LoadError(
      `the engine's binary is not at ${url.href}: the server answered ${response.status}. Serve the .wasm files that lie beside the ` +
        'package\'s JavaScript, or pass their place: torch.init({ wasm: url }).',
    );
  }
  const type = response.headers.get('content-type') ?? '';
  // Streaming compilation insists on the MIME type; bytes do not.
  return /^application\/wasm\b/.test(type) ? WebAssembly.compileStreaming(response) : response.arrayBuffer();
};
