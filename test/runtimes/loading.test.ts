// How the engine gets loaded, and what is said when it cannot be.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { closeBrowser, visit, type Visit, withBrowser } from './browser.js';
import { install, isQuickBuild } from './installed.js';
import { deno, importMap, NODE_24, page } from './run.js';
import { serve, type ServeOptions } from './server.js';

vi.setConfig({ testTimeout: 120_000 });
const project = install().folder;
const folder = mkdtempSync(join(project, 'loading-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await closeBrowser();
});

/** Runs a program in a fresh Node; what it prints on both streams. */
function node(code: string, { command = process.execPath, cwd = folder } = {}): string {
  const file = join(cwd, 'program.mjs');
  // A rejection is what many of these programs are about: its class and sentence are printed.
  writeFileSync(file, `const said = (error) => console.log(error.name + ': ' + error.message);\nconsole.warn = (line) => console.log('warning: ' + line);\n${code}`);
  return execFileSync(command, [file], { cwd, encoding: 'utf8' });
}
const TORCH = "import * as torch from 'cresset';\n";

/** A project of its own with a copy of the package that lacks some files. */
function without(...files: string[]): string {
  const at = mkdtempSync(join(folder, 'copy-'));
  cpSync(join(project, 'node_modules'), join(at, 'node_modules'), { recursive: true });
  files.forEach((file) => rmSync(join(at, 'node_modules/cresset/dist', file)));
  return at;
}

