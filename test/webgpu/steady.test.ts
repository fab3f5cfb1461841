// A training step that is repeated asks the GPU for nothing new: it is one submission with one pass, and creates neither buffers nor bind
// groups nor pipelines. Counters are what a software adapter can show of speed.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import * as torch from '../../dist/index.js';
import * as F from '../../dist/nn/functional.js';
import { AvgPool2d, BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, type Module, ReLU, Sequential } from '../../dist/nn/index.js';
import { Adam } from '../../dist/optim/index.js';
import { withGpuBinary } from './adapter.js';

vi.setConfig({ testTimeout: 180_000 });

type Counters = ReturnType<typeof torch.webgpu.counters>;
type Step = () => Promise<number>;

const NETWORKS: Readonly<Record<string, { model: () => Module; input: readonly number[] }>> = {
  'MLP 784-512-512-10': {
    model: () => new Sequential(new Linear(784, 512), new ReLU(), new Linear(512, 512), new ReLU(), new Linear(512, 10)),
    input: [784],
  },
  'MLP 64-32-10': { model: () => new Sequential(new Linear(64, 32), new ReLU(), new Linear(32, 10)), input: [64] },
  'CNN with batch norm': {
    model: () => new Sequential(
      new Conv2d(1, 4, 3), new BatchNorm2d(4), new ReLU(), new MaxPool2d(2), new Conv2d(4, 8, 3), new ReLU(), new AvgPool2d(2), new Flatten(), new Linear(32, 10),
    ),
    input: [1, 14, 14],
  },
};

/** A model, its optimizer, and one step on a batch that stays the same, as a program writes it that does not think of memory. */
function training(name: string, batch: number): { step: Step; grow: (to: number) => void } {
  torch.manualSeed(0);
  const { model: make, input } = NETWORKS[name]!;
  const model = make() as Module & ((x: torch.Tensor) => torch.Tensor);
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const draw = (n: number): [torch.Tensor, torch.Tensor] => [torch.randn(n, ...input), torch.randint(0, 10, [n])];
  let [x, y] = draw(batch);
  const step = async (): Promise<number> => {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(model(x), y);
    loss.backward();
    optimizer.step();
    return Number(await loss.item());
  };
  return { step, grow: (to) => void ([x, y] = draw(to)) };
}

/** What happened between two readings. */
function between(before: Counters, after: Counters): Counters {
  return Object.fromEntries(Object.entries(after).map(([key, count]) => [key, count - before[key as keyof Counters]])) as unknown as Counters;
}

/** What each of `count` steps asks of the GPU. */
async function ask(step: Step, count: number): Promise<Counters[]> {
  const asked: Counters[] = [];
  for (let i = 0; i < count; i++) {
    const before = torch.webgpu.counters();
    await step();
    asked.push(between(before, torch.webgpu.counters()));
  }
  return asked;
}

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Lets the collector give back what nobody can reach. */
async function collect(): Promise<void> {
  gc();
  await new Promise(setImmediate);
}

beforeEach(collect);

const NOTHING_NEW = { submits: 1, passes: 1, buffers: 0, bindGroups: 0, pipelines: 0, uploads: 0, readbacks: 1 };

describe.runIf(withGpuBinary())('a repeated training step', async () => {
  if (withGpuBinary()) await torch.init({ device: 'webgpu' });
  // Buffers that the test before left to the collector would come back in the middle of this one.
  beforeEach(collect);

  test.for(Object.keys(NETWORKS))('%s, in a scope: the same from the third on', async (name) => {
    const { step } = training(name, 8);
    const first = await torch.scope(step);
    await torch.scope(step);
    const steps = await ask(() => torch.scope(step), 5);
    for (const one of steps) expect(one).toEqual({ ...NOTHING_NEW, dispatches: steps[0]!.dispatches });
    // It learns meanwhile: what is counted is the work itself.
    expect(await torch.scope(step)).toBeLessThan(first);
  });

  test.for(Object.keys(NETWORKS))('%s, another batch size: nothing is compiled', async (name) => {
    const { step, grow } = training(name, 8);
    await torch.scope(step);
    grow(6);
    // The first batch, and what earlier tests left, must not come back to the pool in the middle of a step.
    await collect();
    const [first, , ...steps] = await ask(() => torch.scope(step), 5);
    expect(first!.pipelines).toBe(0);
    for (const one of steps) expect(one).toMatchObject(NOTHING_NEW);
  });

  test.for([null, 'strong_wolfe'] as const)('L-BFGS with line search %s reads three times an iteration, however long its history is', async (lineSearchFn) => {
    torch.manualSeed(0);
    const [a, b] = [torch.randn(6, 4), torch.randn(6)];
    const x = new torch.nn.Parameter(torch.zeros(4));
    const optimizer = new torch.optim.LBFGS([x], { lr: lineSearchFn === null ? 0.1 : 1, maxIter: 12, lineSearchFn });
    let evaluations = 0;
    const step = (): Promise<torch.Tensor> => optimizer.step(async () => {
      evaluations++;
      optimizer.zeroGrad();
      const loss = a.matmul(x).sub(b).pow(4).sum();
      loss.backward();
      return Promise.resolve(loss);
    });
    const { readbacks } = torch.webgpu.counters();
    await step();
    const reads = torch.webgpu.counters().readbacks - readbacks;
    const { n_iter } = optimizer.state.get(x) as { n_iter: number };
    expect(n_iter).toBeGreaterThan(5);
    // One for an evaluation, one for the direction's history, one for slope and reach.
    expect(reads).toBeLessThanOrEqual(evaluations + 2 * n_iter);
  });

  test('MLP 784-512-512-10, batch 64: at most 25 dispatches', async () => {
    const { step } = training('MLP 784-512-512-10', 64);
    const [, one] = await ask(() => torch.scope(step), 2);
    expect(one!.dispatches).toBeLessThanOrEqual(25);
  });

  test.for(['MLP 64-32-10', 'CNN with batch norm'])('%s, written without a thought of memory: it goes round a fixed set of buffers and bind groups', async (name) => {
    // What the program dropped, the loss and the outputs, holds its buffers until it is collected. When that is, is the engine's affair;
    // here it is every third step.
    const { step } = training(name, 8);
    for (let i = 0; i < 12; i++) {
      await ask(step, 3);
      await collect();
    }
    for (let i = 0; i < 3; i++) {
      for (const one of await ask(step, 3)) expect(one).toMatchObject(NOTHING_NEW);
      await collect();
    }
  });
});
