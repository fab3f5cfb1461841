// How the engine with a GPU gets loaded, where it is not, and what is said then. Programs run in processes and pages of their own,
// since a program has one engine. The GPU is SwiftShader (adapter.ts).
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build as vite } from 'vite';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { closeBrowser, visit, withBrowser } from '../runtimes/browser.js';
import { install, isQuickBuild, root } from '../runtimes/installed.js';
import { deno, importMap, NODE_24, page } from '../runtimes/run.js';
import { serve } from '../runtimes/server.js';
import { NO_GPU, softwareGpu, withGpuBinary } from './adapter.js';

vi.setConfig({ testTimeout: 120_000 });
const project = install().folder;
const folder = mkdtempSync(join(project, 'webgpu-'));
/** A project that has installed the npm package webgpu as well. */
const withDawn = mkdtempSync(join(project, 'dawn-'));
cpSync(join(project, 'node_modules'), join(withDawn, 'node_modules'), { recursive: true });
for (const name of ['webgpu', 'debug', 'ms']) symlinkSync(join(root, 'node_modules', name), join(withDawn, 'node_modules', name));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  rmSync(withDawn, { recursive: true });
  await closeBrowser();
});

/** What every program begins with: a rejection is what many are about, so its class and sentence are printed. */
const TORCH = "import * as torch from 'cresset';\nconst said = (error) => console.log(error.name + ': ' + error.message);\nconsole.warn = (line) => console.log('warning: ' + line);\n";
const OPEN = `${TORCH}await torch.init({ device: 'webgpu' }).catch(said);\n`;

