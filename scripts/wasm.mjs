// The engine's wasm binaries: flags, cargo, wasm-bindgen, wasm-opt. Whatever changes what is in the binaries stands in
// this file, because its text is part of the fingerprint by which a build knows that they are still good (build.mjs is not).
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fingerprint, isFresh, must, root, say, seconds, stamp, withPath } from './lib.mjs';
import { fillTarget, keepTarget } from './std-cache.mjs';
import { BUILD_STD, wasmRust, wasmTools } from './setup.mjs';

/** Where wasm-bindgen's JavaScript, its types and the binaries go; TypeScript imports them from here. */
export const GLUE = join(root, 'ts/generated/wasm');
/** What they are made of. */
export const RUST = ['Cargo.toml', 'Cargo.lock', 'crates', 'bindings'];

// simd128 is in every engine since 2021-2023; the other features are older still. relaxed-simd (fused multiply-add) came to
// V8 11.4 and Firefox 145, and its results differ in the last digits, so it is a binary of its own for those who ask for it.
// Threads need memory that is shared from the start, which pages get only when they are cross-origin isolated. The GPU is a
// binary of its own, with its own JavaScript, so that whoever stays on the CPU loads neither.
const BASELINE = ['simd128', 'bulk-memory', 'nontrapping-fptoint', 'sign-ext', 'mutable-globals', 'multivalue'];
const RELAXED = [...BASELINE, 'relaxed-simd'];
export const BUILDS = {
  baseline: { file: 'cresset_bg.wasm', features: BASELINE, target: 'target/wasm' },
  relaxed: { file: 'cresset_relaxed_bg.wasm', features: RELAXED, target: 'target/wasm-relaxed' },
  threads: { file: 'cresset_threads_bg.wasm', features: [...BASELINE, 'atomics'], target: 'target/wasm-threads' },
  relaxedThreads: { file: 'cresset_relaxed_threads_bg.wasm', features: [...RELAXED, 'atomics'], target: 'target/wasm-relaxed-threads' },
  webgpu: { file: 'cresset_webgpu_bg.wasm', features: BASELINE, target: 'target/wasm-webgpu', cargo: ['--features', 'webgpu'], glue: 'cresset_webgpu' },
};
/** What wasm-bindgen calls the JavaScript of a build. */
const glueOf = (build) => build.glue ?? 'cresset';
// The names of the same features in wasm-opt.
const BINARYEN = { simd128: 'simd', 'nontrapping-fptoint': 'nontrapping-float-to-int', atomics: 'threads' };

// What rustc passed to the linker for threads by itself until 1.95: JavaScript makes the memory, of up to 4 GiB, and every
// worker sets up its own stack and thread-locals by these symbols.
const SHARED = ['--shared-memory', '--import-memory', '--max-memory=4294967296', '--export=__heap_base', '--export=__wasm_init_tls',
  '--export=__tls_size', '--export=__tls_align', '--export=__tls_base'];
const isThreaded = (build) => build.features.includes('atomics');

// Source order: left to itself LLVM loads all operands of a matrix micro-kernel before its first multiply-add, and V8 spills
// them. No loop strength reduction: it forgets that addresses do not wrap, so that constant offsets become additions instead
// of parts of the loads, which is larger and slower (bench/kernels/gemm.mjs measures both). The others are for size: loops are not
// unrolled beyond what their code says, panics do not name the line they are on (the quick build's do); that flag is
// unstable, hence RUSTC_BOOTSTRAP. So is `#[optimize(speed)]`, by which what every call passes through escapes core's being
// compiled for size.
export const LLVM = ['-pre-RA-sched=source', '-disable-lsr', '-unroll-runtime=false', '-force-vector-interleave=1'];
function rustFlags(build, profile) {
  const flags = [`-Ctarget-feature=${build.features.map((feature) => `+${feature}`).join(',')}`];
  if (profile === 'release') flags.push(...LLVM.map((arg) => `-Cllvm-args=${arg}`), '-Zlocation-detail=none', '--cfg=hot_paths');
  if (isThreaded(build)) flags.push(...SHARED.map((arg) => `-Clink-arg=${arg}`));
  return flags.join(' ');
}

