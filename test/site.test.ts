// The site of the example programs, in a browser: what they print there is what they print in Node; programs can be
// changed, fail with their line, and be stopped.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IMAGES } from './programs.js';
import { launch, withBrowser } from './runtimes/browser.js';
import { withGpuBinary } from './webgpu/adapter.js';

const root = join(import.meta.dirname, '..');
mkdirSync(join(root, '.cache'), { recursive: true });
// In the repository, so that Node finds the package by its own name; not .cache/examples, which another test writes.
const folder = mkdtempSync(join(root, '.cache/site-test-'));

/** What the program prints in Node. */
async function inNode(name: string, seed: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'examples', `${name}.js`), seed], { cwd: folder });
  return stdout;
}

describe.skipIf(!withBrowser)('the site', () => {
  let server: ChildProcess;
  let browser: Browser;
  let page: Page;
  let address: string;

  beforeAll(async () => {
    const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.examples.json')];
    execFileSync(process.execPath, [...tsc, '--outDir', join(folder, 'examples'), '--incremental', 'false', '--tsBuildInfoFile', 'null']);
    // Under a folder of its own: the site has to work anywhere.
    execFileSync(process.execPath, [join(root, 'site/build.mjs'), join(folder, 'served/under'), IMAGES]);
    server = spawn(process.execPath, [join(root, 'site/serve.mjs'), join(folder, 'served')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(server.stdout!.setEncoding('utf8'), 'data')) as [string];
    address = `${line.trim()}under/`;
    browser = await launch();
    page = await browser.newPage();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    server?.kill();
    rmSync(folder, { recursive: true });
  });

  const open = async (name: string): Promise<void> => {
    await page.goto(`${address}${name}.html`);
    await page.locator('body[data-state=idle] #run:enabled').waitFor();
  };
  /** Puts a program in the place of the one shown. */
  const write = async (program: string): Promise<void> => {
    await page.locator('.cm-content').click();
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText(program);
  };
  /** Waits for a state; a program that fails instead says why. */
  const state = async (name: string): Promise<void> => {
    await page.locator(`body:is([data-state=${name}], [data-state=failed])`).waitFor({ timeout: 200_000 });
    expect(await page.locator('body').getAttribute('data-state'), (await page.locator('#error').textContent()) ?? '').toBe(name);
  };
  const output = async (): Promise<string> => (await page.locator('#output').textContent())!;

  test('shows a card for each program', async () => {
    await page.goto(address);
    const links = await page.locator('a.card').evaluateAll((cards) => cards.map((card) => card.getAttribute('href')));
    expect(links).toEqual(['nonlinear', 'circles', 'fashion', 'temperature', 'classifier'].map((name) => `${name}.html`));
    for (const link of links) expect((await fetch(address + link!)).status).toBe(200);
  });

  test.each(['temperature', 'circles'])('%s prints what it prints in Node, and draws', { timeout: 300_000 }, async (name) => {
    const want = inNode(name, '42');
    await open(name);
    await page.locator('#seed').fill('42');
    await page.locator('#run').click();
    // It shows what is there while it runs.
    await page.waitForFunction(() => document.body.dataset['state'] === 'running' && document.getElementById('output')!.textContent !== '');
    await state('done');
    expect(await output()).toBe(await want);
    expect(await page.locator('#status').textContent()).toMatch(/^done in \d+\.\d s$/);
    const pictures = page.locator('#pictures figure');
    const wanted = { temperature: ['own loss', 'mse loss', 'tanh 8', 'tanh 20'], circles: ['circles linear', 'circles relu', 'moons ReLU', 'moons Tanh', 'moons SiLU', 'moons GELU', 'moons LeakyReLU'] }[name];
    expect(await pictures.locator('figcaption').allTextContents()).toEqual(wanted);
    const drawn = await pictures.locator('img').evaluateAll((all) => Promise.all((all as HTMLImageElement[]).map(async (image) => {
      await image.decode();
      return { wide: image.naturalWidth > 100, svg: await (await fetch(image.src)).text() };
    })));
    for (const { wide, svg } of drawn) {
      expect(wide).toBe(true);
      expect(svg).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
    }
  });

  test('a changed program prints something else, and Reset brings back the old one', async () => {
    await open('temperature');
    const before = await page.evaluate(async () => (await fetch('programs/temperature.js')).text());
    const head = before.slice(0, before.indexOf('const linear_model')).replace('[0.5, 14.0,', '[0.5, 14.0, 15.5,').replace('[35.7,', '[35.7, 36.6,');
    await write(`${head}print('last', t_c.sum().itemSync());\n`);
    await page.keyboard.press('Control+Enter');
    await state('done');
    expect(await output()).toMatch(/^torch\.Size\(\[12, 1\]\)\n[\s\S]*\nlast 131\n$/);
    await page.locator('#reset').click();
    expect(await page.locator('#reset').isEnabled()).toBe(false);
    expect(await page.locator('.cm-content').textContent()).toContain('const linear_model');
  });

  test('the seed is an argument of the program, and console.log prints', async () => {
    await open('classifier');
    await write("import { host } from './lib/host.js';\nconsole.log('given', host.args);\n");
    await page.locator('#seed').fill('7');
    await page.locator('#run').click();
    await state('done');
    expect(await output()).toBe('given 7\n');
  });

  test.skipIf(!existsSync(IMAGES))('the images are served', async () => {
    await open('fashion');
    const imports = "import { io } from 'cresset';\nimport { host } from './lib/host.js';\nimport * as torch from 'cresset';\nawait torch.init();\n";
    await write(`${imports}console.log(String((await io.readIdx(\`\${host.images()}/t10k-images-idx3-ubyte.gz\`)).shape));\n`);
    await page.locator('#run').click();
    await state('done');
    expect(await output()).toBe('torch.Size([10000, 28, 28])\n');
  });

  test.each([
    ['throws', "import * as torch from 'cresset';\nawait torch.init();\nconst x = torch.zeros(2, 3);\n\nx.matmul(x);\n", 'Line 5: ', 'ShapeError'],
    ['throws later', "console.log('on');\nsetTimeout(() => {\n  null.x;\n});\nawait new Promise(() => {});\n", 'Line 3: ', 'TypeError'],
    ['is not JavaScript', "const a = 1;\nconst b = (2;\n", 'Line 2: ', 'SyntaxError'],
    ['imports what is not there', "const a = 1;\nimport { x } from 'cresset/nothing';\n", 'Line 2: ', "There is no module 'cresset/nothing'"],
    ['imports a name that is not there', "import { x } from 'cresset/nn';\n", '', "does not provide an export named 'x'"],
  ])('a program that %s shows its error', async (_, program, line, error) => {
    await open('nonlinear');
    await write(program);
    await page.locator('#run').click();
    await state('failed');
    const told = (await page.locator('#error').textContent())!;
    expect(told).toContain(error);
    expect(told.startsWith(line)).toBe(true);
    expect(await page.locator('.cm-broken').count()).toBe(line === '' ? 0 : 1);
  });

  test('Stop ends a program that never would, and the next one runs', async () => {
    await open('nonlinear');
    await write("console.log('first');\nfor (;;);\n");
    await page.locator('#run').click();
    await page.waitForFunction(() => document.getElementById('output')!.textContent === 'first\n');
    await page.locator('#stop').click();
    await state('stopped');
    await write("console.log('second');\n");
    await page.locator('#run').click();
    await state('done');
    expect(await output()).toBe('second\n');
  });
});

describe.runIf(withBrowser && withGpuBinary())('the page that trains on either device', () => {
  let browser: Browser;
  let server: ChildProcess;
  const out = mkdtempSync(join(root, '.cache/site-gpu-'));
  afterAll(async () => {
    await browser?.close();
    server?.kill();
    rmSync(out, { recursive: true });
  });

  test('both curves are drawn, and are the same; a step on the GPU makes nothing new', { timeout: 300_000 }, async () => {
    execFileSync(process.execPath, [join(root, 'site/build.mjs'), out]);
    server = spawn(process.execPath, [join(root, 'site/serve.mjs'), out], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(server.stdout!.setEncoding('utf8'), 'data')) as [string];
    browser = await launch({ gpu: true });
    const page = await browser.newPage();
    await page.goto(`${line.trim()}gpu.html`);
    const losses: Record<string, number> = {};
    for (const device of ['cpu', 'webgpu']) {
      await page.getByLabel(device, { exact: true }).check({ force: true });
      await page.locator('#width').selectOption('32');
      await page.locator('#steps').fill('20');
      await page.locator('#run').click();
      await page.locator('body:is([data-state=done], [data-state=failed])').waitFor({ timeout: 200_000 });
      expect(await page.locator('#error').textContent()).toBe('');
      expect(await page.locator('#step').textContent()).toBe('20 of 20');
      losses[device] = Number(await page.locator('#loss').textContent());
      const points = (await page.locator(`#curve .${device}`).getAttribute('points'))!.split(' ').map((point) => point.split(',').map(Number));
      expect(points.length).toBe(20);
      // Downwards on the page.
      expect(points.at(-1)![1]).toBeGreaterThan(points[0]![1]!);
    }
    expect(losses['cpu']).toBeLessThan(1);
    expect(losses['webgpu']).toBeCloseTo(losses['cpu']!, 3);
    expect(await page.locator('#adapter').textContent()).toContain('swiftshader');
    const counters = await page.locator('[data-counter]').evaluateAll((cells) => Object.fromEntries(cells.map((cell) => [(cell as HTMLElement).dataset['counter'], cell.textContent])));
    expect(counters).toMatchObject({ submits: '1', passes: '1', buffers: '0', bindGroups: '0', pipelines: '0', readbacks: '1' });
  });
});
