// What must print the same text in every runtime: random numbers, a network that learns, and what training leaves behind.
import * as torch from 'cresset';
import { Linear, Sequential, Tanh } from 'cresset/nn';
import * as F from 'cresset/nn/functional';
import { Adam } from 'cresset/optim';
import { CosineAnnealingLR } from 'cresset/optim/lr_scheduler';
import { DataLoader, TensorDataset } from 'cresset/utils/data';
import { makeMoons } from 'cresset/datasets';

await torch.init();
torch.manualSeed(42);
torch.setPrintoptions({ precision: 8 });
const [X, y] = makeMoons(96, { noise: 0.05, randomState: 7 });
const [x, target] = [X.to(torch.float32), y.to(torch.float32).unsqueeze(1)];
const model = new Sequential(new Linear(2, 16), new Tanh(), new Linear(16, 16), new Tanh(), new Linear(16, 1));
const optimizer = new Adam(model.parameters(), { lr: 0.05 });
const schedule = new CosineAnnealingLR(optimizer, 60);
const loader = new DataLoader(new TensorDataset(x, target), { batchSize: 32, shuffle: true });
for (let epoch = 0; epoch < 60; epoch++) {
  let last;
  for (const [a, b] of loader) {
    last = F.binaryCrossEntropyWithLogits(model(a), b);
    optimizer.zeroGrad();
    last.backward();
    optimizer.step();
  }
  schedule.step();
  if (epoch % 15 === 14) console.log(`epoch ${epoch} loss ${await last.item()} lr ${schedule.getLastLr()}`);
}
console.log(String(model));
console.log(String(optimizer));
console.log(String(model.at(0).weight));
console.log(String(model.at(2).weight.grad.matmul(torch.randn(16, 3))));
console.log(String(torch.linspace(-4, 4, 9).exp()), String(torch.randn(5, { dtype: torch.float64 }).softmax(0)));
const wide = torch.randn(65, 70);
console.log(String(wide.matmul(wide.t()).std()), new Linear(2, 1) instanceof torch.nn.Linear);
