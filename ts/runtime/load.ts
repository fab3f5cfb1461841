/**
 * Loading the engine: which binary, from where, when.
 *
 * In Node, Deno and Bun the binary is read synchronously when it is first needed. In a browser `await torch.init()`
 * comes first, because a page may not block on a download.
 * @module
 */
import { source as platformSource } from '#wasm-source';
import { initSync, set_callback } from '../generated/wasm/cresset.js';
import { type Device, device as toDevice } from '../device.js';
import { LoadError, ValueError } from '../errors.js';
import { compile, compileResponse, compileSync, download, notCompiled } from './binary.js';
import './callbacks.js';
import { startLimit } from './collect.js';
import { registerFormatter } from './console.js';
import type { Simd, WasmSource } from './source.js';
import { askThreads } from './threads.js';
import { attach, dispatchCallback, type Exports, setStarter, started } from './wasm.js';

/** Options of {@link init}. */
export interface InitOptions {
  /** The device tensors are made on when none is named; only `'cpu'` exists. */
  device?: Device | string;
  /** Threads of the CPU kernels; 1 until threaded builds exist, and one line on the console says so if it is more. */
  threads?: number;
  /**
   * `'baseline'` (the default) computes the same numbers in every runtime and on every machine. `'relaxed'` has fused
   * multiply-add in matrix products: faster on Intel and AMD, and the last digits may then differ between machines.
   */
  simd?: Simd;
  /** The engine's binary, from a place of your own: bytes, a compiled module, a URL, or a response. */
  wasm?: BufferSource | WebAssembly.Module | URL | string | Response | Promise<Response>;
}

/** A module with one relaxed-SIMD instruction (f32x4.relaxed_madd): valid exactly where such builds run. */
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15,
  253, 133, 2, 11,
]);

/** Makes sure that relaxed SIMD can be compiled. */
function needRelaxed(): void {
  if (WebAssembly.validate(RELAXED_PROBE)) return;
  source.allowRelaxed?.();
  if (WebAssembly.validate(RELAXED_PROBE)) return;
  throw new LoadError(
    "torch.init({ simd: 'relaxed' }): this JavaScript engine has no relaxed SIMD (Chrome has it since 114, Firefox since 145, Node since 20); " +
      "leave `simd` out, or try init({ simd: 'relaxed' }) first and init() if that fails",
  );
}

let source: WasmSource = platformSource;

/** Takes the binary from elsewhere than where this platform has it. Called by cresset/inline. */
export function setSource(from: WasmSource): void {
  // Which flags the JavaScript engine needs stays the platform's affair.
  source = { ...platformSource, fetch: undefined, ...from };
}

/** What the engine was, or is being, loaded from. */
interface Choice {
  readonly simd: Simd;
  readonly wasm: InitOptions['wasm'];
}
let choice: Choice | null = null;
let pending: Promise<void> | null = null;

/**
 * Loads the engine. Idempotent; in Node, Deno and Bun it is optional. In a browser, call it before the first tensor.
 * @example
 * await torch.init();
 * await torch.init({ wasm: '/assets/cresset_bg.wasm' });
 * @throws {@link LoadError} if the binary cannot be found or is not the engine, or if the engine already runs with another one.
 */
export async function init(options: InitOptions = {}): Promise<void> {
  if (options.device !== undefined) toDevice(options.device);
  const { simd } = options;
  if (simd !== undefined && simd !== 'baseline' && simd !== 'relaxed') {
    throw new ValueError(`torch.init: simd must be 'baseline' or 'relaxed', not ${String(simd)}`);
  }
  if (options.threads !== undefined) askThreads(options.threads);
  if (choice !== null) agree(choice, options);
  if (started()) return;
  if (!pending) {
    choice = { simd: simd ?? 'baseline', wasm: options.wasm };
    // After a failure the next call may try again, from another place for instance.
    pending = load(choice).finally(() => {
      pending = null;
      if (!started()) choice = null;
    });
  }
  await pending;
}

/** Refuses wishes that come too late. */
function agree(now: Choice, { simd, wasm }: InitOptions): void {
  const late = (wish: string, is: string): LoadError =>
    new LoadError(`torch.init({ ${wish} }): the engine is already loaded ${is}. A program has one engine: give the options to the first call of init, before the first tensor.`);
  if (simd !== undefined && simd !== now.simd) throw late(`simd: '${simd}'`, `with simd: '${now.simd}'`);
  if (wasm === undefined || wasm === now.wasm) return;
  if (now.wasm === undefined) throw late('wasm', 'from its usual place');
  const isUrl = (x: InitOptions['wasm']): boolean => typeof x === 'string' || x instanceof URL;
  // Two responses cannot be told apart: fetch(url) gives a new one each time.
  if (isUrl(wasm) && isUrl(now.wasm) && String(wasm) !== String(now.wasm)) throw late(`wasm: '${String(wasm)}'`, `from ${String(now.wasm)}`);
}

async function load({ simd, wasm }: Choice): Promise<void> {
  if (simd === 'relaxed') needRelaxed();
  const module = wasm === undefined ? await fromSource(simd) : await fromPlace(wasm);
  // The first tensor may have come in between, where the binary can be read at once.
  if (started()) agree(choice!, { simd, wasm });
  else start(module);
}

async function fromSource(simd: Simd): Promise<WebAssembly.Module> {
  if (!source.read) return source.fetch!(simd);
  const binary = source.read(simd);
  return binary instanceof WebAssembly.Module ? binary : compile(binary, 'the package');
}

async function fromPlace(given: NonNullable<InitOptions['wasm']>): Promise<WebAssembly.Module> {
  if (given instanceof WebAssembly.Module) return given;
  if (typeof given === 'string' || given instanceof URL) return download(given);
  if (ArrayBuffer.isView(given) || given instanceof ArrayBuffer) return compile(given, 'the given bytes');
  return compileResponse(await given, 'the given response');
}

function start(module: WebAssembly.Module): void {
  // Checked first: the glue remembers an instance even if it then finds no engine in it.
  if (!WebAssembly.Module.exports(module).some(({ name }) => name === 'scratch_ptr')) {
    throw new LoadError("the given WebAssembly module is not cresset's engine: it has to be the .wasm file of this version of cresset");
  }
  let exports: Exports;
  try {
    exports = initSync({ module }) as unknown as Exports;
  } catch (cause) {
    throw notCompiled(cause);
  }
  attach(exports);
  set_callback(dispatchCallback);
  startLimit();
  registerFormatter();
}

/** Makes the first use of the engine load it, where that can be done synchronously. Called once, by tensor.ts. */
export function installStarter(): void {
  setStarter(() => {
    if (!source.read) throw new LoadError('the engine is not loaded: call `await torch.init()` before the first tensor');
    const binary = source.read('baseline');
    start(binary instanceof WebAssembly.Module ? binary : compileSync(binary, 'the package'));
    choice = { simd: 'baseline', wasm: undefined };
  });
}
