/**
 * Bytes from wherever they are: a file, a URL, memory. Works in Node, Deno, Bun and browsers.
 * @module
 */
import { TorchError } from '../errors.js';

/** A file is missing, cut short, of another kind than expected, or cannot be fetched; the message names it and says what to do. */
export class FileError extends TorchError {
  override name = 'FileError';
}

/** Where bytes come from: a path (Node, Deno, Bun), a URL, or the bytes themselves. */
export type Source = string | URL | Uint8Array | ArrayBuffer | Blob;

/** Called while a file arrives: bytes so far, and the total if the server told it. */
export type OnProgress = (loaded: number, total: number | undefined) => void;

type Fs = typeof import('node:fs');
type Path = typeof import('node:path');
type Zlib = typeof import('node:zlib');

/** A module of Node's own, or undefined in a browser. Not `import('node:fs')`: bundlers for browsers stumble over that. */
function builtin(name: string): unknown {
  const runtime = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  return runtime?.getBuiltinModule?.(name);
}

/** Node's file system, or undefined in a browser. @internal */
export const fsModule = (): Fs | undefined => builtin('node:fs') as Fs | undefined;
/** Node's path functions, or undefined in a browser. @internal */
export const pathModule = (): Path | undefined => builtin('node:path') as Path | undefined;

/** Whether `text` is a URL to fetch rather than a path. `C:\x` is a path, hence two letters at least. @internal */
export function isUrl(text: string): boolean {
  return /^(https?|blob|data):/i.test(text);
}

/** What to call a source in messages. @internal */
export function nameOf(source: Source): string {
  return typeof source === 'string' || source instanceof URL ? String(source) : 'the given bytes';
}

function needFs(path: string): Fs {
  const fs = fsModule();
  if (fs !== undefined) return fs;
  throw new FileError(`${path}: there are no files in a browser; give a URL (https://...), or the bytes`);
}

/** An error of the file system as a sentence. */
function readFailure(path: string, error: unknown): FileError {
  const code = (error as { code?: string }).code;
  const why = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a folder, not a file' : code === 'EACCES' ? 'may not be read' : String(error);
  return new FileError(`${path}: ${why}`, { cause: error });
}

/** The bytes of a local file, at once. @throws {@link FileError} if it is not there, or in a browser. @internal */
export function readFileSync(path: string | URL): Uint8Array {
  const fs = needFs(String(path));
  try {
    const bytes = fs.readFileSync(path);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    throw readFailure(String(path), error);
  }
}

/** Writes a file whole: under another name first, so that a run that is cut off leaves no half file behind. */
export function writeFileSync(path: string, bytes: Uint8Array | string): void {
  const fs = needFs(path);
  const folder = pathModule()!.dirname(path);
  try {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(`${path}.part`, bytes);
    fs.renameSync(`${path}.part`, path);
  } catch (error) {
    throw new FileError(`${path}: could not be written: ${(error as Error).message}`, { cause: error });
  }
}

/** The bytes behind a URL, with progress. */
async function fetchBytes(url: string, onProgress?: OnProgress): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    const cause = (error as { cause?: { message?: string; code?: string } }).cause;
    throw new FileError(`${url}: could not be fetched: ${cause?.message || cause?.code || (error as Error).message}`, { cause: error });
  }
  if (!response.ok) throw new FileError(`${url}: the server answered ${response.status} ${response.statusText}`.trimEnd());
  // A content-encoding means that the length counts compressed bytes, and the body gives the others.
  const length = response.headers.has('content-encoding') ? null : response.headers.get('content-length');
  const total = length === null ? undefined : Number(length);
  const parts: Uint8Array[] = [];
  let loaded = 0;
  try {
    if (response.body !== null) {
      for (const reader = response.body.getReader(); ; ) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
        loaded += value.length;
        onProgress?.(loaded, total);
      }
    }
  } catch (error) {
    throw new FileError(`${url}: the transfer broke off after ${loaded} bytes${total === undefined ? '' : ` of ${total}`}; try again`, { cause: error });
  }
  if (total !== undefined && loaded !== total) {
    throw new FileError(`${url}: the transfer broke off after ${loaded} bytes of ${total}; try again`);
  }
  return concatBytes(parts, loaded);
}

/** The parts as one array. @internal */
export function concatBytes(parts: readonly Uint8Array[], length = parts.reduce((n, part) => n + part.length, 0)): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * The bytes of `source`.
 * @throws {@link FileError} if it is missing or cannot be fetched.
 */
export async function readBytes(source: Source, onProgress?: OnProgress): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (isUrl(String(source))) return fetchBytes(String(source), onProgress);
  return readFileSync(source);
}

const isGzip = (bytes: Uint8Array): boolean => bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;

const brokenGzip = (name: string, cause: unknown): FileError =>
  new FileError(`${name}: the gzip data is cut short or damaged; delete the file and fetch it anew`, { cause });

/** `bytes`, decompressed if they are gzip. @throws {@link FileError} naming `name` if they are cut short. @internal */
export async function gunzip(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes;
  if (fsModule() !== undefined) return gunzipSync(bytes, name);
  try {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw brokenGzip(name, error);
  }
}

/** {@link gunzip} at once: Node, Deno and Bun only. @internal */
export function gunzipSync(bytes: Uint8Array, name: string): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  const zlib = builtin('node:zlib') as Zlib;
  try {
    const out = zlib.gunzipSync(bytes);
    return new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
  } catch (error) {
    throw brokenGzip(name, error);
  }
}

/** SHA-256 in hexadecimal; undefined where the runtime offers none (a page that is not a secure context). @internal */
export async function sha256(bytes: Uint8Array): Promise<string | undefined> {
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) return undefined;
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
