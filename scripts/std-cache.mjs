// Keeps the compiled parts of the wasm build that are the same in every clone (Rust's std, wasm-bindgen, build scripts)
// beside the other cached tools. Debian's toolchain compiles std from source, minutes on two cores; a fresh clone, or a
// second one, copies it instead. Cargo checks what it finds as usual, so a copy that does not fit is only not used.
import { cpSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join, relative, sep } from 'node:path';
import { ask, cacheDir, root, say } from './lib.mjs';

const TARGET = 'wasm32-unknown-unknown';

/** Where the cached copy for this compiler, these flags and this profile is or would be. */
function place(rust, flags, profile) {
  const version = ask(rust.env.RUSTC ?? 'rustc', ['-vV'], { env: rust.env }).out;
  const facts = [version, flags, profile, rust.cargoArgs, readFileSync(join(root, 'Cargo.toml'), 'utf8')];
  return join(cacheDir, `wasm-${createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16)}`);
}

/** Copies what one profile has in a target folder, less our own crates and their incremental data, which change all the time. */
function copy(from, to, profile) {
  const shared = (path) => !relative(from, path).split(sep).some((part) => part === 'incremental' || part.includes('cresset'));
  for (const part of [profile, join(TARGET, profile)]) {
    // Cargo compares times: they must come along.
    if (existsSync(join(from, part))) cpSync(join(from, part), join(to, part), { recursive: true, preserveTimestamps: true, filter: shared });
  }
}

/** Fills `target` from the cache if this profile was not built there yet. */
export function fillTarget(target, rust, flags, profile) {
  const cached = place(rust, flags, profile);
  if (rust.cargoArgs.length === 0 || !existsSync(cached) || existsSync(join(root, target, TARGET, profile))) return;
  say(`build: std and wasm-bindgen for ${target} (${profile}) come from ${cached}`);
  copy(cached, join(root, target), profile);
}

/** Puts what a finished build of `target` compiled into the cache, unless it is there. */
export function keepTarget(target, rust, flags, profile) {
  const cached = place(rust, flags, profile);
  if (rust.cargoArgs.length === 0 || existsSync(cached)) return;
  rmSync(`${cached}.part`, { recursive: true, force: true });
  copy(join(root, target), `${cached}.part`, profile);
  renameSync(`${cached}.part`, cached);
}
