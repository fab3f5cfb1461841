// What goes wrong on a GPU shows at the next read, as an error of its class: indices out of range, commands that are refused, a device that
// is lost, an engine that has stopped. What can be known at once fails at once.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import * as torch from '../../dist/index.js';
import * as F from '../../dist/nn/functional.js';
import { Linear } from '../../dist/nn/index.js';
import { root } from '../runtimes/installed.js';
import { softwareGpu, withGpuBinary } from './adapter.js';

vi.setConfig({ testTimeout: 120_000 });

/** The device that the engine has opened last. */
let device: GPUDevice;
const open = (): Promise<void> => torch.init({ device: 'webgpu' });

describe.runIf(withGpuBinary())('on a GPU', () => {
  beforeAll(async () => {
    const { globals } = (await import('webgpu')) as unknown as { globals: { GPUAdapter: typeof GPUAdapter } };
    const { prototype } = globals.GPUAdapter;
    const { requestDevice } = prototype;
    prototype.requestDevice = async function (...given) {
      return (device = await requestDevice.apply(this, given));
    };
    await open();
  });

  const x = (): torch.Tensor => torch.ones(3, 3);
  const late: Record<string, () => torch.Tensor> = {
    'embedding: index 7': () => F.embedding(torch.tensor([0, 7]), x()),
    'gather: index 9': () => x().gather(0, torch.tensor([[0, 9, 0]])),
    'indexSelect: index 4': () => x().indexSelect(0, torch.tensor([4])),
    'at: index 3': () => x().at(torch.tensor([3])),
    'scatter: index 8': () => x().scatter(0, torch.tensor([[8, 0, 0]]), 1),
  };
  test.for(Object.entries(late))('%s is out of range: an IndexError of the next read, and of no other', async ([name, call]) => {
    const out = call();
    const index = /index \d/.exec(name)![0];
    await expect(out.sum().item()).rejects.toThrow(torch.IndexError);
    // Told once.
    expect(await x().sum().item()).toBe(9);
    call();
    await expect(x().sum().item()).rejects.toThrow(`${index} is out of bounds for a dimension of size 3`);
    expect(await x().sum().item()).toBe(9);
  });

  /** What an op asks of elements, which the CPU looks at before it computes. */
  const { float32, int32 } = torch;
  const refused: Record<string, (to: (v: unknown, dtype?: torch.DType) => torch.Tensor) => torch.Tensor> = {
    'integer division by zero': (to) => to([1, 2, 3], int32).floorDivide(to([1, 0, 2], int32)),
    'the remainder of zero': (to) => to([1, 2, 3], int32).remainder(to([1, 0, 2], int32)),
    'a singular matrix': (to) => torch.linalg.inv(to([[1, 2], [2, 4]])),
    'a singular system': (to) => torch.linalg.solve(to([[1, 2], [2, 4]]), to([1, 1])),
    'a matrix that is not positive-definite': (to) => torch.linalg.cholesky(to([[1, 2], [2, 1]])),
    'what is no probability, in a loss': (to) => F.binaryCrossEntropy(to([0.5, 1.5]), to([0, 1])),
    'what is no probability': (to) => torch.bernoulli(to([0.5, -0.5])),
    'a negative variance': (to) => F.gaussianNllLoss(to([0, 1]), to([0, 1]), to([1, -1])),
    'a class that there is not': (to) => F.crossEntropy(to([[1, 2], [3, 4]]), to([0, 2], torch.int64)),
    'a class for oneHot': (to) => F.oneHot(to([0, 3], torch.int64), 3),
    'a quantile above 1': (to) => torch.quantile(to([1, 2]), to([2])),
    'negative weights of cov': (to) => torch.cov(to([[1, 2], [3, 5]]), { aweights: to([1, -1]) }),
    'negative weights of multinomial': (to) => torch.multinomial(to([1, -1]), 1),
  };
  test.for(Object.entries(refused))('%s: the CPU\'s error, of the next read and of no other', async ([, call]) => {
    const on = (device: string) => (v: unknown, dtype = float32): torch.Tensor => torch.tensor(v as number[], { dtype, device });
    let cpu = new Error('nothing was wrong');
    try {
      call(on('cpu'));
    } catch (error) {
      cpu = error as Error;
    }
    const error = (await call(on('webgpu')).sum().item().catch((e: unknown) => e)) as Error;
    expect(error).toBeInstanceOf(cpu.constructor);
    // PyTorch's name of the op or ours stands before it.
    expect(error.message).toContain(cpu.message.replace(/^\w+: |\.$/g, ''));
    expect(error.message).toMatch(/A GPU finds this while it computes/);
    expect(await x().sum().item()).toBe(9);
  });

  test('a factory makes what the device that is named can hold, whatever device its argument is on', () => {
    const there = { dtype: torch.float64, device: 'cpu' };
    const like = x();
    for (const made of [
      torch.zerosLike(like, there), torch.onesLike(like, there), torch.fullLike(like, 2, there), torch.emptyLike(like, there),
      torch.randLike(like, there), torch.randnLike(like, there), torch.randintLike(like, 5, there),
      like.newZeros([2], there), like.newOnes([2], there), like.newFull([2], 3, there), like.newEmpty([2], there), like.newEmptyStrided([2], [1], there),
    ]) expect([String(made.device), made.dtype]).toEqual(['cpu', torch.float64]);
    expect(torch.fullLike(like, 2, there).sum().itemSync()).toBe(18);
    expect(String(torch.zerosLike(torch.ones(2, { device: 'cpu' }), { device: 'webgpu' }).device)).toBe('webgpu');
    expect(String(torch.zerosLike(like).device)).toBe('webgpu');
    expect(() => torch.zerosLike(like, { dtype: torch.float64 })).toThrow(torch.DTypeError);
  });

  test('tensors of two devices', () => {
    const there = torch.ones(3, 3, { device: 'cpu' });
    const both = 'Expected all tensors to be on the same device, but found at least two devices, webgpu and cpu!';
    for (const [name, call] of Object.entries({
      add: () => x().add(there), matmul: () => there.matmul(x()), linear: () => new Linear(3, 3, { device: 'cpu' })(x()), cat: () => torch.cat([x(), there]),
    })) {
      expect(call, name).toThrow(torch.DeviceError);
      expect(call, name).toThrow(both);
      expect(call, name).toThrow(/x\.to\('webgpu'\), or await x\.cpu\(\)/);
    }
  });

  test('reads that do not wait say which ones do', async () => {
    const one = x().sum();
    expect(() => one.itemSync()).toThrow(/^itemSync: .* on device 'webgpu', .*`await x\.item\(\)`$/);
    expect(() => x().dataSync()).toThrow(/`await x\.data\(\)`/);
    expect(() => String(x())).toThrow(/`String\(await x\.cpu\(\)\)`/);
    expect(() => torch.equal(x(), x())).toThrow(/needs the elements .* `const y = await x\.cpu\(\)` first/);
    expect(String(await x().sum().cpu())).toBe('tensor(9.)');
  });

  test('a tensor larger than any buffer', () => {
    const all = torch.webgpu.counters();
    expect(() => torch.zeros(40_000, 40_000)).toThrow(torch.OutOfMemoryError);
    expect(() => torch.zeros(40_000, 40_000)).toThrow(/^zeros: a tensor of shape \[40000, 40000\] and dtype torch\.float32 is larger than memory can address/);
    expect(() => torch.ones(20_000, 20_000)).toThrow(/^ones: a tensor of shape \[20000, 20000\] and dtype torch\.float32: webgpu: .* has buffers of \d+ bytes at most/);
    expect(torch.webgpu.counters()).toEqual(all);
  });

  test('a command that the device refuses is an InternalError of the next read, with what the device said', async () => {
    const small = device.createBuffer({ size: 16, usage: GPUUsage.COPY_DST });
    device.queue.writeBuffer(small, 0, new Uint8Array(64));
    await expect(x().sum().item()).rejects.toThrow(/^webgpu: the device refused a command, .*does not fit/);
    expect(await x().sum().item()).toBe(9);
  });

  test('no memory left on the device is an OutOfMemoryError of the next read', async () => {
    const { globals } = (await import('webgpu')) as unknown as { globals: { GPUOutOfMemoryError: new (message: string) => GPUError; GPUUncapturedErrorEvent?: unknown } };
    const event = Object.assign(new Event('uncapturederror'), { error: new globals.GPUOutOfMemoryError('none left') });
    device.onuncapturederror!.call(device, event as GPUUncapturedErrorEvent);
    await expect(x().sum().item()).rejects.toThrow(torch.OutOfMemoryError);
    expect(await x().sum().item()).toBe(9);
  });

  test('a lost device: every read says so, another one can be opened, and what was on the old one is told from what is on it', async () => {
    const model = new Linear(3, 1);
    const old = x();
    const kept = torch.ones(2, { device: 'cpu' });
    const reading = expect(old.add(1).sum().item()).rejects.toThrow(torch.DeviceError);
    device.destroy();
    await reading;
    for (let i = 0; i < 2; i++) {
      await expect(old.add(1).sum().item()).rejects.toThrow(
        /the device was lost .* Every tensor on it is gone; .*`await torch\.init\({ device: 'webgpu' }\)` opens it anew; then make model and optimizer again/,
      );
    }
    expect(torch.accelerator.isAvailable()).toBe(false);
    expect(kept.sum().itemSync()).toBe(2);

    await open();
    expect(torch.accelerator.isAvailable()).toBe(true);
    const fresh = new Linear(3, 1);
    const loss = fresh(x()).square().mean();
    loss.backward();
    expect(Number(await fresh.weight.grad!.abs().sum().item())).toBeGreaterThan(0);
    // Its memory has numbers of its own, which are also those of buffers of the new one.
    expect(() => old.add(1)).toThrow(/^add: a tensor was on a device that is gone/);
    expect(() => model(x())).toThrow(torch.DeviceError);
    await expect(old.tolist()).rejects.toThrow(torch.DeviceError);
    expect(await x().sum().item()).toBe(9);
  });
});

