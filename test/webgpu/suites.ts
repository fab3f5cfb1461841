/**
 * The conformance suites outside vitest: a suite's file and what it imports as one program, for a page or for Deno. It is the same file
 * that vitest runs in Node, with the same list of what is refused; vitest itself is replaced by a few lines (vitest.shim.mjs).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { root } from '../runtimes/installed.js';

/** The suites that run on a GPU. */
export const SUITES = ['optim', 'modules', 'ops'] as const;

/** What a program prints, and nothing else. */
export interface Verdict {
  readonly ran: number;
  readonly failed: readonly string[];
}

const shim = join(import.meta.dirname, 'vitest.shim.mjs');

/** Where the program's files are: a module's text that exports `readBytes(url)`. */
export const FILES = {
  /** Asked from the server that the page comes from. Synchronously, as the suites read: bytes then come as text. */
  page: `export function readBytes(url) {
    const request = new XMLHttpRequest();
    request.open('GET', url, false);
    request.overrideMimeType('text/plain; charset=x-user-defined');
    request.send();
    if (request.status !== 200) throw new Error(url + ': ' + request.status);
    return Uint8Array.from(request.responseText, (c) => c.charCodeAt(0) & 255);
  }`,
  deno: `import { readFileSync } from 'node:fs';
  import { gunzipSync } from 'node:zlib';
  export const readBytes = (url) => (String(url).endsWith('.gz') ? gunzipSync(readFileSync(url)) : readFileSync(url));`,
} as const;

/** A suite as one program that opens the GPU and prints its verdict. `base` is the address at which it believes to be; `part` leaves out tests that it names,
 * and all but every so many. */
export async function suiteProgram(name: (typeof SUITES)[number], files: string, base: string, part: { without?: readonly string[]; every?: number } = {}): Promise<string> {
  const suite = join(root, `test/conformance/${name}.test.ts`);
  const { outputFiles } = await esbuild.build({
    stdin: {
      contents: `import * as torch from 'cresset';
        globalThis.suiteBase = ${JSON.stringify(base)};
        globalThis.suitePart = ${JSON.stringify({ without: [], every: 1, ...part })};
        await torch.init({ device: 'webgpu' });
        const { run } = await import(${JSON.stringify(shim)});
        await import(${JSON.stringify(suite)});
        await run();`,
      resolveDir: import.meta.dirname,
    },
    bundle: true, format: 'esm', target: 'es2022', write: false, logLevel: 'silent',
    define: { 'import.meta.url': 'suiteBase' },
    plugins: [{
      name: 'suites',
      setup: (build) => {
        build.onResolve({ filter: /^(vitest|node:fs|node:zlib)$/ }, ({ namespace }) => (namespace === 'files' ? { external: true } : { path: shim }));
        build.onResolve({ filter: /^suite-files$/ }, ({ path }) => ({ path, namespace: 'files' }));
        build.onLoad({ filter: /.*/, namespace: 'files' }, () => ({ contents: files }));
        build.onResolve({ filter: /^cresset$|\/dist\/index\.js$/ }, () => ({ path: 'cresset', external: true }));
      },
    }],
  });
  return outputFiles[0]!.text;
}

/** What a server answers to a page with a suite in it: the suites' files, unpacked. */
export function suiteFile(path: string): Uint8Array | undefined {
  if (!path.startsWith('/test/conformance/fixtures/') && path !== '/crates/gen/webgpu.txt') return undefined;
  const bytes = readFileSync(join(root, path));
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** A program's verdict out of what it printed. */
export const verdictOf = (out: string): Verdict => JSON.parse(out.trim().split('\n').at(-1)!) as Verdict;
