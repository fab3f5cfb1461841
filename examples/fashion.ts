// NeuralNetwork for FashionMNIST: Flatten, 784-512-512-10, Softmax(1), argmax, namedParameters; layer walk-through; then a short training run.
import * as torch from 'cresset';
import { io, nn, plot, type Tensor } from 'cresset';
import { DataLoader, TensorDataset } from 'cresset/utils/data';
import { start } from './lib/device.js';
import { host } from './lib/host.js';
import { fixed, print, save } from './lib/python.js';

const seed = Number(host.args[0] ?? 42);
const root = host.args[1] ?? host.images();
const device = await start();

class NeuralNetwork extends nn.Module {
  flatten = new nn.Flatten();
  linear_relu_stack = new nn.Sequential(
    new nn.Linear(28 * 28, 512),
    new nn.ReLU(),
    new nn.Linear(512, 512),
    new nn.ReLU(),
    new nn.Linear(512, 10),
    new nn.ReLU(),
  );
  override forward(x: Tensor): Tensor {
    x = this.flatten(x);
    return this.linear_relu_stack(x);
  }
}

torch.manualSeed(seed);
const model = new NeuralNetwork();
print(model);
const X = torch.rand(1, 28, 28);
let logits = model(X);
const pred_probab = new nn.Softmax({ dim: 1 })(logits);
const y_pred = pred_probab.argmax(1);
print(pred_probab);
print(`Predicted class: ${y_pred}`);
const input_image = torch.rand(3, 28, 28);
print(input_image.size());
const flat_image = new nn.Flatten()(input_image);
print(flat_image.size());
const layer1 = new nn.Linear({ inFeatures: 28 * 28, outFeatures: 20 });
let hidden1 = layer1(flat_image);
print(hidden1.size());
print(`Before ReLU: ${hidden1}\n\n`);
hidden1 = new nn.ReLU()(hidden1);
print(`After ReLU: ${hidden1}`);
const seq_modules = new nn.Sequential(new nn.Flatten(), layer1, new nn.ReLU(), new nn.Linear(20, 10));
logits = seq_modules(input_image);
print(logits);
print('Model structure: ', model, '\n\n');
for (const [name, param] of model.namedParameters()) print(`Layer: ${name} | Size: ${param.size()} | Values: ${param.at(':2')} \n`);

const idx = (name: string): Promise<Tensor> => io.readIdx(`${root}/${name}-ubyte.gz`);
const [xi, yi] = [await idx('train-images-idx3'), (await idx('train-labels-idx1')).long()];
const [xt, yt] = [await idx('t10k-images-idx3'), (await idx('t10k-labels-idx1')).long()];
const ds = new TensorDataset(xi.at(':6000').float().div(255), yi.at(':6000'));
const dl = new DataLoader(ds, { batchSize: 64, shuffle: true });
torch.manualSeed(seed);
const net = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 512), new nn.ReLU(), new nn.Linear(512, 512), new nn.ReLU(), new nn.Linear(512, 10));
net.to(device);
const loss_fn = new nn.CrossEntropyLoss();
const opt = new torch.optim.SGD(net.parameters(), { lr: 1e-2, momentum: 0.9 });
const losses: number[] = [];
for (let epoch = 0; epoch < 2; epoch++) {
  let tot = 0;
  let i = 0;
  for await (const [xb, yb] of dl) {
    await torch.scope(async () => {
      const loss = loss_fn(net(xb.to(device)), yb.to(device));
      opt.zeroGrad();
      loss.backward();
      opt.step();
      tot += Number(await loss.item());
      losses.push(Number(await loss.item()));
      if (i % 20 === 0) print(`epoch ${epoch} batch ${i} loss ${fixed(losses.at(-1)!, 4)} labels`, await yb.at(':8').tolist());
    });
    i++;
  }
  print(`epoch ${epoch} mean ${fixed(tot / dl.length, 3)}`);
}
await net.cpu();
const predicted = torch.noGrad(() => net(xt.float().div(255)).argmax(1));
print(`test acc ${fixed(Number(await predicted.eq(yt).float().mean().item()), 3)}`);

const classes = ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'];
const sample = xt.at(':25');
const [said, real] = [(await predicted.at(':25').tolist()) as number[], (await yt.at(':25').tolist()) as number[]];
const labels = said.map((k, i) => (k === real[i] ? classes[k]! : `${classes[k]!}\n(${classes[real[i]!]!})`));
await save('fashion', 'images', await plot.images(sample, { labels, right: said.map((k, i) => k === real[i]) }));
await save('fashion', 'loss', plot.lines({ loss: losses }, { xlabel: 'batch', ylabel: 'loss' }));
const probabilities = torch.noGrad(() => net(sample.at(':1').float().div(255)).softmax(1).squeeze(0));
const bars = plot.bars(classes, probabilities, { ylabel: 'probability', highlight: classes[said[0]!]!, title: 'first test image' });
await save('fashion', 'probabilities', bars);
