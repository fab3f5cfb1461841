// Headless Chromium as a place to measure in: a cross-origin isolated page, in a browser of its own, for each row.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { Buffer } from 'node:buffer';
import { fail, root, say } from '../../scripts/lib.mjs';
import { setup } from '../../scripts/setup.mjs';
import { bench } from './node.mjs';
import { memoryOf } from './peak.mjs';

const executablePath = process.env.CRESSET_CHROMIUM || '/usr/bin/chromium';
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
// Isolation gives shared memory, and a clock of 5 us instead of 100.
const HEADERS = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp', 'cross-origin-resource-policy': 'same-origin' };
const built = join(root, '.cache/bench-page');

/** Where the page finds files that are not in its bundle, since they find others beside themselves. */
const FOLDERS = {
  '/dist/': join(root, 'dist'), '/onnxruntime-web/': join(root, 'node_modules/onnxruntime-web/dist'),
  '/tfjs/': join(bench, 'node_modules/@tensorflow/tfjs-backend-wasm/dist'),
};

/** Modules that are imported by URL instead of being bundled, and Node's own that js-pytorch imports and needs for its GPU kernels and files only. */
const links = (device) => ({
  name: 'links',
  setup(build) {
    build.onResolve({ filter: /dist\/index\.js$/ }, ({ importer }) => (importer.startsWith(join(bench, 'node_modules')) ? undefined : { path: '/dist/browser.js', external: true }));
    build.onResolve({ filter: /^onnxruntime-web$/ }, () => ({ path: `/onnxruntime-web/ort.${device === 'webgpu' ? 'webgpu' : 'wasm'}.min.mjs`, external: true }));
    build.onResolve({ filter: /^(module|fs)$/ }, ({ path }) => ({ path, namespace: 'none' }));
    build.onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'export const createRequire = () => () => ({ GPU: class {} }); export default {};' }));
  },
});

async function bundle(device) {
  const { build } = await import('esbuild');
  rmSync(built, { recursive: true, force: true });
  mkdirSync(built, { recursive: true });
  await build({
    entryPoints: [join(bench, 'page.mjs')], outdir: built, bundle: true, splitting: true, format: 'esm', target: 'es2022', platform: 'browser',
    external: ['binaryen', 'vega', 'vega-lite', 'path', 'worker_threads', 'perf_hooks', 'os', 'util', 'crypto'], plugins: [links(device)], logLevel: 'error',
  });
}

const HTML = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>bench</title><script type="module" src="/page.js"></script>';

/** A static server of the bundle and FOLDERS, on a free port. */
async function serve() {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
    const prefix = Object.keys(FOLDERS).find((start) => path.startsWith(start));
    const file = prefix ? join(FOLDERS[prefix], path.slice(prefix.length)) : join(built, path);
    const body = path === '/' ? HTML : statSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file) : undefined;
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': path === '/' ? 'text/html' : TYPES[extname(path)] ?? 'application/octet-stream', ...HEADERS });
    response.end(body ?? 'not found');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://localhost:${server.address().port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What the page's process has in use, or the most it has had since (peak.mjs): that of the largest renderer of its browser. */
async function rendererPeak(browser, start) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return Math.max(...processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => memoryOf(id, start) ?? NaN));
}

/** What goes to the page as JSON: bytes as base64. */
const packed = (config) => Object.fromEntries(Object.entries(config).map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value]));

const ARGS = ['--headless', '--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
/** By device; for WebGPU the ways to an adapter in the order they are tried: the machine's own GPU, then the processor in its place. */
const WAYS = {
  cpu: [['--disable-gpu']],
  webgpu: [['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--ignore-gpu-blocklist'], ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']],
};

/** As nodePlace (node.mjs), in Chromium. */
export async function pagePlace({ python, device = 'cpu' }) {
  await setup(['browser']);
  if (!existsSync(join(root, 'dist/browser.js'))) fail('There is no dist/browser.js, which a quick build leaves out: run "npm run build" first.');
  const { chromium } = await import('playwright-core');
  say('bench: bundling the page');
  await bundle(device);
  const site = await serve();
  let [way] = WAYS[device];
  const launch = () => chromium.launch({ executablePath, args: [...ARGS, ...way] });
  const first = await launch();
  const version = `Chromium ${first.version()}`;
  await first.close();

  async function work(task, progress = () => {}) {
    const browser = await launch();
    try {
      const page = await browser.newPage();
      const answers = {
        say: (text) => progress(text),
        peak: (start) => rendererPeak(browser, start),
        python: (request) => python(request).then((value) => ({ value }), (error) => ({ error: error.message })),
      };
      await page.exposeFunction('benchAsk', async (text) => {
        const [[name, value]] = Object.entries(JSON.parse(text));
        return JSON.stringify((await answers[name](value)) ?? null);
      });
      const crashed = new Promise((_, reject) => {
        page.on('crash', () => reject(new Error('the page crashed')));
        page.on('pageerror', reject);
      });
      await page.goto(site.origin);
      await page.waitForFunction('globalThis.benchWork');
      // As text, since the function lives there and not here.
      return await Promise.race([page.evaluate(`benchWork(${JSON.stringify(task)})`), crashed]);
    } finally {
      await browser.close();
    }
  }

  /** The adapter of the first way that has one. */
  async function adapter() {
    let reason;
    for (way of WAYS[device]) {
      try {
        return await work({ adapter: true });
      } catch (error) {
        reason ??= error;
      }
    }
    throw reason;
  }

  return {
    name: device === 'cpu' ? 'chromium' : `chromium-${device}`,
    version,
    adapter,
    measure: (row, config, progress) => work({ row, config: { ...packed(config), python: python !== undefined } }, progress),
    fresh: (fresh, config) => work({ fresh, config: packed(config) }),
    close: async () => site.close(),
  };
}
