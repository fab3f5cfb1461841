// Sets up what a bare machine lacks, says what it does and why, and does nothing when all is there.
//
//   node scripts/setup.mjs [npm] [wasm] [pack] [nextest] [vulkan] [images] [runtimes] [browser]     (default: npm wasm pack)
//
// npm      the npm packages of package-lock.json (compiler, linter, test runner, plotting).
// wasm     a Rust that builds wasm32-unknown-unknown, and wasm-bindgen, which makes JavaScript modules of its output.
// pack     wasm-pack, which drives both in a release build.
// nextest  the runner of the Rust tests.
// vulkan   two Vulkan drivers that compute on the processor, for the tests of GPU kernels: lavapipe, and SwiftShader (Chromium's), which
//          Node's WebGPU (the npm package webgpu) takes too.
// images   the 70,000 FashionMNIST images.
// runtimes Node 24 and Deno, in which the package is tested too (test/runtimes/binaries).
// browser  Chromium, likewise.
//
// Two Rusts may be in use. rustup's one runs native code (tests, clippy, rustfmt). It also builds the wasm if its wasm32
// target and the source of std (which the binaries with threads are built with) are there or can be fetched; on machines
// where rustup cannot download, Debian's rustc-web (compiler and std source of one version) builds it instead, with std
// compiled from source.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ask, cacheDir, fail, isMain, must, root, run, say, script, seconds, withPath } from './lib.mjs';

const WASM_PACK = '0.15.0';
const NEXTEST = '0.9.143';
const TARGET = 'wasm32-unknown-unknown';
/** Cargo's argument to build std from source, which stable allows with RUSTC_BOOTSTRAP only. */
export const BUILD_STD = ['-Zbuild-std=std,panic_abort'];
const WEB_PACKAGES = ['rustc-web', 'cargo-web', 'rust-web-src', 'lld-19'];
const WASM_LD = '/usr/bin/wasm-ld-19';
const CHROMIUM = '/usr/bin/chromium';
const FASHION = '/usr/share/datasets/fashion-mnist';

/** The environment for native cargo: rustup's cargo first, since Debian's may be on PATH too. */
export function nativeEnv() {
  const bin = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'bin');
  const { RUSTC: _rustc, RUSTC_BOOTSTRAP: _bootstrap, ...env } = process.env;
  return existsSync(join(bin, 'cargo')) ? withPath(bin, env) : env;
}

function needCargo() {
  if (!ask('cargo', ['--version'], { env: nativeEnv() }).ok) {
    fail('Rust is missing: install it with rustup (https://rustup.rs, toolchain "stable"), then run this again.');
  }
}