describe('which binary', () => {
  const cwd = without('cresset_relaxed_bg.wasm', 'cresset_relaxed_threads_bg.wasm');
  // Both commands: Node 20 has relaxed SIMD behind a flag, Node 24 has it.
  test.for([process.execPath, NODE_24])('the baseline, unless relaxed SIMD is asked for: %s', (command) => {
    expect(node(`${TORCH}console.log(String(torch.ones(2)));`, { command, cwd })).toBe('tensor([1., 1.])\n');
    expect(node(`${TORCH}await torch.init();console.log(String(torch.ones(2)));`, { command, cwd })).toBe('tensor([1., 1.])\n');
    expect(node(`${TORCH}await torch.init({ simd: 'relaxed' }).catch(said);`, { command, cwd })).toMatch(/^LoadError: the engine's binary is missing: .*cresset_relaxed_bg\.wasm/);
  });

  test.for([process.execPath, NODE_24])('the relaxed one multiplies too: %s', (command) => {
    expect(node(`${TORCH}
      await torch.init({ simd: 'relaxed' });
      console.log(String(torch.eye(9).matmul(torch.ones(9, 2)).sum()));
      await torch.init({ simd: 'relaxed' });
      await torch.init();
      await torch.init({ simd: 'baseline' }).catch(said);
    `, { command })).toBe(
      "tensor(18.)\nLoadError: torch.init({ simd: 'baseline' }): the engine is already loaded with simd: 'relaxed'. " +
      'A program has one engine: give the options to the first call of init, before the first tensor.\n',
    );
  });

  test('an engine without relaxed SIMD says so, and init can be called again', () => {
    expect(node(`
      WebAssembly.validate = () => false;
      const torch = await import('cresset');
      await torch.init({ simd: 'relaxed' }).catch(said);
      await torch.init();
      console.log(String(torch.ones(1)));
    `)).toMatch(/^LoadError: torch\.init\(\{ simd: 'relaxed' \}\): this JavaScript engine has no relaxed SIMD .*leave `simd` out.*\ntensor\(\[1\.\]\)\n$/);
  });

  test('what comes too late is refused, also while the engine is being loaded', () => {
    expect(node(`${TORCH}
      torch.ones(1);
      await torch.init();
      await torch.init({ simd: 'relaxed' }).catch(said);
      await torch.init({ wasm: 'https://example.org/x.wasm' }).catch(said);
      await torch.init({ simd: 'fast' }).catch(said);
    `)).toMatch(/^LoadError: .* loaded with simd: 'baseline'\..*\nLoadError: .* loaded from its usual place\..*\nValueError: torch\.init: simd must be 'baseline' or 'relaxed', not fast\n$/);
    expect(node(`${TORCH}
      const loading = torch.init({ simd: 'relaxed' });
      await torch.init({ simd: 'baseline' }).catch(said);
      await loading;
    `)).toMatch(/^LoadError: .* loaded with simd: 'relaxed'/);
    expect(node(`${TORCH}
      const loading = torch.init({ simd: 'relaxed' }).catch(said);
      torch.ones(1); // starts the baseline at once
      await loading;
    `)).toMatch(/^LoadError: torch\.init\(\{ simd: 'relaxed' \}\): the engine is already loaded with simd: 'baseline'/);
  });

  test('cresset/inline holds the baseline only', () => {
    expect(node("import * as torch from 'cresset/inline';\nawait torch.init({ simd: 'relaxed' }).catch(said); await torch.init(); console.log(String(torch.ones(1)));"))
      .toMatch(/^LoadError: .*cresset\/inline holds the baseline binary only.*\ntensor\(\[1\.\]\)\n$/);
  });

  test('a missing file is named', () => {
    expect(node(`${TORCH}try { torch.ones(1); } catch (error) { said(error); }`, { cwd: without('cresset_bg.wasm', 'cresset_threads_bg.wasm') }))
      .toMatch(/^LoadError: the engine's binary is missing: file:.*cresset_bg\.wasm\. Install the package again;/);
  });

  test('without the binary with threads, one thread computes', () => {
    const cwd = without('cresset_threads_bg.wasm');
    expect(node(`${TORCH}console.log(String(torch.ones(1)), torch.getNumThreads());`, { cwd })).toBe('tensor([1.]) 1\n');
    expect(node(`${TORCH}await torch.init({ threads: 2 }); console.log(torch.getNumThreads());`, { cwd }))
      .toMatch(/^warning: cresset: setNumThreads\(2\) needs an engine with threads: .*; going on with one thread\n1\n$/);
  });
});

test.for(['npm:cresset', join(project, 'node_modules/cresset/dist/index.js')])('Deno imports %s', async (specifier) => {
  const file = join(folder, 'deno.mjs');
  writeFileSync(file, `import * as torch from '${specifier}';\nconsole.log(String(torch.ones(2)));`);
  expect(await deno(file)).toBe('tensor([1., 1.])\n');
});

test('workerd imports the binary as a module', async () => {
  const file = join(folder, 'workerd.mjs');
  // What workerd does with a .wasm file, done by a plugin: the rest is the package's own workerd condition.
  const compiled: esbuild.Plugin = {
    name: 'wasm',
    setup: (build) => build.onLoad({ filter: /\.wasm$/ }, ({ path }) => ({
      contents: `import { readFileSync } from 'node:fs'; export default new WebAssembly.Module(readFileSync(${JSON.stringify(path)}));`,
    })),
  };
  const stdin = { contents: `${TORCH}console.log(String(torch.ones(2))); await torch.init({ simd: 'relaxed' }).catch((error) => console.log(error.name));`, resolveDir: folder };
  await esbuild.build({ stdin, outfile: file, bundle: true, format: 'esm', target: 'es2022', conditions: ['workerd'], external: ['vega', 'vega-lite', 'node:*'], plugins: [compiled], logLevel: 'error' });
  expect(execFileSync(NODE_24, [file], { encoding: 'utf8' })).toBe('tensor([1., 1.])\nLoadError\n');
});

test('given bytes that are not the engine, and then the right ones', () => {
  expect(node(`${TORCH}
    import { readFileSync } from 'node:fs';
    const text = (t) => new TextEncoder().encode(t);
    await torch.init({ wasm: text('<!doctype html><title>App</title>') }).catch(said);
    await torch.init({ wasm: text('PK') }).catch(said);
    await torch.init({ wasm: Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 9) }).catch(said);
    await torch.init({ wasm: Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0) }).catch(said);
    await torch.init({ wasm: readFileSync(new URL('./cresset_bg.wasm', import.meta.resolve('cresset'))) });
    console.log(String(torch.ones(1)));
  `).split('\n')).toEqual([
    expect.stringMatching(/^LoadError: there is an HTML page instead of the engine's binary at the given bytes: /),
    expect.stringMatching(/^LoadError: the engine's binary from the given bytes is not WebAssembly: its 2 bytes begin with 50 4b, /),
    expect.stringMatching(/^LoadError: the engine's binary could not be compiled: .* It has to be the \.wasm file of this version of cresset\.$/),
    expect.stringMatching(/^LoadError: the given WebAssembly module is not cresset's engine: /),
    'tensor([1.])',
    '',
  ]);
});

/** Prints how many threads are allowed and how many are there. */
const COUNTS = "const { engine } = await import(new URL('./runtime/wasm.js', import.meta.resolve('cresset')).href);\nconsole.log(torch.getNumThreads(), engine().threads_present());\n";

test.for(['node', 'deno'])('threads: init waits for as many as are asked for, and says where there are none: %s', async (runtime) => {
  const run = async (code: string): Promise<string> => {
    if (runtime === 'node') return node(code);
    writeFileSync(join(folder, 'threads.mjs'), `const said = (error) => console.log(error.name + ': ' + error.message);\nconsole.warn = (line) => console.log('warning: ' + line);\n${code}`);
    return deno(join(folder, 'threads.mjs'));
  };
  expect(await run(`${TORCH}
    await torch.init({ threads: 0 }).catch(said);
    await torch.init({ threads: 3 });
    ${COUNTS}
    await torch.init({ threads: 2 });
    ${COUNTS.split('\n')[1]}
    console.log(String(torch.ones(1)));
  `)).toBe('ValueError: torch.init: threads must be a positive integer, not 0\n3 3\n2 2\ntensor([1.])\n');
  expect(await run(`${TORCH}
    await torch.init({ threads: 1 });
    torch.setNumThreads(2);
    torch.setNumThreads(2);
    ${COUNTS}
  `)).toBe('warning: cresset: setNumThreads(2) needs an engine with threads: it was loaded with `threads: 1`, or with a binary of one thread; going on with one thread\n1 1\n');
  expect(await run(`${TORCH.replace("'cresset'", "'cresset/inline'")}
    await torch.init({ threads: 2 });
    await torch.init({ threads: 2 });
    console.log(torch.getNumThreads());
  `)).toBe('warning: cresset: threads: 2 needs another entry point than this one, which carries one binary, that of one thread; going on with one thread\n1\n');
});

test('an engine of one thread lends its memory: a view shows what the tensor holds, and is detached when it goes', () => {
  expect(node(`${TORCH}
    await torch.init({ threads: 1 });
    const y = torch.arange(4);
    const view = y.dataView();
    console.log([...view].join(' '));
    y.mul_(2);
    console.log(view[3]);
    y.dispose();
    // Another tensor has the memory now; the view must not show it.
    torch.full([4], 7, { dtype: torch.int64 });
    console.log(view.length, view[0]);
    try { view.slice(); } catch (error) { console.log(error.name); }
  `)).toBe('0 1 2 3\n6n\n0 undefined\nTypeError\n');
});

describe.skipIf(!withBrowser)('in a page', () => {
  const PROGRAM = 'program.mjs';
  const head = importMap();

  /** Runs a program in a page of a server with these options. */
  async function open(code: string, options: ServeOptions = {}, html = page(`./${PROGRAM}`, head)): Promise<Visit> {
    const at = mkdtempSync(join(folder, 'page-'));
    writeFileSync(join(at, PROGRAM), code);
    writeFileSync(join(at, 'index.html'), html);
    const site = await serve(project, options);
    try {
      return await visit(`${site.origin}${at.slice(project.length)}/index.html`);
    } finally {
      await site.close();
    }
  }
  const INIT = `${TORCH}await torch.init().catch((error) => console.log(error.name + ': ' + error.message));\n`;
  const wasm = (what: ReturnType<NonNullable<ServeOptions['answer']>>): ServeOptions => ({ answer: (path) => (path.endsWith('.wasm') ? what : undefined) });

  test('the wrong MIME type is no obstacle', async () => {
    expect((await open(`${INIT}console.log(String(torch.ones(1)));`, wasm({ type: 'application/octet-stream' }))).out).toBe('tensor([1.])\n');
  });

  test('a tensor before init says what to call', async () => {
    expect((await open(`${TORCH}try { torch.ones(1); } catch (error) { console.log(error.message); }`)).out).toContain('call `await torch.init()` before the first tensor');
  });

  test('a missing binary, and another try from the right place', async () => {
    const { out } = await open(`${INIT}await torch.init({ wasm: '/node_modules/cresset/dist/cresset_relaxed_bg.wasm' });console.log(String(torch.ones(1)));`,
      { answer: (path) => (path.endsWith('cresset_bg.wasm') ? { status: 404, body: 'no' } : undefined) });
    expect(out).toMatch(/^LoadError: the engine's binary is not at http:\S+cresset_bg\.wasm: the server answered 404\. Serve the \.wasm files .*\ntensor\(\[1\.\]\)\n$/);
  });

  test('the start page of a single-page app instead of the binary', async () => {
    const { out } = await open(INIT, wasm({ type: 'text/html', body: '<!doctype html><div id="app"></div>' }));
    expect(out).toMatch(/^LoadError: there is an HTML page instead of the engine's binary at http:\S+: the server answers unknown paths with a page\. Serve /);
  });

  test('a server that does not answer', async () => {
    const gone = await serve(project);
    await gone.close();
    expect((await open(`${TORCH}await torch.init({ wasm: '${gone.origin}/x.wasm' }).catch((error) => console.log(error.message));`)).out)
      .toMatch(/^the engine's binary could not be fetched from http:\S+x\.wasm: /);
  });

  test("a Content-Security-Policy without 'wasm-unsafe-eval'", async () => {
    const policy = (more: string): ServeOptions => ({ headers: { 'content-security-policy': `script-src 'self' 'unsafe-inline'${more}` } });
    expect((await open(INIT, policy(''))).out).toMatch(/^LoadError: the page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src/);
    expect((await open(`${INIT}console.log('runs', String(torch.ones(1)));`, policy(" 'wasm-unsafe-eval'"))).out).toBe('runs tensor([1.])\n');
    // Bytes take another way than a stream.
    expect((await open(INIT, { ...policy(''), ...wasm({ type: '' }) })).out).toMatch(/^LoadError: the page's Content-Security-Policy forbids/);
  });

  test('threads: which headers to send, once; and nothing about headers where they are sent', async () => {
    const code = `${TORCH}await torch.init({ threads: 2 }); await torch.init({ threads: 2 }); ${COUNTS} console.log(String(torch.ones(1)));`;
    const plain = await open(code);
    expect(plain.out).toBe('1 1\ntensor([1.])\n');
    expect(plain.warnings).toEqual([expect.stringMatching(/Cross-Origin-Opener-Policy: same-origin.*Cross-Origin-Embedder-Policy: require-corp.*one thread/)]);
    const isolated = await open(code, { headers: { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' } });
    expect(isolated.out).toBe('2 2\ntensor([1.])\n');
    expect(isolated.warnings).toEqual([]);
  });

  describe.skipIf(isQuickBuild())('browser.js', () => {
    const CODE = "await torch.init(); console.log(String(new torch.nn.Linear(2, 1)), String(torch.optim.SGD.name));\n";
    const OUT = 'Linear(in_features=2, out_features=1, bias=True) SGD\n';

    test('one script tag, from another origin as from a CDN', async () => {
      const cdn = await serve(join(project, 'node_modules/cresset'), { headers: { 'access-control-allow-origin': '*' } });
      try {
        expect((await open(`import * as torch from '${cdn.origin}/dist/browser.js';\n${CODE}`, {}, page(`./${PROGRAM}`))).out).toBe(OUT);
      } finally {
        await cdn.close();
      }
    });

    test('in a worker without a bundler', async () => {
      const starter = `<!doctype html><link rel="icon" href="data:,"><script type="module">
        const worker = new Worker('./${PROGRAM}', { type: 'module' });
        worker.onmessage = ({ data }) => { console.log(data); finish(); };
        worker.onerror = ({ message }) => { throw new Error(message); };
      </script>`;
      const code = "import * as torch from '/node_modules/cresset/dist/browser.js';\nawait torch.init(); postMessage(String(torch.ones(2)));";
      expect((await open(code, {}, starter)).out).toBe('tensor([1., 1.])\n');
    });
  });
});
