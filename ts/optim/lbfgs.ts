/** @module */
import { enableGrad, noGrad } from '../autograd-mode.js';
import { cpu } from '../device.js';
import { float32 } from '../dtype.js';
import { cat, stack, zeros } from '../generated/torch.js';
import { ArgumentError, ValueError } from '../errors.js';
import { keep } from '../runtime/scope.js';
import { gradsOf, isTensor, type Tensor } from '../tensor.js';
import { bind, type Given } from './options.js';
import { type Closure, type Hyper, type Loss, Optimizer, type ParameterState, scalarOf } from './optimizer.js';
import { type Ask, type Point, read, strongWolfe } from './strong_wolfe.js';
import { learningRate, rule } from './validate.js';

/** Options of {@link LBFGS}. */
export interface LBFGSOptions {
  /** Learning rate (default 1). */
  lr?: Hyper;
  /** Iterations in one step (default 20). */
  maxIter?: number;
  /** Evaluations in one step (default null: `maxIter * 1.25`). */
  maxEval?: number | null;
  /** Ends a step when no gradient is larger (default 1e-7). */
  toleranceGrad?: number;
  /** Ends a step when loss or parameters change by no more (default 1e-9). */
  toleranceChange?: number;
  /** How many updates are remembered (default 100). */
  historySize?: number;
  /** `strong_wolfe`, or null for steps of fixed length (default null). */
  lineSearchFn?: 'strong_wolfe' | null;
}

const DEFAULTS = {
  lr: 1 as Hyper,
  maxIter: 20,
  maxEval: null as number | null,
  toleranceGrad: 1e-7,
  toleranceChange: 1e-9,
  historySize: 100,
  lineSearchFn: null as 'strong_wolfe' | null,
};

/** What is remembered from step to step: kept under the first parameter, where PyTorch has it too. */
interface Memory {
  func_evals: number;
  n_iter: number;
  d: Tensor | null;
  t: number;
  old_dirs: Tensor[];
  old_stps: Tensor[];
  ro: number[];
  H_diag: number;
  prev_flat_grad: Tensor | null;
  prev_loss: number;
}

/**
 * L-BFGS, after minFunc (https://www.cs.ubc.ca/~schmidtm/Software/minFunc.html). One group only; needs a closure, which
 * it calls several times a step.
 *
 * PyTorch: `torch.optim.LBFGS`.
 * @example
 * const optimizer = new optim.LBFGS(model.parameters(), { lineSearchFn: 'strong_wolfe' });
 * const loss = optimizer.step(() => {
 *   optimizer.zeroGrad();
 *   const loss = lossFn(model(x), y);
 *   loss.backward();
 *   return loss;
 * });
 */
export class LBFGS extends Optimizer {
  constructor(
    ...args: Given<
      [lr: Hyper, maxIter: number, maxEval: number | null, toleranceGrad: number, toleranceChange: number, historySize: number, lineSearchFn: 'strong_wolfe' | null],
      LBFGSOptions
    >
  ) {
    const names = ['lr', 'maxIter', 'maxEval', 'toleranceGrad', 'toleranceChange', 'historySize', 'lineSearchFn'] as const;
    const { params, options: o } = bind('LBFGS', DEFAULTS, names, args);
    learningRate(o.lr);
    super(params, { ...o, maxEval: o.maxEval ?? Math.floor((o.maxIter * 5) / 4) });
    rule(this.paramGroups.length === 1, "LBFGS doesn't support per-parameter options (parameter groups)");
  }

  override step(): never;
  override step<R extends Loss>(closure: Closure<Promise<R>>): Promise<R>;
  override step<R extends Loss>(closure: Closure<R>): R;
  override step<R extends Loss>(closure?: Closure<R | Promise<R>>): R | Promise<R> {
    if (closure === undefined) throw new ArgumentError('LBFGS.step() needs a closure that evaluates the model and returns the loss');
    this.before();
    return drive(this.#run<R>(), () => enableGrad(closure), () => this.after());
  }

  protected update(): never {
    throw new ArgumentError('LBFGS.step() needs a closure that evaluates the model and returns the loss');
  }

  get #params(): Tensor[] {
    return this.paramGroups[0]!.params;
  }

  /** The gradients of all parameters in one vector. */
  #gather(): Tensor {
    const grads = gradsOf(this.#params);
    const views = this.#params.map((p, i) => grads[i]?.reshape([-1]) ?? zeros([p.numel()], { dtype: p.dtype }));
    const flat = cat(views);
    for (const t of [...grads, ...views]) t?.dispose();
    return keep(flat);
  }