/** WebGPU's flags, which are no globals in Node. */
const GPUUsage = { COPY_DST: 8 };

/** What a program prints that Node runs alone. */
function runAlone(program: string): string {
  // In the repository, so that Node finds the package by its own name.
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache/webgpu-test-'));
  const file = join(folder, 'program.mjs');
  writeFileSync(file, program);
  try {
    return execFileSync(process.execPath, [file], { encoding: 'utf8', timeout: 60_000, env: { ...process.env, ...softwareGpu() }, stdio: ['ignore', 'pipe', 'pipe'] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.runIf(withGpuBinary())('a panic where nobody waits for the call: what was promised is rejected, and the engine is dead', () => {
  const out = runAlone(`import * as torch from 'cresset';
    import { engine } from '${join(root, 'dist/runtime/wasm.js')}';
    await torch.init({ device: 'webgpu' });
    const said = (error) => console.log(error.name + ': ' + error.message);
    const reading = torch.ones(3).sum().item().catch(said);
    // As a promise of the engine's would: by an export that nobody guards. There is no memory for so long a block.
    queueMicrotask(() => engine().scratch_reserve(2 ** 30));
    process.once('uncaughtException', said);
    await reading;
    try { torch.ones(3); } catch (error) { said(error); }
    process.exit(0);`);
  const lines = out.trim().split('\n').filter((line) => line.startsWith('InternalError: '));
  expect(lines.length).toBe(3);
  for (const line of lines) expect(line).toMatch(/the engine stopped on an internal error and can no longer be used in this process or page: /);
});

// The process may have so much memory more than it has, which is where a software adapter has its own.
test.runIf(withGpuBinary() && process.platform === 'linux')('a device that has no memory left says so at the next read, with the op that asked, and lives on', () => {
  const out = runAlone(`import * as torch from 'cresset';
    import { execFileSync } from 'node:child_process';
    import { readFileSync } from 'node:fs';
    await torch.init({ device: 'webgpu' });
    const size = [25, 1024, 1024];
    const kept = torch.ones(3, 3);
    await torch.ones(3, 3).add(kept).sum().item();
    const now = 4096 * Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0]);
    execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + (now + (700 << 20)) + ':']);
    const held = [];
    let error;
    while (held.length < 20 && error === undefined) {
      held.push(torch.empty(size));
      await kept.sum().item().catch((e) => (error = e));
    }
    const print = (...what) => console.log(JSON.stringify(what));
    print(held.length, error?.name, error?.message);
    // What has no memory is told from what has.
    try { held.at(-1).sum(); } catch (e) { print(e.name, e.message); }
    print(await kept.add(kept).sum().item());
    held.forEach((t) => t.dispose());
    torch.memory.emptyCache('webgpu');
    print(await torch.ones(100).sum().item(), torch.memory('webgpu').live < 1e6);
    process.exit(0);`);
  const [full, gone, before, after] = out.trim().split('\n').map((line) => JSON.parse(line) as unknown[]);
  expect(full!.slice(1)).toEqual(['OutOfMemoryError', expect.stringMatching(/^empty: webgpu: .* has no 117440512 bytes left; \d{9} are in tensors\. /)]);
  expect(gone).toEqual(['OutOfMemoryError', expect.stringMatching(/^sum: a tensor has no memory/)]);
  expect(before).toEqual([18]);
  expect(after).toEqual([100, true]);
});
