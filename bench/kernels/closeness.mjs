// How close results are to PyTorch's: the table of docs/same-numbers.md.
//
//   node bench/kernels/closeness.mjs      (needs a built package, and a Python with torch: PYTHON, or python3)
//
// Both sides draw the same float32 numbers, uniform in [-4, 4), and compute; the bits are compared.
import { execFileSync } from 'node:child_process';
import * as torch from '../../dist/index.js';

const F = torch.nn.functional;
const unary = ['exp', 'tanh', 'erf', 'sin', 'cos', 'log', 'sqrt', 'sigmoid'];

// Name; the shapes of the inputs; the computation here and in Python (of a, b).
const ROWS = [
  ...unary.map((name) => [name, [[1000, 1000]], (a) => torch[name](a), `torch.${name}(a)`]),
  ['softplus', [[1000, 1000]], (a) => F.softplus(a), 'F.softplus(a)'],
  ['gelu', [[1000, 1000]], (a) => F.gelu(a), 'F.gelu(a)'],
  ['sum of rows of 500', [[2000, 500]], (a) => a.sum(1), 'a.sum(1)'],
  ['mean of columns of 500', [[500, 2000]], (a) => a.mean(0), 'a.mean(0)'],
  ['var of rows of 500', [[2000, 500]], (a) => a.var(1), 'a.var(1)'],
  ['softmax of rows of 500', [[2000, 500]], (a) => a.softmax(1), 'a.softmax(1)'],
  ['linear, 64 x 12 to 10', [[64, 12], [10, 12]], (a, b) => F.linear(a, b), 'F.linear(a, b)'],
  ['matmul, 1000 x 1000', [[1000, 1000], [1000, 1000]], (a, b) => a.matmul(b), 'a @ b'],
  ['conv2d, 3 to 8 channels, 3 x 3', [[4, 3, 32, 32], [8, 3, 3, 3]], (a, b) => F.conv2d(a, b), 'F.conv2d(a, b)'],
];

const PYTHON = `
import sys, torch, torch.nn.functional as F
torch.set_num_threads(1)
for shapes, code in ${JSON.stringify(ROWS.map(([, shapes, , code]) => [shapes, code]))}:
    torch.manual_seed(42)
    numbers = [torch.rand(shape) * 8 - 4 for shape in shapes]
    a, b = numbers if len(numbers) == 2 else (numbers[0], None)
    sys.stdout.buffer.write(eval(code).contiguous().numpy().tobytes())
`;
const theirs = execFileSync(process.env['PYTHON'] ?? 'python3', ['-c', PYTHON], { maxBuffer: 2 ** 28 });

/** Neighbours of float32, counted: 0 for equal bits. */
const order = (bits) => (bits < 0 ? -(bits & 0x7fffffff) : bits);

let at = 0;
console.log('| float32 | bits equal | largest difference |\n|---|---|---|');
for (const [name, shapes, compute] of ROWS) {
  torch.manualSeed(42);
  const ours = await compute(...shapes.map((shape) => torch.rand(shape).mul(8).sub(4))).data();
  const want = new Float32Array(theirs.buffer.slice(theirs.byteOffset + at, theirs.byteOffset + (at += 4 * ours.length)));
  const [a, b] = [ours, want].map((x) => new Int32Array(x.buffer, x.byteOffset, x.length));
  let [equal, ulps, error, largest] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i] || (Number.isNaN(ours[i]) && Number.isNaN(want[i]))) {
      equal++;
      continue;
    }
    ulps = Math.max(ulps, Math.abs(order(a[i]) - order(b[i])));
    error = Math.max(error, Math.abs(ours[i] - want[i]));
    largest = Math.max(largest, Math.abs(want[i]));
  }
  const percent = (100 * equal) / a.length;
  const difference = equal === a.length ? '' : ulps < 100 ? `${ulps} ulp` : `${error.toPrecision(1)}, of values up to ${Math.round(largest)}`;
  console.log(`| ${name} | ${equal === a.length ? 'all' : `${percent.toFixed(percent > 99 ? 2 : 0)} %`} | ${difference} |`);
}
