// What a call costs when there is next to nothing to compute.
import { mlp } from './layers.mjs';
import { notSlower } from './targets.mjs';

const overhead = (name, row) => ({ name, group: 'overheads', kind: 'op', targets: [notSlower], ...row });

const CHAIN = 50; // twice as many operations
/** Not linear, or a compiler could see through it. */
const chained = (x, mul, sin) => {
  let y = x;
  for (let i = 0; i < CHAIN; i++) y = sin(mul(y));
  return y;
};

export const overheads = [
  overhead('add of 3 elements', {
    inputs: { a: [3], b: [3] },
    sides: {
      cresset: (torch, { a, b }) => () => a.add(b), 'tfjs-wasm': (tf, { a, b }) => () => tf.add(a, b), 'jax-js': () => (a, b) => a.add(b),
      'js-pytorch': (torch, { a, b }) => () => a.add(b), pytorch: 'a + b',
    },
  }),
  overhead('add of 3 elements, with grad', {
    inputs: { a: [3], b: [3] }, grad: true,
    sides: {
      cresset: (torch, { a, b }) => {
        a.requiresGrad_();
        return () => a.add(b);
      },
      'js-pytorch': (torch, { a, b }) => () => a.add(b), pytorch: 'a.requires_grad_() => a + b',
    },
  }),
  overhead('chain of 100 small ops, forward and backward', {
    // WGSL allows sin an absolute error of 2^-11 (https://www.w3.org/TR/WGSL/#floating-point-accuracy), here fifty times over.
    inputs: { x: [32] }, grad: true, coarse: 0.02,
    sides: {
      cresset: (torch, { x }) => {
        x.requiresGrad_();
        return {
          body: () => {
            x.grad = null;
            chained(x, (y) => y.mul(1.01), (y) => y.sin()).sum().backward();
          },
          result: () => x.grad,
        };
      },
      'tfjs-wasm': (tf, { x }) => {
        const gradient = tf.grad((t) => tf.sum(chained(t, (y) => tf.mul(y, 1.01), (y) => tf.sin(y))));
        return () => gradient(x);
      },
      'jax-js': ({ grad, numpy }) => grad((x) => numpy.sum(chained(x, (y) => y.mul(1.01), (y) => numpy.sin(y)))),
      pytorch: `
x.requires_grad_()
def step():
    x.grad = None
    y = x
    for _ in range(${CHAIN}):
        y = (y * 1.01).sin()
    y.sum().backward()
    return x.grad
=> step()`,
    },
  }),
  overhead('zeroGrad and step of 20 parameters, Adam', {
    compared: [], grad: true,
    sides: {
      cresset: ({ nn, optim, randn, zeros }) => {
        const parameters = Array.from({ length: 20 }, () => new nn.Parameter(randn(32, 32)));
        for (const p of parameters) p.grad = zeros(32, 32);
        const optimizer = new optim.Adam(parameters);
        return () => {
          optimizer.zeroGrad(false);
          optimizer.step();
        };
      },
      pytorch: `
parameters = [nn.Parameter(torch.randn(32, 32)) for _ in range(20)]
for p in parameters: p.grad = torch.zeros(32, 32)
optimizer = torch.optim.Adam(parameters)
=> (optimizer.zero_grad(set_to_none=False), optimizer.step())[1]`,
    },
  }),
  { name: 'module call at batch 1, MLP 8-8-1', group: 'overheads', kind: 'network', layers: mlp(8, 8, 1), input: [1, 8], targets: [notSlower] },
  overhead('await item()', {
    inputs: { x: [1] }, awaited: true, compared: [],
    sides: { cresset: (torch, { x }) => () => x.item(), 'tfjs-wasm': (tf, { x }) => () => x.data(), pytorch: 'x.item()' },
  }),
];
