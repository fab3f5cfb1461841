// The table of a model's modules.
import { expect, test } from 'vitest';
import * as torch from '../dist/index.js';
import { summary } from '../dist/train/index.js';

const { nn } = torch;

test('shapes and parameters of a run, without traces of it', () => {
  const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(12, 5), new nn.BatchNorm1d(5), new nn.Dropout(), new nn.Linear(5, 2));
  model.getParameter('1.bias').requiresGrad_(false);
  const table = summary(model, [3, 4, 3]);
  expect(table.parameters).toBe(12 * 5 + 5 + 5 + 5 + 5 * 2 + 2);
  expect(table.trainable).toBe(table.parameters - 5);
  expect(String(table)).toBe(`Layer              Output   Parameters
--------------------------------------
Sequential         [3, 2]            -
  0 (Flatten)      [3, 12]           -
  1 (Linear)       [3, 5]           65
  2 (BatchNorm1d)  [3, 5]           10
  3 (Dropout)      [3, 5]            -
  4 (Linear)       [3, 2]           12
--------------------------------------
87 parameters, 82 of them trainable, 0.00 MB`);
  expect(model.training).toBe(true);
  expect(model.getBuffer('2.num_batches_tracked').itemSync()).toBe(0);
});

test('without an input there are no shapes', () => {
  const table = summary(new nn.Linear(3, 1));
  expect(table.rows).toEqual([{ name: '', type: 'Linear', output: null, own: 4 }]);
});
