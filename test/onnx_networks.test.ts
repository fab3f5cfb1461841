/** Whole networks as ONNX files: results, names, options, what is refused. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as torch from '../dist/index.js';
import { checkDynamic, type Check, difference, type Loose, Session, weightsOf } from './onnx/runtime.js';
import { readModel } from './onnx/wire.js';

const { nn } = torch;
const F = nn.functional;
type Tensor = torch.Tensor;

const folder = mkdtempSync(join(tmpdir(), 'onnx-'));
afterAll(() => rmSync(folder, { recursive: true }));

class Block extends nn.Module {
  conv1: torch.nn.Conv2d;
  bn1: torch.nn.BatchNorm2d;
  conv2: torch.nn.Conv2d;
  bn2: torch.nn.BatchNorm2d;
  relu = new nn.ReLU(true);
  shortcut: torch.nn.Sequential;
  constructor(from: number, to: number, stride: number) {
    super();
    this.conv1 = new nn.Conv2d(from, to, 3, { stride, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(to);
    this.conv2 = new nn.Conv2d(to, to, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(to);
    this.shortcut = stride === 1 ? new nn.Sequential() : new nn.Sequential(new nn.Conv2d(from, to, 1, { stride, bias: false }), new nn.BatchNorm2d(to));
  }
  override forward(x: Tensor): Tensor {
    const y = this.bn2(this.conv2(this.relu(this.bn1(this.conv1(x)))));
    return this.relu(y.add(this.shortcut(x)));
  }
}

/** A residual network of eight layers for pictures of 32 x 32. */
class ResNet8 extends nn.Module {
  conv1 = new nn.Conv2d(3, 16, 3, { padding: 1, bias: false });
  bn1 = new nn.BatchNorm2d(16);
  layer1 = new nn.Sequential(new Block(16, 16, 1));
  layer2 = new nn.Sequential(new Block(16, 32, 2));
  layer3 = new nn.Sequential(new Block(32, 64, 2));
  fc = new nn.Linear(64, 10);
  override forward(x: Tensor): Tensor {
    let y = F.relu(this.bn1(this.conv1(x)));
    y = this.layer3(this.layer2(this.layer1(y)));
    y = F.avgPool2d(y, y.shape[3]!);
    return this.fc(y.view(y.size(0), -1));
  }
}

/** Positions from a buffer, a mask from a size, the first place as the summary. */
class Encoder extends nn.Module {
  embed = new nn.Embedding(20, 16);
  encoder = new nn.TransformerEncoder(new nn.TransformerEncoderLayer({ dModel: 16, nhead: 4, dimFeedforward: 32, batchFirst: true }), 2);
  head = new nn.Linear(16, 3);
  constructor() {
    super();
    this.registerBuffer('positions', torch.randn(1, 12, 16));
  }
  override forward(tokens: Tensor): Tensor {
    const t = tokens.shape[1]!;
    const x = this.embed(tokens).mul(4).add((this as Loose).positions.at(null, ...[]).squeeze(0).at(':', `:${t}`));
    return this.head(this.encoder(x, { mask: nn.Transformer.generateSquareSubsequentMask(t) }).at(':', -1));
  }
}

class Classifier extends nn.Module {
  embed = new nn.Embedding(20, 8);
  lstm = new nn.LSTM(8, 12, { numLayers: 2, batchFirst: true, bidirectional: true });
  fc = new nn.Linear(24, 4);
  override forward(tokens: Tensor): Tensor {
    const [, [h]] = this.lstm(this.embed(tokens)) as [Tensor, [Tensor, Tensor]];
    return F.logSoftmax(this.fc(torch.cat([h.at(-2), h.at(-1)], 1)), 1);
  }
}

