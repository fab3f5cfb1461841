/**
 * From a URL or bytes to a compiled module, with every way to fail as a sentence that says what to change.
 * @module
 */
import { LoadError } from '../errors.js';

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** Fetches and compiles a binary, while it streams in where the server says its type. */
export async function download(url: string | URL): Promise<WebAssembly.Module> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new LoadError(
      `the engine's binary could not be fetched from ${String(url)}: ${messageOf(cause)}. The server has to be reachable; if it is another ` +
        "than the page's, it has to send Access-Control-Allow-Origin, and a Content-Security-Policy has to allow it in connect-src.",
      { cause },
    );
  }
  return compileResponse(response, String(url));
}

/** Compiles what a server answered; `from` says where that was. */
export async function compileResponse(response: Response, from: string): Promise<WebAssembly.Module> {
  if (!response.ok) {
    throw new LoadError(
      `the engine's binary is not at ${from}: the server answered ${response.status}. Serve the .wasm files of node_modules/cresset/dist there, ` +
        "pass their place: torch.init({ wasm: url }), or import 'cresset/inline', which needs no file.",
    );
  }
  // Streaming compilation insists on the MIME type; bytes do not.
  const type = response.headers.get('content-type') ?? '';
  if (!/^application\/wasm\b/.test(type)) return compile(await bodyOf(response, from), from);
  try {
    return await WebAssembly.compileStreaming(response);
  } catch (cause) {
    throw notCompiled(cause);
  }
}

async function bodyOf(response: Response, from: string): Promise<ArrayBuffer> {
  try {
    return await response.arrayBuffer();
  } catch (cause) {
    throw new LoadError(`the engine's binary did not arrive whole from ${from}: ${messageOf(cause)}. Load it again.`, { cause });
  }
}

/** Compiles bytes; `from` says where they came from. */
export async function compile(binary: BufferSource, from = 'the given place'): Promise<WebAssembly.Module> {
  check(binary, from);
  try {
    return await WebAssembly.compile(binary);
  } catch (cause) {
    throw notCompiled(cause);
  }
}

/** {@link compile} at once. */
export function compileSync(binary: BufferSource, from: string): WebAssembly.Module {
  check(binary, from);
  try {
    return new WebAssembly.Module(binary);
  } catch (cause) {
    throw notCompiled(cause);
  }
}

/** Refuses what is no WebAssembly: most often the start page, which servers of single-page apps answer to unknown paths. */
function check(binary: BufferSource, from: string): void {
  const bytes = ArrayBuffer.isView(binary) ? new Uint8Array(binary.buffer, binary.byteOffset, binary.byteLength) : new Uint8Array(binary);
  const head = new TextDecoder().decode(bytes.subarray(0, 256));
  if (head.startsWith('\0asm')) return;
  if (/^\uFEFF?\s*<(!doctype|!--|html|head|\?xml)/i.test(head)) {
    throw new LoadError(
      `there is an HTML page instead of the engine's binary at ${from}: the server answers unknown paths with a page. Serve the .wasm files of ` +
        "node_modules/cresset/dist there, pass their place: torch.init({ wasm: url }), or import 'cresset/inline', which needs no file.",
    );
  }
  const first = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  throw new LoadError(
    `the engine's binary from ${from} is not WebAssembly: its ${bytes.length} bytes begin with ${first || 'nothing'}, not with 00 61 73 6d. ` +
      'It has to be the .wasm file of this version of cresset.',
  );
}

/** The error of a module that does not compile or does not start. */
export function notCompiled(cause: unknown): LoadError {
  const why = messageOf(cause);
  // Chromium and Safari name the missing word, Firefox says "blocked by CSP".
  if (/unsafe-eval|content.security.policy|\bCSP\b/i.test(why)) {
    return new LoadError(
      "the page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src, as in " +
        "\"script-src 'self' 'wasm-unsafe-eval'\"",
      { cause },
    );
  }
  return new LoadError(`the engine's binary could not be compiled: ${why}. It has to be the .wasm file of this version of cresset.`, { cause });
}
