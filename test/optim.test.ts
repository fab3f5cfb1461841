// Optimizers: printed forms, trajectories, states and errors, against PyTorch (fixtures/optim.py).
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';
import type { Tensor } from '../dist/index.js';

const { nn, optim } = torch;

interface Fixture {
  repr: Record<string, string>;
  rosenbrock: { name: string; kwargs: Record<string, unknown>; rows: number[][]; func_evals?: number; ax?: number[] }[];
  adamw: { state: Record<string, Record<string, unknown>>; param_groups: { params: number[] }[]; before: [number[][], number[]]; after: [number[][], number[]] };
  sparse: { start: number[][]; rows: [number[], number[][]][] };
}
const fixture = JSON.parse(readFileSync(new URL('fixtures/optim.json', import.meta.url), 'utf8')) as Fixture;

const camel = (s: string): string => s.replace(/(?<=[A-Za-z0-9])_([A-Za-z0-9])/g, (_, c: string) => c.toUpperCase());
type Make = new (params: Iterable<Tensor>, options?: object) => torch.optim.Optimizer;
const named = (name: string): Make => (optim as unknown as Record<string, Make>)[name]!;
const parameter = (data: number[] | number[][], dtype = torch.float32): torch.nn.Parameter => new nn.Parameter(torch.tensor(data, { dtype }));
const list = (t: Tensor): unknown => t.tolistSync();

test("printed forms are PyTorch's", () => {
  for (const [name, text] of Object.entries(fixture.repr)) {
    if (name === 'two groups') continue;
    expect(String(new (named(name))([parameter([[1, 1], [1, 1]])]))).toBe(text);
  }
  const two = new optim.SGD([{ params: [parameter([1])] }, { params: parameter([1]), lr: 1e-5, momentum: 0.25 }], { lr: 0.1 });
  new optim.lrScheduler.StepLR(two, 3);
  expect(String(two)).toBe(fixture.repr['two groups']);
});

describe("trajectories on Rosenbrock's function", () => {
  const rosenbrock = (x: Tensor): Tensor => {
    const [a, b] = [x.at(0), x.at(1)];
    return b.sub(a.pow(2)).pow(2).mul(100).add(a.neg().add(1).pow(2));
  };
  for (const asynchronous of [false, true]) {
    for (const { name, kwargs, rows, func_evals, ax } of fixture.rosenbrock) {
      test(`${name} ${JSON.stringify(kwargs)}${asynchronous ? ', asynchronous closure' : ''}`, async () => {
        const x = parameter([-1.2, 1], torch.float64);
        const o = new (named(name))([x], Object.fromEntries(Object.entries(kwargs).map(([k, v]) => [camel(k), v])));
        const closure = (): Tensor => {
          o.zeroGrad();
          const loss = rosenbrock(x);
          loss.backward();
          return loss;
        };
        for (const [loss, ...want] of rows) {
          const got = asynchronous ? await o.step(() => Promise.resolve().then(closure)) : o.step(closure);
          expect(got.itemSync()).toBeCloseTo(loss!, 8);
          (list(x) as number[]).forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 8));
        }
        const state = o.state.get(x)!;
        if (func_evals !== undefined) expect(state['func_evals']).toBe(func_evals);
        if (ax) (list(state['ax'] as Tensor) as number[]).forEach((v, i) => expect(v).toBeCloseTo(ax[i]!, 8));
      });
    }
  }
});

