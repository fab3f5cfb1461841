// A Rust example of one crate alone as wasm, for the benchmarks of kernels.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { wasmRust } from '../../scripts/setup.mjs';
import { LLVM } from '../../scripts/wasm.mjs';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Builds example `name`_wasm of `crate` with these target features, and gives its bytes. Builds are kept by `kind`. */
export function buildExample(crate, name, features = '+simd128', kind = 'simd128') {
  const dir = `${root}target/bench-${kind}`;
  const rust = wasmRust();
  const flags = [`-Ctarget-feature=${features}`, ...LLVM.map((arg) => `-Cllvm-args=${arg}`)];
  execFileSync(rust.env.CARGO ?? 'cargo', ['build', ...rust.cargoArgs, '--quiet', '--release', '-p', crate, '--example', `${name}_wasm`,
    '--target', 'wasm32-unknown-unknown', '--target-dir', dir], { cwd: root, stdio: 'inherit', env: { ...rust.env, RUSTFLAGS: flags.join(' ') } });
  return readFileSync(`${dir}/wasm32-unknown-unknown/release/examples/${name}_wasm.wasm`);
}
