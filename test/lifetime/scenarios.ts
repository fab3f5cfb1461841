// Programs as people write them, who never think of memory: no scope, no dispose. Each measures what it holds and returns
// what it computed; main.ts runs one by name.
import * as torch from 'cresset';
import { nn, optim } from 'cresset';
import { Meter } from './meter.js';
import { randomPrograms } from './random_programs.js';

const F = nn.functional;

/** What a scenario found: peaks, and whatever its test compares. */
export type Result = Record<string, unknown>;

/** A program's own `forward`: it has no way to free what passes between the layers, as Sequential does. */
class Naive extends nn.Sequential {
  override forward(input: torch.Tensor): torch.Tensor {
    let h = input;
    for (const layer of this) h = (layer as unknown as (x: torch.Tensor) => torch.Tensor)(h);
    return h;
  }
}

function mlp(): { model: nn.Module; step: () => torch.Tensor } {
  torch.manualSeed(1);
  const model = new Naive(new nn.Linear(32, 96), new nn.ReLU(), new nn.Linear(96, 96), new nn.Tanh(), new nn.Linear(96, 4));
  const x = torch.randn(32, 32);
  const y = torch.randint(0, 4, [32]);
  return { model, step: trainer(model, x, y, new optim.SGD(model.parameters(), { lr: 0.001, momentum: 0.9 })) };
}

function cnn(): { model: nn.Module; step: () => torch.Tensor } {
  torch.manualSeed(2);
  const model = new Naive(
    new nn.Conv2d(1, 8, 3, { padding: 1 }), new nn.ReLU(), new nn.MaxPool2d(2), new nn.Conv2d(8, 16, 3, { padding: 1 }), new nn.BatchNorm2d(16),
    new nn.ReLU(), new nn.AdaptiveAvgPool2d(1), new nn.Flatten(), new nn.Linear(16, 4),
  );
  return { model, step: trainer(model, torch.randn(8, 1, 16, 16), torch.randint(0, 4, [8]), new optim.Adam(model.parameters(), { lr: 0.001 })) };
}

