/**
 * The life of a worker: an instance of the engine over the memory of the one that invited it, computing pieces of kernels.
 * @module
 */
import type { Invitation } from './source.js';

/** What a worker uses of the engine's exports. */
interface Exports {
  /** wasm-bindgen's: gives this thread a stack of so many bytes and its thread-locals. */
  __wbindgen_start(stack: number): void;
  worker(): void;
  worker_failed(): void;
}

/** Kernels keep their buffers on the stack, 4 KiB an operand. */
const STACK = 2 ** 20;

/** Makes the calling thread one of the engine's. `ready` is called before; this returns only on an internal error, with it. */
export function join({ module, memory }: Invitation, ready: () => void): never {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    // Kernels do not call JavaScript; only wasm-bindgen fills its table of JavaScript values, which stays empty here.
    const refuse = (): void => {
      if (name !== '__wbindgen_init_externref_table') throw new Error(`a thread of the engine called ${name}`);
    };
    (imports[from] ??= {})[name] = kind === 'memory' ? memory : refuse;
  }
  const exports = new WebAssembly.Instance(module, imports).exports as unknown as Exports;
  exports.__wbindgen_start(STACK);
  ready();
  try {
    exports.worker();
  } catch (error) {
    // Whoever waits for this thread has to know.
    exports.worker_failed();
    throw error;
  }
  throw new Error('the engine was built without threads');
}
