/**
 * The engine's binary as an imported module: Cloudflare Workers, which compile WebAssembly only at deployment.
 * @module
 */
// @ts-expect-error No types for it: workerd makes a WebAssembly.Module of the file.
import baseline from './cresset_bg.wasm';
import { LoadError } from './errors.js';
import type { WasmSource } from './runtime/source.js';

/** `#wasm-source` of workerd. */
export const source: WasmSource = {
  read({ simd, gpu }) {
    if (gpu) throw new LoadError("torch.init({ device: 'webgpu' }): Cloudflare Workers have no GPU; leave `device` out");
    if (simd === 'relaxed') throw new LoadError("torch.init({ simd: 'relaxed' }): only the baseline binary is deployed with a Worker; leave `simd` out");
    return baseline as WebAssembly.Module;
  },
};
