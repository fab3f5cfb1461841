// Node as a place to measure in: which Node, what has to be installed first, and a process for each row.
import { execFileSync, fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, must, root, say } from '../../scripts/lib.mjs';

export const bench = join(root, 'bench');
const read = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});

/** Installs bench/node_modules as bench/package-lock.json pins it, if it is not there. */
export async function installPeers() {
  const { devDependencies } = read(join(bench, 'package.json'));
  if (Object.entries(devDependencies).every(([name, version]) => read(join(bench, 'node_modules', name, 'package.json')).version === version)) return;
  say('bench: the libraries to compare with, and Node 24, as bench/package-lock.json pins them: npm ci in bench/ (600 MB)');
  await must(
    'npm ci failed in bench/ (see above). It needs the npm registry; run "npm ci --ignore-scripts" there by hand to see whether that answers.',
    'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: bench },
  );
}

/** Relaxed SIMD without a flag, and V8's compiler for it, are in Node since 22. */
const isNew = (version) => Number(version.replace(/^v/, '').split('.')[0]) >= 22;

/** The Node to measure in: this one if it is new enough, else the one that bench/ brings. */
export function newerNode() {
  if (isNew(process.version)) return process.execPath;
  const names = Object.keys(read(join(bench, 'package.json')).optionalDependencies).filter((name) => name.endsWith(`${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`));
  const found = names.flatMap((name) => ['bin/node', 'bin/node.exe'].map((file) => join(bench, 'node_modules', name, file))).find((file) => existsSync(file));
  return found ?? fail(`Node ${process.version} has no relaxed SIMD without a flag, and bench/package.json brings no newer one for ${process.platform} ${process.arch}: run this with Node 22 or later.`);
}

/** The version of a Node. */
export const versionOf = (node) => (node === process.execPath ? process.version : execFileSync(node, ['--version'], { encoding: 'utf8' }).trim());

/**
 * A place to measure in: `measure(name, config, say)` gives a row's result, `fresh(request, config)` what a process does once
 * (fresh.mjs), `adapter()` its GPU (gpu.mjs). Each call starts a process and ends with it. `python` answers for PyTorch.
 */
export function nodePlace({ node, python, device = 'cpu' }) {
  const work = (task, progress = () => {}) => new Promise((resolve, reject) => {
    const child = fork(join(bench, 'worker.mjs'), [], { execPath: node, execArgv: [], serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    // Whoever has answered is done. Left to end by itself, one was seen to wait for a thread of its own for ever, and this process for it.
    const settle = (how, value) => {
      how(value);
      child.kill('SIGKILL');
    };
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
    child.on('message', async ({ say: text, result, error, python: request, id }) => {
      if (text !== undefined) progress(text);
      else if (error !== undefined) settle(reject, new Error(error));
      else if (result !== undefined) settle(resolve, result);
      else child.send(await python(request).then((answer) => ({ id, answer }), (failure) => ({ id, error: failure.message })));
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => reject(new Error(`the process ended (${signal ?? code})${errors ? `: ${errors.trim().split('\n').slice(-3).join(' ')}` : ''}`)));
    child.send(task);
  });
  return {
    name: device === 'cpu' ? 'node' : `node-${device}`,
    version: `Node ${versionOf(node).slice(1)}`,
    measure: (row, config, progress) => work({ row, config: { ...config, python: python !== undefined } }, progress),
    fresh: (fresh, config) => work({ fresh, config }),
    adapter: () => work({ adapter: true }),
    close: async () => {},
  };
}
