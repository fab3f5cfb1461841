/**
 * Trains a network on FashionMNIST, and shows it: npm start [-- --epochs 3 --lr 0.05 ...]
 *
 * The network is that of PyTorch's quickstart tutorial. Writes the curves, some predictions and the weights to runs/fashion/.
 */
import { parseArgs } from 'node:util';
import * as torch from 'cresset';
import { nn, optim } from 'cresset';
import { FashionMNIST } from 'cresset/datasets';
import { safetensors } from 'cresset/io';
import * as plot from 'cresset/plot';
import { Progress, formatTime } from 'cresset/train';
import { DataLoader } from 'cresset/utils/data';

const HELP = `npm start -- [options]      trains 784-512-512-10 on FashionMNIST

  --epochs N       times through the 60,000 training images (default 4)
  --batch N        images per step (default 128)
  --lr X           learning rate, falling to 0 over the run (default: 0.05 for sgd, 0.001 for the others)
  --optimizer O    sgd (momentum 0.9), adam or adamw (default adam)
  --seed N         seed of the weights and the shuffling (default 42)
  --device D       cpu, or webgpu: the GPU, through WebGPU (default cpu)
  --threads N      threads to compute with (default: as many as there are cores)
  --out FOLDER     where to write (default runs/fashion)
  --help           this text

Ctrl-C ends the training and keeps what was learnt so far.`;

/** Where Debian's dataset-fashion-mnist puts the images; elsewhere they are downloaded into data/. */
const IMAGES = process.env['CRESSET_FASHION_MNIST'] || 'data';

class NeuralNetwork extends nn.Module {
  flatten = new nn.Flatten();
  linear_relu_stack = new nn.Sequential(
    new nn.Linear(28 * 28, 512),
    new nn.ReLU(),
    new nn.Linear(512, 512),
    new nn.ReLU(),
    new nn.Linear(512, 10),
  );

  override forward(x: torch.Tensor): torch.Tensor {
    return this.linear_relu_stack(this.flatten(x));
  }
}

const OPTIMIZERS = {
  sgd: { lr: 0.05, make: (model: nn.Module, lr: number) => new optim.SGD(model.parameters(), { lr, momentum: 0.9 }) },
  adam: { lr: 0.001, make: (model: nn.Module, lr: number) => new optim.Adam(model.parameters(), { lr }) },
  adamw: { lr: 0.001, make: (model: nn.Module, lr: number) => new optim.AdamW(model.parameters(), { lr }) },
};

/** A wrong flag: told in a sentence, not a stack. */
class UsageError extends Error {}

