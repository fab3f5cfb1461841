/**
 * The engine's binary from the file beside this one: Node, Deno, Bun.
 * @module
 */
import { readFileSync } from 'node:fs';
import * as v8 from 'node:v8';
import { LoadError } from './errors.js';
import type { WasmSource } from './runtime/source.js';

/** `#wasm-source` of Node, Deno and Bun. */
export const source: WasmSource = {
  read(simd) {
    const url = simd === 'relaxed' ? new URL('./cresset_relaxed_bg.wasm', import.meta.url) : new URL('./cresset_bg.wasm', import.meta.url);
    try {
      return readFileSync(url);
    } catch (cause) {
      throw new LoadError(
        `the engine's binary is missing: ${url.href}. Install the package again; in a bundle made for Node, copy ` +
          "node_modules/cresset/dist/*.wasm beside it, or import 'cresset/inline', which carries the binary along.",
        { cause },
      );
    }
  },
  // V8 has it since 11.4, without a flag; Node 20 has V8 11.3, with one.
  allowRelaxed: () => v8.setFlagsFromString('--experimental-wasm-relaxed-simd'),
};
