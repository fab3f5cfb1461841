// What tensors hold on a GPU, and that loops which wait for each step stay bounded without dispose or scope.
import { beforeAll, describe, expect, test } from 'vitest';
import * as torch from '../../dist/index.js';
import { withGpuBinary } from './adapter.js';

const { nn, optim } = torch;
const MB = 2 ** 20;

/** A program's own `forward`: it has no way to free what passes between the layers, as Sequential does. */
class Naive extends nn.Sequential {
  override forward(input: torch.Tensor): torch.Tensor {
    let h = input;
    for (const layer of this) h = (layer as unknown as (x: torch.Tensor) => torch.Tensor)(h);
    return h;
  }
}

function trainer(): () => torch.Tensor {
  torch.manualSeed(1);
  const model = new Naive(new nn.Linear(256, 512), new nn.ReLU(), new nn.Linear(512, 512), new nn.Tanh(), new nn.Linear(512, 10));
  const [x, y] = [torch.randn(256, 256), torch.randint(0, 10, [256])];
  const optimizer = new optim.Adam(model.parameters());
  return () => {
    optimizer.zeroGrad();
    const loss = nn.functional.crossEntropy((model as unknown as (x: torch.Tensor) => torch.Tensor)(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  };
}

test("torch.memory('webgpu') without a GPU says how to open one", () => {
  expect(() => torch.memory('webgpu')).toThrow(torch.DeviceError);
  expect(() => torch.memory('cuda')).toThrow(torch.DeviceError);
});

describe.runIf(withGpuBinary())('on webgpu', () => {
  beforeAll(async () => torch.init({ device: 'webgpu' }));

  test('live, peak and pooled are of the GPU alone; resetPeak and emptyCache take a device', () => {
    const [before, cpu] = [torch.memory('webgpu'), torch.memory()];
    const big = torch.empty(1 << 20);
    expect(torch.memory('webgpu').live - before.live).toBe(4 * MB);
    expect(torch.memory().live).toBe(cpu.live);
    big.dispose();
    expect(torch.memory('webgpu')).toMatchObject({ live: before.live, pooled: before.pooled + 4 * MB });
    expect(torch.memory.resetPeak('webgpu').peak).toBe(before.live);
    expect(torch.memory.emptyCache('webgpu').pooled).toBeLessThan(4 * MB);
    expect(torch.memorySummary('webgpu')).toMatch(/^memory of webgpu *\n-+ +-+\nin use +[\d.]+ \w+\nmost at once/);
  });

  test('a loop that awaits its loss needs no more than a few steps', { timeout: 300_000 }, async () => {
    const step = trainer();
    await step().item();
    const { live } = torch.memory.resetPeak('webgpu');
    for (let i = 0; i < 40; i++) await step().item();
    // A step makes 2 MB that nobody frees by hand.
    expect(torch.memory('webgpu').peak - live).toBeLessThan(40 * MB);
  });

  test('what leaves the CPU when memory is short does not concern a GPU', async () => {
    torch.memory.setSpillThreshold(0);
    try {
      const x = torch.ones(3).add(1);
      for (let i = 0; i < 3; i++) torch.ones(2).dispose();
      expect(await x.tolist()).toEqual([2, 2, 2]);
    } finally {
      torch.memory.setSpillThreshold(null);
    }
  });
});