function trainer(model: nn.Module, x: torch.Tensor, y: torch.Tensor, optimizer: optim.Optimizer): () => torch.Tensor {
  const net = model as unknown as (x: torch.Tensor) => torch.Tensor;
  return () => {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(net(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  };
}

/** The same training with every temporary freed at once: what the numbers must be. */
function reference(make: typeof mlp, steps: number, every: number): number[] {
  const { step } = make();
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const loss = torch.scope(() => step().itemSync());
    if (i % every === 0) losses.push(loss);
  }
  return losses;
}

/** A synchronous loop that keeps its losses and nothing else. */
function naive(make: typeof mlp, steps: number): Result {
  const every = steps / 20;
  const expected = reference(make, steps, every);
  const { step } = make();
  const meter = new Meter();
  const losses: torch.Tensor[] = [];
  for (let i = 0; i < steps; i++) {
    losses.push(step());
    if (i % 100 === 0) meter.sample();
  }
  const got = losses.filter((_, i) => i % every === 0).map((loss) => loss.itemSync());
  return { ...meter.result(), equal: String(got) === String(expected), losses: got.slice(0, 2), names: losses[5]!.gradFn!.name };
}

/** Awaits in the loop, and views of every intermediate held by its body. */
async function awaits(): Promise<Result> {
  const steps = 3000;
  const expected = reference(mlp, steps, 100);
  const { model, step } = mlp();
  const layers = [...(model as nn.Sequential)] as unknown as ((x: torch.Tensor) => torch.Tensor)[];
  const x = torch.randn(64, 32);
  const meter = new Meter();
  const got: number[] = [];
  for (let i = 0; i < steps; i++) {
    const views: torch.Tensor[] = [];
    let h = x;
    for (const layer of layers) {
      h = layer(h);
      views.push(h.at(0), h.T, h.reshape([-1]));
    }
    const loss = step();
    const value = await loss.item();
    if (i % 100 === 0) {
      got.push(value);
      meter.sample();
    }
    if (views.some((v) => v.isDisposed)) throw new Error('a view was lost');
  }
  return { ...meter.result(), equal: String(got) === String(expected) };
}

/** Forward passes in grad mode whose graphs are dropped. */
function forwards(): Result {
  const { model } = mlp();
  const net = model as unknown as (x: torch.Tensor) => torch.Tensor;
  const x = torch.randn(64, 32);
  const meter = new Meter();
  let last = net(x);
  const first = last.sum().itemSync();
  for (let i = 0; i < 5000; i++) {
    last = net(x);
    if (i % 50 === 0) meter.sample();
  }
  const sum = last.sum();
  sum.backward();
  const grads = [...model.parameters()].map((p) => p.grad!.abs().sum().itemSync());
  return { ...meter.result(), equal: sum.itemSync() === first, grads: grads.every((g) => g > 0) };
}

/** Every hundredth tensor is kept, its graph with it, and used at the end. */
function kept(): Result {
  const meter = new Meter();
  const w = torch.full([64, 64], 0.5, { requiresGrad: true });
  const keep: torch.Tensor[] = [];
  for (let i = 0; i < 20_000; i++) {
    const y = w.mul(i % 7).exp();
    if (i % 100 === 0) keep.push(y);
    if (i % 100 === 0) meter.sample();
  }
  const result = meter.result();
  const right = keep.every((y, k) => {
    const got = y.dataSync();
    const want = Math.fround(Math.exp(((100 * k) % 7) * 0.5));
    return Math.abs((got[17] as number) - want) <= want * 1e-6;
  });
  // Their graphs are still there: d/dw sum exp(k w) = k exp(k w).
  const picked = keep[3]!;
  picked.sum().backward();
  const k = 300 % 7;
  const slope = w.grad!.at(0, 0).itemSync();
  return { ...result, equal: right && Math.abs(slope - k * Math.exp(k * 0.5)) < 1e-4 * Math.abs(slope) + 1e-6 };
}

class Failing extends torch.autograd.Function {
  static override forward(ctx: torch.autograd.FunctionContext, x: torch.Tensor): torch.Tensor {
    ctx.saveForBackward(x);
    return x.mul(2);
  }
  static override backward(): torch.Tensor {
    throw new Error('in backward');
  }
}

/** Errors in the middle of forward, backward, a hook, a scope; cycles through hooks and custom Functions. */
async function exceptions(): Promise<Result> {
  const meter = new Meter();
  const messages = new Set<string>();
  {
    const w = torch.ones(64, 64, { requiresGrad: true });
    const attempt = (fn: () => unknown): void => {
      try {
        fn();
      } catch (error) {
        messages.add((error as Error).message.slice(0, 40));
      }
    };
    for (let i = 0; i < 3000; i++) {
      attempt(() => w.mul(2).exp().matmul(torch.ones(3, 3)));
      attempt(() => (Failing.apply(w.mul(3)) as torch.Tensor).sum().backward());
      attempt(() => {
        const h = w.mul(2);
        // The hook holds what is computed from what it hangs on.
        const y = h.exp();
        h.registerHook(() => {
          if (y.isDisposed) throw new Error('lost');
          throw new Error('in a hook');
        });
        y.sum().backward();
      });
      attempt(() => torch.scope(() => {
        w.mul(2).exp();
        throw new Error('in a scope');
      }));
      // A cycle that never runs: hook -> y -> graph -> hook.
      const h = w.mul(2);
      const y = h.tanh();
      h.registerHook((g) => g.mul(y));
      if (i % 100 === 0) meter.watch(y);
      if (i % 50 === 0) meter.sample();
    }
    w.sum().backward();
    messages.add(`grad ${w.grad!.at(0, 0).itemSync()}`);
  }
  const result = meter.result();
  return { ...result, messages: [...messages], left: await meter.settle() };
}

/** A million small tensors, made and dropped in one synchronous loop. */
function million(): Result {
  const meter = new Meter();
  const x = torch.tensor([1, 2, 3]);
  let last = x;
  for (let i = 0; i < 1_000_000; i++) {
    last = x.add(i);
    if (i % 5000 === 0) meter.sample();
  }
  return { ...meter.result(), equal: String(last.tolistSync()) === '1000000,1000001,1000002' };
}

/** Two models trained in turn; a graph that is kept for several backward passes and then dropped. */
async function alternate(): Promise<Result> {
  const expected = [reference(mlp, 1000, 100), reference(cnn, 200, 20)];
  const a = mlp();
  const b = cnn();
  const meter = new Meter();
  const got: number[][] = [[], []];
  for (let i = 0; i < 1000; i++) {
    const la = a.step();
    if (i % 100 === 0) got[0]!.push(la.itemSync());
    if (i % 5 === 0) {
      const lb = b.step();
      if (i % 100 === 0) got[1]!.push(lb.itemSync());
    }
    const p = torch.full([64, 64], 0.1, { requiresGrad: true });
    const kept = p.exp().mul(p).sum();
    for (let k = 0; k < 3; k++) kept.backward({ retainGraph: true });
    if (i % 20 === 0) meter.sample();
  }
  return { ...meter.result(), equal: String(got) === String(expected), left: (await meter.settle()).bytes };
}

/** More than there is, ten times over; then training goes on. */
function limit(): Result {
  const { step } = mlp();
  step();
  const errors = new Set<string>();
  const GIB = 2 ** 30;
  for (let i = 0; i < 10; i++) {
    // Two that fit, and a sum that does not: neither can leave while it is computed. Nothing is written into them.
    const a = torch.empty(Math.floor(0.35 * GIB));
    const b = torch.empty(Math.floor(0.35 * GIB));
    try {
      a.add(b);
    } catch (error) {
      errors.add((error as Error).constructor.name);
    }
    try {
      torch.zeros(1.5 * GIB);
    } catch (error) {
      errors.add(`${(error as Error).constructor.name} ${/MiB|GiB/.test((error as Error).message)}`);
    }
    a.dispose();
    b.dispose();
  }
  const first = step().itemSync();
  for (let i = 0; i < 50; i++) step();
  const { live, heap } = torch.memory();
  return { errors: [...errors], learns: step().itemSync() < first, live, heap };
}

/** Scenarios by name. */
export const SCENARIOS: Record<string, () => Result | Promise<Result>> = {
  mlp: () => naive(mlp, 20_000),
  cnn: () => naive(cnn, 2000),
  awaits,
  forwards,
  kept,
  exceptions,
  million,
  alternate,
  limit,
  random: () => randomPrograms(10_000, false),
  'random, spilling': () => randomPrograms(10_000, true),
};
