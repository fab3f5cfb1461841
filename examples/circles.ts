// makeCircles / makeMoons, linear vs ReLU network, BCEWithLogitsLoss, SGD lr 0.1; predictions, probabilities, F1; activations tour.
import * as torch from 'cresset';
import { datasets, metrics, nn, plot, type Tensor } from 'cresset';
import { start } from './lib/device.js';
import { host } from './lib/host.js';
import { fixed, numpy, print, save } from './lib/python.js';

const seed = Number(host.args[0] ?? 448);
const device = await start();

type Data = [Tensor, Tensor, Tensor, Tensor];
function prep(X: Tensor, y: Tensor): Data {
  X = X.to(torch.float);
  y = y.to(torch.float);
  return datasets.trainTestSplit(X, y, { testSize: 0.2, randomState: seed }) as Data;
}

type Model = nn.Module & { forward(x: Tensor): Tensor };
type Activation = new () => Model;
function net(act: Activation | null): Model {
  const layers = [new nn.Linear(2, 10), ...(act ? [new act()] : []), new nn.Linear(10, 10), ...(act ? [new act()] : []), new nn.Linear(10, 1)];
  return new nn.Sequential(...layers);
}

async function fit(name: string, model: Model, data: Data, epochs: number, lr = 0.1): Promise<void> {
  const [X_train, X_test, y_train, y_test] = data;
  const [x, y] = [X_train.to(device), y_train.to(device)];
  print(name, X_train.shape[0], X_test.shape[0]);
  print(model);
  model.to(device);
  const lossFn = new nn.BCEWithLogitsLoss();
  const opt = new torch.optim.SGD(model.parameters(), { lr });
  const curve: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    await torch.scope(async () => {
      model.train();
      const logits = model(x).squeeze();
      const loss = lossFn(logits, y);
      opt.zeroGrad();
      loss.backward();
      opt.step();
      if (epoch % 10 === 0) curve.push(Number(await loss.item()));
      if (epoch % 100 === 0) print(`${epoch} ${fixed(curve.at(-1)!, 4)}`);
    });
  }
  await model.cpu();
  model.eval();
  torch.inferenceMode(() => {
    const yLogits = model(X_test);
    const probs = torch.sigmoid(yLogits);
    const labels = torch.round(probs).squeeze();
    print(yLogits.at(':5'));
    print(probs.at(':5'));
    print(labels.at(':5'));
    const acc = Number(labels.eq(y_test).to(torch.float).mean().itemSync());
    print(`acc ${fixed(acc, 4)} f1 ${fixed(metrics.f1(y_test, labels), 4)}`);
  });
  const predict = (points: Tensor): Tensor => torch.inferenceMode(() => torch.round(torch.sigmoid(model(points))).squeeze());
  const title = `${name}: test points`;
  const boundary = await plot.decisionBoundary(X_test, y_test, predict, { title });
  const kind = data === circles ? 'circles' : 'moons';
  await save('circles', `${kind}_${name}`, plot.row(plot.lines({ loss: curve }, { xlabel: 'tens of epochs', ylabel: 'loss' }), boundary));
}

let [X, y] = datasets.makeCircles(1000, { noise: 0.03, randomState: seed });
print(numpy(X.at(':3')), numpy(y.at(':10')));
const circles = prep(X, y);
torch.manualSeed(seed);
await fit('linear', net(null), circles, 300);
await fit('relu', net(nn.ReLU), circles, 800);
[X, y] = datasets.makeMoons(1000, { noise: 0.15, randomState: seed });
const moons = prep(X, y);
for (const act of [nn.ReLU, nn.Tanh, nn.SiLU, nn.GELU, nn.LeakyReLU]) await fit(act.name, net(act), moons, 400);
