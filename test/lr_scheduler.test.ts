// Learning rate schedules against PyTorch's own sequences (fixtures/optim.py).
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as torch from '../dist/index.js';

const { nn, optim } = torch;
const { lrScheduler } = optim;

type Row = [rates: number[], momenta: number[]];
interface Schedule {
  name: string;
  args: unknown[];
  kwargs: Record<string, unknown>;
  groups: number;
  kind: 'SGD' | 'Adam';
  rows: Row[];
  state: Record<string, unknown>;
}
const fixture = JSON.parse(readFileSync(new URL('fixtures/optim.json', import.meta.url), 'utf8')) as {
  schedules: Schedule[];
  plateau: { metrics: number[]; cases: { kwargs: Record<string, unknown>; rows: number[][]; best: number }[] };
  restarts: [number, number][];
  [name: string]: unknown;
};

const camel = (s: string): string => s.replace(/(?<=[A-Za-z0-9])_([A-Za-z0-9])/g, (_, c: string) => c.toUpperCase());
const options = (kw: Record<string, unknown>): object => Object.fromEntries(Object.entries(kw).map(([k, v]) => [camel(k), v]));

function optimizer(groups = 1, kind: 'SGD' | 'Adam' = 'SGD'): torch.optim.Optimizer {
  const spec = [0.05, 0.5].slice(0, groups).map((lr) => ({ params: [new nn.Parameter(torch.zeros(1))], lr }));
  return kind === 'SGD' ? new optim.SGD(spec, { lr: 0.1, momentum: 0.9 }) : new optim.Adam(spec, { lr: 0.1 });
}

type Scheduler = torch.optim.lrScheduler.LRScheduler;
function make(name: string, o: torch.optim.Optimizer, args: unknown[], kwargs: Record<string, unknown>): Scheduler {
  const Class = (lrScheduler as unknown as Record<string, new (...a: unknown[]) => Scheduler>)[name]!;
  return new Class(o, ...args, options(kwargs));
}

function expectRows(o: torch.optim.Optimizer, s: Scheduler, rows: Row[]): void {
  rows.forEach(([rates, momenta], i) => {
    s.getLastLr().forEach((lr, k) => expect(lr, `rate ${k} of step ${i}`).toBeCloseTo(rates[k]!, 12));
    o.paramGroups.forEach((group, k) => {
      expect(group.lr).toBe(s.getLastLr()[k]);
      const now = 'betas' in group ? (group['betas'] as number[])[0] : group['momentum'];
      expect(now, `momentum ${k} of step ${i}`).toBeCloseTo(momenta[k]!, 12);
    });
    if (i === rows.length - 1) return;
    o.step();
    s.step();
  });
}

describe('sequences', () => {
  for (const { name, args, kwargs, groups, kind, rows } of fixture.schedules) {
    test(`${name}(${JSON.stringify(args).slice(1, -1)}) ${JSON.stringify(kwargs)}`, () => {
      const o = optimizer(groups, kind);
      expectRows(o, make(name, o, args, kwargs), rows);
    });
  }

  test('LambdaLR and MultiplicativeLR', () => {
    const a = optimizer(2);
    expectRows(a, new lrScheduler.LambdaLR(a, [(e) => 0.9 ** e, (e) => 1 / (1 + e)]), fixture['lambda'] as Row[]);
    const b = optimizer(2);
    expectRows(b, new lrScheduler.MultiplicativeLR(b, () => 0.8), fixture['multiplicative'] as Row[]);
  });

  test('SequentialLR', () => {
    const o = optimizer(2);
    const parts = [
      new lrScheduler.LinearLR(o, { startFactor: 0.1, totalIters: 4 }),
      new lrScheduler.ExponentialLR(o, 0.5),
      new lrScheduler.ConstantLR(o, { factor: 0.5, totalIters: 2 }),
    ];
    expectRows(o, new lrScheduler.SequentialLR(o, parts, [4, 7]), fixture['sequential'] as Row[]);
  });

  test('ChainedScheduler', () => {
    const o = optimizer(2);
    const parts = [new lrScheduler.ConstantLR(o, { factor: 0.1, totalIters: 3 }), new lrScheduler.ExponentialLR(o, 0.9)];
    expectRows(o, new lrScheduler.ChainedScheduler(parts), fixture['chained'] as Row[]);
  });

  test('CosineAnnealingWarmRestarts at fractions of epochs', () => {
    const s = new lrScheduler.CosineAnnealingWarmRestarts(optimizer(), 4, { TMult: 2 });
    for (const [epoch, lr] of fixture.restarts) {
      s.step(epoch);
      expect(s.getLastLr()[0], `epoch ${epoch}`).toBeCloseTo(lr, 12);
    }
  });

  test('ReduceLROnPlateau', () => {
    for (const { kwargs, rows, best } of fixture.plateau.cases) {
      const s = new lrScheduler.ReduceLROnPlateau(optimizer(2), options(kwargs));
      fixture.plateau.metrics.forEach((m, i) => {
        s.step(i % 2 ? m : torch.tensor(m, { dtype: torch.float64 }));
        s.getLastLr().forEach((lr, k) => expect(lr, `${JSON.stringify(kwargs)}, epoch ${i}`).toBeCloseTo(rows[i]![k]!, 12));
      });
      expect(s.best).toBe(best);
    }
  });
});

