// The code in the documentation compiles, runs, and gives what the page says (test/docs/programs.ts has the convention).
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { AROUND, NOT_RUN, ON_GPU, ON_PAGES } from './docs/around.js';
import { problemsOf } from './docs/check.js';
import { ofDocComments, ofPage } from './docs/programs.js';
import { withGpuBinary } from './webgpu/adapter.js';

const root = join(import.meta.dirname, '..');

function under(folder: string, end: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith(end) && !name.endsWith('.d.ts')).sort().map((name) => join(root, folder, name));
}

const pages = [join(root, 'README.md'), ...under('docs', '.md')].flatMap((path) => ofPage(root, path));
const examples = under('ts', '.ts').flatMap((path) => ofDocComments(root, path));
const programs = [...pages, ...examples];

/** By file, what is wrong in it. All are compiled and run together: starting the compiler takes longer than its work. */
const problems = new Map<string, string[]>();
beforeAll(() => {
  const around = ({ file }: { file: string }) => (file.endsWith('.md') ? ON_PAGES : { ...AROUND['']!, ...AROUND[file] });
  const engine = ({ file }: { file: string }) => (NOT_RUN.has(file) ? null : !ON_GPU.has(file) ? 'cpu' : withGpuBinary() ? 'webgpu' : null);
  problemsOf(root, programs, around, engine).forEach((found, i) => {
    const { file } = programs[i]!;
    problems.set(file, [...(problems.get(file) ?? []), ...found]);
  });
}, 300_000);

test('there is code to check', () => {
  expect(pages.length).toBeGreaterThan(10);
  expect(examples.length).toBeGreaterThan(100);
});

test.each([...new Set(programs.map(({ file }) => file))])('%s', (file) => {
  expect(problems.get(file)!.join('\n\n')).toBe('');
});
