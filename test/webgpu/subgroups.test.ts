// Where WebGPU has subgroups, kernels that join what a workgroup computed use them, though wgpu does not know the feature in browsers.
import { describe, expect, test, vi } from 'vitest';
import * as torch from '../../dist/index.js';
import * as F from '../../dist/nn/functional.js';
import { withGpuBinary } from './adapter.js';

vi.setConfig({ testTimeout: 180_000 });

interface Dawn {
  create(options: string[]): GPU;
  globals: { GPUDevice: { prototype: GPUDevice }; GPUAdapter: { prototype: GPUAdapter } };
}

describe.runIf(withGpuBinary())('subgroups', () => {
  test('are asked for, named in texts, and right', async () => {
    const name = 'webgpu';
    const dawn = (await import(name)) as Dawn;
    const texts = new Map<string, string>();
    const { createShaderModule } = dawn.globals.GPUDevice.prototype;
    vi.spyOn(dawn.globals.GPUDevice.prototype, 'createShaderModule').mockImplementation(function (this: GPUDevice, descriptor) {
      texts.set(descriptor.label ?? '', descriptor.code);
      return createShaderModule.call(this, descriptor);
    });
    const adapter = await dawn.create([]).requestAdapter();
    const has = adapter!.features.has('subgroups');
    // SwiftShader has had them for years.
    expect(has).toBe(true);
    await torch.init({ device: 'webgpu' });
    torch.setDefaultDevice('cpu');
    torch.manualSeed(3);
    const [x, y] = [torch.randn(500, 7), torch.randint(0, 7, [500])];
    const loss = F.crossEntropy(x.to('webgpu'), y.to('webgpu'));
    expect(Number(await loss.item())).toBeCloseTo(Number(await F.crossEntropy(x, y).item()), 6);
    // A row that is longer than what one invocation runs along.
    const row = torch.randn(1, 40_000);
    const [got, want] = [await torch.softmax(row.to('webgpu'), 1).cpu(), torch.softmax(row, 1)];
    expect(torch.allclose(got, want, { rtol: 1e-5, atol: 1e-9 })).toBe(true);
    for (const kernel of ['nll_loss', 'softmax']) {
      expect(texts.get(kernel)).toMatch(/^enable subgroups;\n/);
      expect(texts.get(kernel)).toContain('subgroupAdd');
    }
    // What joins nothing does without, and nobody is left with a changed WebGPU.
    expect(texts.get('self-test')).not.toContain('subgroup');
    expect(Object.hasOwn(globalThis, 'WorkerGlobalScope')).toBe(false);
  });
});
