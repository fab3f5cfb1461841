// Makes dist/, the package: generated TypeScript, the wasm binaries, compiled TypeScript, the package as one file.
//
//   npm run build                         what ships: whole-program optimisation, wasm-opt, every binary
//   npm run build -- --quick              the inner loop: incremental, one binary (threads, no GPU), no wasm-opt, no browser.js
//   npm run build -- --quick --webgpu     the inner loop of what has to do with the GPU: its binary is the one
//
// Steps whose inputs did not change are left out. Native and wasm builds have target folders of their own: they use
// different compilers and flags, and would throw out each other's work.
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bundleBrowser, copyEngine, dropBrowser, nameClasses, writeBase64 } from './bundle.mjs';
import { fingerprint, isFresh, isMain, must, root, say, script, seconds, stamp } from './lib.mjs';
import { nativeEnv, setup } from './setup.mjs';
import { BUILDS, buildWasm, GLUE, isFreshFor, kindOf, RUST } from './wasm.mjs';

const INPUTS = [...RUST, 'ts', 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json', 'scripts/build.mjs', 'scripts/bundle.mjs', 'scripts/wasm.mjs'];

/** ts/generated/*.ts and FEATURES.md, from the op declarations; they depend on core's sources and not on the kernels. */
async function generate() {
  const print = fingerprint(['Cargo.lock', 'crates/core', 'crates/gen', 'bindings/wasm']);
  if (isFresh('generate', print) && existsSync(join(root, 'ts/generated'))) return;
  mkdirSync(GLUE, { recursive: true });
  await must('The generator failed (see above): no TypeScript for the ops.',
    'cargo', ['run', '--quiet', '--locked', '-p', 'cresset-gen'], { env: nativeEnv() });
  stamp('generate', print);
}

/** dist/: the compiled TypeScript, and beside it what tsc does not make. */
async function typescript(quick) {
  // A release build starts from nothing, so that nothing stale is packed.
  if (!quick) rmSync(join(root, 'dist'), { recursive: true, force: true });
  // tsc trusts its notes of the last run even if dist/ is gone.
  if (!existsSync(join(root, 'dist/index.js'))) rmSync(join(root, '.cache/build.tsbuildinfo'), { force: true });
  writeBase64();
  copyEngine();
  await must('tsc found errors (see above).', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json']);
  nameClasses();
  if (quick) dropBrowser();
  else await bundleBrowser();
}

/** Builds dist/; `quick` is the inner loop, `webgpu` its kind with a GPU. Throws a Failure with a sentence. */
export async function build({ quick = false, webgpu = false } = {}) {
  const start = performance.now();
  await setup(quick ? ['npm', 'wasm'] : ['npm', 'wasm', 'pack']);
  const print = fingerprint(INPUTS);
  const kind = kindOf({ quick, webgpu });
  if (existsSync(join(root, 'dist/index.js')) && isFreshFor('dist', kind, print)) return;
  await generate();
  await buildWasm({ quick, webgpu });
  await typescript(quick);
  // ts/generated is among the inputs of the fingerprint, so it is taken again.
  stamp('dist', `${kind} ${fingerprint(INPUTS)}`);
  const size = statSync(join(GLUE, BUILDS.baseline.file)).size;
  say(`build: dist/ is there${quick ? ` (${kind})` : ''}, wasm ${Math.round(size / 1000)} kB (${seconds(start)})`);
}

if (isMain(import.meta.url)) {
  await script(() => build({ quick: process.argv.includes('--quick'), webgpu: process.argv.includes('--webgpu') }));
}