  /** Moves the parameters by `t` along the vector `d`. */
  #move(t: number, d: Tensor): void {
    let offset = 0;
    for (const p of this.#params) {
      const n = p.numel();
      const part = d.narrow(0, offset, n);
      const change = part.view([...p.shape]);
      p.add_(change, { alpha: t });
      change.dispose();
      part.dispose();
      offset += n;
    }
  }

  /** Loss and gradient at `t` along `d` from the parameters as they are, which stay as they are. */
  *#evaluate(start: readonly Tensor[], t: number, d: Tensor): Generator<Ask, Point, unknown> {
    this.#move(t, d);
    const loss = (yield 'loss') as Loss;
    const grad = this.#gather();
    this.#params.forEach((p, i) => p.copy_(start[i]!));
    const [largest, slope, value] = (yield* read(largestOf(grad), grad.dot(d), ...valueOf(loss))) as [number, number, number?];
    return { loss: value ?? Number(loss), grad, largest, slope };
  }

  #memory(): Memory {
    const first = this.#params[0]!;
    const fresh = { func_evals: 0, n_iter: 0, d: null, t: 0, old_dirs: [], old_stps: [], ro: [], H_diag: 1, prev_flat_grad: null, prev_loss: 0 };
    const state: ParameterState = { ...fresh, ...this.state.get(first) };
    // PyTorch's dicts hold some of these numbers as 0-d tensors.
    for (const key of ['t', 'H_diag', 'prev_loss']) state[key] = isTensor(state[key]) ? scalarOf(state[key]) : (state[key] ?? 0);
    state['ro'] = ((state['ro'] as Hyper[] | null) ?? []).map(scalarOf);
    delete state['al'];
    this.state.set(first, state);
    return state as unknown as Memory;
  }

  /** One step. Yields what only the caller can do: evaluating the closure, and reading a tensor, which may be asynchronous. */
  *#run<R extends Loss>(): Generator<Ask, R, unknown> {
    const o = this.paramGroups[0] as unknown as Required<LBFGSOptions> & { maxEval: number };
    const lr = scalarOf(o.lr);
    if (o.lineSearchFn !== null && o.lineSearchFn !== 'strong_wolfe') throw new ValueError("only 'strong_wolfe' is supported");
    const m = this.#memory();

    const original = (yield 'loss') as R;
    let evaluations = 1;
    m.func_evals++;
    let grad = this.#gather();
    const total = m.n_iter === 0 ? [sizeOf(grad)] : [];
    const [size, ...others] = (yield* read(largestOf(grad), ...total, ...valueOf(original))) as [number, ...number[]];
    const norm1 = total.length > 0 ? others.shift()! : 0;
    let loss = others[0] ?? Number(original);
    let largest = size;
    let optimal = largest <= o.toleranceGrad;
    const round = rounding(grad);
    for (let n = 1; n <= o.maxIter && !optimal; n++) {
      m.n_iter++;
      const d = yield* direction(m, grad, o.historySize);
      if (m.prev_flat_grad) m.prev_flat_grad.copy_(grad);
      else m.prev_flat_grad = keep(grad.clone());
      m.prev_loss = loss;
      m.t = m.n_iter === 1 ? Math.min(1, round(1 / norm1)) * lr : lr;

      const [slope, reach] = (yield* read(grad.dot(d), largestOf(d))) as [number, number];
      if (slope > -o.toleranceChange) break;
      let used = 0;
      if (o.lineSearchFn !== null) {
        const start = this.#params.map((p) => p.clone());
        const from = { loss, grad, largest, slope };
        const found = yield* strongWolfe((t) => this.#evaluate(start, t, d), m.t, reach, from, o.maxEval - evaluations);
        start.forEach((p) => p.dispose());
        ({ loss, t: m.t, largest, evaluations: used } = found);
        if (found.grad !== grad) grad.dispose();
        grad = found.grad;
        this.#move(m.t, d);
        optimal = largest <= o.toleranceGrad;
      } else {
        this.#move(m.t, d);
        // After the last iteration nothing needs the new loss, which for minibatches would be another one anyway.
        if (n !== o.maxIter) {
          const next = (yield 'loss') as Loss;
          grad.dispose();
          grad = this.#gather();
          const [size, value] = (yield* read(largestOf(grad), ...valueOf(next))) as [number, number?];
          [largest, loss] = [size, value ?? Number(next)];
          optimal = largest <= o.toleranceGrad;
          used = 1;
        }
      }
      evaluations += used;
      m.func_evals += used;
      if (n === o.maxIter || evaluations >= o.maxEval || optimal) break;
      // The greatest element of `d * t`: rounding keeps the order.
      const change = round(reach * round(Math.abs(m.t)));
      if (change <= o.toleranceChange || Math.abs(loss - m.prev_loss) < o.toleranceChange) break;
    }
    grad.dispose();
    return original;
  }
}

