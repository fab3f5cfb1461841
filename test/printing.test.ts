// Tensors as text. Expected texts are PyTorch's own.
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

afterEach(() => torch.setPrintoptions({ profile: 'default' }));

const f32 = { dtype: torch.float32 };
const ramp = (n: number): torch.Tensor => torch.tensor(Float32Array.from({ length: n }, (_, i) => i));

describe('String(tensor)', () => {
  test.each<[torch.Tensor, string]>([
    [torch.tensor([1, 1001], f32), 'tensor([1.0000e+00, 1.0010e+03])'],
    [torch.tensor([1.5, Infinity]), 'tensor([1.5000,    inf])'],
    [torch.tensor([1, NaN, -Infinity]), 'tensor([1., nan, -inf])'],
    [torch.tensor([0, -0.5]), 'tensor([ 0.0000, -0.5000])'],
    [torch.tensor(0, f32), 'tensor(0.)'],
    [torch.tensor(3.14159), 'tensor(3.1416)'],
    [torch.tensor([1e-5, 1]), 'tensor([1.0000e-05, 1.0000e+00])'],
    [torch.tensor([[1, -200], [3, 4]]), 'tensor([[   1, -200],\n        [   3,    4]])'],
    [torch.tensor([true, false]), 'tensor([ True, False])'],
    [torch.tensor([1], { dtype: torch.int32 }), 'tensor([1], dtype=torch.int32)'],
    [torch.tensor([0.5], { dtype: torch.float64 }), 'tensor([0.5000], dtype=torch.float64)'],
    [torch.tensor([]), 'tensor([])'],
    [torch.tensor([[], []]), 'tensor([], size=(2, 0))'],
    [torch.tensor([], { dtype: torch.int64 }), 'tensor([], dtype=torch.int64)'],
    [torch.tensor([0.5], { requiresGrad: true }), 'tensor([0.5000], requires_grad=True)'],
    [torch.tensor([0.5], { requiresGrad: true }).mul(2), 'tensor([1.], grad_fn=<MulBackward0>)'],
  ])('%#', (x, want) => {
    expect(String(x)).toBe(want);
  });

  test('summarised', () => {
    expect(String(ramp(1001).mul(0))).toBe('tensor([0., 0., 0.,  ..., 0., 0., 0.])');
    expect(String(ramp(10_000).view(100, 100))).toBe(
      'tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.7000e+01, 9.8000e+01,\n         9.9000e+01],\n' +
        '        [1.0000e+02, 1.0100e+02, 1.0200e+02,  ..., 1.9700e+02, 1.9800e+02,\n         1.9900e+02],\n' +
        '        [2.0000e+02, 2.0100e+02, 2.0200e+02,  ..., 2.9700e+02, 2.9800e+02,\n         2.9900e+02],\n        ...,\n' +
        '        [9.7000e+03, 9.7010e+03, 9.7020e+03,  ..., 9.7970e+03, 9.7980e+03,\n         9.7990e+03],\n' +
        '        [9.8000e+03, 9.8010e+03, 9.8020e+03,  ..., 9.8970e+03, 9.8980e+03,\n         9.8990e+03],\n' +
        '        [9.9000e+03, 9.9010e+03, 9.9020e+03,  ..., 9.9970e+03, 9.9980e+03,\n         9.9990e+03]])',
    );
  });

  test('options', () => {
    torch.setPrintoptions({ precision: 2 });
    expect(String(torch.tensor([0.125, 0.375, 2.5]))).toBe('tensor([0.12, 0.38, 2.50])');
    torch.setPrintoptions({ sciMode: true, precision: 1 });
    expect(String(torch.tensor([0.25, 0.35]))).toBe('tensor([2.5e-01, 3.5e-01])');
    torch.setPrintoptions({ profile: 'full' });
    expect(String(ramp(1100)).split(',').length).toBe(1100);
    expect(torch.getPrintoptions().threshold).toBe(Infinity);
    expect(() => torch.setPrintoptions({ profile: 'odd' as never })).toThrow(torch.ArgumentError);
    expect(() => torch.setPrintoptions({ precision: -1 })).toThrow(torch.ArgumentError);
  });
});

test('sizes and dtypes', () => {
  expect(String(torch.tensor(1).shape)).toBe('torch.Size([])');
  expect(String(torch.float)).toBe('torch.float32');
  expect(inspect(torch.device('cpu'))).toBe("device(type='cpu')");
});

