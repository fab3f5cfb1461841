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
import type { Build, Simd, WasmSource } from './source.js';
import { allThreads, getNumThreads, plannedThreads, setNumThreads, useThreads } from './threads.js';
import { attach, dispatchCallback, type Exports, setStarter, started } from './wasm.js';

/** Options of {@link init}. */
export interface InitOptions {
  /** The device tensors are made on when none is named; only `'cpu'` exists. */
  device?: Device | string;
  /**
   * Threads of the CPU kernels, the calling one included; as many as there are cores, at most 8, if it is left out. In pages that
   * are not cross-origin isolated there is one, and a line on the console says so if more are asked for. Results do not
   * depend on it. Given, `init` waits until they are there; otherwise they come when they are first useful. PyTorch:
   * `torch.set_num_threads`.
   */
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
  source = { ...platformSource, fetch: undefined, crew: undefined, ...from };
}

/** What the engine was, or is being, loaded from. */
interface Choice extends Build {
  readonly wasm: InitOptions['wasm'];
  /** How many threads, if the binary has them. */
  readonly count: number;
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
  const count = plannedThreads(source.crew, options.threads);
  if (choice !== null) agree(choice, options);
  if (!started() && !pending) {
    choice = { simd: simd ?? 'baseline', wasm: options.wasm, threads: count > 1, count };
    // After a failure the next call may try again, from another place for instance.
    pending = load(choice).finally(() => {
      pending = null;
      if (!started()) choice = null;
    });
  }
  await pending;
  if (options.threads === undefined) return;
  if (count > 1 || getNumThreads() > 1) setNumThreads(count);
  await allThreads();
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

async function load(chosen: Choice): Promise<void> {
  const { simd, wasm } = chosen;
  if (simd === 'relaxed') needRelaxed();
  const module = wasm === undefined ? await fromSource(chosen) : await fromPlace(wasm);
  // The first tensor may have come in between, where the binary can be read at once.
  if (started()) agree(choice!, { simd, wasm });
  else start(module, chosen.count);
}

async function fromSource(build: Build): Promise<WebAssembly.Module> {
  if (!source.read) return source.fetch!(build);
  const binary = source.read(build);
  return binary instanceof WebAssembly.Module ? binary : compile(binary, 'the package');
}

async function fromPlace(given: NonNullable<InitOptions['wasm']>): Promise<WebAssembly.Module> {
  if (given instanceof WebAssembly.Module) return given;
  if (typeof given === 'string' || given instanceof URL) return download(given);
  if (ArrayBuffer.isView(given) || given instanceof ArrayBuffer) return compile(given, 'the given bytes');
  return compileResponse(await given, 'the given response');
}

/** The first pages of a memory that is shared: what the linker put there, with some to spare, and the most there can be. */
const SHARED_MEMORY = { initial: 64, maximum: 65536, shared: true };

function start(module: WebAssembly.Module, threads: number): void {
  // Checked first: the glue remembers an instance even if it then finds no engine in it.
  if (!WebAssembly.Module.exports(module).some(({ name }) => name === 'scratch_ptr')) {
    throw new LoadError("the given WebAssembly module is not cresset's engine: it has to be the .wasm file of this version of cresset");
  }
  // A binary with threads is known by the memory that it wants given.
  const shares = WebAssembly.Module.imports(module).some(({ kind }) => kind === 'memory');
  let exports: Exports;
  let memory: WebAssembly.Memory | null;
  try {
    memory = shares ? new WebAssembly.Memory(SHARED_MEMORY) : null;
    exports = initSync({ module, memory: memory ?? new WebAssembly.Memory({ initial: 0 }) }) as unknown as Exports;
  } catch (cause) {
    throw notCompiled(cause);
  }
  attach(exports);
  exports.begin();
  set_callback(dispatchCallback);
  useThreads(source.crew, threads, memory && { module, memory });
  startLimit();
  registerFormatter();
}

/** Makes the first use of the engine load it, where that can be done synchronously. Called once, by tensor.ts. */
export function installStarter(): void {
  setStarter(() => {
    if (!source.read) throw new LoadError('the engine is not loaded: call `await torch.init()` before the first tensor');
    const count = plannedThreads(source.crew, undefined);
    const build = { simd: 'baseline', threads: count > 1 } as const;
    const binary = source.read(build);
    start(binary instanceof WebAssembly.Module ? binary : compileSync(binary, 'the package'), count);
    choice = { ...build, count, wasm: undefined };
  });
}
