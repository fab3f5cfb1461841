// The programs of examples/, from the packed package, print the same text in every runtime; examples.test.ts compares
// that text with PyTorch's.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compilePrograms, IMAGES, program, PROGRAMS } from '../programs.js';
import { closeBrowser, withBrowser } from './browser.js';
import { root } from './installed.js';
import { runIn, type Runtime } from './run.js';

mkdirSync(join(root, '.cache'), { recursive: true });
const folder = mkdtempSync(join(root, '.cache/programs-'));
beforeAll(compilePrograms, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await closeBrowser();
});

/** A module that runs a program as its host wants it: no pictures (they need vega), the seed, and the place of the images. */
function hosted(name: string, seed: string, images: string): string {
  const file = join(folder, `${name}-${seed}.js`);
  writeFileSync(file, `globalThis.cressetHost = { args: ['${seed}'], picture: null, images: () => ${images} };\nawait import(${JSON.stringify(program(name))});\n`);
  return file;
}

const RUNTIMES: { runtime: Runtime; images: string }[] = [
  { runtime: 'node24', images: JSON.stringify(IMAGES) },
  { runtime: 'deno', images: JSON.stringify(IMAGES) },
  { runtime: 'page', images: "new URL('/images', location.href).href" },
];

describe.each(PROGRAMS)('$name $seed', ({ name, seed }) => {
  let expected: Promise<string> | undefined;
  test.for(RUNTIMES)('in $runtime', { timeout: 300_000 }, async ({ runtime, images }, { skip }) => {
    skip(name === 'fashion' && !existsSync(IMAGES), 'no images');
    skip(runtime === 'page' && !withBrowser, 'no browser');
    expected ??= runIn('node', hosted(name, seed, JSON.stringify(IMAGES)));
    const want = await expected;
    expect(want.length).toBeGreaterThan(500);
    expect(await runIn(runtime, hosted(name, seed, images), [], { '/images': IMAGES })).toBe(want);
  });
});
