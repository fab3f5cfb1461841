/**
 * Loading the engine: which binary, from where, when.
 *
 * In Node, Deno and Bun the binary is read synchronously when it is first needed. In a browser `await torch.init()`
 * comes first, because a page may not block on a download.
 * @module
 */
import { source as platformSource } from '#wasm-source';
import * as cpuGlue from '../generated/wasm/cresset.js';
import { type Device, device as toDevice, setDefaultDevice, webgpu } from '../device.js';
import { LoadError, ValueError } from '../errors.js';
import { compile, compileResponse, compileSync, download, notCompiled } from './binary.js';
import './callbacks.js';
import { startLimit } from './collect.js';
import { registerFormatter } from './console.js';
import { noGpu, openGpu, probe, setGpuProvider, tooLate } from './gpu.js';
import type { Build, Crew, Simd, WasmSource } from './source.js';
import { allThreads, getNumThreads, plannedThreads, setNumThreads, useThreads } from './threads.js';
import { attach, dispatchCallback, type Exports, setStarter, started } from './wasm.js';

/** Options of {@link init}. */
export interface InitOptions {
  /**
   * The device that tensors are made on when none is named. `'webgpu'` loads the engine that has a GPU beside the CPU, and opens the
   * GPU; in Node that takes the npm package `webgpu`. PyTorch: `torch.set_default_device`.
   */
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
setGpuProvider(platformSource.gpu);

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

/** The threads of the engine that has a GPU. */
const ONE_THREAD: Crew = {
  lacking: () => 'the engine without a GPU (a torch.init without `device`): the one with it computes with one thread on the CPU',
  cores: () => 1,
  start: () => Promise.reject(new Error('this engine has one thread')),
};

/** Whether `device` names the GPU. */
const isGpu = (device: InitOptions['device']): boolean => device !== undefined && toDevice(device) === webgpu;

/**
 * Loads the engine. Idempotent; in Node, Deno and Bun it is optional. In a browser, call it before the first tensor.
 * @example
 * await torch.init();
 * await torch.init({ wasm: '/assets/cresset_bg.wasm' });
 * await torch.init((await torch.webgpu.isAvailable()) ? { device: 'webgpu' } : {});
 * @throws {@link LoadError} if the binary cannot be found or is not the engine, or if the engine already runs with another one.
 * @throws {@link DeviceError} if there is no GPU here, or it computes wrongly; the message says why and what to do.
 */
export async function init(options: InitOptions = {}): Promise<void> {
  const { simd, device } = options;
  const gpu = isGpu(device);
  if (simd !== undefined && simd !== 'baseline' && simd !== 'relaxed') {
    throw new ValueError(`torch.init: simd must be 'baseline' or 'relaxed', not ${String(simd)}`);
  }
  if (gpu && simd === 'relaxed') {
    throw new LoadError("torch.init({ device: 'webgpu', simd: 'relaxed' }): the engine with a GPU has the baseline instructions only; leave `simd` out");
  }
  if (choice !== null) agree(choice, options);
  const count = plannedThreads(gpu ? ONE_THREAD : source.crew, options.threads);
  if (!started() && !pending) {
    choice = { simd: simd ?? 'baseline', wasm: options.wasm, threads: count > 1, gpu, count };
    // After a failure the next call may try again, from another place for instance.
    pending = load(choice).finally(() => {
      pending = null;
      if (!started()) choice = null;
    });
  }
  await pending;
  if (gpu) await openGpu();
  if (device !== undefined) setDefaultDevice(device);
  if (options.threads === undefined) return;
  if (count > 1 || getNumThreads() > 1) setNumThreads(count);
  await allThreads();
}

/** Refuses wishes that come too late. */
function agree(now: Choice, { simd, wasm, device }: InitOptions): void {
  if (isGpu(device) && !now.gpu) throw tooLate();
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
  const { simd, wasm, gpu } = chosen;
  if (simd === 'relaxed') needRelaxed();
  if (gpu) {
    // Before the download, which would be for nothing.
    const found = await probe();
    if ('lacking' in found) throw noGpu(found.lacking);
  }
  const module = wasm === undefined ? await fromSource(chosen) : await fromPlace(wasm);
  const glue = wantsGpuGlue(module) ? await gpuGlue() : cpuGlue;
  if (gpu && glue === cpuGlue) {
    throw new LoadError("torch.init({ device: 'webgpu', wasm }): the given module is an engine without a GPU: it has to be cresset_webgpu_bg.wasm of this version of cresset");
  }
  // The first tensor may have come in between, where the binary can be read at once.
  if (started()) agree(choice!, { simd, wasm, ...(gpu ? { device: 'webgpu' } : {}) });
  else start(module, chosen.count, glue, gpu ? ONE_THREAD : source.crew);
}

/** What wasm-bindgen makes beside a binary: its imports in JavaScript. */
interface Glue {
  initSync(options: { module: WebAssembly.Module; memory?: WebAssembly.Memory }): unknown;
  set_callback(f: typeof dispatchCallback): void;
}

/** Whether a binary imports what only the GPU's JavaScript has. It is named so by wasm-bindgen. */
function wantsGpuGlue(module: WebAssembly.Module): boolean {
  return WebAssembly.Module.imports(module).some((wanted) => wanted.module.includes('cresset_webgpu'));
}

/** The JavaScript of the binary with a GPU, a file that nobody else loads. */
async function gpuGlue(): Promise<Glue> {
  try {
    return await import('../generated/wasm/cresset_webgpu.js');
  } catch (cause) {
    throw new LoadError(
      `the file dist/generated/wasm/cresset_webgpu.js of cresset could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}. It has to lie where the package has it.`,
      { cause },
    );
  }
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

function start(module: WebAssembly.Module, threads: number, glue: Glue, crew: Crew | undefined): void {
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
    exports = glue.initSync({ module, memory: memory ?? new WebAssembly.Memory({ initial: 0 }) }) as unknown as Exports;
  } catch (cause) {
    throw notCompiled(cause);
  }
  attach(exports);
  exports.begin();
  glue.set_callback(dispatchCallback);
  useThreads(crew, threads, memory && { module, memory });
  startLimit();
  registerFormatter();
}

/** Makes the first use of the engine load it, where that can be done synchronously. Called once, by tensor.ts. */
export function installStarter(): void {
  setStarter(() => {
    if (!source.read) throw new LoadError('the engine is not loaded: call `await torch.init()` before the first tensor');
    const count = plannedThreads(source.crew, undefined);
    const build = { simd: 'baseline', threads: count > 1, gpu: false } as const;
    const binary = source.read(build);
    start(binary instanceof WebAssembly.Module ? binary : compileSync(binary, 'the package'), count, cpuGlue, source.crew);
    choice = { ...build, count, wasm: undefined };
  });
}
