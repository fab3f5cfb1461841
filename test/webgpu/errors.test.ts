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
    'the class of crossEntropy: index 5': () => F.crossEntropy(x(), torch.tensor([0, 1, 5])),
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
    expect(() => torch.zeros(40_000, 40_000)).toThrow(torch.OutOfMemoryError);
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

test.runIf(withGpuBinary())('a panic where nobody waits for the call: what was promised is rejected, and the engine is dead', () => {
  // In the repository, so that Node finds the package by its own name.
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache/webgpu-test-'));
  const file = join(folder, 'program.mjs');
  writeFileSync(file, `import * as torch from 'cresset';
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
  try {
    const out = execFileSync(process.execPath, [file], { encoding: 'utf8', timeout: 60_000, env: { ...process.env, ...softwareGpu() }, stdio: ['ignore', 'pipe', 'pipe'] });
    const lines = out.trim().split('\n').filter((line) => line.startsWith('InternalError: '));
    expect(lines.length).toBe(3);
    for (const line of lines) expect(line).toMatch(/the engine stopped on an internal error and can no longer be used in this process or page: /);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
