// The engine's builds (scripts/wasm.mjs). Every test runs on the one that Node takes by default, the one with threads; on the others
// runs what is about numbers: the conformance suites as projects of their own (vitest.config.ts), the programs of examples/.
import type { InitOptions } from '../ts/runtime/load.js';

/** Options of `torch.init` for every build but the default. */
export const BUILDS: Readonly<Record<string, InitOptions>> = {
  'one thread': { threads: 1 },
  relaxed: { simd: 'relaxed', threads: 1 },
  'relaxed, threads': { simd: 'relaxed', threads: 2 },
};

/**
 * Beside them: the engine with a GPU, on which the suites run whose results can be awaited. What it refuses there is part of the test
 * (conformance/judge.ts).
 */
export const WEBGPU: InitOptions = { device: 'webgpu' };
