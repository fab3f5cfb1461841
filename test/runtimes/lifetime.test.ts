// Memory stays bounded in programs that never think of it, in every runtime, from the packed package. The programs are in
// test/lifetime: each measures itself, and compares its numbers with a run that frees everything at once.
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { closeBrowser, withBrowser } from './browser.js';
import { root } from './installed.js';
import { runIn, type Runtime } from './run.js';

const MB = 2 ** 20;
const RUNTIMES = ['node', 'node24', 'deno', 'page'] as const satisfies Runtime[];

/**
 * What a scenario prints (test/lifetime/scenarios.ts); sizes in bytes, above what there was before, but in a page `rss` is
 * the most that its process had in all.
 */
interface Found {
  live: number;
  rss: number;
  heap: number;
  spilled: number;
  equal?: boolean;
  left?: number | { tensors: number; bytes: number; objects: number };
  [more: string]: unknown;
}

const NOTHING = { tensors: 0, bytes: 0, objects: 0 };

/**
 * What each scenario must show. `live` bounds what tensors hold, `rss` the growth of the process where the runtime tells
 * it; without spill the first would be gigabytes. PyTorch would hold the model and one step.
 */
const SCENARIOS: Record<string, { live: number; rss: number; also?: (found: Found) => void }> = {
  mlp: { live: 160, rss: 700, also: ({ spilled, names }) => expect([spilled > 300 * MB, names]).toEqual([true, 'NllLossBackward0']) },
  cnn: { live: 160, rss: 700, also: ({ spilled }) => expect(spilled).toBeGreaterThan(100 * MB) },
  awaits: { live: 160, rss: 500 },
  forwards: { live: 160, rss: 700, also: ({ spilled, grads }) => expect([spilled > 300 * MB, grads]).toEqual([true, true]) },
  kept: { live: 160, rss: 700, also: ({ spilled }) => expect(spilled).toBeGreaterThan(300 * MB) },
  exceptions: {
    live: 160,
    rss: 500,
    also: ({ messages, left }) => {
      expect(messages).toEqual(['mm: mat1 and mat2 shapes cannot be multi', 'in backward', 'in a hook', 'in a scope', 'grad 1']);
      expect(left).toEqual(NOTHING);
    },
  },
  million: { live: 16, rss: 400 },
  alternate: { live: 160, rss: 700, also: ({ left }) => expect(left).toBeLessThanOrEqual(0) },
  random: { live: 16, rss: 400, also: ({ failed, left }) => expect([failed, left]).toEqual([null, NOTHING]) },
  'random, spilling': { live: 16, rss: 400, also: ({ failed, left }) => expect([failed, left]).toEqual([null, NOTHING]) },
};

const run = async (runtime: Runtime, name: string): Promise<Found> => JSON.parse(await runIn(runtime, join(root, 'test/lifetime/main.ts'), [name])) as Found;
afterAll(closeBrowser);

describe.each(Object.entries(SCENARIOS))('%s', (name, { live, rss, also }) => {
  test.for(RUNTIMES)('in %s', { timeout: 600_000 }, async (runtime, { skip }) => {
    skip(runtime === 'page' && !withBrowser, 'no browser');
    const found = await run(runtime, name);
    if ('equal' in found) expect(found.equal).toBe(true);
    also?.(found);
    expect(found.live).toBeLessThan(live * MB);
    // In a page it is all that the process has had, the browser's own code included.
    expect(found.rss).toBeLessThan((runtime === 'page' ? rss + 300 : rss) * MB);
  });
});

describe('limit', () => {
  test.for(RUNTIMES)('in %s', { timeout: 600_000 }, async (runtime, { skip }) => {
    skip(runtime === 'page' && !withBrowser, 'no browser');
    const found = await run(runtime, 'limit');
    expect(found['errors']).toEqual(['OutOfMemoryError', 'OutOfMemoryError true']);
    expect(found['learns']).toBe(true);
    expect(found.live).toBeLessThan(160 * MB);
  });
});