describe('state', () => {
  const both = (): [Tensor, Tensor] => fixture.adamw.before.map((v) => parameter(v)) as [Tensor, Tensor];
  const make = ([w, b]: [Tensor, Tensor]): torch.optim.Optimizer => new optim.AdamW([{ params: [w] }, { params: [b], weightDecay: 0 }], { lr: 0.1 });
  const step = (o: torch.optim.Optimizer, [w, b]: [Tensor, Tensor]): void => {
    o.zeroGrad();
    w.mul(w).sum().add(b.mul(b).mul(b).sum()).backward();
    o.step();
  };

  test("PyTorch's dict loads, and the next step is PyTorch's", () => {
    const params = both();
    const o = make(params);
    const state = Object.entries(fixture.adamw.state).map(([id, values]) => {
      const tensors = Object.entries(values).map(([k, v]) => [k, torch.tensor(v as number[])] as const);
      return [id, Object.fromEntries(tensors)] as const;
    });
    o.loadStateDict({ state: Object.fromEntries(state), param_groups: fixture.adamw.param_groups });
    expect(o.paramGroups[1]!['weightDecay']).toBe(0);
    step(o, params);
    params.forEach((p, i) => (list(p) as number[]).flat().forEach((v, j) => expect(v).toBeCloseTo(fixture.adamw.after[i]!.flat()[j]!, 6)));
    const dict = o.stateDict();
    expect(Object.keys(dict.param_groups[0]!).sort()).toEqual(Object.keys(fixture.adamw.param_groups[0]!).sort());
    expect(dict.param_groups.map((g) => g.params)).toEqual([[0], [1]]);
    expect(Object.keys(dict.state[0]!)).toEqual(Object.keys(fixture.adamw.state['0']!));
    expect((dict.state[1]!['step'] as Tensor).itemSync()).toBe(3);
  });

  test('a copy goes on like the original', () => {
    for (const name of Object.keys(fixture.repr)) {
      if (['two groups', 'SparseAdam'].includes(name)) continue;
      const run = (o: torch.optim.Optimizer, p: Tensor): void => {
        for (let i = 0; i < 3; i++) {
          o.step(() => {
            o.zeroGrad();
            const loss = p.pow(2).sum();
            loss.backward();
            return loss;
          });
        }
      };
      const p = parameter([[1, -2], [3, 0.5]]);
      const o = new (named(name))([p]);
      run(o, p);
      const q = new nn.Parameter(p.detach().clone());
      const copy = new (named(name))([q]);
      copy.loadStateDict(o.stateDict());
      run(o, p);
      run(copy, q);
      expect(list(q), name).toEqual(list(p));
    }
  });

  test('survives the scope it was made in', () => {
    const p = parameter([1, 2]);
    const o = new optim.Adam([p], { lr: 0.1, amsgrad: true });
    for (let i = 0; i < 3; i++) {
      torch.scope(() => {
        o.zeroGrad();
        p.pow(2).sum().backward();
        o.step();
      });
    }
    expect((o.state.get(p)!['step'] as Tensor).itemSync()).toBe(3);
    expect((list(p) as number[])[0]).toBeCloseTo(0.7, 2);
  });

  test('steps leave nothing behind', () => {
    for (const name of ['SGD', 'Adam', 'NAdam', 'ASGD', 'Adafactor', 'Muon', 'LBFGS']) {
      const p = parameter([[1, 2], [3, 4]]);
      const o = new (named(name))([p], name === 'SGD' ? { momentum: 0.9 } : name === 'LBFGS' ? { historySize: 2 } : {});
      const g = torch.ones(2, 2);
      const step = (): void => {
        torch.scope(() => {
          o.step(() => {
            // A gradient set by hand is an object of the caller's, which lives on when another takes its place.
            p.grad?.dispose();
            p.grad = p.detach().mul(g);
            return 0;
          });
        });
      };
      for (let i = 0; i < 4; i++) step();
      const before = torch.memory().tensors;
      for (let i = 0; i < 4; i++) step();
      expect(torch.memory().tensors, name).toBeLessThanOrEqual(before);
    }
  });

  test('a wrong dict is refused', () => {
    const o = new optim.SGD([parameter([1])]);
    expect(() => o.loadStateDict({ state: {}, param_groups: [] })).toThrow('different number of parameter groups');
    expect(() => o.loadStateDict({ state: {}, param_groups: [{ params: [0, 1] }] })).toThrow("doesn't match the size of optimizer's group");
  });
});

test('SparseAdam updates the rows of the batch only', () => {
  const emb = new nn.Embedding(6, 3, { sparse: true });
  torch.noGrad(() => emb.weight.copy_(torch.tensor(fixture.sparse.start)));
  const o = new optim.SparseAdam(emb.parameters(), { lr: 0.1 });
  for (const [index, want] of fixture.sparse.rows) {
    o.zeroGrad();
    emb(torch.tensor(index)).sub(1).pow(2).sum().backward();
    o.step();
    (list(emb.weight) as number[][]).flat().forEach((v, i) => expect(v).toBeCloseTo(want.flat()[i]!, 5));
  }
  expect(() => new optim.Adam(emb.parameters()).step()).toThrow('does not support sparse gradients, please consider SparseAdam');
  const dense = parameter([1]);
  dense.grad = torch.ones(1);
  expect(() => new optim.SparseAdam([dense]).step()).toThrow('SparseAdam does not support dense gradients');
});