/** The version that Cargo.lock pins for a crate. */
function locked(crate) {
  const lock = readFileSync(join(root, 'Cargo.lock'), 'utf8');
  return lock.match(new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`))?.[1] ?? fail(`Cargo.lock has no ${crate}.`);
}

/** Whether node_modules/ holds exactly what package-lock.json asks for; npm notes what it installed in a lock file of its own. */
function npmIsFresh() {
  const there = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(there)) return false;
  const [wanted, installed] = [join(root, 'package-lock.json'), there].map((file) => JSON.parse(readFileSync(file, 'utf8')).packages);
  // What is optional may be for another platform.
  return Object.entries(wanted).every(([name, { version, optional }]) => name === '' || optional || installed[name]?.version === version);
}

async function npmPackages() {
  if (npmIsFresh()) return;
  say('setup: npm packages (compiler, linter, test runner, plotting) as package-lock.json pins them: npm ci');
  await must(
    'npm ci failed (see above). It needs the npm registry; run "npm ci" by hand to see whether that answers.',
    'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
  );
}

async function runtimes() {
  const project = join(root, 'test/runtimes/binaries');
  const read = (file) => (existsSync(join(project, file)) ? JSON.parse(readFileSync(join(project, file), 'utf8')) : {});
  const wanted = Object.entries(read('package.json').dependencies);
  if (wanted.every(([name, version]) => read(`node_modules/${name}/package.json`).version === version)) return;
  say('setup: Node 24 and Deno for the tests, as test/runtimes/binaries/package.json pins them: npm install (280 MB)');
  // No lock file: it would list the packages of every platform, and npm ci refuses it where a registry lacks one of them.
  await must(
    'npm install failed in test/runtimes/binaries (see above). It needs the npm registry.',
    'npm', ['install', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: project },
  );
}

/** The Chromium that tests run pages in. */
const chromium = () => process.env.CRESSET_CHROMIUM || CHROMIUM;

async function browser() {
  if (existsSync(chromium())) return;
  say("setup: Chromium for the tests of pages: Debian's package chromium");
  if ((await apt(['chromium'])) && existsSync(chromium())) return;
  fail(
    `There is no Chromium at ${chromium()}, and apt is not to be had here, or not without root. Say where one is (CRESSET_CHROMIUM=/path/to/chrome npm test),\n` +
    'or leave the browser out: npm test -- --quick.',
  );
}

/** Where crates/gpu/src/testing.rs looks for the drivers; a variable may name another file. */
const DRIVERS = {
  CRESSET_LAVAPIPE: ['x86_64', 'aarch64'].map((cpu) => `/usr/share/vulkan/icd.d/lvp_icd.${cpu}.json`),
  CRESSET_SWIFTSHADER: ['/usr/lib/chromium/vk_swiftshader_icd.json', '/usr/share/vulkan/icd.d/vk_swiftshader_icd.json'],
};
const VULKAN_PACKAGES = ['libvulkan1', 'mesa-vulkan-drivers', 'chromium'];
/** Through which drivers are found. Without it there is said to be no GPU, and no word of why. */
const LOADERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'].map((folder) => join(folder, 'libvulkan.so.1'));

async function vulkan() {
  const missing = () => Object.entries(DRIVERS).filter(([variable, files]) => !process.env[variable] && !files.some((file) => existsSync(file)));
  if (missing().length === 0 && (process.platform !== 'linux' || LOADERS.some((file) => existsSync(file)))) return;
  say(`setup: Vulkan drivers for the tests of the GPU: Debian's ${VULKAN_PACKAGES.join(', ')}`);
  if ((await apt(VULKAN_PACKAGES)) && missing().length === 0) return;
  fail(
    'The tests of the GPU need two Vulkan drivers and libvulkan.so.1, and apt is not to be had here, or not without root. Say where their files are:\n' +
    missing().map(([variable]) => `${variable}=/path/to/icd.json`).join(' '),
  );
}

/** Installs Debian packages; gives false where that is not possible on this machine. */
async function apt(packages) {
  if (!ask('apt-get', ['--version']).ok || process.getuid?.() !== 0) return false;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  // A machine that never ran apt-get update has no lists and knows no package: then, and only then, fetch them.
  if (ask('apt-get', install, { env }).ok) return true;
  say('setup: apt-get update');
  return ask('apt-get', ['update', '-q'], { env }).ok && (await run('apt-get', install, { env })) === 0;
}

const hasStdSource = (sysroot) => existsSync(join(sysroot, 'lib/rustlib/src/rust/library/std'));

/** Whether rustup's toolchain has what all binaries take: the target, and for threads the source of std. */
function rustupHasWeb() {
  const sysroot = ask('rustc', ['--print', 'sysroot'], { env: nativeEnv() });
  return sysroot.ok && existsSync(join(sysroot.out, 'lib/rustlib', TARGET, 'lib')) && hasStdSource(sysroot.out);
}

function debianHasWeb() {
  return existsSync('/usr/bin/rustc') && existsSync('/usr/bin/cargo') && existsSync(WASM_LD) &&
    hasStdSource(ask('/usr/bin/rustc', ['--print', 'sysroot']).out);
}

/**
 * The Rust that builds the wasm: { name, env, cargoArgs }. With rustup's target nothing special is needed; Debian's
 * compiler has no std for wasm32, so cargo builds std from source, which stable allows only with RUSTC_BOOTSTRAP.
 */
export function wasmRust() {
  if (rustupHasWeb()) return { name: `rustup's ${TARGET}`, env: nativeEnv(), cargoArgs: [] };
  if (!debianHasWeb()) fail('No Rust here builds wasm: run "npm run setup".');
  const env = {
    ...withPath('/usr/bin'),
    RUSTC: '/usr/bin/rustc',
    CARGO: '/usr/bin/cargo',
    RUSTC_BOOTSTRAP: '1',
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: WASM_LD,
  };
  return { name: "Debian's rustc-web, std built from source", env, cargoArgs: BUILD_STD };
}

async function wasmToolchain() {
  if (rustupHasWeb() || debianHasWeb()) return;
  say(`setup: a Rust for ${TARGET}: trying rustup target add, and rustup component add rust-src`);
  const add = (what) => ask('rustup', what, { env: nativeEnv(), timeout: 120_000 }).ok;
  if (add(['target', 'add', TARGET]) && add(['component', 'add', 'rust-src']) && rustupHasWeb()) return;
  say(`setup: rustup cannot download here; installing Debian's ${WEB_PACKAGES.join(', ')} (about 25 s)`);
  if ((await apt(WEB_PACKAGES)) && debianHasWeb()) return;
  fail(
    `No Rust here builds ${TARGET}. Either give rustup's toolchain target and source (rustup target add ${TARGET}, rustup component add rust-src),\n` +
    `or, on Debian 12 or later as root, apt-get install ${WEB_PACKAGES.join(' ')}; then run this again.`,
  );
}

/** The folder that holds the binary of a tool in the cache. */
const toolBin = (crate, version) => join(cacheDir, `${crate}-${version}`, 'bin');

/** Compiles a Rust tool once into the cache. */
async function cargoTool(crate, version, time) {
  // cargo writes this list last: an installation that was cut off is not taken for a tool.
  if (existsSync(join(cacheDir, `${crate}-${version}`, '.crates.toml'))) return;
  const start = performance.now();
  say(`setup: ${crate} ${version}, compiled once into ${cacheDir} (about ${time})`);
  const to = ['--root', join(cacheDir, `${crate}-${version}`), '--target-dir', join(cacheDir, 'build')];
  await must(
    `${crate} ${version} could not be installed (see above). It needs crates.io; "cargo search ${crate}" shows whether that answers.`,
    'cargo', ['install', '--quiet', '--locked', crate, '--version', version, ...to], { env: nativeEnv() },
  );
  say(`setup: ${crate} is there (${seconds(start)})`);
}

/** The folders with wasm-bindgen (of exactly the version of the crate that the wasm is linked with) and wasm-pack. */
export function wasmTools() {
  return { bindgen: toolBin('wasm-bindgen-cli', locked('wasm-bindgen')), pack: toolBin('wasm-pack', WASM_PACK) };
}

/** The environment in which `cargo nextest` is found. */
export function nextestEnv() {
  return withPath(toolBin('cargo-nextest', NEXTEST), nativeEnv());
}

/** The folder with the FashionMNIST files, or undefined. */
export function fashionImages() {
  return [process.env.CRESSET_FASHION_MNIST, join(root, 'data/FashionMNIST/raw'), FASHION].find((folder) => folder && existsSync(folder));
}

async function images() {
  if (fashionImages()) return;
  say("setup: the FashionMNIST images: Debian's dataset-fashion-mnist (30 MB)");
  if (!(await apt(['dataset-fashion-mnist']))) {
    say('setup: apt is not to be had here, or not without root; the program will download the images from the data set\'s mirrors itself.');
  }
}

/** Sets up the named parts (see the head of this file); quick and without network when all are there. */
export async function setup(parts) {
  if (Number(process.versions.node.split('.')[0]) < 20) fail(`Node ${process.version} is too old: cresset needs Node 20 or later.`);
  needCargo();
  for (const part of parts) {
    if (part === 'npm') await npmPackages();
    else if (part === 'wasm') {
      await wasmToolchain();
      await cargoTool('wasm-bindgen-cli', locked('wasm-bindgen'), '110 s on two cores');
    } else if (part === 'pack') {
      await cargoTool('wasm-pack', WASM_PACK, '90 s on two cores');
    } else if (part === 'nextest') {
      if (!ask('cargo', ['nextest', '--version'], { env: nextestEnv() }).ok) await cargoTool('cargo-nextest', NEXTEST, '4 min on two cores');
    } else if (part === 'vulkan') await vulkan();
    else if (part === 'images') await images();
    else if (part === 'runtimes') await runtimes();
    else if (part === 'browser') await browser();
    else fail(`setup: there is no part "${part}"; the parts are npm, wasm, pack, nextest, vulkan, images, runtimes, browser.`);
  }
}

if (isMain(import.meta.url)) {
  await script(async () => {
    await setup(process.argv.length > 2 ? process.argv.slice(2) : ['npm', 'wasm', 'pack']);
    say(`setup: everything is there; the wasm is built with ${wasmRust().name}`);
  });
}
