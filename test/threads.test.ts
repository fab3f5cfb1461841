// Several threads: the same numbers as one, workers that come by themselves, and what is said where there are none.
import { expect, test } from 'vitest';
import * as torch from '../dist/index.js';
import { engine } from '../dist/runtime/wasm.js';

const { nn } = torch;
const present = (): number => engine().threads_present();

/** Elements as a text of their bytes: of large arrays vitest compares element by element. */
const bits = (t: torch.Tensor): string => Buffer.from(t.dataSync().buffer).toString('latin1');

/** Losses and weights after three steps of a network whose kernels are long enough to be shared. */
function train(): unknown[] {
  torch.manualSeed(3);
  const model = new nn.Sequential(
    new nn.Conv2d(3, 24, 3, { padding: 1 }), new nn.BatchNorm2d(24), new nn.ReLU(), new nn.MaxPool2d(2),
    new nn.Conv2d(24, 32, 3, { padding: 1, stride: 2 }), new nn.GELU(), new nn.AvgPool2d(2), new nn.Flatten(),
    new nn.Linear(32 * 16, 300), new nn.LayerNorm(300), new nn.Tanh(), new nn.Linear(300, 10),
  );
  const optimizer = new torch.optim.AdamW(model.parameters(), { lr: 0.01 });
  const [x, y] = [torch.randn(33, 3, 32, 32), torch.randint(0, 10, [33])];
  const losses: number[] = [];
  for (let step = 0; step < 3; step++) {
    optimizer.zeroGrad();
    const loss = nn.functional.crossEntropy(model(x), y);
    loss.backward();
    optimizer.step();
    losses.push(loss.itemSync() as number);
  }
  return [losses, ...model.parameters().map(bits)];
}

test('threads come when they are first useful, in a synchronous loop too; training gives the same bits with and without them', () => {
  torch.setNumThreads(1);
  const alone = train();
  expect(present()).toBe(1);
  torch.setNumThreads(3);
  expect([torch.getNumThreads(), present()]).toEqual([3, 1]);
  const x = torch.randn(300, 300);
  const end = performance.now() + 50_000;
  while (present() < 3 && performance.now() < end) x.matmul(x).dispose();
  expect(present()).toBe(3);
  expect(train()).toEqual(alone);
  torch.setNumThreads(2);
  expect(present()).toBe(2);
  expect(train()).toEqual(alone);
});

test('sums, softmax, sorting and views of large tensors are those of one thread', () => {
  torch.manualSeed(5);
  const x = torch.randn(301, 40, 77);
  const results = (): string[] =>
    [
      x.sum(), x.sum(0), x.sum(1), x.mean([0, 2]), x.var(2), x.amax(1), x.argmin(0), x.norm(2, 0), x.softmax(1), x.logSoftmax(0), x.logsumexp(2),
      x.permute(2, 0, 1).exp(), x.transpose(0, 2).contiguous(), x.add(x.at(0)), x.gt(0).any(1), x.cumsum(0), x.sort(0).values,
      torch.einsum('abc,adc->abd', x, x), x.permute(1, 0, 2).matmul(x.permute(1, 2, 0)),
    ].map((t) => bits(t));
  torch.setNumThreads(1);
  const alone = results();
  torch.setNumThreads(3);
  expect(results()).toEqual(alone);
});

test('numbers of threads that are none are refused', () => {
  for (const wrong of [0, -1, 1.5, NaN]) expect(() => torch.setNumThreads(wrong)).toThrow(/setNumThreads: threads must be a positive integer/);
  torch.setNumThreads(1);
  expect(torch.getNumThreads()).toBe(1);
});
