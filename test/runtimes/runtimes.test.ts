// The package works at once in every runtime, and computes the same numbers: one program prints the same text everywhere.
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { closeBrowser, withBrowser } from './browser.js';
import { BROWSER_RUNTIMES, RUNTIMES, runIn } from './run.js';

const probe = join(import.meta.dirname, 'probe.mjs');
afterAll(closeBrowser);
vi.setConfig({ testTimeout: 180_000 });

let expected: Promise<string> | undefined;
/** What the probe prints in the Node that runs the tests. */
const reference = (): Promise<string> => (expected ??= runIn('node', probe));

test('node: the probe trains', async () => {
  const losses = [...(await reference()).matchAll(/loss ([\d.]+)/g)].map(([, loss]) => Number(loss));
  expect(losses.length).toBe(4);
  expect(losses[3]).toBeLessThan(0.2);
});

test.for(RUNTIMES.filter((name) => name !== 'node'))('%s prints the same', async (runtime) => {
  expect(await runIn(runtime, probe)).toBe(await reference());
});

describe.skipIf(!withBrowser)('in Chromium', () => {
  test.for(BROWSER_RUNTIMES)('%s prints the same', async (runtime) => {
    expect(await runIn(runtime, probe)).toBe(await reference());
  });
});
