// Random fills. PyTorch's numbers from the same seed must be ours; other libraries draw numbers of their own.
import { notSlower } from './targets.mjs';

const N = 1_000_000;
const fill = (name, draw, pytorch, more = {}) => ({
  name: `${name} of a million`, group: 'random', kind: 'op', bytes: 4 * N, inputs: {}, compared: ['pytorch'], tolerance: 1e-6, exported: false, targets: [notSlower],
  sides: {
    cresset: (torch) => {
      torch.manualSeed(0);
      return () => draw(torch);
    },
    pytorch: `torch.manual_seed(0) => ${pytorch}`, ...more,
  },
});

export const random = [
  fill('rand', (torch) => torch.rand(N), `torch.rand(${N})`, {
    'tfjs-wasm': (tf) => () => tf.randomUniform([N]), 'jax-js': ({ random, jit }) => {
      const [key, draw] = [random.key(0), jit((k) => random.uniform(k, [N]))];
      return () => draw(key.ref);
    },
  }),
  fill('randn', (torch) => torch.randn(N), `torch.randn(${N})`, {
    'tfjs-wasm': (tf) => () => tf.randomNormal([N]), 'jax-js': ({ random, jit }) => {
      const [key, draw] = [random.key(0), jit((k) => random.normal(k, [N]))];
      return () => draw(key.ref);
    },
  }),
  fill('bernoulli_(0.9)', (torch) => torch.empty(N).bernoulli_(0.9), `torch.empty(${N}).bernoulli_(0.9)`),
  { ...fill('randint(10)', (torch) => torch.randint(10, [N]), `torch.randint(10, [${N}])`), bytes: 8 * N },
];