/** Cargo's arguments for a build. No toolchain has a std for shared memory: it is built from source. */
const cargoArgs = (rust, build) => [...(build.cargo ?? []), ...(isThreaded(build) ? BUILD_STD : rust.cargoArgs)];

function wasmEnv(rust, build, profile, extra) {
  const env = { ...rust.env, RUSTC_BOOTSTRAP: '1', CARGO_TARGET_DIR: join(root, build.target), RUSTFLAGS: rustFlags(build, profile) };
  return withPath(extra, env);
}

/** The inner loop: cargo and wasm-bindgen, nothing else. */
async function wasmQuick(rust, build) {
  const { bindgen } = wasmTools();
  const env = wasmEnv(rust, build, 'quick', bindgen);
  fillTarget(build.target, rust, rustFlags(build, 'quick'), 'quick');
  await must('The wasm build failed (see above).', rust.env.CARGO ?? 'cargo',
    ['build', '--quiet', '--locked', '-p', 'cresset-wasm', '--profile', 'quick', '--target', 'wasm32-unknown-unknown', ...cargoArgs(rust, build)], { env });
  const file = join(root, build.target, 'wasm32-unknown-unknown/quick/cresset_wasm.wasm');
  await must('wasm-bindgen failed (see above).', join(bindgen, 'wasm-bindgen'),
    ['--target', 'web', '--out-dir', GLUE, '--out-name', glueOf(build), file], { env });
  keepTarget(build.target, rust, rustFlags(build, 'quick'), 'quick');
}

const binaryen = (tool) => join(root, 'node_modules/binaryen/bin', tool);

/**
 * The binary as text, with the minima and maxima that the source asked for. For pmin and pmax, and for what amounts to them in
 * loops that it vectorises, LLVM 22 takes relaxed ones, which may lose NaN: on x86 sigmoid(NaN) was 1. The source never asks for
 * those. (LLVM mended it: https://github.com/llvm/llvm-project/pull/177968.)
 */
async function withStrictMinima(features, file) {
  const text = file.replace(/\.wasm$/, '.wat');
  await must('wasm-dis failed (see above).', process.execPath, [binaryen('wasm-dis'), ...features, '-o', text, file]);
  writeFileSync(text, readFileSync(text, 'utf8').replace(/\b(f32x4|f64x2)\.relaxed_(min|max)\b/g, '$1.p$2'));
  return text;
}

/** What ships: wasm-pack builds and runs wasm-bindgen, then wasm-opt of the npm package binaryen. */
async function wasmRelease(rust, name, build) {
  const start = performance.now();
  const { bindgen, pack } = wasmTools();
  const out = join(root, build.target, 'pack');
  fillTarget(build.target, rust, rustFlags(build, 'release'), 'release');
  // --mode force: wasm-pack must not insist on rustup's target; the wasm-bindgen on PATH is the right one. --no-opt: its wasm-opt would be a download.
  await must(`The ${name} wasm build failed (see above).`, join(pack, 'wasm-pack'),
    ['--log-level', 'error', 'build', 'bindings/wasm', '--mode', 'force', '--target', 'web', '--release', '--no-pack', '--no-opt',
      '--out-dir', out, '--out-name', glueOf(build), '--', '--locked', ...cargoArgs(rust, build)],
    { env: wasmEnv(rust, build, 'release', bindgen) });
  keepTarget(build.target, rust, rustFlags(build, 'release'), 'release');
  const features = ['reference-types', ...build.features].map((feature) => `--enable-${BINARYEN[feature] ?? feature}`);
  const made = join(out, `${glueOf(build)}_bg.wasm`);
  const input = build.features.includes('relaxed-simd') ? await withStrictMinima(features, made) : made;
  // LLVM has inlined what is worth it; what wasm-opt would inline on top makes the download 4 % larger.
  await must('wasm-opt failed (see above).', process.execPath,
    [binaryen('wasm-opt'), '-O2', '--one-caller-inline-max-function-size', '0', ...features, '--strip-debug', '--strip-producers',
      '-o', join(out, 'optimised.wasm'), input]);
  renameSync(join(out, 'optimised.wasm'), join(out, build.file));
  const bytes = readFileSync(join(out, build.file));
  const kb = (n) => `${Math.round(n / 1000)} kB`;
  say(`build: ${build.file} ${kb(bytes.length)}, ${kb(gzipSync(bytes, { level: 9 }).length)} gzipped (${seconds(start)})`);
  return out;
}

