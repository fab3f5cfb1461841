// Celsius/Fahrenheit regression: Linear, own loss, MSELoss, Sequential with names, inspecting parameters and grads.
import * as torch from 'cresset';
import { nn, optim, plot, type Tensor } from 'cresset';
import { start } from './lib/device.js';
import { host } from './lib/host.js';
import { fixed, print, save } from './lib/python.js';

const seed = Number(host.args[0] ?? 42);
const device = await start();
torch.setPrintoptions({ edgeitems: 2, linewidth: 75 });
torch.manualSeed(seed);

const t_c = torch.tensor([0.5, 14.0, 15.0, 28.0, 11.0, 8.0, 3.0, -4.0, 6.0, 13.0, 21.0]).unsqueeze(1);
const t_u = torch.tensor([35.7, 55.9, 58.2, 81.9, 56.3, 48.9, 33.9, 21.8, 48.4, 60.4, 68.4]).unsqueeze(1);
print(t_u.shape);
const n_samples = t_u.shape[0]!;
const n_val = Math.trunc(0.2 * n_samples);
const shuffled = torch.randperm(n_samples);
const [train_idx, val_idx] = [shuffled.at(`:-${n_val}`), shuffled.at(`-${n_val}:`)];
print(train_idx, val_idx);
const [tu, tc, vu, vc] = [t_u.at(train_idx), t_c.at(train_idx), t_u.at(val_idx), t_c.at(val_idx)];
const [tun, vun] = [tu.mul(0.1), vu.mul(0.1)];

const linear_model = new nn.Linear(1, 1);
print(linear_model(vun));
print(linear_model.weight);
print(linear_model.bias);
print(linear_model(torch.ones(1)));
print(linear_model(torch.ones(10, 1)));
print([...linear_model.parameters()]);

type Model = nn.Module & { forward(x: Tensor): Tensor };
type LossFn = (prediction: Tensor, target: Tensor) => Tensor;

async function training_loop(n_epochs: number, optimizer: optim.Optimizer, model: Model, loss_fn: LossFn, name: string): Promise<void> {
  const curves = { training: [] as number[], validation: [] as number[] };
  const [x, y, x_val, y_val] = [tun, tc, vun, vc].map((t) => t.to(device)) as [Tensor, Tensor, Tensor, Tensor];
  model.to(device);
  for (let epoch = 1; epoch <= n_epochs; epoch++) {
    await torch.scope(async () => {
      const p = model(x);
      const loss = loss_fn(p, y);
      const pv = model(x_val);
      const lv = loss_fn(pv, y_val);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      if (epoch % 50 === 0) {
        curves.training.push(Number(await loss.item()));
        curves.validation.push(Number(await lv.item()));
      }
      if (epoch === 1 || epoch % 1000 === 0) {
        print(`Epoch ${epoch}, Training loss ${fixed(Number(await loss.item()), 4)}, Validation loss ${fixed(Number(await lv.item()), 4)}`);
      }
    });
  }
  await model.cpu();
  const grid = torch.arange(20, 90).unsqueeze(1);
  const line = torch.noGrad(() => model(grid.mul(0.1)));
  const data = plot.scatter(t_u.squeeze(1), t_c.squeeze(1), {
    line: { x: grid.squeeze(1), y: line.squeeze(1) },
    xlabel: 'measurement',
    ylabel: 'temperature, °C',
    title: name,
  });
  await save('temperature', name, plot.row(plot.lines(curves, { xlabel: 'fifties of epochs', ylabel: 'loss', log: true }), data));
}

const my_loss: LossFn = (p, c) => p.sub(c).pow(2).mean();
for (const [name, fn] of [['own_loss', my_loss], ['mse_loss', new nn.MSELoss()]] as [string, LossFn][]) {
  const m = new nn.Linear(1, 1);
  await training_loop(3000, new optim.SGD(m.parameters(), { lr: 1e-2 }), m, fn, name);
  print(m.weight);
  print(m.bias);
}

let seq: nn.Sequential = new nn.Sequential(new nn.Linear(1, 13), new nn.Tanh(), new nn.Linear(13, 1));
print(seq);
print([...seq.parameters()].map((p) => p.shape));
for (const [n, p] of seq.namedParameters()) print(n, p.shape);

const [hidden_linear, output_linear] = [new nn.Linear(1, 8), new nn.Linear(8, 1)];
seq = new nn.Sequential({ hidden_linear, hidden_activation: new nn.Tanh(), output_linear });
print(seq);
for (const [n, p] of seq.namedParameters()) print(n, p.shape);
print(output_linear.bias);
await training_loop(5000, new optim.SGD(seq.parameters(), { lr: 1e-3 }), seq, new nn.MSELoss(), 'tanh_8');
print('output', seq(vun));
print('answer', vc);
print('hidden', hidden_linear.weight.grad);
const t_range = torch.arange(20, 90, { dtype: torch.float }).unsqueeze(1);
print(seq(t_range.mul(0.1)).detach().at('::10'));

seq = new nn.Sequential({ hidden_linear: new nn.Linear(1, 20), hidden_activation: new nn.Tanh(), output_linear: new nn.Linear(20, 1) });
await training_loop(5000, new optim.SGD(seq.parameters(), { lr: 1e-4 }), seq, new nn.MSELoss(), 'tanh_20');