interface Fixture {
  tensors: {
    dtype: 'float32' | 'float64' | 'int64' | 'int32' | 'uint8' | 'bool';
    shape: number[];
    data: string;
    grad: boolean;
    parameter: boolean;
    options: Record<string, unknown>;
    default: 'float32' | 'float64';
    via: keyof typeof VIA | null;
    text: string;
  }[];
  modules: { name: keyof typeof torch.nn; kwargs: Record<string, unknown>; text: string }[];
  objects: Record<string, string>;
}
type Tensor = torch.Tensor;
const VIA = {
  clone: (x: Tensor) => x.clone(),
  unsqueeze: (x: Tensor) => x.unsqueeze(0),
  maskedFill: (x: Tensor) => x.maskedFill(x.gt(0), 0),
  cat: (x: Tensor) => torch.cat([x, x]),
  expand: (x: Tensor) => x.unsqueeze(0).expand(2, ...x.shape),
  neg: (x: Tensor) => x.neg(),
  upsample: (x: Tensor) => torch.nn.functional.interpolate(x.reshape(1, 1, -1), { scaleFactor: 1 }),
  double: (x: Tensor) => (x.dtype === torch.float32 ? x.double() : x.float()),
};
const ARRAYS = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array };
const fixture = JSON.parse(readFileSync(new URL('fixtures/printing.json', import.meta.url), 'utf8')) as Fixture;
const camel = (s: string): string => s.replace(/(?<=[A-Za-z0-9])_+([A-Za-z0-9])/g, (_, c: string) => c.toUpperCase());
const named = (o: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(Object.entries(o).map(([k, v]) => [camel(k), v]));

// What PyTorch prints (fixtures/printing.py).
describe('as PyTorch prints', () => {
  test.each(fixture.tensors.map((c, i) => [`${i}: ${c.dtype} [${c.shape.join()}] ${c.via ?? ''} ${JSON.stringify(c.options)}`, c] as const))('tensor %s', (_, c) => {
    const Values = ARRAYS[c.dtype];
    const values = new Values(new Uint8Array(Buffer.from(c.data, 'base64')).buffer);
    const n = c.shape.reduce((a, b) => a * b, 1);
    const all = new Values(n);
    for (let i = 0; i < n; i++) all[i] = values[i % values.length]!;
    let x = torch.tensor(all, { dtype: torch[c.dtype] }).reshape(c.shape).detach().requiresGrad_(c.grad);
    if (c.parameter) x = new torch.nn.Parameter(x);
    torch.setPrintoptions(named(c.options));
    torch.setDefaultDtype(torch[c.default]);
    try {
      expect(String(c.via ? VIA[c.via](x) : x)).toBe(c.text);
    } finally {
      torch.setDefaultDtype(torch.float32);
    }
  });

  test.each(fixture.modules.map((c) => [`${c.name} ${JSON.stringify(c.kwargs)}`, c] as const))('module %s', (_, c) => {
    const Class = torch.nn[c.name] as unknown as new (options: object) => torch.nn.Module;
    expect(String(new Class(named(c.kwargs)))).toBe(c.text);
  });

  test('optimizers, state dicts, dtypes, results', () => {
    const { nn, optim } = torch;
    const made: Record<string, unknown> = {};
    torch.manualSeed(0);
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2));
    const x = torch.arange(6).float().reshape(2, 3);
    made['state dict'] = model.stateDict();
    made['loaded'] = model.loadStateDict(model.stateDict());
    made['not loaded'] = model.loadStateDict({}, false);
    for (const d of ['float16', 'bfloat16', 'float32', 'float64'] as const) made[`finfo ${d}`] = torch.finfo(torch[d]);
    for (const d of ['uint8', 'int8', 'int16', 'int32', 'int64'] as const) made[`iinfo ${d}`] = torch.iinfo(torch[d]);
    made['parameter list'] = new nn.ParameterList([torch.ones(2), torch.ones(2, 3), torch.tensor(1.5)]);
    made['parameter dict'] = new nn.ParameterDict({ a: torch.ones(2), b: torch.ones([]) });
    made['module dict'] = new nn.ModuleDict({ a: new nn.ReLU(), b: new nn.ModuleList([new nn.ReLU(), new nn.ReLU(), new nn.Tanh()]) });
    for (const name of ['SGD', 'Adam', 'AdamW', 'Adagrad', 'Adadelta', 'Adamax', 'ASGD', 'NAdam', 'RAdam', 'RMSprop', 'Rprop', 'Adafactor', 'Muon'] as const) {
      const groups = [{ params: [new nn.Parameter(torch.ones(2, 2))], lr: 0.1 }, { params: [new nn.Parameter(torch.ones(1, 1))] }];
      const Class = optim[name] as new (params: torch.optim.Params, options: object) => torch.optim.Optimizer;
      const o = new Class(groups, { lr: 0.01 });
      const s = new optim.lrScheduler.StepLR(o, 1, 0.1);
      o.step();
      s.step();
      made[`optim ${name}`] = o;
    }
    made['names'] = new optim.SGD(model.namedParameters(), { lr: 0.5 });
    made['rate in a tensor'] = new optim.Adam(model.parameters(), { lr: torch.tensor(0.1) });
    const w = new nn.Parameter(torch.ones(2));
    const adam = new optim.Adam([w]);
    w.grad = torch.ones(2);
    adam.step();
    made["optimizer's state dict"] = adam.stateDict();
    made['max'] = x.max(1);
    made['var_mean'] = torch.varMean(x);
    made['linalg.svd'] = torch.linalg.svd(torch.eye(2));
    made['slogdet'] = torch.linalg.slogdet(torch.eye(2));
    made['triangular_solve'] = torch.triangularSolve(torch.ones(2, 1), torch.eye(2));
    expect(Object.fromEntries(Object.entries(made).map(([k, v]) => [k, String(v)]))).toEqual(fixture.objects);
  });

  test('modules of one\'s own', () => {
    const { nn } = torch;
    class Net extends nn.Module {
      a = new nn.Linear(1, 2);
      p = new nn.Parameter(torch.ones(2));
      constructor() {
        super();
        this.registerModule('none', null);
      }
      override extraRepr(): string {
        return 'one=1\ntwo=2';
      }
    }
    expect(String(new Net())).toBe('Net(\n  one=1\n  two=2\n  (a): Linear(in_features=1, out_features=2, bias=True)\n  (none): None\n)');
    const distance = new nn.TripletMarginWithDistanceLoss({ distanceFunction: (a, b) => a.sub(b).abs().sum(-1) });
    expect(String(distance)).toBe('TripletMarginWithDistanceLoss()');
    expect(String(distance(torch.zeros(1, 2), torch.ones(1, 2), torch.ones(1, 2)))).toBe('tensor(1.)');
  });
});
