/**
 * The engine's binary from the file beside this one, and its threads by worker_threads: Node, Deno, Bun.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import * as v8 from 'node:v8';
import { Worker } from 'node:worker_threads';
import { LoadError } from './errors.js';
import { ownGpu, type Provided } from './runtime/gpu.js';
import type { Build, WasmSource } from './runtime/source.js';

function place({ simd, threads, gpu }: Build): URL {
  // Literal URLs, so that bundlers find them.
  if (gpu) return new URL('./cresset_webgpu_bg.wasm', import.meta.url);
  if (simd === 'relaxed') {
    return threads ? new URL('./cresset_relaxed_threads_bg.wasm', import.meta.url) : new URL('./cresset_relaxed_bg.wasm', import.meta.url);
  }
  return threads ? new URL('./cresset_threads_bg.wasm', import.meta.url) : new URL('./cresset_bg.wasm', import.meta.url);
}

/** Dawn, Chromium's WebGPU, as the npm package `webgpu` has it: one for the process. */
let dawn: Provided | undefined;

/** Deno has WebGPU; elsewhere it is a package, whose program is as large as a browser's, so it is the user's to install. */
async function provideGpu(): Promise<Provided> {
  if (dawn) return dawn;
  if ('Deno' in globalThis || (globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu) return ownGpu();
  // No literal: bundlers would follow it to a binary that they have no loader for.
  const name = 'webgpu';
  try {
    const { create, globals } = (await import(name)) as { create: (options: string[]) => GPU; globals: Record<string, unknown> };
    const { GPUOutOfMemoryError, GPUValidationError } = globals;
    return (dawn = { gpu: create([]), errors: { GPUOutOfMemoryError, GPUValidationError } });
  } catch (cause) {
    const missing = (cause as { code?: unknown } | null)?.code === 'ERR_MODULE_NOT_FOUND';
    return {
      lacking: missing
        ? "Node has no WebGPU of its own; the npm package webgpu (Dawn, the one of Chromium) brings it: npm install webgpu"
        : `the npm package webgpu could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
    };
  }
}

/** `#wasm-source` of Node, Deno and Bun. */
export const source: WasmSource = {
  read(build) {
    // A bundle may have been given the binary of one thread only: then one computes.
    const threaded = place(build);
    const url = existsSync(threaded) ? threaded : place({ ...build, threads: false });
    try {
      return readFileSync(url);
    } catch (cause) {
      throw new LoadError(
        `the engine's binary is missing: ${url.href}. Install the package again; in a bundle made for Node, copy ` +
          `node_modules/cresset/dist/*.wasm beside it${build.gpu ? '' : ", or import 'cresset/inline', which carries the binary along"}.`,
        { cause },
      );
    }
  },
  gpu: provideGpu,
  // V8 has it since 11.4, without a flag; Node 20 has V8 11.3, with one.
  allowRelaxed: () => v8.setFlagsFromString('--experimental-wasm-relaxed-simd'),
  crew: {
    lacking: () => null,
    cores: availableParallelism,
    start: (invitation, awaited) =>
      new Promise((resolve, reject) => {
        // Flags of this process (--import, --test) are not the worker's.
        const worker = new Worker(new URL('./worker.node.js', import.meta.url), { workerData: invitation, execArgv: [] });
        if (!awaited) worker.unref();
        worker.once('error', reject);
        worker.once('message', () => {
          worker.unref();
          resolve();
        });
      }),
  },
};