interface Place {
  readonly command?: string;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** What a program prints in a fresh Node. One that does not end by itself fails, at the time limit. */
function node(code: string, { command = process.execPath, cwd = withDawn, env = softwareGpu() }: Place = {}): string {
  const file = join(cwd, 'program.mjs');
  writeFileSync(file, code);
  return execFileSync(command, [file], { cwd, encoding: 'utf8', timeout: 60_000, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/**
 * Kernels that run before anything else does, each with a submission and a read: of the device's arithmetic, of where invocations lie in
 * subgroups, which Dawn has on SwiftShader, and of what joins by them give.
 */
const SELF_TESTS = 3;

describe.skipIf(!withGpuBinary())('Node', () => {
  test.for([process.execPath, NODE_24])('opens the GPU of the npm package webgpu, and ends by itself: %s', (command) => {
    const program = `${TORCH}
      const before = [typeof globalThis.navigator?.gpu, typeof WorkerGlobalScope, typeof Window];
      console.log(await torch.webgpu.isAvailable(), await torch.webgpu.whyNot());
      console.log(torch.accelerator.isAvailable(), torch.accelerator.currentAccelerator());
      await torch.init({ device: 'webgpu' });
      console.log(String(torch.accelerator.currentAccelerator()), String(torch.getDefaultDevice()));
      const { isFallback, largestTensor } = await torch.webgpu.adapter();
      console.log(isFallback, largestTensor > 2 ** 27);
      const { submits, dispatches, readbacks } = torch.webgpu.counters();
      console.log(submits, dispatches, readbacks);
      console.log(String(torch.ones(2, { device: 'cpu' })));
      // Libraries tell browsers by these names.
      console.log(before.join() === [typeof globalThis.navigator?.gpu, typeof WorkerGlobalScope, typeof Window].join());`;
    const tests = Array(3).fill(SELF_TESTS).join(' ');
    expect(node(program, { command })).toBe(`true null\nfalse null\nwebgpu webgpu\ntrue true\n${tests}\ntensor([1., 1.])\ntrue\n`);
  });

  test('opening it again changes nothing', () => {
    expect(node(`${OPEN}await torch.init({ device: 'webgpu' }); await torch.init(); await torch.init({ device: 'webgpu:0' });
      console.log(torch.webgpu.counters().readbacks);`)).toBe(`${SELF_TESTS}\n`);
  });

  test('without the package: what to install, and the CPU is as good as ever', () => {
    const program = `${TORCH}
      console.log(await torch.webgpu.isAvailable());
      await torch.init({ device: 'webgpu' }).catch(said);
      await torch.webgpu.adapter().catch(said);
      await torch.init();
      console.log(String(torch.ones(2)));`;
    const why = 'Node has no WebGPU of its own; the npm package webgpu (Dawn, the one of Chromium) brings it: npm install webgpu';
    expect(node(program, { cwd: folder })).toBe(
      `false\nDeviceError: torch.init({ device: 'webgpu' }): ${why}. torch.webgpu.isAvailable() tells beforehand whether there is a GPU.\n` +
        `DeviceError: torch.webgpu.adapter: ${why}\ntensor([1., 1.])\n`,
    );
  });

  test('without a driver', () => {
    expect(node(`${OPEN}console.log(await torch.webgpu.whyNot());`, { env: NO_GPU })).toMatch(
      /^DeviceError: torch\.init\({ device: 'webgpu' }\): no GPU with a driver for Vulkan, Metal or Direct3D 12 was found\. .*\nno GPU with a driver /,
    );
  });

  test('an adapter that computes wrongly is refused, and named', () => {
    // What is submitted is dropped, so that every buffer stays zero: such backends exist.
    const program = `${TORCH}
      import { create, globals } from 'webgpu';
      Object.assign(globalThis, globals);
      globals.GPUQueue.prototype.submit = () => undefined;
      Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]) } });
      await torch.init({ device: 'webgpu' }).catch(said);
      try { torch.webgpu.counters(); } catch (error) { said(error); }
      console.log(String(torch.ones(1, { device: 'cpu' })));`;
    expect(node(program)).toMatch(/^DeviceError: webgpu: .* computes wrongly.*\nDeviceError: .* is not open; .*\ntensor\(\[1\.\]\)\n$/);
  });

  test('a GPU that fails to answer', () => {
    const broken = `${TORCH}const gpu = { requestAdapter: async () => { throw new TypeError('no luck'); } };
      Object.defineProperty(globalThis, 'navigator', { value: { gpu } });
      await torch.init({ device: 'webgpu' }).catch(said);`;
    expect(node(broken)).toContain('DeviceError: torch.init({ device: \'webgpu\' }): WebGPU failed to look for a GPU: no luck. ');
  });

  test('too late, and wishes that exclude each other', () => {
    const late = /^LoadError: torch\.init\({ device: 'webgpu' }\): the engine is already loaded, without a GPU\. .* first, before the first tensor/;
    expect(node(`${TORCH}torch.ones(1); await torch.init({ device: 'webgpu', threads: 2 }).catch(said);`)).toMatch(late);
    expect(node(`${TORCH}const loading = torch.init(); await torch.init({ device: 'webgpu' }).catch(said); await loading; await torch.init();`)).toMatch(late);
    // The first tensor comes while the engine with a GPU is on its way.
    expect(node(`${TORCH}const loading = torch.init({ device: 'webgpu' }).catch(said); torch.ones(1); await loading;`)).toMatch(late);
    expect(node(`${TORCH}try { torch.webgpu.counters(); } catch (error) { said(error); } await torch.init({ device: 'webgpu' }); console.log(torch.webgpu.counters().submits);`))
      .toMatch(new RegExp(String.raw`^DeviceError: torch\.webgpu\.counters: no GPU is open; .*\n${SELF_TESTS}\n$`));
    expect(node(`${TORCH}await torch.init({ device: 'webgpu', simd: 'relaxed' }).catch(said); await torch.init({ device: 'webgpu', threads: 2 });`)).toMatch(
      /^LoadError: .* has the baseline instructions only; leave `simd` out\nwarning: cresset: threads: 2 needs the engine without a GPU .*; going on with one thread\n$/,
    );
  });

  test('a binary from a place of its own has to be the one with a GPU', () => {
    const at = (file: string): string => `readFileSync(new URL('./${file}', import.meta.resolve('cresset')))`;
    const READ = "import { readFileSync } from 'node:fs';\n";
    expect(node(`${READ}${TORCH}await torch.init({ device: 'webgpu', wasm: ${at('cresset_webgpu_bg.wasm')} }); console.log(torch.webgpu.counters().submits);`)).toBe(`${SELF_TESTS}\n`);
    // It can be loaded for the CPU too, and its GPU be opened later.
    expect(node(`${READ}${TORCH}await torch.init({ wasm: ${at('cresset_webgpu_bg.wasm')} }); console.log(String(torch.ones(1)));`)).toBe('tensor([1.])\n');
  });

  test.skipIf(isQuickBuild())('a binary without a GPU is refused', () => {
    expect(node(`import { readFileSync } from 'node:fs';\n${TORCH}
      await torch.init({ device: 'webgpu', wasm: readFileSync(new URL('./cresset_bg.wasm', import.meta.resolve('cresset'))) }).catch(said);`))
      .toMatch(/^LoadError: .* the given module is an engine without a GPU: it has to be cresset_webgpu_bg\.wasm /);
    expect(node(`${OPEN.replace("'cresset'", "'cresset/inline'")}`)).toMatch(/^LoadError: .* cresset\/inline holds the binary of the CPU only; /);
  });
});

test.skipIf(!withGpuBinary())('Deno has a GPU of its own', async () => {
  const file = join(folder, 'deno.mjs');
  writeFileSync(file, `${OPEN}console.log(torch.webgpu.counters().dispatches, String(torch.ones(1, { device: 'cpu' })));`);
  expect(await deno(file)).toBe('1 tensor([1.])\n');
});

describe.runIf(withGpuBinary() && withBrowser)('Chromium', () => {
  /** Runs a program in a page; gives what it printed and the files of the package that it asked for. */
  async function open(code: string, { gpu = true, host = 'localhost', bundled = false } = {}): Promise<{ out: string; asked: string[] }> {
    const at = mkdtempSync(join(folder, 'page-'));
    writeFileSync(join(at, 'program.mjs'), code);
    writeFileSync(join(at, 'index.html'), page('./program.mjs', bundled ? '' : importMap()));
    if (bundled) await vite({ root: at, configFile: false, base: './', logLevel: 'error', build: { outDir: 'dist', target: 'es2022' } });
    const asked: string[] = [];
    const site = await serve(project, { answer: (path) => void asked.push(path.split('/').at(-1)!) });
    try {
      const { out } = await visit(`${site.origin.replace('localhost', host)}${at.slice(project.length)}/${bundled ? 'dist/' : ''}index.html`, { gpu });
      return { out, asked };
    } finally {
      await site.close();
    }
  }
  const SHOW = "console.log(torch.webgpu.counters().dispatches, String(torch.ones(1, { device: 'cpu' })));\n";

  test('a page opens the GPU', async () => {
    const { out, asked } = await open(`${OPEN}${SHOW}`);
    expect(out).toBe(`${SELF_TESTS} tensor([1.])\n`);
    expect(asked.filter((name) => /\.wasm$|cresset_/.test(name)).sort()).toEqual(['cresset_webgpu.js', 'cresset_webgpu_bg.wasm']);
  });

  test('Vite makes files of their own of what the GPU needs', async () => {
    const { out, asked } = await open(`${OPEN}${SHOW}`, { bundled: true });
    expect(out).toBe(`${SELF_TESTS} tensor([1.])\n`);
    // Binaries that are the same, as in a quick build, are one to Vite.
    expect(asked.filter((name) => name.endsWith('.wasm'))).toEqual([expect.stringContaining(isQuickBuild() ? 'cresset' : 'cresset_webgpu_bg')]);
    expect(asked.filter((name) => name.endsWith('.js')).length).toBeGreaterThan(1);
  });

  // A quick build has one binary under all names.
  test.skipIf(isQuickBuild())('a page that stays on the CPU loads nothing of the GPU', async () => {
    const cpu = await open(`${TORCH}await torch.init(); console.log(await torch.webgpu.isAvailable(), String(torch.ones(1)));`);
    expect(cpu.out).toBe('true tensor([1.])\n');
    expect(cpu.asked.filter((name) => name.startsWith('cresset_webgpu'))).toEqual([]);
  });

  test.skipIf(isQuickBuild())('a worker opens it, by browser.js', async () => {
    const site = await serve(project);
    const at = mkdtempSync(join(folder, 'worker-'));
    // Import maps do not reach workers: the program says where the package is.
    writeFileSync(join(at, 'worker.mjs'), `${OPEN.replace("'cresset'", "'/node_modules/cresset/dist/browser.js'")}postMessage(torch.webgpu.counters().dispatches);`);
    writeFileSync(join(at, 'index.html'), `<!doctype html><link rel="icon" href="data:,"><script type="module">
      const worker = new Worker('./worker.mjs', { type: 'module' });
      worker.onmessage = ({ data }) => { console.log(String(data)); finish(); };
      worker.onerror = (event) => { throw new Error(event.message); };
    </script>`);
    try {
      expect((await visit(`${site.origin}${at.slice(project.length)}/index.html`, { gpu: true })).out).toBe(`${SELF_TESTS}\n`);
    } finally {
      await site.close();
    }
  });

  test('a page that is not secure, and a browser without a GPU', async () => {
    const { out } = await open(`${OPEN}console.log(await torch.webgpu.isAvailable()); await torch.init(); console.log(String(torch.ones(1)));`, { host: 'insecure.test' });
    expect(out).toMatch(/^DeviceError: .*: browsers give WebGPU to secure pages only, and this one is not: serve it by https, or open it on localhost\. .*\nfalse\ntensor\(\[1\.\]\)\n$/);
    expect((await open(OPEN, { gpu: false })).out).toMatch(/^DeviceError: torch\.init\({ device: 'webgpu' }\): (the browser offers no GPU|this runtime has no WebGPU)/);
  });
});
