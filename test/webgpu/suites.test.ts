// PyTorch's cases on the GPU of a page in Chromium and of Deno: optimizers, modules and ops give PyTorch's numbers, or are refused as
// crates/gen/webgpu.txt says. (On Node's they run as vitest's project webgpu.) And a network trains in Deno.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { closeBrowser, visit, withBrowser } from '../runtimes/browser.js';
import { install, root } from '../runtimes/installed.js';
import { deno, importMap, page } from '../runtimes/run.js';
import { serve } from '../runtimes/server.js';
import { withGpuBinary } from './adapter.js';
import { FILES, suiteFile, suiteProgram, SUITES, verdictOf } from './suites.js';

vi.setConfig({ testTimeout: 1_800_000 });
const folder = mkdtempSync(join(install().folder, 'suites-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await closeBrowser();
});

/** As many tests as a suite has at least: one that is not run would pass. */
const LEAST = { optim: 13, modules: 100, ops: 60 } as const;

/**
 * Of the ops, of which Chromium takes minutes on a software adapter, every so many: its WebGPU is that of Node's package, where all of them run.
 * `CRESSET_WHOLE_SUITES=1` runs all of them here too.
 */
const EVERY = { optim: 1, modules: 1, ops: process.env['CRESSET_WHOLE_SUITES'] === '1' ? 1 : 6 } as const;

describe.runIf(withGpuBinary() && withBrowser)('in Chromium', () => {
  test.for(SUITES)('%s', async (suite) => {
    let program = '';
    const site = await serve(install().folder, {
      answer: (path) => {
        if (path === '/test/conformance/suite.html') return { type: 'text/html', body: page('./suite.mjs', importMap()) };
        if (path === '/test/conformance/suite.mjs') return { type: 'text/javascript', body: program };
        const body = suiteFile(path);
        return body && { body };
      },
    });
    try {
      program = await suiteProgram(suite, FILES.page, `${site.origin}/test/conformance/suite.mjs`, { every: EVERY[suite] });
      const { ran, failed } = verdictOf((await visit(`${site.origin}/test/conformance/suite.html`, { gpu: true })).out);
      expect(failed).toEqual([]);
      expect(ran).toBeGreaterThanOrEqual(LEAST[suite]);
    } finally {
      await site.close();
    }
  });
});

describe.runIf(withGpuBinary())('in Deno', () => {
  /** Runs a program on Deno's own GPU. */
  const run = (name: string, program: string): Promise<string> => {
    const file = join(folder, `${name}.mjs`);
    writeFileSync(file, program);
    return deno(file);
  };

  test('optim', async () => {
    const base = pathToFileURL(join(root, 'test/conformance/suite.mjs')).href;
    const { ran, failed } = verdictOf(await run('optim', await suiteProgram('optim', FILES.deno, base)));
    expect(failed).toEqual([]);
    expect(ran).toBeGreaterThanOrEqual(LEAST.optim);
  });

  test('a network learns as on the CPU', async () => {
    const out = await run('train', `import * as torch from 'cresset';
      const { nn, optim } = torch;
      await torch.init({ device: 'webgpu' });
      for (const device of ['cpu', 'webgpu']) {
        torch.manualSeed(0);
        const x = torch.randn(64, 8, { device: 'cpu' });
        const y = x.abs().argmax(1);
        const model = new nn.Sequential(new nn.Linear(8, 32, { device: 'cpu' }), new nn.ReLU(), new nn.Linear(32, 8, { device: 'cpu' })).to(device);
        const [input, target] = [x.to(device), y.to(device)];
        const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
        const losses = [];
        for (let step = 0; step < 40; step++) {
          optimizer.zeroGrad();
          const loss = nn.functional.crossEntropy(model(input), target);
          loss.backward();
          optimizer.step();
          losses.push(await loss.item());
        }
        console.log(JSON.stringify(losses));
      }`);
    const [cpu, gpu] = out.trim().split('\n').map((line) => JSON.parse(line) as number[]) as [number[], number[]];
    expect(gpu.length).toBe(40);
    expect(gpu.at(-1)).toBeLessThan(0.5 * gpu[0]!);
    for (const [step, loss] of gpu.entries()) expect(Math.abs(loss - cpu[step]!), `step ${step}`).toBeLessThan(1e-3);
  });
});
