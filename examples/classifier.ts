// two-hidden-layer classifier with BCELoss; the list of losses and optimizers it names; mixed activations; a custom quartic loss.
import * as torch from 'cresset';
import { datasets, nn, optim, plot, type Tensor } from 'cresset';
import { start } from './lib/device.js';
import { host } from './lib/host.js';
import { fixed, print, round, save } from './lib/python.js';

const F = nn.functional;
const seed = Number(host.args[0] ?? 42);
const device = await start();
let [X, y] = datasets.makeClassification(100, { nFeatures: 5, nInformative: 3, nRedundant: 1, randomState: seed });
X = X.float();
y = y.float();

class Network extends nn.Module {
  hidden1 = new nn.Linear(5, 8);
  hidden2 = new nn.Linear(8, 4);
  relu = new nn.ReLU();
  output = new nn.Linear(4, 1);
  sigmoid = new nn.Sigmoid();
  override forward(x: Tensor): Tensor {
    return this.sigmoid(this.output(this.relu(this.hidden2(this.relu(this.hidden1(x))))));
  }
}

class Mixed extends nn.Module {
  hidden1 = new nn.Linear(5, 8);
  hidden2 = new nn.Linear(8, 4);
  relu = new nn.ReLU();
  tanh = new nn.Tanh();
  output = new nn.Linear(4, 1);
  sigmoid = new nn.Sigmoid();
  override forward(x: Tensor): Tensor {
    x = this.hidden1(x);
    x = this.relu(x).add(this.tanh(x));
    return this.sigmoid(this.output(this.relu(this.hidden2(x))));
  }
}

torch.manualSeed(seed);
type Model = nn.Module & { forward(x: Tensor): Tensor };
type Criterion = (prediction: Tensor, target: Tensor) => Tensor;
async function train(model: Model, optimizer: optim.Optimizer, criterion: Criterion, epochs: number): Promise<number[]> {
  const losses: number[] = [];
  const [x, target] = [X.to(device), y.to(device)];
  model.to(device);
  for (let i = 0; i < epochs; i++) {
    await torch.scope(async () => {
      optimizer.zeroGrad();
      const out = model.forward(x);
      const loss = criterion(out.view(out.shape[0]!), target);
      losses.push(Number(await loss.item()));
      if (i % Math.max(1, Math.floor(epochs / 5)) === 0) print(`Epoch - ${i + 1}, Loss - ${round(losses.at(-1)!, 3)}`);
      loss.backward();
      optimizer.step();
    });
  }
  await model.cpu();
  return losses;
}

const model = new Network();
print(model);
print(model.forward(X).at(':10'));
print(new nn.BCELoss()(model.forward(X).view(100), y));
await train(model, new optim.SGD(model.parameters(), { lr: 0.1 }), new nn.BCELoss(), 10);
const long = await train(model, new optim.SGD(model.parameters(), { lr: 0.1 }), new nn.BCELoss(), 1000);
const mm = new Mixed();
await train(mm, new optim.SGD(mm.parameters(), { lr: 0.1 }), new nn.BCELoss(), 500);
print(mm(X).at(':3'));
const quartic: Criterion = (p, t) => p.sub(t).pow(4).mean();
const reg = new nn.Sequential(new nn.Linear(5, 8), new nn.ReLU(), new nn.Linear(8, 4), new nn.ReLU(), new nn.Linear(4, 1));
await train(reg, new optim.SGD(reg.parameters(), { lr: 0.05 }), quartic, 500);

const optimizers: Record<string, (p: Iterable<Tensor>) => optim.Optimizer> = {
  SGD: (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true }),
  Adam: (p) => new optim.Adam(p, { lr: 0.01 }),
  AdamW: (p) => new optim.AdamW(p, { lr: 0.01 }),
  Adadelta: (p) => new optim.Adadelta(p),
  Adagrad: (p) => new optim.Adagrad(p),
  RMSprop: (p) => new optim.RMSprop(p),
};
const curves: Record<string, number[]> = {};
for (const [name, make] of Object.entries(optimizers)) {
  // On the device before its optimizer is made: as in PyTorch, Adagrad makes its sums at once, where the parameters are then.
  const m = new Network().to(device);
  print(name);
  curves[name] = await train(m, make(m.parameters()), new nn.BCELoss(), 100);
}

{
  const m = new Network().to(device);
  const [x, target] = [X.to(device), y.to(device)];
  const opt = new optim.LBFGS(m.parameters(), { lr: 0.5 });
  const closure = (): Tensor => {
    opt.zeroGrad();
    const l = new nn.BCELoss()(m(x).view(100), target);
    l.backward();
    return l;
  };
  for (let i = 0; i < 5; i++) {
    // On a GPU the method waits for numbers, and so the program for the step.
    const loss = opt.step(closure) as Tensor | Promise<Tensor>;
    print(`LBFGS ${fixed(Number(await (await loss).item()), 4)}`);
  }
}

{
  // On the CPU: how many rows there are without repetitions is known to who reads them, which a GPU would have to be waited for.
  const emb = new nn.Embedding(20, 4, { sparse: true });
  const rows = torch.tensor([1, 5, 5, 7]);
  const opt = new optim.SparseAdam(emb.parameters(), { lr: 0.1 });
  for (let i = 0; i < 5; i++) {
    opt.zeroGrad();
    const l = emb(rows).sub(1).pow(2).sum();
    l.backward();
    opt.step();
    print(`SparseAdam ${fixed(Number(await l.item()), 4)}`);
  }
}

const [a, b] = [torch.randn(6, 3), torch.randn(6, 3)];
const t = torch.tensor([0, 2, 1, 1, 0, 2]);
print(
  F.binaryCrossEntropy(torch.sigmoid(a), torch.sigmoid(b)),
  F.crossEntropy(a, t),
  F.mseLoss(a, b),
  F.l1Loss(a, b),
  F.smoothL1Loss(a, b),
  F.nllLoss(F.logSoftmax(a, 1), t),
  F.klDiv(F.logSoftmax(a, 1), F.softmax(b, 1), { reduction: 'batchmean' }),
);

await save('classifier', 'loss', plot.lines({ loss: long }, { xlabel: 'epoch', ylabel: 'BCE loss' }));
await save('classifier', 'optimizers', plot.lines(curves, { xlabel: 'epoch', ylabel: 'BCE loss' }));
const probabilities = torch.noGrad(() => model(X).view(100));
const [low, high] = [probabilities.maskedSelect(y.eq(0)), probabilities.maskedSelect(y.eq(1))];
const axis = { xlabel: 'predicted probability', bins: 20 };
await save('classifier', 'probabilities', plot.column(plot.histogram(low, { ...axis, title: 'class 0' }), plot.histogram(high, { ...axis, title: 'class 1' })));
