// The engine's memory up to its limit of 4 GiB: addresses only, for nothing here writes to the large tensors.
import { afterEach, describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

const MIB = 2 ** 20;

describe('memory', () => {
  afterEach(() => torch.memory.setSpillThreshold(null));

  test('what one size no longer needs serves every other', () => {
    torch.memory.resetPeak();
    const before = torch.memory();
    for (let n = 1; n <= 64; n++) torch.empty(n * 2 ** 16).dispose();
    const after = torch.memory();
    expect(after.live).toBe(before.live);
    expect(after.peak - before.live).toBe(16 * MIB);
    // 64 sizes one after the other need no more than the largest.
    expect(after.reserved - before.reserved).toBeLessThanOrEqual(18 * MIB);
    expect(after.reserved).toBe(after.live + after.pooled);
    expect(after.largest).toBeLessThanOrEqual(after.pooled);
    expect(torch.memory.emptyCache().reserved).toBe(after.reserved);
  });

  test('zeros are zero where something was', async () => {
    torch.ones(3, 5000).dispose();
    expect(await torch.zeros(3, 5000).sum().item()).toBe(0);
    expect(await torch.zeros(70000).add(1).sum().item()).toBe(70000);
  });

  test('at the limit: OutOfMemoryError, and everything works', async () => {
    const { live } = torch.memory();
    torch.memory.setSpillThreshold(Infinity);
    const small = torch.arange(6).reshape(2, 3);
    for (let round = 0; round < 10; round++) {
      const held: torch.Tensor[] = [];
      const fill = (shape: number[]): torch.OutOfMemoryError => {
        for (;;) {
          try {
            held.push(torch.empty(shape));
          } catch (error) {
            expect(error).toBeInstanceOf(torch.OutOfMemoryError);
            return error as torch.OutOfMemoryError;
          }
        }
      };
      const { message } = fill([64, 1024, 1024]);
      expect(message).toContain('a tensor of shape [64, 1024, 1024] and dtype torch.float32: out of memory: 256.0 MiB asked for');
      expect(message).toMatch(/MiB are live in \d+ storages \(most of it in \d+ of 256.0 MiB/);
      expect(message).toContain('torch.scope');
      fill([1024, 1024]);
      fill([1024]);
      fill([1]);
      expect(torch.memory().live).toBeGreaterThan(3900 * MIB);
      expect(torch.memory().heap).toBeLessThanOrEqual(4096 * MIB);
      // Rust's own objects still have room: views take no memory of tensors.
      const views = Array.from({ length: 20_000 }, (_, i) => held[i % held.length]!.view(-1));
      expect(views.at(-1)!.ndim).toBe(1);
      expect(await small.tolist()).toEqual([[0, 1, 2], [3, 4, 5]]);
      for (const t of [...views, ...held]) t.dispose();
      expect(torch.memory().live - live).toBeLessThan(MIB);
      expect(await small.matmul(small.t()).tolist()).toEqual([[5, 14], [14, 50]]);
    }
    // Nearly all of it in two pieces, where the small ones were.
    const halves = [torch.empty(500 * MIB - 1), torch.empty(400 * MIB)];
    for (const t of halves) t.dispose();
  });

  test('what no memory can address is refused', () => {
    for (const shape of [[2 ** 33], [2 ** 20, 2 ** 20], [2 ** 29 + 1]]) {
      expect(() => torch.zeros(shape)).toThrow(torch.OutOfMemoryError);
    }
    expect(() => torch.emptyStrided([65536, 65536], [65536, 1])).toThrow(torch.OutOfMemoryError);
  });
});
