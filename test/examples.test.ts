// The programs of examples/ print what PyTorch prints, and every network learns.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { InitOptions } from '../ts/runtime/load.js';
import { BUILDS } from './builds.js';
import { compilePrograms, differences, IMAGES, program, PROGRAMS, reference } from './programs.js';

const folder = mkdtempSync(join(tmpdir(), 'cresset-examples-'));
beforeAll(compilePrograms, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** How a program prints a loss, how the first one of a training looks, and how many trainings there are. */
const LOSSES: Record<string, { loss: RegExp; first: RegExp; count: number }> = {
  nonlinear: { loss: /^Epoch: \d+, Loss: ([\d.]+)/, first: /^Epoch: 0,/, count: 5 },
  circles: { loss: /^\d+ ([\d.]+)$/, first: /^0 /, count: 7 },
  temperature: { loss: /^Epoch \d+, Training loss ([\d.]+)/, first: /^Epoch 1,/, count: 4 },
  classifier: { loss: /^Epoch - \d+, Loss - ([\d.]+)/, first: /^Epoch - 1,/, count: 10 },
  fashion: { loss: /^epoch \d+ batch \d+ loss ([\d.]+)/, first: /^epoch 0 batch 0 /, count: 1 },
};

/** The losses that a program printed, a list for each training. */
function trainings(text: string, { loss, first }: { loss: RegExp; first: RegExp }): number[][] {
  const runs: number[][] = [];
  for (const line of text.split('\n')) {
    const found = loss.exec(line);
    if (!found) continue;
    if (first.test(line)) runs.push([]);
    runs.at(-1)!.push(Number(found[1]));
  }
  return runs;
}

/** Node's arguments to load a build before the program does. */
function preload(build: InitOptions): string[] {
  const code = `import { init } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)}; await init(${JSON.stringify(build)});`;
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
}

const builds = [['default', {}], ...Object.entries(BUILDS)] as [string, InitOptions][];

describe.each(PROGRAMS)('$name $seed', ({ name, seed }) => {
  test.skipIf(name === 'fashion' && !existsSync(IMAGES)).each(builds)("prints PyTorch's numbers and draws: %s", { timeout: 300_000 }, (_, build) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [...preload(build), program(name), seed], { cwd: folder, encoding: 'utf8', env: { ...process.env, CRESSET_FASHION_MNIST: IMAGES } });
    expect(status, stderr).toBe(0);
    expect(differences(stdout, reference(name, seed))).toEqual([]);
    const runs = trainings(stdout, LOSSES[name]!);
    expect(runs.length).toBe(LOSSES[name]!.count);
    for (const losses of runs) expect(losses.at(-1)).toBeLessThan(losses[0]!);
    const pictures = readdirSync(join(folder, 'runs', name));
    expect(pictures.length).toBeGreaterThan(1);
    for (const file of pictures) expect(readFileSync(join(folder, 'runs', name, file), 'utf8')).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
  });
});

test('the comparison sees a wrong word, a wrong digit, a missing line, and nothing else', () => {
  const want = { text: 'loss 0.6931 (5)\ntensor([1.0000e-05])\n', numbers: [[0.69312, 0.69315], [5, 5], [1e-5, 1e-5]], texts: {} } as const;
  expect(differences(want.text, want)).toEqual([]);
  expect(differences(want.text.replace('0.6931', '0.6932'), want)).toEqual([]);
  expect(differences(want.text.replace('0.6931', '0.6934'), want)).toHaveLength(1);
  expect(differences(want.text.replace('loss', 'Loss'), want)).toHaveLength(1);
  expect(differences(want.text.replace('(5)', '(7)'), want)).toHaveLength(1);
  expect(differences(want.text.replace('1.0000e-05', '1.0002e-05'), want)).toHaveLength(1);
  expect(differences('loss 0.6931 (5)\n', want)).toHaveLength(1);
});
