// The progress bar, on a clock and an output of the test's own.
import { expect, test } from 'vitest';
import { Progress, formatCount, formatTime } from '../dist/train/index.js';

function bar(total: number, isTTY: boolean, columns = 80) {
  let now = 0;
  let text = '';
  const output = { write: (more: string) => (text += more), isTTY, columns };
  const progress = new Progress(total, { label: 'epoch 1/2', unit: 'images', output, now: () => now });
  return { progress, tick: (ms: number) => (now += ms), taken: () => text };
}

test('on a terminal one line rewrites itself, ten times a second at most', () => {
  const { progress, tick, taken } = bar(1000, true);
  progress.update(100, { loss: 2.30259 });
  expect(taken()).toBe('');
  tick(500);
  expect(progress.due).toBe(true);
  progress.update(150, { loss: 1.5 });
  expect(taken()).toBe('\repoch 1/2  [======>               ]  25 %  loss 1.5000  500 images/s  0:02 left\x1b[K');
  // One column of the 80 stays free.
  expect(progress.line()).toHaveLength(79);
  tick(50);
  progress.update(1);
  expect(progress.done).toBe(251);
  progress.end('epoch 1/2  done');
  expect(taken().endsWith('\x1b[K\r\x1b[Kepoch 1/2  done\n')).toBe(true);
});

test('elsewhere it is a plain line every ten seconds', () => {
  const { progress, tick, taken } = bar(60_000, false);
  tick(9_999);
  progress.update(10_000, { loss: 0.7 });
  expect(taken()).toBe('');
  tick(1);
  progress.update(2_000);
  expect(taken()).toBe('epoch 1/2  20 %  loss 0.7000  1,200 images/s  0:40 left\n');
  progress.end();
  expect(taken()).not.toContain('\r');
});

test('a narrow terminal gets no bar and no wrapped line', () => {
  const { progress, tick } = bar(10, true, 30);
  tick(1000);
  progress.update(5, { loss: 0.00001234 });
  expect(progress.line().length).toBeLessThan(30);
});

test('a full bar, and no total', () => {
  const { progress, tick } = bar(4, true);
  tick(1000);
  progress.update(4);
  expect(progress.line()).toBe(`epoch 1/2  [${'='.repeat(37)}] 100 %  4 images/s  0:00 left`);
  expect(bar(0, false).progress.line()).toContain('100 %');
});

test('times and counts', () => {
  expect([0, 59.4, 75.2, 3725, Infinity].map(formatTime)).toEqual(['0:00', '0:59', '1:15', '1:02:05', '?']);
  expect([7, 999, 1000, 1234567.8].map(formatCount)).toEqual(['7', '999', '1,000', '1,234,568']);
});
