/**
 * Loading the engine: which binary, from where, when.
 *
 * In Node, Deno and Bun the binary is read synchronously when it is first needed. In a browser `await torch.init()`
 * comes first, because a page may not block on a download.
 * @module
 */
import { fetchBinary, readBinary } from '#wasm-source';
import { initSync, set_callback } from '../generated/wasm/cresset.js';
import { type Device, device as toDevice } from '../device.js';
import { LoadError } from '../errors.js';
import { registerFormatter } from './console.js';
import { attach, dispatchCallback, type Exports, setStarter, started } from './wasm.js';

/** Options of {@link init}. */
export interface InitOptions {
  /** The device tensors are made on when none is named; only `'cpu'` exists. */
  device?: Device | string;
  /** Threads of the CPU kernels; 1 until threaded builds exist. */
  threads?: number;
  /** The engine's binary, from a place of your own: bytes, a compiled module, a URL, or a response. */
  wasm?: BufferSource | WebAssembly.Module | URL | string | Response | Promise<Response>;
}

/** A module with one relaxed-SIMD instruction (f32x4.relaxed_madd): valid exactly where such builds run. */
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15,
  253, 133, 2, 11,
]);

/** Whether this runtime has fused multiply-add on vectors. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(RELAXED_PROBE);
}

let pending: Promise<void> | null = null;

/**
 * Loads the engine. Idempotent; in Node, Deno and Bun it is optional. In a browser, call it before the first tensor.
 * @example
 * await torch.init();
 * await torch.init({ wasm: '/assets/cresset_bg.wasm' });
 * @throws {@link LoadError} if the binary cannot be found or is not the engine.
 */
export async function init(options: InitOptions = {}): Promise<void> {
  if (options.device !== undefined) toDevice(options.device);
  if (started()) return;
  // After a failure the next call may try again, from another place for instance.
  pending ??= load(options.wasm).finally(() => (pending = null));
  await pending;
}

async function load(given: InitOptions['wasm']): Promise<void> {
  if (given === undefined) {
    const binary = readBinary ? readBinary(hasRelaxedSimd()) : await fetchBinary!(hasRelaxedSimd());
    if (!started()) start(binary instanceof WebAssembly.Module ? binary : await compile(binary));
    return;
  }
  if (given instanceof WebAssembly.Module) start(given);
  else if (typeof given === 'string' || given instanceof URL) start(await compile(await bytesOf(await request(given), String(given))));
  else if (ArrayBuffer.isView(given) || given instanceof ArrayBuffer) start(await compile(given));
  else start(await compile(await bytesOf(await given, 'the given response')));
}

async function request(url: string | URL): Promise<Response> {
  try {
    return await fetch(url);
  } catch (cause) {
    throw new LoadError(`the engine's binary could not be fetched from ${String(url)}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

async function bytesOf(response: Response, from: string): Promise<ArrayBuffer> {
  if (!response.ok) throw new LoadError(`the engine's binary is not at ${from}: the server answered ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

async function compile(binary: BufferSource): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(binary);
  } catch (cause) {
    throw notTheEngine(cause);
  }
}

function notTheEngine(cause: unknown): LoadError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new LoadError(
    `the engine's binary could not be compiled: ${why}. It has to be the .wasm file of this version of cresset, and a page's ` +
      "Content-Security-Policy has to allow 'wasm-unsafe-eval'.",
    { cause },
  );
}

function start(module: WebAssembly.Module): void {
  let exports: Exports;
  try {
    exports = initSync({ module }) as unknown as Exports;
  } catch (cause) {
    throw notTheEngine(cause);
  }
  attach(exports);
  set_callback(dispatchCallback);
  registerFormatter();
}

/** Makes the first use of the engine load it, where that can be done synchronously. Called once, by tensor.ts. */
export function installStarter(): void {
  setStarter(() => {
    if (!readBinary) throw new LoadError('the engine is not loaded: call `await torch.init()` before the first tensor');
    const binary = readBinary(hasRelaxedSimd());
    let module: WebAssembly.Module;
    try {
      module = binary instanceof WebAssembly.Module ? binary : new WebAssembly.Module(binary);
    } catch (cause) {
      throw notTheEngine(cause);
    }
    start(module);
  });
}