describe('groups and options', () => {
  test('each group has its own options, and groups may be added', () => {
    const [a, b, c] = [parameter([1]), parameter([1]), parameter([1])];
    const o = new optim.SGD([{ params: a }, { params: [b], lr: 0.5 }], { lr: 0.1 });
    o.addParamGroup({ params: [c], lr: 1 });
    for (const p of [a, b, c]) p.grad = torch.ones(1);
    o.step();
    expect([a, b, c].map((p) => p.itemSync())).toEqual([Math.fround(0.9), 0.5, 0]);
  });

  test('by position, by name, all by name, with a tensor for lr', () => {
    const p = parameter([1]);
    expect(new optim.SGD([p], 0.5, 0.9).paramGroups[0]).toMatchObject({ lr: 0.5, momentum: 0.9 });
    expect(new optim.SGD([p], 0.5, { momentum: 0.9 }).paramGroups[0]).toMatchObject({ lr: 0.5, momentum: 0.9 });
    expect(new optim.SGD({ params: [p], lr: 0.5 }).paramGroups[0]).toMatchObject({ lr: 0.5, params: [p] });
    p.grad = torch.ones(1);
    new optim.SGD([p], { lr: torch.tensor([0.5]) }).step();
    expect(p.itemSync()).toBe(0.5);
  });

  test('parameters with names', () => {
    const model = new nn.Linear(2, 1);
    const o = new optim.SGD(model.namedParameters());
    expect(o.stateDict().param_groups[0]!['param_names']).toEqual(['weight', 'bias']);
  });

  test('parameters without a gradient are left alone; momentum starts with their first gradient', () => {
    const [a, b] = [parameter([1]), parameter([1])];
    const o = new optim.SGD([a, b], { lr: 0.5, momentum: 0.5, dampening: 0.5 });
    a.grad = torch.ones(1);
    o.step();
    b.grad = torch.ones(1);
    o.step();
    expect(a.itemSync()).toBe(1 - 0.5 - 0.5 * (0.5 + 0.5));
    expect(b.itemSync()).toBe(0.5);
  });

  test('zeroGrad clears or zeroes', () => {
    const p = parameter([1, 2]);
    const o = new optim.SGD([p]);
    p.pow(2).sum().backward();
    o.zeroGrad({ setToNone: false });
    expect(list(p.grad!)).toEqual([0, 0]);
    o.zeroGrad();
    expect(p.grad).toBeNull();
  });

  test('hooks run around a step', () => {
    const p = parameter([1]);
    const o = new optim.SGD([p]);
    const seen: string[] = [];
    const handles = [
      optim.registerOptimizerStepPreHook(() => seen.push('global pre')),
      o.registerStepPreHook((it) => seen.push(it === o ? 'pre' : 'other')),
      o.registerStepPostHook(() => seen.push('post')),
      optim.registerOptimizerStepPostHook(() => seen.push('global post')),
    ];
    o.step();
    expect(seen).toEqual(['global pre', 'pre', 'post', 'global post']);
    handles.forEach((h) => h.remove());
    o.step();
    expect(seen.length).toBe(4);
  });

  test('an optimizer of your own', () => {
    class SignSGD extends optim.Optimizer {
      constructor(params: torch.optim.Params, lr: number) {
        super(params, { lr });
      }
      protected update(): void {
        torch.noGrad(() => {
          for (const { params, lr } of this.paramGroups) for (const p of params) if (p.grad) p.sub_(p.grad.sign().mul(lr as number));
        });
      }
    }
    const p = parameter([1, -1]);
    const o = new SignSGD([p], 0.25);
    p.pow(2).sum().backward();
    o.step();
    expect(list(p)).toEqual([0.75, -0.75]);
    expect(String(o)).toBe('SignSGD (\nParameter Group 0\n    lr: 0.25\n)');
  });

  test('a transposed parameter, and gradients of other strides', () => {
    const [p, q] = [parameter([[1, 2, 3], [4, 5, 6]]), new nn.Parameter(torch.tensor([[1, 4], [2, 5], [3, 6]]).float().t())];
    const grad = torch.tensor([[1, -1], [2, 0.5], [3, 4]]);
    p.grad = grad.t().contiguous();
    q.grad = grad.t();
    for (const o of [new optim.Adam([p, q], { lr: 0.1, weightDecay: 0.1 }), new optim.Adafactor([p, q], { lr: 0.1 }), new optim.Muon([p, q])]) {
      o.step();
      expect(list(q), String(o)).toEqual(list(p));
    }
  });
});

