/**
 * What `#wasm-source` is: where the engine's binary comes from on this platform (package.json, "imports").
 * @module
 */

/** Reads the binary at once, or null where that is impossible. `relaxed` asks for the relaxed-SIMD build. */
export type ReadBinary = ((relaxed: boolean) => BufferSource | WebAssembly.Module) | null;

/** Fetches the binary, or null where {@link ReadBinary} does it. */
export type FetchBinary = ((relaxed: boolean) => Promise<BufferSource | WebAssembly.Module>) | null;
