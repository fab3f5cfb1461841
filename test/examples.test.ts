// The programs of examples/ print what PyTorch prints, and every network learns.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { InitOptions } from '../ts/runtime/load.js';
import { BUILDS } from './builds.js';
import { compilePrograms, differences, IMAGES, LOSSES, program, PROGRAMS, reference, trainings } from './programs.js';

const folder = mkdtempSync(join(tmpdir(), 'cresset-examples-'));
beforeAll(compilePrograms, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

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
