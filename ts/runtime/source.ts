/**
 * What `#wasm-source` is: where the engine's binary and its threads come from on this platform (package.json, "imports").
 * The files that implement it lie beside index.js, as the binaries do, so that their URLs are right in browser.js too.
 * @module
 */

import type { GpuProvider } from './gpu.js';

/** Instructions: `'baseline'` computes the same everywhere; `'relaxed'` has fused multiply-add in matrix products. */
export type Simd = 'baseline' | 'relaxed';

/** Which binary. */
export interface Build {
  readonly simd: Simd;
  /** Whether it computes on a GPU too; then it has baseline instructions and one thread. */
  readonly gpu: boolean;
  /** Whether its memory can be shared with workers. */
  readonly threads: boolean;
}

/** What a worker needs to become one of the engine's threads. */
export interface Invitation {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

/** The threads of a platform. */
export interface Crew {
  /** Why there are none here, as the rest of a sentence ("... needs"), or null where there are. */
  readonly lacking: () => string | null;
  /** How many threads run at once. */
  readonly cores: () => number;
  /**
   * Starts a worker that joins the engine. The promise ends when it is about to, or with why it is not; nothing
   * but the promise, if `awaited`, keeps the program running.
   */
  readonly start: (invitation: Invitation, awaited: boolean) => Promise<void>;
}

/** Where the binary comes from. */
export interface WasmSource {
  /** Gives the binary at once, or null where that is impossible. */
  readonly read: ((build: Build) => BufferSource | WebAssembly.Module) | null;
  /** Fetches the binary; asked only where `read` is null. */
  readonly fetch?: ((build: Build) => Promise<WebAssembly.Module>) | undefined;
  /** Makes the JavaScript engine accept relaxed SIMD, where it does so only on request. */
  readonly allowRelaxed?: () => void;
  /** Absent where a program cannot start threads. */
  readonly crew?: Crew | undefined;
  /** Where WebGPU comes from; absent where that is `navigator.gpu`. */
  readonly gpu?: GpuProvider | undefined;
}