const mlp = (): Loose => new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 512), new nn.ReLU(), new nn.Linear(512, 512), new nn.ReLU(), new nn.Linear(512, 10));
const lenet = (): Loose => new nn.Sequential(new nn.Conv2d(1, 6, 5, { padding: 2 }), new nn.Sigmoid(), new nn.AvgPool2d(2, 2), new nn.Conv2d(6, 16, 5), new nn.Sigmoid(), new nn.AvgPool2d(2, 2), new nn.Flatten(), new nn.Linear(400, 120), new nn.Sigmoid(), new nn.Linear(120, 84), new nn.Sigmoid(), new nn.Linear(84, 10));

interface Network extends Check {
  readonly model: () => Loose;
  readonly inputs: (n: number) => Loose[];
}
const NETWORKS: Record<string, Network> = {
  'MLP 784-512-512-10': { model: mlp, inputs: (n) => [torch.rand(n, 1, 28, 28)] },
  LeNet: { model: lenet, inputs: (n) => [torch.rand(n, 1, 28, 28)] },
  'ResNet-8': { model: () => new ResNet8(), inputs: (n) => [torch.rand(n, 3, 32, 32)] },
  'transformer encoder': { model: () => new Encoder(), inputs: (n) => [torch.randint(0, 20, [n, 7])] },
  'transformer encoder, dynamic length': { model: () => new Encoder(), inputs: (n) => [torch.randint(0, 20, [2, n + 1])], axes: [[1]] },
  'LeNet, from a batch of one': { model: lenet, inputs: (n) => [torch.rand(n === 3 ? 1 : n, 1, 28, 28)] },
  'LSTM classifier': { model: () => new Classifier(), inputs: (n) => [torch.randint(0, 20, [n, 9])] },
};

