/**
 * `cresset` with the engine's binary in the code, for bundlers that do not copy files (esbuild, Rollup) and for bundles
 * that must be one file. It is the same engine and the same classes as `cresset`: both may be imported in one program.
 * Half as large again to download (base64 compresses badly), so prefer `cresset` where that works.
 *
 * ```ts
 * import { ones } from 'cresset/inline';
 * console.log(String(ones(2))); // nothing to await, in a page neither
 * ```
 * @module
 */
import { LoadError } from './errors.js';
import { base64 } from './generated/wasm/base64.js';
import { setSource } from './runtime/load.js';

function decode(): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

setSource({
  read({ simd, gpu }) {
    if (gpu) {
      throw new LoadError(
        "torch.init({ device: 'webgpu' }): cresset/inline holds the binary of the CPU only; import 'cresset', or say where " +
          "cresset_webgpu_bg.wasm of node_modules/cresset/dist is: torch.init({ device: 'webgpu', wasm: url })",
      );
    }
    if (simd === 'relaxed') throw new LoadError("torch.init({ simd: 'relaxed' }): cresset/inline holds the baseline binary only; import 'cresset', or leave `simd` out");
    return decode();
  },
});

export * from './index.js';
