// npm run --silent example -- NAME [ARGUMENTS]: runs examples/NAME.ts against the built package.
import { readdirSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fail, isMain, must, root, script } from './lib.mjs';
import { build } from './build.mjs';
import { fashionImages, setup } from './setup.mjs';

/** Compiles the examples (they import 'cresset' as a user does, by the package's own name) and runs one; gives its exit status. */
export async function runExample(name, args) {
  const names = readdirSync(join(root, 'examples')).filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3));
  if (!names.includes(name)) fail(`There is no example "${name ?? ''}"; the examples are ${names.join(', ')}.`);
  await must('tsc found errors in the examples (see above).',
    process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.examples.json']);
  const env = { ...process.env, CRESSET_FASHION_MNIST: fashionImages() ?? '' };
  const child = spawn(process.execPath, [join(root, '.cache/examples', `${name}.js`), ...args], { cwd: root, env, stdio: 'inherit' });
  // Ctrl-C reaches the whole group of processes: the example decides how to end, and this one waits for it.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
}

if (isMain(import.meta.url)) {
  await script(async () => {
    const [name, ...args] = process.argv.slice(2);
    await setup(['npm', 'wasm', 'images']);
    await build();
    return runExample(name, args);
  });
}
