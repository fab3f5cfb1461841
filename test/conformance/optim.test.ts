/** Every optimizer on PyTorch's own samples: twenty steps on two parameters, losses and parameters on the way. */
import { describe, expect, it } from 'vitest';
import * as torch from '../../dist/index.js';
import { difference, Suite, type Loose } from './fixtures.js';
import { type Case, judge } from './judge.js';

const suite = new Suite('optim');

async function problem(record: Loose): Promise<string | null> {
  const api = torch as Loose;
  const params = (record.params as Loose[]).map((p) => new api.nn.Parameter(suite.tensor({ ...p, rg: false })));
  const targets = (record.targets as Loose[]).map((t) => suite.tensor({ ...t, rg: false }));
  const optimizer = new api.optim[record.optim](params, suite.decode({ $d: record.kwargs }, []));
  const closure = (): Loose => {
    optimizer.zeroGrad();
    const losses = params.map((p, i) => p.sub(targets[i]).pow(2).sum().add(p.pow(4).sum().mul(0.01)));
    const loss = losses.reduce((a, b) => a.add(b));
    loss.backward();
    return loss;
  };
  const after = new Map<number, Loose[]>(record.after as [number, Loose[]][]);
  const rtol = record.dtype === 'float64' ? 1e-7 : 2e-4;
  for (let step = 0; step < 20; step++) {
    const loss = await ((await optimizer.step(closure)) as torch.Tensor).item();
    const want = record.loss[step] as number;
    if (!Object.is(loss, want) && !(Math.abs(loss - want) <= 1e-5 + rtol * Math.abs(want))) return `loss at step ${step}: ${loss}, want ${want}`;
    for (const [i, w] of (after.get(step) ?? []).entries()) {
      const d = await difference(suite, params[i], w);
      if (d !== null) return `parameter ${i} after step ${step}: ${d}`;
    }
  }
  return null;
}

describe('optimizers', () => {
  for (const [name, records] of suite.byName((r) => r.optim as string)) {
    it(name, async () => {
      const cases = records.map((record): Case => ({ label: `${JSON.stringify(record.kwargs)} ${record.dtype}`, record, suite, problem: () => problem(record) }));
      expect(await judge(name, cases)).toEqual([]);
    });
  }
});
