// Runs one program in any runtime and gives what it printed. A program is a module that imports 'cresset' and
// 'cresset/...' (and its own files), prints strings with console.log, and ends when its top level has ended. Its arguments
// are process.argv.slice(2) in Node and Deno, and new URLSearchParams(location.search).getAll('arg') in pages and workers.
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { rollup } from 'rollup';
import { build as vite } from 'vite';
import { visit } from './browser.js';
import { install, root } from './installed.js';
import { serve, type ServeOptions } from './server.js';

/** Where a program can run. */
export type Runtime =
  | 'node' /** the Node that runs the tests */
  | 'node24'
  | 'deno'
  | 'esbuild' /** bundled by esbuild with cresset/inline in place of cresset: one file, run by Node */
  | 'page' /** in Chromium, no bundler: the installed files as they are, found through an import map */
  | 'inline' /** the bundle of 'esbuild', in Chromium */
  | 'worker' /** in a dedicated worker in Chromium, bundled by Rollup, with the binary copied beside the bundle */
  | 'vite'; /** built by Vite with its defaults, served statically, in Chromium */

/** The runtimes that need no browser, and those that do. */
export const RUNTIMES = ['node', 'node24', 'deno', 'esbuild'] as const satisfies Runtime[];
export const BROWSER_RUNTIMES = ['page', 'inline', 'worker', 'vite'] as const satisfies Runtime[];

const binaries = join(import.meta.dirname, 'binaries/node_modules');
/** Node 24's program. */
export const NODE_24 = join(binaries, '.bin/node');
const execute = promisify(execFile);

/** What the program `command` prints. */
async function output(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await execute(command, args, { cwd: install().folder, encoding: 'utf8', maxBuffer: 2 ** 26, env: { ...process.env, ...env } });
  return stdout;
}

/** Runs a program in Deno, with the packages that npm has installed (`manual`); a download would be an error. */
export function deno(program: string, ...args: string[]): Promise<string> {
  const flags = ['--no-prompt', '--cached-only', '--node-modules-dir=manual', '--allow-read', '--allow-env'];
  return output(process.execPath, [join(binaries, 'deno/bin.cjs'), 'run', ...flags, program, ...args], {
    DENO_DIR: join(root, '.cache/deno'), DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1',
  });
}

