import type { Around } from './programs.js';

const DATA: Around = Object.fromEntries(
  ['BatchSampler', 'DataLoader', 'Dataset', 'defaultCollate', 'IterableDataset', 'randomSplit', 'SequentialSampler', 'StackDataset', 'Subset', 'TensorDataset', 'WeightedRandomSampler'].map(
    (name) => [name, `import { ${name} } from 'cresset/utils/data';`],
  ),
);

/** What the pages say once and then use: imports. */
export const ON_PAGES: Around = DATA;

/**
 * What examples in doc comments take for granted: a model, an optimizer, some data. By file, `''` for all; an entry that
 * begins with `let` or `import` is that statement.
 */
export const AROUND: Readonly<Record<string, Around>> = {
  '': {
    batches: '10',
    dataset: 'new TensorDataset(x, y)',
    embedding: 'new nn.Embedding(10, 3)',
    epoch: '0',
    i: '0',
    images: 'torch.rand(12, 1, 8, 8)',
    labels: '[...Array(12).keys()].map((k) => k % 3)',
    loader: 'new DataLoader(new TensorDataset(x, y), { batchSize: 2 })',
    loss: 'lossFn(model(x), y)',
    lossFn: 'new nn.MSELoss()',
    matrices: '[model.weight]',
    model: 'new nn.Linear(3, 2)',
    optimizer: 'new optim.SGD(model.parameters(), { lr: 0.1 })',
    other: 'torch.zeros(2)',
    safetensors: 'torch.io.safetensors',
    metrics: 'torch.metrics',
    plot: 'torch.plot',
    scheduler: 'new optim.lrScheduler.StepLR(optimizer, 1)',
    trainOneEpoch: '() => optimizer.step()',
    validationLoss: '0.5',
    captions: 'torch.arange(12)',
    logits: 'torch.rand(12, 3)',
    names: "['a', 'b', 'c']",
    prediction: 'model(x)',
    target: 'torch.rand(12, 2)',
    x: 'torch.rand(12, 3)',
    xTest: 'torch.rand(4, 3)',
    xTrain: 'torch.rand(8, 3)',
    y: 'torch.rand(12, 2)',
    ...DATA,
  },
  'ts/data/dataset.ts': { images: 'new TensorDataset(x)', captions: 'new TensorDataset(y)' },
  'ts/data/loader.ts': { train: '(..._: Tensor[]) => undefined' },
  'ts/data/sampler.ts': { count: '[4, 4, 4]' },
  'ts/datasets/split.ts': { y: 'torch.arange(12)' },
  'ts/nn/attention.ts': { x: 'torch.rand(2, 5, 16)' },
  'ts/nn/containers.ts': { x: 'torch.rand(3, 4)' },
  'ts/nn/functional.ts': { a: 'torch.rand(2, 3)', p: 'torch.rand(2, 3)', n: 'torch.rand(2, 3)' },
  'ts/nn/loss_classification.ts': { labels: 'torch.arange(12).remainder(3)', target: 'torch.rand(12, 3)' },
  'ts/nn/parameter_containers.ts': { x: 'torch.rand(3, 5)' },
  'ts/optim/lr_scheduler/composite.ts': {
    decay: 'new optim.lrScheduler.ExponentialLR(optimizer, 0.9)',
    warmup: 'new optim.lrScheduler.LinearLR(optimizer)',
  },
  'ts/plot/images.ts': { names: 'Array.from({ length: 25 }, (_, k) => String(k))', test: '{ data: torch.rand(30, 8, 8) }' },
  'ts/plot/scatter.ts': { X: 'torch.rand(12, 2)', y: 'torch.arange(12).remainder(2)', model: 'new nn.Linear(2, 1)' },
  'ts/runtime/scope.ts': { best: 'let best: Tensor;' },
  'ts/train/progress.ts': { loader: 'new DataLoader(new TensorDataset(torch.rand(12, 3), torch.rand(12, 2)))', loss: '0.5', mean: '0.5', dataset: '[...Array(12).keys()]' },
  'ts/train/summary.ts': { model: 'new nn.Linear(28, 2)' },
  'ts/webgpu.ts': { step: '() => torch.ones(2)' },
};

/** Files whose examples read files that are not here: their types are checked, and they are not run. */
export const NOT_RUN: ReadonlySet<string> = new Set(['ts/datasets/mnist.ts', 'ts/io/idx.ts', 'ts/io/safetensors.ts', 'ts/runtime/load.ts']);

/** Files whose examples have to do with a GPU: they are run in the engine that has one, where dist/ holds it. */
export const ON_GPU: ReadonlySet<string> = new Set(['ts/accelerators.ts', 'ts/device.ts', 'ts/webgpu.ts']);