function readFlags() {
  const text = { type: 'string' } as const;
  let values;
  try {
    ({ values } = parseArgs({
      options: { epochs: text, batch: text, lr: text, optimizer: text, seed: text, device: text, threads: text, out: text, help: { type: 'boolean' } },
    }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const number = (name: keyof typeof values, fallback: number, allowed: (x: number) => boolean, what: string): number => {
    const given = values[name];
    const x = given === undefined ? fallback : Number(given);
    if (given === '' || !allowed(x)) throw new UsageError(`--${name} ${String(given)}: it must be ${what}`);
    return x;
  };
  const count = (x: number): boolean => Number.isInteger(x) && x > 0;
  const optimizer = values.optimizer ?? 'adam';
  if (!(optimizer in OPTIMIZERS)) throw new UsageError(`--optimizer ${optimizer}: it must be ${Object.keys(OPTIMIZERS).join(', ')}`);
  const chosen = OPTIMIZERS[optimizer as keyof typeof OPTIMIZERS];
  const device = values.device ?? 'cpu';
  if (!['cpu', 'webgpu'].includes(device)) throw new UsageError(`--device ${device}: it must be cpu or webgpu`);
  return {
    device,
    help: values.help === true,
    epochs: number('epochs', 4, count, 'a whole number from 1'),
    batch: number('batch', 128, count, 'a whole number from 1'),
    lr: number('lr', chosen.lr, (x) => x > 0 && x < Infinity, 'a number above 0'),
    seed: number('seed', 42, Number.isSafeInteger, 'a whole number'),
    threads: values.threads === undefined ? undefined : number('threads', 0, count, 'a whole number from 1'),
    makeOptimizer: chosen.make,
    out: values.out ?? 'runs/fashion',
  };
}

/** The training or the test images; downloaded first if they are nowhere. */
async function load(train: boolean): Promise<FashionMNIST> {
  let bar: Progress | undefined;
  return FashionMNIST.load(IMAGES, {
    train,
    download: true,
    onDownload: (file, loaded, total) => {
      bar ??= new Progress(total ?? 0, { label: file, unit: 'bytes' });
      bar.update(loaded - bar.done);
      if (loaded !== total) return;
      bar.end(`downloaded ${file}`);
      bar = undefined;
    },
  });
}

/** The share of right answers. */
async function test(model: NeuralNetwork, set: FashionMNIST, device: string): Promise<number> {
  model.eval();
  let right = 0;
  await torch.noGrad(async () => {
    for await (const [x, y] of new DataLoader(set, { batchSize: 1000 })) {
      right += await model(x.to(device)).argmax(1).eq(y.to(device)).sum().item();
    }
  });
  model.train();
  return right / set.length;
}

/** The GPU by name, as far as WebGPU tells it. */
async function adapterName(): Promise<string> {
  const { description, vendor, architecture, isFallback } = await torch.webgpu.adapter();
  const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'a GPU without a name';
  return isFallback ? `${name} (computed by the CPU)` : name;
}

async function main(): Promise<void> {
  const flags = readFlags();
  if (flags.help) return console.log(HELP);
  let stopped = false;
  process.on('SIGINT', () => {
    if (stopped) process.exit(130); // the second time: at once
    stopped = true;
  });

  const { device } = flags;
  await torch.init({ device, threads: flags.threads });
  // Images are read and shuffled on the CPU; the network and the batch that it sees are on the device.
  torch.setDefaultDevice('cpu');
  console.log(`training on ${device}${device === 'webgpu' ? `: ${await adapterName()}` : ''}`);
  torch.manualSeed(flags.seed);
  const train = await load(true);
  const held = await load(false);
  const loader = new DataLoader(train, { batchSize: flags.batch, shuffle: true });
  const model = new NeuralNetwork().to(device);
  const lossFn = new nn.CrossEntropyLoss();
  const optimizer = flags.makeOptimizer(model, flags.lr);
  const steps = flags.epochs * loader.length;
  const scheduler = new optim.lrScheduler.LambdaLR(optimizer, (step: number) => 1 - step / steps);
  console.log(String(model));

  const history = { loss: [] as number[], accuracy: [] as number[] };
  const start = performance.now();
  for (let epoch = 1; epoch <= flags.epochs && !stopped; epoch++) {
    const label = `epoch ${epoch}/${flags.epochs}`;
    const bar = new Progress(train.length, { label, unit: 'images' });
    let sum = 0;
    for await (const [x, y] of loader) {
      const loss = lossFn(model(x.to(device)), y.to(device));
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      scheduler.step();

      const value = await loss.item();
      sum += value * x.shape[0]!;
      bar.update(x.shape[0]!, { loss: value });
      if (stopped) break;
    }
    const rate = Math.round(bar.rate).toLocaleString('en');
    const accuracy = await test(model, held, device);
    history.loss.push(sum / bar.done);
    history.accuracy.push(accuracy);
    bar.end();
    console.log(`${label}  train loss ${(sum / bar.done).toFixed(4)}  test accuracy ${(100 * accuracy).toFixed(2)} %  ${rate} images/s`);
  }
  console.log(`${stopped ? 'stopped' : 'trained'} after ${formatTime((performance.now() - start) / 1000)}`);
  await model.cpu();
  await write(model, held, history, flags.out);
}

/** The pictures and the weights. */
async function write(model: NeuralNetwork, held: FashionMNIST, history: { loss: number[]; accuracy: number[] }, out: string): Promise<void> {
  const loss = plot.lines({ train: history.loss }, { title: 'Loss', xlabel: 'epoch', ylabel: 'cross entropy' });
  const accuracy = plot.lines({ test: history.accuracy }, { title: 'Accuracy', xlabel: 'epoch', ylabel: 'share of right answers' });
  await plot.row(loss, accuracy).save(`${out}/curves.svg`);

  const shown = 30;
  model.eval();
  const predicted = await torch.noGrad(() => model(held.data.narrow(0, 0, shown).div(255)).argmax(1)).tolist() as number[];
  const truth = await held.targets.narrow(0, 0, shown).tolist() as number[];
  const name = (label: number): string => held.classes[label]!;
  const grid = await plot.images(held.data.narrow(0, 0, shown), {
    title: 'Test images: predicted (true)',
    columns: 6,
    labels: predicted.map((p, i) => (p === truth[i] ? `${name(p)}\n(${name(p)})` : `${name(p)}\n(${name(truth[i]!)})`)),
    right: predicted.map((p, i) => p === truth[i]),
  });
  await grid.save(`${out}/predictions.svg`);

  await safetensors.saveFile(model.stateDict(), `${out}/weights.safetensors`);
  console.log(`wrote ${out}/curves.svg, ${out}/predictions.svg and ${out}/weights.safetensors`);
}

main().catch((error: unknown) => {
  const told = error instanceof UsageError || error instanceof torch.TorchError;
  console.error(told ? `${(error as Error).message}${error instanceof UsageError ? '\nnpm start -- --help tells the options.' : ''}` : error);
  process.exitCode = 1;
});
