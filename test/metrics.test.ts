// Scores against scikit-learn's (1.9), whose values stand here.
import { describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

const { metrics } = torch;
const yTrue = [0, 1, 2, 0, 1, 2, 2, 2];
const yPred = [0, 2, 1, 0, 0, 1, 2, 2];

test('accuracy', () => {
  expect(metrics.accuracy([0, 1, 2, 3], [0, 2, 1, 3])).toBe(0.5);
  expect(metrics.accuracy([0, 1, 2, 3], [0, 2, 1, 3], { normalize: false })).toBe(2);
  expect(metrics.accuracy(torch.tensor([1, 0, 1]), torch.tensor([1, 1, 1]).float())).toBeCloseTo(2 / 3, 15);
});

test('confusion matrix', () => {
  const m = metrics.confusionMatrix([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2]);
  expect(m.dtype).toBe(torch.int64);
  expect(m.tolistSync()).toEqual([[2, 0, 0], [0, 0, 1], [1, 0, 2]]);
  expect(metrics.confusionMatrix([0, 1, 0, 1], [1, 1, 1, 0]).tolistSync()).toEqual([[0, 2], [1, 1]]);
  expect(metrics.confusionMatrix([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2], { labels: [2, 0] }).tolistSync()).toEqual([[2, 1], [0, 2]]);
  expect(metrics.confusionMatrix([0, 0, 1], [0, 1, 1], { normalize: 'true' }).tolistSync()).toEqual([[0.5, 0.5], [0, 1]]);
  expect(metrics.confusionMatrix([0, 0, 1], [0, 1, 1], { normalize: 'pred' }).tolistSync()).toEqual([[1, 0.5], [0, 0.5]]);
});

describe('precision, recall, F1', () => {
  test('binary', () => {
    const [t, p] = [[0, 1, 1, 0, 1, 1], [0, 1, 0, 0, 1, 0]];
    expect(metrics.precision(t, p)).toBe(1);
    expect(metrics.recall(t, p)).toBe(0.5);
    expect(metrics.f1(t, p)).toBeCloseTo(2 / 3, 15);
    expect(metrics.f1(t, p, { posLabel: 0 })).toBeCloseTo(2 / 3, 15);
    expect(metrics.f1Score(torch.tensor(t).bool(), torch.tensor(p).bool())).toBeCloseTo(2 / 3, 15);
  });

  test('several classes', () => {
    const all = (average: 'micro' | 'macro' | 'weighted'): number[] =>
      [metrics.precision, metrics.recall, metrics.f1].map((f) => f(yTrue, yPred, { average }));
    const close = (got: number[], want: number[]): void => got.forEach((x, i) => expect(x).toBeCloseTo(want[i]!, 12));
    close(all('micro'), [0.5, 0.5, 0.5]);
    close(all('macro'), [4 / 9, 0.5, 0.45714285714285713]);
    close(all('weighted'), [0.5, 0.5, 0.4857142857142857]);
    close(metrics.precision(yTrue, yPred, { average: null }), [2 / 3, 0, 2 / 3]);
    close(metrics.recall(yTrue, yPred, { average: null }), [1, 0, 0.5]);
    close(metrics.f1(yTrue, yPred, { average: null, labels: [2, 0] }), [4 / 7, 0.8]);
  });

  test('division by zero', () => {
    expect(metrics.precision([0, 1], [0, 0])).toBe(0);
    expect(metrics.precision([0, 1], [0, 0], { zeroDivision: 1 })).toBe(1);
  });

  test('errors', () => {
    expect(() => metrics.f1(yTrue, yPred)).toThrow("Target is multiclass but average='binary'");
    expect(() => metrics.f1([3, 4], [3, 4])).toThrow('pos_label=1 is not a valid label');
    expect(() => metrics.f1([1, 0], [1])).toThrow('inconsistent numbers of samples: [2, 1]');
    expect(() => metrics.accuracy(torch.zeros(2, 1), torch.zeros(2))).toThrow('labels must be a vector');
  });
});
