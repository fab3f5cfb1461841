/**
 * `gradcheck` and `gradgradcheck`: analytic gradients against finite differences (torch/autograd/gradcheck.py).
 * @module
 */
import { grad } from './autograd.js';
import { enableGrad } from './autograd-mode.js';
import { float64 } from './dtype.js';
import { ArgumentError, AutogradError } from './errors.js';
import { make } from './runtime/make.js';
import { isTensor, type Tensor } from './tensor.js';

/** Options of {@link gradcheck}, with PyTorch's defaults. */
export interface GradcheckOptions {
  /** Step of the finite differences. Default 1e-6. */
  eps?: number;
  /** Default 1e-5. */
  atol?: number;
  /** Default 1e-3. */
  rtol?: number;
  /** Throw with what differs (default), or return false. */
  raiseException?: boolean;
}

/** Options of {@link gradgradcheck}. */
export interface GradgradcheckOptions extends GradcheckOptions {
  /** Gradients of the outputs; made up when not given. */
  gradOutputs?: readonly Tensor[];
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- functions name their own inputs, tensors or not
type Fn = (...inputs: any[]) => Tensor | readonly Tensor[];

/** The results that have a gradient (gradcheck.py, _differentiable_outputs). */
const differentiable = (out: Tensor | readonly Tensor[]): Tensor[] => (isTensor(out) ? [out] : [...(out as readonly Tensor[])]).filter((t) => t.requiresGrad);

/**
 * Whether the gradients of `fn` agree with finite differences, for every floating-point input that requires grad.
 * Use float64 inputs. PyTorch: `torch.autograd.gradcheck`.
 * @example
 * torch.autograd.gradcheck((x) => x.tanh(), [torch.randn(3, { dtype: torch.float64, requiresGrad: true })]);
 * @throws {@link AutogradError} with the first difference, unless `raiseException` is false.
 */
export function gradcheck(fn: Fn, inputs: Tensor | readonly unknown[], options: GradcheckOptions = {}): boolean {
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3, raiseException = true } = options;
  const given: readonly unknown[] = isTensor(inputs) ? [inputs] : inputs;
  const problem = compare(fn, given, eps, atol, rtol);
  if (problem !== null && raiseException) throw new AutogradError(`gradcheck: ${problem}`);
  return problem === null;
}

function compare(fn: Fn, given: readonly unknown[], eps: number, atol: number, rtol: number): string | null {
  const checked = given.map((x, i) => ({ x, i })).filter((e): e is { x: Tensor; i: number } => isTensor(e.x) && e.x.requiresGrad);
  if (checked.length === 0) throw new ArgumentError('gradcheck expects at least one input tensor that requires grad');
  const call = fn as (...args: unknown[]) => Tensor | readonly Tensor[];
  const outs = enableGrad(() => differentiable(call(...given)));
  for (const [k, out] of outs.entries()) {
    const analytic = analyticJacobian(out, checked.map((e) => e.x));
    for (const [n, { x, i }] of checked.entries()) {
      const numeric = numericJacobian(call, given, i, x, k, eps);
      for (let j = 0; j < x.numel(); j++) {
        for (let o = 0; o < out.numel(); o++) {
          const want = numeric[j]![o]!;
          const got = analytic[n]![o]![j]!;
          if (Math.abs(got - want) <= atol + rtol * Math.abs(want)) continue;
          return `Jacobian mismatch for output ${k} with respect to input ${i}: d out[${o}] / d in[${j}] is numerically ${want}, analytically ${got}`;
        }
      }
    }
  }
  return null;
}

/** For each input, for each element of the output, the gradient. */
function analyticJacobian(out: Tensor, inputs: readonly Tensor[]): Float64Array[][] {
  const rows = inputs.map((): Float64Array[] => []);
  for (let o = 0; o < out.numel(); o++) {
    const one = new Float64Array(out.numel());
    one[o] = 1;
    const cotangent = make('gradcheck', { data: one, shape: out.shape }, out.dtype) as Tensor;
    const grads = grad([out], inputs, { gradOutputs: [cotangent], retainGraph: true, allowUnused: true });
    for (const [n, g] of grads.entries()) {
      rows[n]!.push(g ? Float64Array.from(g.dataSync() as Float64Array) : new Float64Array(inputs[n]!.numel()));
      g?.dispose();
    }
    cotangent.dispose();
  }
  return rows;
}

/** For each element of input `i`, the central difference of output `k`. */
function numericJacobian(call: (...args: unknown[]) => Tensor | readonly Tensor[], given: readonly unknown[], i: number, x: Tensor, k: number, eps: number): Float64Array[] {
  const at = Float64Array.from(x.dataSync() as Float64Array);
  const evaluate = (j: number, by: number): Float64Array => {
    const moved = at.slice();
    moved[j]! += by;
    const t = (make('gradcheck', { data: moved, shape: x.shape }, x.dtype) as Tensor).requiresGrad_();
    const args = given.map((a, n) => (n === i ? t : a));
    // With the graph, for only it tells which results are differentiable.
    const out = enableGrad(() => Float64Array.from(differentiable(call(...args))[k]!.dataSync() as Float64Array));
    t.dispose();
    return out;
  };
  return Array.from(at, (_, j) => {
    const up = evaluate(j, eps);
    const down = evaluate(j, -eps);
    return up.map((v, o) => (v - down[o]!) / (2 * eps));
  });
}

/**
 * Whether second derivatives agree with finite differences: {@link gradcheck} of the gradient of `fn`.
 * PyTorch: `torch.autograd.gradgradcheck`.
 */
export function gradgradcheck(fn: Fn, inputs: Tensor | readonly unknown[], options: GradgradcheckOptions = {}): boolean {
  const given: readonly unknown[] = isTensor(inputs) ? [inputs] : inputs;
  const call = fn as (...args: unknown[]) => Tensor | readonly Tensor[];
  const outs = differentiable(call(...given));
  const cotangents = options.gradOutputs ?? outs.map((t, k) => (make('gradgradcheck', { data: spread(t.numel(), k), shape: t.shape }, float64) as Tensor).to(t.dtype).requiresGrad_());
  const n = given.length;
  const gradient = (...args: unknown[]): Tensor[] => {
    const ins = args.slice(0, n);
    const gs = args.slice(n) as Tensor[];
    return enableGrad(() => {
      const wanted = ins.filter((a, i): a is Tensor => isTensor(a) && isTensor(given[i]) && given[i].requiresGrad).map((t) => (t.requiresGrad ? t : t.requiresGrad_()));
      const used = differentiable(call(...ins)).map((t, i) => ({ t, g: gs[i]! }));
      return grad(used.map((e) => e.t), wanted, { gradOutputs: used.map((e) => e.g), createGraph: true, allowUnused: true }).filter((g): g is Tensor => g !== null);
    });
  };
  return gradcheck(gradient as Fn, [...given, ...cotangents], options);
}

/** Values without structure in [-1, 1], the same every time. */
function spread(n: number, seed: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * (seed + 1)));
}