describe('networks', () => {
  it.each(Object.keys(NETWORKS))('%s', async (name) => {
    torch.manualSeed(3);
    const { model, inputs, ...check } = NETWORKS[name]!;
    expect(await checkDynamic(model(), inputs, check)).toBeNull();
  });

  const python = process.env['PYTHON'] ?? 'python3';
  const checker = (() => {
    try {
      execFileSync(python, ['-c', 'import onnx'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  })();
  it.skipIf(!checker)("ONNX's own checker takes them", () => {
    const files = Object.values(NETWORKS).flatMap(({ model, inputs }, i) => [17, 20, 23].map((opsetVersion) => {
      const path = join(folder, `${i}-${opsetVersion}.onnx`);
      torch.onnx.export(model(), inputs(2), path, { inputNames: ['x'], dynamicAxes: { x: [0] }, opsetVersion });
      return path;
    }));
    execFileSync(python, ['-c', 'import onnx, sys\nfor path in sys.argv[1:]: onnx.checker.check_model(onnx.load(path), full_check=True)', ...files], { stdio: 'pipe' });
  });
});

describe('the file', () => {
  it("has PyTorch's names", () => {
    const model = new ResNet8();
    const { graph, irVersion, opset } = readModel(torch.onnx.export(model, torch.rand(1, 3, 32, 32), { inputNames: ['image'], outputNames: ['logits'], dynamicAxes: { image: { 0: 'batch' } } }));
    expect([irVersion, opset]).toEqual([9, 20]);
    const names = graph.nodes.map((n) => n.name);
    for (const name of ['/conv1/Conv', '/Relu', '/layer2/layer2.0/conv1/Conv', '/layer2/layer2.0/shortcut/shortcut.0/Conv', '/layer2/layer2.0/relu/Relu', '/layer2/layer2.0/relu/Relu_1', '/layer2/layer2.0/Add', '/fc/Gemm']) expect(names).toContain(name);
    const used = [...weightsOf(model).keys()].filter((name) => !name.endsWith('num_batches_tracked'));
    // In the order of the module's parameters, then its buffers; constants come after them.
    expect(graph.initializers.map((t) => t.name)).toEqual(used);
    expect(graph.inputs).toEqual([{ name: 'image', type: 1, shape: ['batch', 3, 32, 32] }]);
    expect(graph.outputs).toEqual([{ name: 'logits', type: 1, shape: ['batch', 10] }]);
    // The batch is nowhere a number: x.view(x.size(0), -1) copies it.
    expect(graph.nodes.find((n) => n.opType === 'Reshape')).toBeDefined();
  });

  it('is written where it is asked for, and its bytes are returned', () => {
    const path = join(folder, 'model.onnx');
    const bytes = torch.onnx.export(new nn.Linear(2, 3), torch.rand(1, 2), path);
    expect(readFileSync(path).equals(Buffer.from(bytes))).toBe(true);
  });

  it('leaves weights out, or takes them as defaults', async () => {
    const model = new nn.Linear(2, 3);
    const x = torch.rand(4, 2);
    const bare = readModel(torch.onnx.export(model, x, { exportParams: false }));
    expect([bare.graph.inputs.map((i) => i.name), bare.graph.initializers]).toEqual([['input', 'weight', 'bias'], []]);
    const bytes = torch.onnx.export(model, x, { keepInitializersAsInputs: true });
    const { graph } = readModel(bytes);
    expect([graph.inputs.map((i) => i.name), graph.initializers.map((t) => t.name)]).toEqual([['input', 'weight', 'bias'], ['weight', 'bias']]);
    const session = await Session.load(bytes);
    expect(difference(await session.run({ input: x }), [model(x)])).toBeNull();
    await session.close();
  });

  it('has what is computed from weights alone as a constant, unless told otherwise', () => {
    class Tied extends nn.Module {
      weight = new nn.Parameter(torch.randn(3, 3));
      override forward(x: Tensor): Tensor {
        return x.matmul(this.weight.matmul(this.weight).softmax(0));
      }
    }
    const types = (options: torch.onnx.ExportOptions): string[] => readModel(torch.onnx.export(new Tied(), torch.rand(2, 3), options)).graph.nodes.map((n) => n.opType).filter((t) => t !== 'Constant');
    expect(types({})).toEqual(['MatMul']);
    expect(types({ doConstantFolding: false })).toEqual(['MatMul', 'Softmax', 'MatMul']);
    expect(types({ exportParams: false })).toEqual(['MatMul', 'Softmax', 'MatMul']);
  });

  it('is of the model in eval mode, which is put back module by module', () => {
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Dropout(0.5), new nn.BatchNorm1d(2));
    model.at(2).eval();
    const before = [...model.parameters(), ...model.buffers()].map((t) => String(t.tolistSync()));
    const { graph } = readModel(torch.onnx.export(model, torch.rand(4, 2)));
    expect(graph.nodes.map((n) => n.opType)).toEqual(['Gemm', 'BatchNormalization']);
    expect(model.modules().map((m) => m.training)).toEqual([true, true, true, false]);
    expect([...model.parameters(), ...model.buffers()].map((t) => String(t.tolistSync()))).toEqual(before);
    expect(() => torch.onnx.export(model, torch.rand(4, 3))).toThrow(torch.ShapeError);
    expect(model.modules().map((m) => m.training)).toEqual([true, true, true, false]);
  });

  it('is the same whether or not forward has run before, and what forward keeps stays', () => {
    class Cached extends nn.Module {
      table: Tensor | null = null;
      override forward(x: Tensor): Tensor {
        this.table ??= torch.arange(3).exp();
        return x.mul(this.table);
      }
    }
    const model = new Cached();
    const [x, options] = [torch.rand(1, 3), { dynamicAxes: { input: [0] } }];
    const first = torch.onnx.export(model, x, options);
    expect(torch.onnx.export(model, x, options)).toEqual(first);
    expect(model(x).shape).toEqual([1, 3]);
  });
});

/** A function at other sizes of its only input than it was exported at, along one axis. */
async function follows(fn: (x: Tensor) => unknown, shape: number[], axis: number, sizes: number[]): Promise<void> {
  const session = await Session.load(torch.onnx.export(fn, torch.randn(...shape), { inputNames: ['x'], dynamicAxes: { x: { [axis]: 'n' } } }));
  for (const n of sizes) {
    const x = torch.randn(...shape.map((s, d) => (d === axis ? n : s)));
    expect(difference(await session.run({ x }), [fn(x)].flat() as Tensor[]), `n = ${n}`).toBeNull();
  }
  await session.close();
}

describe('sizes that follow an axis', () => {
  const cases: Record<string, [(x: Tensor) => unknown, number[], number]> = {
    'view(x.shape[0], -1)': [(x) => x.view(x.shape[0]!, -1), [2, 3, 4], 0],
    'a product of sizes': [(x) => x.reshape(x.shape[0]! * x.shape[1]!, 2, 2), [2, 3, 4], 0],
    'two dynamic sizes in a reshape': [(x) => x.unsqueeze(2).mul(x.unsqueeze(1)).reshape(2, 2 * x.shape[1]!, x.shape[1]!), [4, 3], 1],
    'zeros, ones and full': [(x) => torch.cat([x, torch.zeros(x.shape[0]!, 1), torch.ones([x.shape[0]!, 2]), torch.full([x.shape[0]!, 1], 7)], 1), [3, 4], 0],
    'arange': [(x) => x.add(torch.arange(x.shape[0]!).unsqueeze(1)), [3, 4], 0],
    'a triangular mask': [(x) => x.maskedFill(torch.ones(x.shape[0]!, x.shape[0]!, { dtype: torch.bool }).triu(1), -1), [3, 3].slice(0, 1).concat(1), 0],
    'division by a size': [(x) => x.sum(0).div(x.shape[0]!).mul(Math.sqrt(x.shape[0]!)).add(1 / x.shape[0]!), [3, 4], 0],
    'mean and variance': [(x) => [x.mean(), x.var(0), x.std(), x.mean(0)], [3, 4], 0],
    'slices from the end': [(x) => [x.at('1:'), x.at(':-1'), x.at(-1), x.at(`${x.shape[0]! - 2}:`), x.narrow(0, 1, x.shape[0]! - 1)], [4, 3], 0],
    'expand and repeat': [(x) => [torch.arange(3).float().unsqueeze(0).expand(x.shape[0]!, 3), x.repeat(2, 1), torch.ones(1, 2).repeat(x.shape[0]!, 1)], [4, 3], 0],
    'split with a dynamic half': [(x) => x.split([x.shape[0]! / 2, x.shape[0]! / 2]), [4, 3], 0],
    'sort along the axis': [(x) => [...x.sort(0)], [4, 3], 0],
    'writes in place': [(x) => { const y = torch.zeros(x.shape[0]!, 4); y.setAt([':', '1:3'], x); y.at(':', 0).add_(x.sum(1)); return y.mul_(2); }, [3, 2], 0],
    'adaptive pooling to 1 of any size': [(x) => F.adaptiveAvgPool1d(x, 1), [2, 3, 8], 2],
    'a scaler before a model, and back': [(x) => { const s = new torch.datasets.StandardScaler(); s.fit(torch.arange(12).float().view(3, 4).square()); return [s.transform(x), s.inverseTransform(x)]; }, [3, 4], 0],
    'a convolution of any length, flattened': [(x) => F.conv1d(x, torch.ones(2, 3, 3), null, 2).flatten(1), [2, 3, 8], 2],
  };
  it.each(Object.keys(cases))('%s', async (name) => {
    const [fn, shape, axis] = cases[name]!;
    if (name === 'a triangular mask') return follows((x) => fn(x.expand(-1, x.shape[0]!)), shape, axis, [2, 5]);
    await follows(fn, shape, axis, axis === 2 ? [5, 11] : [2, 6]);
  });

  it('two axes of two inputs', async () => {
    const fn = (a: Tensor, b: Tensor): Tensor => a.matmul(b.transpose(0, 1)).reshape(a.shape[0]! * b.shape[0]!).div(b.shape[0]!);
    const session = await Session.load(torch.onnx.export(fn, [torch.rand(2, 3), torch.rand(2, 3)], { inputNames: ['a', 'b'], dynamicShapes: [{ 0: 'rows' }, ['columns', null]] }));
    const [a, b] = [torch.rand(4, 3), torch.rand(5, 3)];
    expect(difference(await session.run({ a, b }), [fn(a, b)])).toBeNull();
    await session.close();
  });
});

describe('views and writes in place', () => {
  const cases: Record<string, (x: Tensor) => unknown> = {
    'a write through views is seen by their base': (x) => { const y = x.clone(); y.at(1).transpose(0, 1).at(0).add_(5); return y; },
    'a write to the base is seen by its views': (x) => { const y = x.clone(); const [v, w] = [y.view(-1), y.at(0)]; y.mul_(3); return [v, w.t()]; },
    'an inplace activation changes its input': (x) => { const y = x.clone(); const z = F.relu(y, true); return y.add(z); },
    'a fill, a copy and a step': (x) => { const y = x.clone(); y.at(':', '0:1').fill_(2); y.at('...', '::2').copy_(torch.ones(1)); y.at(0).zero_(); return y; },
    'unbind and split': (x) => { const y = x.clone(); y.unbind(1)[1]!.neg_(); y.split(2, 2)[1]!.add_(1); return y; },
    'index tensors': (x) => { const y = x.clone(); y.setAt([':', torch.tensor([0, 2])], 4); return [y, y.at(torch.tensor([1, 0]), ':', torch.tensor([2, 1]))]; },
    'the input itself': (x) => x.add_(1).mul(torch.full([1], NaN).isnan()),
    'a mask': (x) => { const y = x.clone(); y.setAt(y.gt(0), 0); return y; },
  };
  it.each(Object.keys(cases))('%s', async (name) => {
    const fn = cases[name]!;
    const x = torch.randn(2, 3, 4);
    const before = String(x);
    const session = await Session.load(torch.onnx.export(fn, x, { dynamicAxes: { input: [0] } }));
    expect(String(x)).toBe(before);
    expect(difference(await session.run({ input: x }), [fn(x.clone())].flat() as Tensor[])).toBeNull();
    await session.close();
  });
});

describe('what is refused says what, where, and what to do', () => {
  const x = torch.randn(4, 3);
  const dynamic = { dynamicAxes: { input: { 0: 'batch' } } };
  class Inner extends nn.Module {
    override forward(t: Tensor): Tensor {
      return torch.linalg.inv(t.matmul(t.t()));
    }
  }
  class Outer extends nn.Module {
    blocks = new nn.ModuleList([new Inner()]);
    override forward(t: Tensor): Tensor {
      return (this.blocks.at(0) as Loose)(t);
    }
  }
  const cases: Record<string, [fn: Loose, options: torch.onnx.ExportOptions, name: string, message: RegExp]> = {
    'an op without a form': [new Outer(), {}, 'UnsupportedOperatorError', /^onnx\.export: inv in blocks\.0 \(Inner\) has no form in ONNX here; write it/],
    'a loop over the batch': [(t: Tensor) => torch.stack(Array.from({ length: t.shape[0]! }, (_, i) => t.at(i).mul(2))), dynamic, 'SymbolicValueError', /'batch'.*loop/],
    'a branch on a size': [(t: Tensor) => (t.shape[0]! > 4 ? t.exp() : t.sin()), dynamic, 'SymbolicValueError', /calls exp instead of sin/],
    'a tensor made from a size': [(t: Tensor) => t.add(torch.tensor([t.shape[0]!])), dynamic, 'SymbolicValueError', /plain numbers.*torch\.arange/],
    'a size that nothing explains': [(t: Tensor) => t.sum(0).repeat(Math.ceil(Math.sqrt(t.shape[0]! * 100)), 1), dynamic, 'SymbolicValueError', /in a way that cannot be told/],
    'an attribute that follows a size': [(t: Tensor) => F.layerNorm(t.t().matmul(t.matmul(t.t())), [t.shape[0]!]), dynamic, 'SymbolicValueError', /layer_norm/],
    'a value that is read': [(t: Tensor) => t.mul(t.sum().itemSync()), {}, 'OnnxExporterError', /^onnx\.export: forward uses the values of a tensor.*torch\.where/],
    'a comparison of tensors': [(t: Tensor) => (torch.equal(t, t) ? t : t.neg()), {}, 'OnnxExporterError', /equal/],
    'a result whose size depends on values': [(t: Tensor) => t.maskedSelect(t.gt(0)), {}, 'UnsupportedOperatorError', /masked_select.*size depends on the values.*torch\.where/],
    'dropout that drops': [(t: Tensor) => F.dropout(t), {}, 'UnsupportedOperatorError', /training/],
    'an async forward': [async (t: Tensor) => t, {}, 'OnnxExporterError', /async/],
    'no tensor': [() => 3, {}, 'OnnxExporterError', /no tensor/],
    'an unknown option': [(t: Tensor) => t, { dynamo: true } as never, 'ArgumentError', /unexpected option 'dynamo'/],
    'an opset': [(t: Tensor) => t, { opsetVersion: 11 }, 'ValueError', /17 to 23/],
    'an axis of nothing': [(t: Tensor) => t, { dynamicAxes: { y: [0] } }, 'ArgumentError', /'y', which is no input \(input\)/],
    'an axis that is not there': [(t: Tensor) => t, { dynamicAxes: { input: [2] } }, 'ArgumentError', /axis 2 of 'input'/],
    'too many names': [(t: Tensor) => t, { inputNames: ['a', 'b'] }, 'ArgumentError', /2 names/],
    'the name of a parameter': [new nn.Linear(3, 3), { outputNames: ['bias'] }, 'ArgumentError', /'bias' names .* parameter/],
    'one name twice': [(t: Tensor) => t, { outputNames: ['input'] }, 'ArgumentError', /input and an output/],
  };
  it.each(Object.keys(cases))('%s', (name) => {
    const [fn, options, kind, message] = cases[name]!;
    let error: Error | null = null;
    try {
      torch.onnx.export(fn, x, options);
    } catch (e) {
      error = e as Error;
    }
    expect(error?.message).toMatch(message);
    expect(error?.name).toBe(kind);
    // A refusal leaves no recorder behind: values can be read again.
    expect(x.sum().itemSync()).toEqual(expect.any(Number));
  });
});

it('inputs by name, outputs in structures, and inputs that are outputs', async () => {
  class Net extends nn.Module {
    fc = new nn.Linear(3, 2);
    override forward(x: Tensor, { scale, shift = null }: { scale: Tensor; shift?: Tensor | null }): Loose {
      const y = this.fc(x).mul(scale);
      return { y: shift ? y.add(shift) : y, more: [x, this.fc.weight, y], constant: torch.ones(2) };
    }
  }
  const model = new Net();
  const [x, scale] = [torch.rand(2, 3), torch.rand(2)];
  const bytes = torch.onnx.export(model, x, { kwargs: { scale }, outputNames: ['y'] });
  const session = await Session.load(bytes);
  expect(session.session.inputNames).toEqual(['input_0', 'scale']);
  expect(session.session.outputNames).toEqual(['y', 'output_1', 'output_2', 'output_3', 'output_4']);
  const y = model(x, { scale }).y as Tensor;
  expect(difference(await session.run({ input_0: x, scale }), [y, x, model.fc.weight, y, torch.ones(2)])).toBeNull();
  await session.close();
});