/** Runs `file` (JavaScript or TypeScript, anywhere) in a runtime. A program that fails rejects. */
export async function runIn(runtime: Runtime, file: string, args: readonly string[] = [], folders: ServeOptions['folders'] = {}): Promise<string> {
  const folder = mkdtempSync(join(install().folder, 'run-'));
  try {
    return await start(runtime, folder, await stage(file, folder), args, folders);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Puts the program, one file with only the package left to import, into a folder of the project, where the package is found. */
async function stage(file: string, folder: string): Promise<string> {
  const outfile = join(folder, `${basename(file, extname(file))}.mjs`);
  await esbuild.build({ entryPoints: [file], outfile, bundle: true, packages: 'external', external: ['node:*'], format: 'esm', target: 'es2022', logLevel: 'silent' });
  return outfile;
}

async function start(runtime: Runtime, folder: string, program: string, args: readonly string[], folders: ServeOptions['folders']): Promise<string> {
  const name = basename(program);
  const query = new URLSearchParams(args.map((arg) => ['arg', arg])).toString();
  const open = async (at: string, html: string): Promise<string> => {
    writeFileSync(join(at, 'index.html'), html);
    const site = await serve(install().folder, folders ? { folders } : {});
    try {
      return (await visit(`${site.origin}/${relative(install().folder, at)}/index.html?${query}`)).out;
    } finally {
      await site.close();
    }
  };
  switch (runtime) {
    case 'node':
      return output(process.execPath, [program, ...args]);
    case 'node24':
      return output(NODE_24, [program, ...args]);
    case 'deno':
      return deno(program, ...args);
    case 'esbuild':
      return output(process.execPath, [await bundleInline(program), ...args]);
    case 'page':
      return open(folder, page(`./${name}`, importMap()));
    case 'inline':
      return open(folder, page(`./${basename(await bundleInline(program))}`));
    case 'worker':
      await bundleRollup(program, join(folder, 'worker'));
      return open(join(folder, 'worker'), WORKER_PAGE);
    case 'vite':
      writeFileSync(join(folder, 'index.html'), page(`./${name}`));
      await vite({ root: folder, configFile: false, base: './', logLevel: 'error', build: { outDir: 'dist', target: 'es2022' } });
      return open(join(folder, 'dist'), readFileSync(join(folder, 'dist/index.html'), 'utf8'));
  }
}

/** A page that runs a module and then says that it is done. A failing module never gets there; its error reaches the browser. */
export const page = (module: string, head = ''): string =>
  `<!doctype html><meta charset="utf-8">${head}<link rel="icon" href="data:,"><script type="module">import '${module}'; finish();</script>`;

/** An import map for the installed package, from its own exports: what a page without a bundler writes. */
export function importMap(): string {
  const manifest = JSON.parse(readFileSync(join(install().folder, 'node_modules/cresset/package.json'), 'utf8')) as {
    exports: Record<string, string | { default: string }>;
    imports: Record<string, { default: string }>;
  };
  const at = (path: string): string => `/node_modules/cresset/${path.slice(2)}`;
  const entries = Object.entries(manifest.exports).map(([key, to]) => [`cresset${key.slice(1)}`, at(typeof to === 'string' ? to : to.default)]);
  const own = Object.entries(manifest.imports).map(([key, to]) => [key, at(to.default)]);
  return `<script type="importmap">${JSON.stringify({ imports: Object.fromEntries([...entries, ...own]) as Record<string, string> })}</script>`;
}

/**
 * Import maps do not reach workers, so a worker's program has no bare specifiers: either it imports dist/browser.js by
 * its URL (loading.test.ts does), or it comes out of a bundler, which is how workers are made with any framework.
 */
const WORKER_PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module">
const worker = new Worker(new URL('./worker.js' + location.search, import.meta.url), { type: 'module' });
worker.onmessage = ({ data }) => (data === null ? finish() : console.log(data));
worker.onerror = (event) => { throw new Error(event.message); };
</script>`;

/** The worker's files. Rollup copies no binary: it is put beside the bundle by hand, as the README tells. */
async function bundleRollup(program: string, folder: string): Promise<void> {
  mkdirSync(folder);
  const bundle = await rollup({ input: program, plugins: [nodeResolve({ browser: true })], external: ['vega', 'vega-lite'], logLevel: 'silent' });
  await bundle.write({ file: join(folder, 'program.js'), format: 'es', inlineDynamicImports: true });
  await bundle.close();
  copyFileSync(join(install().folder, 'node_modules/cresset/dist/cresset_bg.wasm'), join(folder, 'cresset_bg.wasm'));
  // What it prints goes through the page: the console of a worker is another channel, whose lines could arrive after the end.
  writeFileSync(join(folder, 'console.js'), "console.log = (...values) => postMessage(values.join(' '));\n");
  writeFileSync(join(folder, 'worker.js'), "import './console.js';\nimport './program.js';\npostMessage(null);\n");
}

async function bundleInline(program: string): Promise<string> {
  const outfile = join(program, '../inline.mjs');
  await esbuild.build({
    entryPoints: [program], outfile, bundle: true, format: 'esm', target: 'es2022', platform: 'browser', external: ['vega', 'vega-lite'], logLevel: 'error',
    plugins: [{
      name: 'inline',
      setup: (build) => build.onResolve({ filter: /^cresset$/ }, ({ resolveDir, kind }) => build.resolve('cresset/inline', { resolveDir, kind })),
    }],
  });
  return outfile;
}
