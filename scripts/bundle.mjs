// What dist/ holds besides compiled TypeScript: the binaries beside the entry points, the same bytes as base64 for
// cresset/inline, class names that survive minifiers, and browser.js, the package as one file for pages without a bundler.
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, root } from './lib.mjs';
import { BUILDS, GLUE } from './wasm.mjs';

const DIST = join(root, 'dist');

/** Whether `file` is not younger than `source`, or missing. */
const stale = (file, source) => !existsSync(file) || statSync(file).mtimeMs <= statSync(source).mtimeMs;

/** ts/generated/wasm/base64.js: the baseline binary as a string, which every bundler carries along. */
export function writeBase64() {
  const [wasm, file] = [join(GLUE, BUILDS.baseline.file), join(GLUE, 'base64.js')];
  if (!stale(file, wasm)) return;
  writeFileSync(join(GLUE, 'base64.d.ts'), `/** ${BUILDS.baseline.file} in base64. */\nexport declare const base64: string;\n`);
  writeFileSync(file, `export const base64 = '${readFileSync(wasm, 'base64')}';\n`);
}

/** Puts beside the compiled TypeScript what tsc does not copy. */
export function copyEngine() {
  cpSync(GLUE, join(DIST, 'generated/wasm'), { recursive: true, filter: (path) => !/\.wasm(\.d\.ts)?$/.test(path) });
  mkdirSync(DIST, { recursive: true });
  // At the top, where index.js and browser.js lie: one `new URL('./x.wasm', import.meta.url)` is right for both.
  for (const { file } of Object.values(BUILDS)) {
    // A quick build has no GPU; an old binary beside new code would be a trap.
    if (existsSync(join(GLUE, file))) copyFileSync(join(GLUE, file), join(DIST, file));
    else rmSync(join(DIST, file), { force: true });
  }
}

/**
 * Gives the classes in dist/ their names by hand: modules and optimizers print theirs, and minifiers (Vite's, by default)
 * rename classes. A getter keeps what is unused removable and stands on the class's own line, so source maps stay right.
 */
export function nameClasses() {
  for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !file.endsWith('.js')) continue;
    const code = readFileSync(file, 'utf8');
    const named = code.replace(/^((?:export )?class (\w+)(?: extends .+)? \{)$/gm, "$1 static get name() { return '$2'; }");
    if (named !== code) writeFileSync(file, named);
  }
}

/** dist/browser.js, from what is in dist/. */
export async function bundleBrowser() {
  const { rollup } = await import('rollup');
  const { nodeResolve } = await import('@rollup/plugin-node-resolve');
  const bundle = await rollup({
    input: join(DIST, 'index.js'),
    // The conditions of a page. vega and vega-lite stay imports: who draws plots has them in an import map. What the GPU needs lies
    // beside browser.js like the binaries, and is loaded when it is asked for.
    plugins: [nodeResolve({ browser: true })],
    external: ['vega', 'vega-lite', join(DIST, 'generated/wasm/cresset_webgpu.js')],
    // Cycles among modules are old and harmless here; anything else (a name that is not exported, a module not found) is a mistake.
    onwarn: (warning) => warning.code === 'CIRCULAR_DEPENDENCY' || fail(`browser.js could not be bundled: ${warning.message}`),
  });
  await bundle.write({ file: join(DIST, 'browser.js'), format: 'es', inlineDynamicImports: true });
  await bundle.close();
  writeFileSync(join(DIST, 'browser.d.ts'), "export * from './index.js';\n");
}

/** Removes browser.js, which a quick build does not make: an old one beside new code would be a trap. */
export function dropBrowser() {
  for (const file of ['browser.js', 'browser.d.ts']) rmSync(join(DIST, file), { force: true });
}
