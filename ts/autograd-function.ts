/**
 * `torch.autograd.Function`: differentiable functions of one's own.
 * @module
 */
import { share } from './autograd-core.js';
import { ArgumentError, AutogradError, NotImplementedError } from './errors.js';
import { isGradEnabled, noGrad } from './autograd-mode.js';
import { op, wrapHandle } from './runtime/call.js';
import { dispose } from './runtime/handle.js';
import { addRemote } from './runtime/remotes.js';
import { isTensor, Tensor } from './tensor.js';

/** What `forward` leaves for `backward`. PyTorch: `torch.autograd.function.FunctionCtx`. */
export interface FunctionContext {
  /** Keeps tensors for backward: inputs or outputs. Everything else may be put on the context as a property. */
  saveForBackward(...tensors: readonly (Tensor | null)[]): void;
  /** The tensors kept, in backward. @throws {@link AutogradError} if one was modified in place since. */
  readonly savedTensors: readonly (Tensor | null)[];
  /** Says that these outputs have no gradient. */
  markNonDifferentiable(...outputs: readonly Tensor[]): void;
  /** Says that these inputs were modified in place. */
  markDirty(...inputs: readonly Tensor[]): void;
  /** Whether missing gradients of outputs arrive as zeros (default) or as null. */
  setMaterializeGrads(value: boolean): void;
  /** For each argument of `apply`, whether its gradient is needed. */
  readonly needsInputGrad: readonly boolean[];
  [key: string]: unknown;
}

type Returned = Tensor | null | undefined | readonly (Tensor | null | undefined)[];

class Context {
  saved: readonly (Tensor | null)[] = [];
  savedTensors: readonly (Tensor | null)[] = [];
  needsInputGrad: readonly boolean[] = [];
  readonly fixed = new Set<Tensor>();
  readonly dirty = new Set<Tensor>();
  materialize = true;

  saveForBackward(...tensors: readonly (Tensor | null)[]): void {
    this.saved = tensors;
  }
  markNonDifferentiable(...outputs: readonly Tensor[]): void {
    for (const t of outputs) this.fixed.add(t);
  }
  markDirty(...inputs: readonly Tensor[]): void {
    for (const t of inputs) this.dirty.add(t);
  }
  setMaterializeGrads(value: boolean): void {
    this.materialize = value;
  }
}

/**
 * A differentiable function of your own: extend it with static `forward` and `backward`, call it with `apply`.
 * PyTorch: `torch.autograd.Function`.
 * @example
 * class Exp extends torch.autograd.Function {
 *   static override forward(ctx: torch.autograd.FunctionContext, x: Tensor) {
 *     const y = x.exp();
 *     ctx.saveForBackward(y);
 *     return y;
 *   }
 *   static override backward(ctx: torch.autograd.FunctionContext, g: Tensor) {
 *     return g.mul(ctx.savedTensors[0]!);
 *   }
 * }
 * const y = Exp.apply(torch.rand(3, { requiresGrad: true }));
 */
export class Function {
  /** Computes the outputs; runs without recording. `ctx` is left out when `setupContext` is defined. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- subclasses name their own arguments
  static forward(..._args: any[]): Tensor | readonly Tensor[] {
    throw new NotImplementedError(`${this.name}: the static method forward is not defined`);
  }

  /** Computes the gradients of the inputs, one for each argument of `apply`, from those of the outputs. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  static backward(_ctx: any, ..._grads: any[]): Returned {
    throw new NotImplementedError(`${this.name}: the static method backward is not defined`);
  }

  /** Optional: fills the context after a `forward` without one. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  static setupContext?: (ctx: any, inputs: any[], output: any) => void;

  /** Runs `forward`, and joins the result to the graph. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what forward returns
  static apply(...args: unknown[]): any {
    const ctx = new Context();
    const inputs = args.filter(isTensor);
    const tracked = isGradEnabled() && inputs.some((t) => t.requiresGrad);
    ctx.needsInputGrad = args.map((a) => isTensor(a) && a.requiresGrad);
    const setup = this.setupContext;
    const result = noGrad(() => {
      const out = setup ? this.forward(...args) : this.forward(ctx, ...args);
      if (setup) setup.call(this, ctx, args, out);
      return out;
    });
    if (!tracked) return result;
    const outs = (isTensor(result) ? [result] : [...result]).map((t) => {
      if (!isTensor(t)) throw new ArgumentError(`${this.name}: forward must return a Tensor or an array of them`);
      // An input returned as it is needs a tensor of its own to carry the new history.
      return inputs.includes(t) && !ctx.dirty.has(t) ? (noGrad(() => op('alias', t)) as Tensor) : t;
    });
    join(this, ctx, args, inputs, outs);
    return isTensor(result) ? outs[0] : outs;
  }
}

/** Joins the outputs of `cls.forward` to the graph. A function, since a private static method refuses subclasses. */
function join(cls: typeof Function, ctx: Context, args: readonly unknown[], inputs: readonly Tensor[], outs: readonly Tensor[]): void {
  const name = `${cls.name}Backward`;
  const saved = ctx.saved.filter((t): t is Tensor => t !== null);
  const slots = ctx.saved.map((t) => t !== null);
  const given = args.map(isTensor);
  const differentiable = outs.filter((t) => !ctx.fixed.has(t));
  const places = outs.map((t) => differentiable.indexOf(t));
  ctx.saved = [];
  // Only counts are captured: the engine holds the tensors, and must be the only one to.
  const [outputs, keeps] = [differentiable.length, saved.length];
  const id = addRemote((words) => {
    const grads = words.slice(0, outputs).map((h) => wrapHandle(h) as Tensor);
    const kept = words.slice(outputs, outputs + keeps).map((h) => wrapHandle(h) as Tensor);
    let next = 0;
    ctx.savedTensors = slots.map((there) => (there ? kept[next++]! : null));
    try {
      return answer(cls.name, cls.backward(ctx, ...places.map((p) => (p < 0 ? null : grads[p]!))), given);
    } finally {
      ctx.savedTensors = [];
      for (const t of kept) dispose(t);
    }
  });
  op('custom_function', name, differentiable, inputs, saved, id);
}

/** Presence and handle of the gradient of each tensor argument. */
function answer(name: string, returned: Returned, given: readonly boolean[]): number[] {
  const all = Array.isArray(returned) ? (returned as readonly (Tensor | null | undefined)[]) : [returned as Tensor | null | undefined];
  const trimmed = all.slice(given.length).every((g) => g === null || g === undefined) ? all.slice(0, given.length) : all;
  if (trimmed.length !== given.length) {
    throw new AutogradError(`${name}: backward returned ${all.length} gradients (expected ${given.length}, one for each argument of apply)`);
  }
  const words: number[] = [];
  for (const [i, g] of trimmed.entries()) {
    if (!given[i]) {
      if (g !== null && g !== undefined) throw new AutogradError(`${name}: backward returned a gradient for argument ${i}, which is not a Tensor`);
    } else if (g === null || g === undefined) words.push(0, 0);
    else if (isTensor(g)) words.push(1, share(g));
    else throw new AutogradError(`${name}: backward must return Tensors or null, not ${typeof g}`);
  }
  return words;
}
