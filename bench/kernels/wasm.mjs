// A Rust example of one crate alone as wasm, for the benchmarks of kernels.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LLVM } from '../../scripts/wasm.mjs';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Builds example `name`_wasm of `crate` with these target features, and gives its bytes. Builds are kept by `kind`. */
export function buildExample(crate, name, features = '+simd128', kind = 'simd128') {
  const dir = `${root}target/bench-${kind}`;
  const debian = existsSync('/usr/bin/wasm-ld-19'); // Debian's rustc builds the target where rustup cannot
  execFileSync(debian ? '/usr/bin/cargo' : 'cargo', ['build', ...(debian ? ['-Zbuild-std=std,panic_abort'] : []), '--quiet', '--release',
    '-p', crate, '--example', `${name}_wasm`, '--target', 'wasm32-unknown-unknown', '--target-dir', dir], {
    cwd: root, stdio: 'inherit',
    env: { ...process.env, RUSTFLAGS: [`-Ctarget-feature=${features}`, ...LLVM.map((arg) => `-Cllvm-args=${arg}`)].join(' '),
      ...(debian ? { RUSTC: '/usr/bin/rustc', RUSTC_BOOTSTRAP: '1', CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: '/usr/bin/wasm-ld-19' } : {}) },
  });
  return readFileSync(`${dir}/wasm32-unknown-unknown/release/examples/${name}_wasm.wasm`);
}