/** The quasi-Newton direction from the gradient and the remembered updates; becomes `m.d`. */
function* direction(m: Memory, grad: Tensor, historySize: number): Generator<Ask, Tensor, unknown> {
  const last = m.d;
  if (m.n_iter === 1 || last === null || m.prev_flat_grad === null) {
    m.old_dirs = [];
    m.old_stps = [];
    m.ro = [];
    m.H_diag = 1;
    return (m.d = keep(grad.neg()));
  }
  const round = rounding(grad);
  const y = keep(grad.sub(m.prev_flat_grad));
  const s = keep(last.mul(m.t));
  const [ys, yy] = (yield* read(y.dot(s), y.dot(y))) as [number, number];
  if (ys > 1e-10) {
    if (m.old_dirs.length === historySize) {
      m.old_dirs.shift()!.dispose();
      m.old_stps.shift()!.dispose();
      m.ro.shift();
    }
    m.old_dirs.push(y);
    m.old_stps.push(s);
    m.ro.push(round(1 / ys));
    m.H_diag = round(ys / yy);
  } else {
    y.dispose();
    s.dispose();
  }
  // The two loops of L-BFGS (Nocedal and Wright, algorithm 7.4) on one buffer. Their products stay tensors, for which nobody waits: alpha is
  // `ro * sq`, beta `ro * yq`.
  const q = keep(grad.neg());
  const sq: Tensor[] = [];
  for (let i = m.old_dirs.length - 1; i >= 0; i--) {
    sq[i] = keep(m.old_stps[i]!.dot(q));
    q.addcmul_(m.old_dirs[i]!, sq[i]!, { value: -m.ro[i]! });
  }
  q.mul_(m.H_diag);
  for (let i = 0; i < m.old_dirs.length; i++) {
    const yq = m.old_dirs[i]!.dot(q);
    const rest = sq[i]!.sub(yq);
    q.addcmul_(m.old_stps[i]!, rest, { value: m.ro[i]! });
    for (const t of [yq, rest, sq[i]!]) t.dispose();
  }
  last.dispose();
  return (m.d = q);
}

/** Rounds as PyTorch does, which keeps the scalars of the method in tensors of the gradient's dtype. */
function rounding(grad: Tensor): (x: number) => number {
  return grad.dtype === float32 ? Math.fround : (x) => x;
}

/** A loss as what is read of it, if it is no number; it stays the caller's. */
function valueOf(loss: Loss): Tensor[] {
  if (!isTensor(loss)) return [];
  const plain = loss.detach();
  const one = plain.reshape([]);
  plain.dispose();
  return [one];
}

/** `x.abs().max()` */
function largestOf(x: Tensor): Tensor {
  const size = x.abs();
  const max = size.max();
  size.dispose();
  return max;
}

/** `x.abs().sum()` */
function sizeOf(x: Tensor): Tensor {
  const size = x.abs();
  const sum = size.sum();
  size.dispose();
  return sum;
}

/** Runs a step to its end; synchronously as long as the closure is synchronous and the parameters are on the CPU. */
function drive<R extends Loss>(run: Generator<Ask, R, unknown>, closure: () => Loss | Promise<Loss>, after: () => void): R | Promise<R> {
  let answer: unknown;
  for (;;) {
    const { done, value } = noGrad(() => run.next(answer));
    if (done) {
      after();
      return value;
    }
    if (value === 'loss') {
      const loss = closure();
      if (loss instanceof Promise) return driveAsync(run, closure, after, loss);
      answer = loss;
    } else {
      if (value.some((t) => t.device !== cpu)) return driveAsync(run, closure, after, taken(value));
      answer = value.map((t) => Number(t.itemSync()));
      value.forEach((t) => t.dispose());
    }
  }
}

/** The numbers that tensors hold, which go; in one read where they are on a GPU. */
async function taken(list: readonly Tensor[]): Promise<number[]> {
  if (list.some((t) => t.device !== list[0]!.device)) return Promise.all(list.map(async (t) => (await taken([t]))[0]!));
  const all = stack(list);
  list.forEach((t) => t.dispose());
  const numbers = (await all.tolist()) as number[];
  all.dispose();
  return numbers;
}

async function driveAsync<R extends Loss>(
  run: Generator<Ask, R, unknown>,
  closure: () => Loss | Promise<Loss>,
  after: () => void,
  first: Promise<unknown>,
): Promise<R> {
  let answer: unknown = await first;
  for (;;) {
    const { done, value } = noGrad(() => run.next(answer));
    if (done) {
      after();
      return value;
    }
    answer = await (value === 'loss' ? closure() : taken(value));
  }
}
