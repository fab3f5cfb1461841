// Chromium, driven by playwright-core: a page is opened, and what it prints on the console is collected.
import { existsSync, readFileSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** `npm test -- --quick` leaves the browser out (scripts/test.mjs). */
export const withBrowser = process.env['CRESSET_TEST_BROWSER'] !== '0';

const executablePath = process.env['CRESSET_CHROMIUM'] || '/usr/bin/chromium';
const args = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync',
];
/** WebGPU on SwiftShader, which computes on the processor; and a host that is this machine, and yet not secure as localhost is. */
const gpuArgs = [
  ...args.filter((arg) => arg !== '--disable-gpu'), '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--host-resolver-rules=MAP insecure.test localhost',
];

const browsers: { plain?: Promise<Browser>; gpu?: Promise<Browser> } = {};

/** Ends the browsers; for afterAll. */
export async function closeBrowser(): Promise<void> {
  for (const kind of ['plain', 'gpu'] as const) {
    await (await browsers[kind])?.close();
    delete browsers[kind];
  }
}

/** A Chromium, with WebGPU if `gpu` is set; whoever asked closes it. */
export async function launch({ gpu = false } = {}): Promise<Browser> {
  if (!existsSync(executablePath)) throw new Error(`Chromium is missing at ${executablePath}: npm run setup browser, or set CRESSET_CHROMIUM`);
  return chromium.launch({ executablePath, args: gpu ? gpuArgs : args });
}

export interface Visit {
  /** What the page wrote with console.log, a line each. */
  readonly out: string;
  /** What it wrote with console.warn. */
  readonly warnings: readonly string[];
}

/** The most memory that a renderer of this browser has ever had, in bytes: the kernel's high-water mark. 0 where there is no /proc. */
async function peakMemory(of: Browser): Promise<number> {
  const session = await of.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const peaks = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => {
    const status = existsSync(`/proc/${id}/status`) ? readFileSync(`/proc/${id}/status`, 'utf8') : '';
    return 1024 * Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0);
  });
  return Math.max(0, ...peaks);
}

/**
 * Opens a URL and waits until the page calls `finish()` or something in it fails, which throws.
 * The page prints with console.log; only strings are collected faithfully. `await peakMemory()` tells it what its process
 * has had. `gpu` gives it a browser with WebGPU.
 */
export async function visit(url: string, { gpu = false } = {}): Promise<Visit> {
  const opened = await (browsers[gpu ? 'gpu' : 'plain'] ??= launch({ gpu }));
  const context = await opened.newContext();
  const out: string[] = [];
  const warnings: string[] = [];
  try {
    const page = await context.newPage();
    await new Promise<void>((resolve, reject) => {
      page.on('console', (message) => {
        if (message.type() === 'log') out.push(message.text());
        else if (message.type() === 'warning') warnings.push(message.text());
      });
      page.on('pageerror', (error) => reject(error));
      page.on('crash', () => reject(new Error('the page crashed')));
      // Called after all that was printed before: both travel through the same pipe, in order.
      page.exposeFunction('finish', () => resolve())
        .then(() => page.exposeFunction('peakMemory', () => peakMemory(opened)))
        .then(() => page.goto(url))
        .catch(reject);
    });
    return { out: out.map((line) => `${line}\n`).join(''), warnings };
  } finally {
    await context.close();
  }
}
