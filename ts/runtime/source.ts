/**
 * What `#wasm-source` is: where the engine's binary comes from on this platform (package.json, "imports").
 * The files that implement it lie beside index.js, as the binaries do, so that their URLs are right in browser.js too.
 * @module
 */

/** Which binary: `'baseline'` computes the same everywhere; `'relaxed'` has fused multiply-add in matrix products. */
export type Simd = 'baseline' | 'relaxed';

/** Where the binary comes from. */
export interface WasmSource {
  /** Gives the binary at once, or null where that is impossible. */
  readonly read: ((simd: Simd) => BufferSource | WebAssembly.Module) | null;
  /** Fetches the binary; asked only where `read` is null. */
  readonly fetch?: ((simd: Simd) => Promise<WebAssembly.Module>) | undefined;
  /** Makes the JavaScript engine accept relaxed SIMD, where it does so only on request. */
  readonly allowRelaxed?: () => void;
}
