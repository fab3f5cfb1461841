// The package as npm packs it, installed in an empty project: what a user's first minute is. (test/runtimes: elsewhere than in Node.)
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { install, isQuickBuild, root } from './runtimes/installed.js';
import { withGpuBinary } from './webgpu/adapter.js';

const { folder: project, files } = install();
const folder = mkdtempSync(join(project, 'package-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a program prints. */
function run(name: string, code: string): string {
  writeFileSync(join(folder, name), code);
  return execFileSync(process.execPath, [name], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

test('it holds what runs, and nothing of the workshop', () => {
  expect(files).toContain('dist/index.js');
  expect(files).toContain('dist/index.d.ts');
  const builds = ['', '_relaxed', '_relaxed_threads', '_threads', ...(withGpuBinary() ? ['_webgpu'] : [])];
  expect(files.filter((path) => path.endsWith('.wasm'))).toEqual(builds.map((build) => `dist/cresset${build}_bg.wasm`));
  expect(files).toEqual(expect.arrayContaining(['dist/worker.node.js', 'dist/worker.web.js']));
  expect(files.includes('dist/browser.js')).toBe(!isQuickBuild());
  expect(files.filter((path) => /^(ts|test|scripts|crates|target|node_modules)\//.test(path))).toEqual([]);
});

test('a first program runs in Node, with what it imports found in subpaths', () => {
  expect(run('main.mjs', `
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
  `)).toBe('true 0.4000 2\n');
});

test('require finds it too', () => {
  expect(run('main.cjs', "console.log(String(require('cresset').ones(2)));")).toBe('tensor([1., 1.])\n');
});

test('plots say which packages they need', () => {
  expect(run('plot.mjs', `
    import * as plot from 'cresset/plot';
    await plot.lines({ a: [1, 2] }).svg().catch((error) => console.log(error.name, error.message));
  `)).toContain('TorchError plot: drawing needs the packages vega and vega-lite: npm install vega vega-lite');
});

test('every entry of the exports map can be imported', () => {
  const { exports } = JSON.parse(readFileSync(join(project, 'node_modules/cresset/package.json'), 'utf8')) as { exports: Record<string, unknown> };
  const missing = isQuickBuild() ? ['./browser'] : [];
  const names = Object.keys(exports).filter((key) => key !== './package.json' && !missing.includes(key)).map((key) => key.replace('.', 'cresset'));
  expect(run('all.mjs', `for (const name of ${JSON.stringify(names)}) console.log(Object.keys(await import(name)).length > 0);`)).toBe('true\n'.repeat(names.length));
});

test('cresset and cresset/inline are one engine with the same classes', () => {
  expect(run('mixed.mjs', `
    import * as inline from 'cresset/inline';
    import * as torch from 'cresset';
    import { Linear } from 'cresset/nn';
    torch.manualSeed(1);
    const a = inline.randn(2);
    inline.manualSeed(1);
    console.log(a instanceof torch.Tensor, inline.nn.Linear === Linear, torch.equal(a, torch.randn(2)));
  `)).toBe('true true true\n');
});

const CONSUMER = `
  import * as torch from 'cresset';
  import * as inline from 'cresset/inline';
  import { nn, optim, type Tensor } from 'cresset';
  import { DataLoader, TensorDataset } from 'cresset/utils/data';
  import { crossEntropy } from 'cresset/nn/functional';
  import { StepLR } from 'cresset/optim/lr_scheduler';

  class Net extends nn.Module {
    layer = new nn.Linear(4, 2);
    forward(x: Tensor): Tensor {
      return this.layer(x).relu();
    }
  }
  const model = new Net();
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 });
  const schedule = new StepLR(optimizer, 2, { gamma: 0.5 });
  for (const [x, y] of new DataLoader(new TensorDataset(torch.randn(8, 4), torch.zeros(8, { dtype: torch.int64 })), { batchSize: 4 })) {
    crossEntropy(model.forward(x), y).backward();
    optimizer.step();
    schedule.step();
  }
  const rate: number[] = schedule.getLastLr();
  const same: Tensor = inline.ones(2, 3);
  await torch.init({ simd: 'baseline', threads: 1 });
  // @ts-expect-error A shape is no string.
  torch.zeros('two');
  // @ts-expect-error There is no such binary.
  await torch.init({ simd: 'fast' });
  export { rate, same };
`;

test.for([
  // Without skipLibCheck the package's own declarations are checked as well; once is enough.
  { module: 'nodenext', moduleResolution: 'nodenext', skipLibCheck: false },
  { module: 'esnext', moduleResolution: 'bundler', skipLibCheck: true },
])('TypeScript, strict, moduleResolution $moduleResolution', { timeout: 300_000 }, (options) => {
  const at = mkdtempSync(join(folder, 'types-'));
  writeFileSync(join(at, 'main.mts'), CONSUMER);
  const compilerOptions = { ...options, strict: true, exactOptionalPropertyTypes: true, target: 'es2022', lib: ['es2022', 'esnext.disposable', 'dom', 'dom.iterable'], types: [], noEmit: true };
  writeFileSync(join(at, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['main.mts'] }));
  let errors = '';
  try {
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', at], { cwd: at, encoding: 'utf8' });
  } catch (error) {
    errors = (error as { stdout: string }).stdout;
  }
  expect(errors).toBe('');
});
