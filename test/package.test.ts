// The package as npm packs it, installed in an empty project: what a user's first minute is.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'cresset-package-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (command: string, ...args: string[]): string => execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

let files: string[];
beforeAll(() => {
  const packed = execFileSync('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', folder], { encoding: 'utf8' });
  const [{ filename, files: list }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  files = list.map(({ path }) => path);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  run('npm', 'install', '--offline', '--no-audit', '--no-fund', '--loglevel=error', join(folder, filename));
});

test('it holds what runs, and nothing of the workshop', () => {
  expect(files).toContain('dist/index.js');
  expect(files).toContain('dist/index.d.ts');
  expect(files.filter((path) => path.endsWith('.wasm')).length).toBeGreaterThanOrEqual(2);
  expect(files.filter((path) => /^(ts|test|scripts|crates|target|node_modules)\//.test(path))).toEqual([]);
});

test('a first program runs in Node, with what it imports found in subpaths', () => {
  writeFileSync(join(folder, 'main.js'), `
    import * as torch from 'cresset';
    import { Linear } from 'cresset/nn';
    import { SGD } from 'cresset/optim';
    import { DataLoader } from 'cresset/utils/data';
    const layer = new Linear(3, 1);
    const optimizer = new SGD(layer.parameters(), { lr: 0.1 });
    const before = layer(torch.ones(1, 3)).itemSync();
    layer(torch.ones(1, 3)).sum().backward();
    optimizer.step();
    const after = await layer(torch.ones(1, 3)).item();
    console.log(layer instanceof torch.nn.Linear, (before - after).toFixed(4), [...new DataLoader([1, 2, 3], { batchSize: 2 })].length);
  `);
  expect(run('node', 'main.js')).toBe('true 0.4000 2\n');
});

test('plots say which packages they need', () => {
  writeFileSync(join(folder, 'plot.js'), `
    import * as plot from 'cresset/plot';
    await plot.lines({ a: [1, 2] }).svg().catch((error) => console.log(error.name, error.message));
  `);
  expect(run('node', 'plot.js')).toContain('TorchError plot: drawing needs the packages vega and vega-lite: npm install vega vega-lite');
});

test('every entry of the exports map can be imported', () => {
  const { exports } = JSON.parse(readFileSync(join(folder, 'node_modules/cresset/package.json'), 'utf8')) as { exports: Record<string, unknown> };
  const names = Object.keys(exports).filter((key) => key !== './package.json').map((key) => key.replace('.', 'cresset'));
  writeFileSync(join(folder, 'all.js'), `for (const name of ${JSON.stringify(names)}) console.log(Object.keys(await import(name)).length > 0);`);
  expect(run('node', 'all.js')).toBe('true\n'.repeat(names.length));
});