/** What a build left in ts/generated/wasm/ must be of this kind, or of one that is as good. */
const GOOD = { release: ['release'], quick: ['release', 'quick'], 'quick webgpu': ['release', 'quick webgpu'] };

/** The kind of a build by the flags of `npm run build`. */
export const kindOf = ({ quick = false, webgpu = false }) => (quick ? (webgpu ? 'quick webgpu' : 'quick') : 'release');

/** Whether step `name` last ended well with this fingerprint, in a build of this kind or of a better one. */
export const isFreshFor = (name, kind, print) => GOOD[kind].some((good) => isFresh(name, `${good} ${print}`));

/**
 * The inner loop's binary under all names, which the loader must find: it knows by looking what a binary has. A stale one under
 * new JavaScript would be worse than one that is slower, or has no threads.
 */
async function quickUnderAllNames(rust, webgpu) {
  const build = webgpu ? BUILDS.webgpu : BUILDS.threads;
  for (const { file } of Object.values(BUILDS)) rmSync(join(GLUE, file), { force: true });
  await wasmQuick(rust, build);
  const made = join(GLUE, `${glueOf(build)}_bg.wasm`);
  for (const { file, glue } of Object.values(BUILDS)) {
    // A binary without a GPU is not given out as one that has it: to load it is an error that says how to build it.
    if (join(GLUE, file) !== made && (webgpu || glue === undefined)) copyFileSync(made, join(GLUE, file));
  }
  const other = webgpu ? glueOf(BUILDS.baseline) : glueOf(BUILDS.webgpu);
  for (const end of ['.js', '.d.ts']) writeFileSync(join(GLUE, other + end), `export * from './${glueOf(build)}.js';\n`);
}

/** Builds what is stale; `quick` is the inner loop's kind, one binary (with `webgpu` the one with a GPU) and no wasm-opt. */
export async function buildWasm({ quick = false, webgpu = false } = {}) {
  const rust = wasmRust();
  const kind = kindOf({ quick, webgpu });
  const print = fingerprint([...RUST, 'scripts/wasm.mjs'], [rust.name, process.env.RUSTFLAGS]);
  const files = Object.values(BUILDS).filter((build) => kind !== 'quick' || build !== BUILDS.webgpu);
  const there = files.every((build) => existsSync(join(GLUE, build.file)) && existsSync(join(GLUE, `${glueOf(build)}.js`)));
  if (there && isFreshFor('wasm', kind, print)) return;
  mkdirSync(GLUE, { recursive: true });
  if (quick) {
    await quickUnderAllNames(rust, webgpu);
  } else {
    say(`build: wasm with ${rust.name}`);
    const builds = Object.entries(BUILDS);
    // Whole-program optimisation runs on one core, for minutes: as many builds side by side as there are cores.
    const lanes = Array.from({ length: Math.min(builds.length, availableParallelism()) }, async () => {
      for (let next = builds.shift(); next !== undefined; next = builds.shift()) {
        const [name, build] = next;
        const out = await wasmRelease(rust, name, build);
        copyFileSync(join(out, build.file), join(GLUE, build.file));
        // All binaries of the CPU have the same exports; those with threads want one import more, which the others ignore.
        if (name !== 'threads' && name !== 'webgpu') continue;
        for (const end of ['.js', '.d.ts']) copyFileSync(join(out, glueOf(build) + end), join(GLUE, glueOf(build) + end));
      }
    });
    await Promise.all(lanes);
  }
  for (const glue of new Set(Object.values(BUILDS).map(glueOf))) withoutUrl(glue);
  stamp('wasm', `${kind} ${print}`);
}

/**
 * Takes out of wasm-bindgen's JavaScript the place where it would look for the binary, which is not there and which our loader
 * never lets it look for: bundlers see it and say that they miss a file.
 */
function withoutUrl(glue) {
  const file = join(GLUE, `${glue}.js`);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/new URL\('\w+\.wasm', import\.meta\.url\)/, 'undefined'));
}