describe('refuses what PyTorch refuses', () => {
  const p = (): Tensor[] => [parameter([[1, 2], [3, 4]])];
  const cases: [string, object, string][] = [
    ['SGD', { lr: -1 }, 'Invalid learning rate: -1'],
    ['SGD', { momentum: -0.5 }, 'Invalid momentum value: -0.5'],
    ['SGD', { nesterov: true }, 'Nesterov momentum requires a momentum and zero dampening'],
    ['Adam', { betas: [1, 0.999] }, 'Invalid beta parameter at index 0: 1'],
    ['Adam', { eps: -1e-8 }, 'Invalid epsilon value: -1e-08'],
    ['AdamW', { weightDecay: -1 }, 'Invalid weight_decay value: -1'],
    ['Adam', { lr: torch.tensor([1, 2]) }, 'Tensor lr must be 1-element'],
    ['Adam', { fused: true, foreach: true }, '`fused` and `foreach` cannot be `True` together.'],
    ['NAdam', { momentumDecay: -0.2 }, 'Invalid momentum_decay value: -0.2'],
    ['Adadelta', { rho: 1.1 }, 'Invalid rho value: 1.1'],
    ['Adagrad', { lrDecay: -0.5 }, 'Invalid lr_decay value: -0.5'],
    ['RMSprop', { momentum: -1 }, 'Invalid momentum value: -1'],
    ['Rprop', { etas: [1, 0.5] }, 'Invalid eta values: 1, 0.5'],
    ['ASGD', { weightDecay: -0.5 }, 'Invalid weight_decay value: -0.5'],
    ['SparseAdam', { betas: [0, 1] }, 'Invalid beta parameter at index 1: 1'],
    ['Adafactor', { d: 0 }, 'Clipping threshold d should be >= 1 but is: 0'],
    ['Muon', { adjustLrFn: 'other' }, 'Adjust learning rate function other is not supported'],
    ['SGD', { learningRate: 1 }, "unknown option 'learningRate'"],
  ];
  for (const [name, options, message] of cases) {
    test(`${name} ${JSON.stringify(options)}`, () => {
      expect(() => new (named(name))(p(), options)).toThrow(message);
    });
  }

  test('what cannot be optimized', () => {
    const [leaf, other] = [parameter([1]), parameter([1])];
    expect(() => new optim.SGD([])).toThrow('optimizer got an empty parameter list');
    expect(() => new optim.SGD(leaf as unknown as Tensor[])).toThrow('should be an iterable of Tensors or dicts');
    expect(() => new optim.SGD([leaf.mul(2)])).toThrow("can't optimize a non-leaf Tensor");
    expect(() => new optim.SGD([1 as unknown as Tensor])).toThrow('optimizer can only optimize Tensors');
    expect(() => new optim.SGD([{ params: [leaf] }, { params: [leaf] }])).toThrow('some parameters appear in more than one parameter group');
    expect(() => new optim.SGD([{ params: [['a', leaf]] }, { params: [other] }])).toThrow('with/without names');
    expect(() => new optim.LBFGS([{ params: [leaf] }, { params: [other] }])).toThrow("LBFGS doesn't support per-parameter options");
    expect(() => new optim.Muon([leaf])).toThrow('Muon only supports 2D parameters');
    expect(() => new optim.LBFGS([leaf]).step()).toThrow('needs a closure');
  });
});
