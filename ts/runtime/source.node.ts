/**
 * The engine's binary from the file beside this package's code: Node, Deno, Bun.
 * @module
 */
import { readFileSync } from 'node:fs';
import { LoadError } from '../errors.js';
import type { FetchBinary, ReadBinary } from './source.js';

/** Reads the file. */
export const readBinary: ReadBinary = (relaxed) => {
  const url = relaxed
    ? new URL('../generated/wasm/cresset_relaxed_bg.wasm', import.meta.url)
    : new URL('../generated/wasm/cresset_bg.wasm', import.meta.url);
  try {
    return readFileSync(url);
  } catch (cause) {
    throw new LoadError(`the engine's binary is missing: ${url.href}. Install the package again, or run \`npm run build\` in its repository.`, { cause });
  }
};

/** Not needed here. */
export const fetchBinary: FetchBinary = null;
