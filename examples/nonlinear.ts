// linear model, deeper linear model, ReLU model on a 12-feature binary problem; BCEWithLogitsLoss + SGD, accuracy per epoch.
import * as torch from 'cresset';
import { datasets, nn, plot, type Tensor } from 'cresset';
import { start } from './lib/device.js';
import { host } from './lib/host.js';
import { fixed, print, save } from './lib/python.js';

const seed = Number(host.args[0] ?? 42);
const device = await start();

const [X, y] = datasets.makeClassification(500, { nFeatures: 12, nInformative: 5, nRedundant: 2, nClustersPerClass: 2, randomState: seed });
const split = datasets.trainTestSplit(X, y, { testSize: 0.2, randomState: seed });
const [X_train, X_test, y_train, y_test] = split.map((a) => a.to(torch.float)) as [Tensor, Tensor, Tensor, Tensor];
print(X_train.at(':2'));
print(y_train.at(':10'));
const [x, x_test, y_true, y_true_test] = [X_train, X_test, y_train, y_test].map((t) => t.to(device)) as [Tensor, Tensor, Tensor, Tensor];

type Model = nn.Module & { forward(x: Tensor): Tensor };
class LinearModel extends nn.Module {
  layer_1 = new nn.Linear({ inFeatures: 12, outFeatures: 5 });
  layer_2 = new nn.Linear({ inFeatures: 5, outFeatures: 1 });
  override forward(x: Tensor): Tensor {
    return this.layer_2(this.layer_1(x));
  }
}

async function computeAccuracy(yTrue: Tensor, yLogits: Tensor): Promise<number> {
  const yPred = torch.round(torch.sigmoid(yLogits));
  return (await torch.eq(yTrue, yPred).sum().item()) / yPred.shape[0]! * 100;
}

async function run(model: Model, name: string): Promise<void> {
  print(model);
  model.to(device);
  const lossFn = new nn.BCEWithLogitsLoss();
  const optimizer = new torch.optim.SGD({ params: model.parameters(), lr: 0.01 });
  const curves = { train: [] as number[], test: [] as number[] };
  const accuracies = { train: [] as number[], test: [] as number[] };
  for (let epoch = 0; epoch < 1000; epoch++) {
    await torch.scope(async () => {
      model.train();
      const yLogits = model(x).squeeze();
      const loss = lossFn(yLogits, y_true);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      if (epoch % 10 !== 0) return;
      model.eval();
      const [testLogits, testLoss] = torch.inferenceMode(() => {
        const testLogits = model(x_test).squeeze();
        return [testLogits, lossFn(testLogits, y_true_test)] as const;
      });
      const [train, test] = [Number(await loss.item()), Number(await testLoss.item())];
      const [acc, testAcc] = [await computeAccuracy(y_true, yLogits), await computeAccuracy(y_true_test, testLogits)];
      if (epoch % 100 === 0) {
        print(`Epoch: ${epoch}, Loss: ${fixed(train, 5)}, Accuracy: ${fixed(acc, 2)}% | Test loss: ${fixed(test, 5)}, Test acc: ${fixed(testAcc, 2)}%`);
      }
      curves.train.push(train);
      curves.test.push(test);
      accuracies.train.push(acc);
      accuracies.test.push(testAcc);
    });
  }
  const xlabel = 'tens of epochs';
  await save('nonlinear', name, plot.row(plot.lines(curves, { ylabel: 'loss', xlabel }), plot.lines(accuracies, { ylabel: 'accuracy, %', xlabel })));
}

torch.manualSeed(seed);
await run(new LinearModel(), 'linear');
await run(new nn.Sequential(new nn.Linear(12, 5), new nn.Linear(5, 1)), 'sequential');
await run(new nn.Sequential(new nn.Linear({ inFeatures: 12, outFeatures: 20 }), new nn.Linear(20, 20), new nn.Linear(20, 1)), 'deeper');
await run(new nn.Sequential(new nn.Linear(12, 5), new nn.ReLU(), new nn.Linear(5, 1)), 'relu');
await run(new nn.Sequential(new nn.Linear(12, 5), new nn.Tanh(), new nn.Linear(5, 5), new nn.ELU(), new nn.Linear(5, 1)), 'tanh_elu');