describe('state', () => {
  test("stateDict has PyTorch's names and values", () => {
    for (const { name, args, kwargs, groups, kind, rows, state } of fixture.schedules) {
      const o = optimizer(groups, kind);
      const s = make(name, o, args, kwargs);
      for (let i = 0; i < rows.length; i++) {
        o.step();
        s.step();
      }
      const mine = s.stateDict();
      for (const [key, value] of Object.entries(state)) {
        if (key.startsWith('_get_lr') || key === '_scale_fn_custom') continue;
        expect(mine, `${name}.${key}`).toHaveProperty(key);
        if (typeof value === 'number') expect(mine[key], `${name}.${key}`).toBeCloseTo(value, 12);
        else if (!Array.isArray(value)) expect(mine[key], `${name}.${key}`).toBe(value);
      }
      expect(rows.length).toBeGreaterThan(5);
    }
  });

  test('a run goes on from a state', () => {
    for (const { name, args, kwargs, groups, kind, rows } of fixture.schedules) {
      const o = optimizer(groups, kind);
      const s = make(name, o, args, kwargs);
      for (let i = 0; i < 4; i++) {
        o.step();
        s.step();
      }
      const resumed = optimizer(groups, kind);
      const r = make(name, resumed, args, kwargs);
      r.loadStateDict(JSON.parse(JSON.stringify(s.stateDict())) as Record<string, unknown>);
      resumed.loadStateDict(o.stateDict());
      expectRows(resumed, r, rows.slice(4));
    }
  });

  test('a state keeps the parts of SequentialLR', () => {
    const build = (): [torch.optim.Optimizer, Scheduler] => {
      const o = optimizer(2);
      return [o, new lrScheduler.SequentialLR(o, [new lrScheduler.ConstantLR(o, { totalIters: 9 }), new lrScheduler.StepLR(o, 2)], [3])];
    };
    const [o, s] = build();
    for (let i = 0; i < 5; i++) {
      o.step();
      s.step();
    }
    const [o2, s2] = build();
    s2.loadStateDict(s.stateDict());
    o2.loadStateDict(o.stateDict());
    for (let i = 0; i < 5; i++) {
      for (const [a, b] of [[o, s], [o2, s2]] as const) {
        a.step();
        b.step();
      }
      expect(s2.getLastLr()).toEqual(s.getLastLr());
    }
  });
});

describe('use', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  beforeEach(() => void warn.mockClear());
  afterEach(() => void warn.mockClear());

  test('warns when stepped before the optimizer', () => {
    const o = optimizer();
    const s = new lrScheduler.StepLR(o, 2);
    s.step();
    expect(warn).toHaveBeenCalledTimes(1);
    expect(String(warn.mock.calls[0]![0])).toContain('before `optimizer.step()`');
    const o2 = optimizer();
    const s2 = new lrScheduler.StepLR(o2, 2);
    o2.step();
    s2.step();
    expect(warn).toHaveBeenCalledTimes(1);
  });

  test('a learning rate that is a tensor stays one', () => {
    const lr = torch.tensor(0.5);
    const o = new optim.SGD([new nn.Parameter(torch.zeros(1))], { lr });
    const s = new lrScheduler.ExponentialLR(o, 0.5);
    o.step();
    s.step();
    expect(o.paramGroups[0]!.lr).toBe(lr);
    expect(lr.itemSync()).toBe(0.25);
  });

  test('refuses what PyTorch refuses', () => {
    const o = optimizer(2);
    expect(() => new lrScheduler.ConstantLR(o, { factor: 2 })).toThrow('between 0 and 1');
    expect(() => new lrScheduler.LambdaLR(o, [() => 1])).toThrow('Expected 2 lr_lambdas, but got 1');
    expect(() => new lrScheduler.StepLR(o)).toThrow("missing argument 'stepSize'");
    expect(() => new lrScheduler.StepLR(o, 1, { gama: 2 } as object)).toThrow("unknown option 'gama'");
    expect(() => new lrScheduler.ReduceLROnPlateau(o, { factor: 1 })).toThrow('Factor should be < 1.0.');
    expect(() => new lrScheduler.OneCycleLR(o, 0.1)).toThrow('You must define either total_steps');
    expect(() => new lrScheduler.SequentialLR(o, [], [])).toThrow('at least one scheduler');
    expect(() => new lrScheduler.CosineAnnealingLR({} as torch.optim.Optimizer, 3)).toThrow('not an Optimizer');
    const one = new lrScheduler.OneCycleLR(optimizer(), 0.1, { totalSteps: 3 });
    expect(() => Array.from({ length: 4 }, () => one.step())).toThrow('Tried to step 4 times');
  });
});
