// The five programs of examples/: what they print has the words, shapes and layout of what PyTorch prints
// (fixtures/NAME.42.out), and every network learns.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'cresset-examples-'));
const images = process.env['CRESSET_FASHION_MNIST'] || '/usr/share/datasets/fashion-mnist';

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.examples.json')]);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

const NUMBER = /-?\b\d+(?:\.\d*)?(?:e[+-]\d+)?|\b(?:inf|nan)\b/g;

/** The text with numbers as #: words, shapes and layout, but for spaces, which depend on the signs of numbers. */
function structure(text: string): string[] {
  const plain = text.replaceAll('UnsafeViewBackward0', 'ViewBackward0').replaceAll(NUMBER, '#');
  return plain.trim().split('\n').map((line) => line.replaceAll(/\s+/g, ' ').replaceAll('[ ', '[').trim());
}

/** Numbers that describe instead of measure: sizes, names of layers, options of modules. */
function shapes(text: string): string[] {
  return text.match(/torch\.Size\(\[[^\]]*\]\)|\b[A-Z]\w+\([a-z_]+=[^\n]*\)/g) ?? [];
}

function run(name: string, ...args: string[]): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(root, '.cache/examples', `${name}.js`), ...args], { cwd: folder, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout;
}

/** The losses that a program printed, a list for each training. */
function trainings(text: string, loss: RegExp, first: RegExp): number[][] {
  const runs: number[][] = [];
  for (const line of text.split('\n')) {
    const found = loss.exec(line);
    if (!found) continue;
    if (first.test(line)) runs.push([]);
    runs.at(-1)!.push(Number(found[1]));
  }
  return runs;
}

describe.each([
  { name: 'nonlinear', loss: /^Epoch: \d+, Loss: ([\d.]+)/, first: /^Epoch: 0,/, count: 5 },
  { name: 'circles', loss: /^\d+ ([\d.]+)$/, first: /^0 /, count: 7 },
  { name: 'temperature', loss: /^Epoch \d+, Training loss ([\d.]+)/, first: /^Epoch 1,/, count: 4 },
  { name: 'classifier', loss: /^Epoch - \d+, Loss - ([\d.]+)/, first: /^Epoch - 1,/, count: 10 },
  { name: 'fashion', loss: /^epoch \d+ batch \d+ loss ([\d.]+)/, first: /^epoch 0 batch 0 /, count: 1 },
])('$name', ({ name, loss, first, count }) => {
  test.skipIf(name === 'fashion' && !existsSync(images))("prints what PyTorch's program prints", { timeout: 300_000 }, () => {
    const want = readFileSync(join(import.meta.dirname, `fixtures/${name}.42.out`), 'utf8');
    const got = run(name, '42', ...(name === 'fashion' ? [images] : []));
    expect(structure(got)).toEqual(structure(want));
    expect(shapes(got)).toEqual(shapes(want));
    const runs = trainings(got, loss, first);
    expect(runs.length).toBe(count);
    for (const losses of runs) expect(losses.at(-1)).toBeLessThan(losses[0]!);
    const pictures = readdirSync(join(folder, 'runs', name));
    expect(pictures.length).toBeGreaterThan(1);
    for (const file of pictures) expect(readFileSync(join(folder, 'runs', name, file), 'utf8')).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
  });
});
