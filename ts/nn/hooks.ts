/**
 * Hooks around a module's forward and backward.
 * @module
 */
import { Function as AutogradFunction } from '../autograd.js';
import { ArgumentError } from '../errors.js';
import { Tensor } from '../tensor.js';
import type { Module } from './module.js';
import { pyType } from './python.js';

/** Runs before `forward`; may return the arguments to use instead (an array, or the only argument). */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as free as the arguments of forward
export type ForwardPreHook = (module: Module, args: any[]) => unknown;
/** Runs after `forward`; may return the output to use instead. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as free as the arguments and result of forward
export type ForwardHook = (module: Module, args: any[], output: any) => unknown;
/** Runs when the gradients of the inputs are known; may return gradients of the inputs to use instead. */
export type BackwardHook = (
  module: Module,
  gradInput: (Tensor | null)[],
  gradOutput: (Tensor | null)[],
) => readonly (Tensor | null)[] | Tensor | null | undefined | void;
/** Runs when the gradients of the outputs are known; may return gradients of the outputs to use instead. */
export type BackwardPreHook = (
  module: Module,
  gradOutput: (Tensor | null)[],
) => readonly (Tensor | null)[] | Tensor | null | undefined | void;

/** Takes a hook away again. PyTorch: `torch.utils.hooks.RemovableHandle`. */
export class RemovableHandle {
  #remove: (() => void) | null;

  /** @internal */
  constructor(remove: () => void) {
    this.#remove = remove;
  }

  /** Removes the hook. A second call does nothing. */
  remove(): void {
    this.#remove?.();
    this.#remove = null;
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

/** The hooks of one kind, in the order in which they run. */
export class HookList<T> {
  #hooks: { readonly hook: T; readonly always: boolean }[] = [];

  get size(): number {
    return this.#hooks.length;
  }

  add(hook: T, options: { readonly prepend?: boolean; readonly alwaysCall?: boolean }): RemovableHandle {
    if (typeof hook !== 'function') throw new ArgumentError(`a hook must be a function, got: ${pyType(hook)}`);
    const entry = { hook, always: options.alwaysCall ?? false };
    if (options.prepend) this.#hooks.unshift(entry);
    else this.#hooks.push(entry);
    return new RemovableHandle(() => {
      this.#hooks = this.#hooks.filter((h) => h !== entry);
    });
  }

  /** The hooks as they are now: one that removes itself or adds others does not disturb the round. */
  list(): T[] {
    return this.#hooks.map((h) => h.hook);
  }

  /** Those that run even when forward threw. */
  always(): T[] {
    return this.#hooks.filter((h) => h.always).map((h) => h.hook);
  }
}

/** All hooks of a module. Made when the first one is registered. */
export class Hooks {
  readonly forwardPre = new HookList<ForwardPreHook>();
  readonly forward = new HookList<ForwardHook>();
  readonly backwardPre = new HookList<BackwardPreHook>();
  readonly backward = new HookList<BackwardHook>();
}

/** Calls `module.forward` with its hooks around it, in the order of PyTorch's `Module._call_impl`. */
export function callWithHooks(module: Module, hooks: Hooks, args: unknown[]): unknown {
  let output: unknown;
  const called = new Set<ForwardHook>();
  try {
    for (const hook of hooks.forwardPre.list()) {
      const result = hook(module, args);
      if (result !== undefined && result !== null) args = Array.isArray(result) ? (result as unknown[]) : [result];
    }
    const watch = hooks.backward.size || hooks.backwardPre.size ? new BackwardWatch(module, hooks) : null;
    if (watch) args = watch.inputs(args);
    output = module.forward(...args);
    for (const hook of hooks.forward.list()) {
      called.add(hook);
      const result = hook(module, args, output);
      if (result !== undefined && result !== null) output = result;
    }
    return watch ? watch.outputs(output) : output;
  } catch (error) {
    for (const hook of hooks.forward.always()) if (!called.has(hook)) hook(module, args, output ?? null);
    throw error;
  }
}

/** Passes its tensors through and tells `seen` the gradients on their way back. */
class BackwardHookFunction extends AutogradFunction {
  static override forward(ctx: { seen?: Seen }, seen: Seen, ...tensors: Tensor[]): Tensor[] {
    ctx.seen = seen;
    return tensors.map((t) => t.viewAs(t));
  }

  static override backward(ctx: { seen?: Seen }, ...grads: (Tensor | null)[]): (Tensor | null)[] {
    return [null, ...ctx.seen!(grads)];
  }
}
type Seen = (grads: (Tensor | null)[]) => readonly (Tensor | null)[];

/** One call of a module with backward hooks: an identity node before it and one behind it. */
class BackwardWatch {
  readonly #module: Module;
  readonly #hooks: Hooks;
  #gradOutput: (Tensor | null)[] | null = null;
  #inputs = 0;
  #watchesInputs = false;

  constructor(module: Module, hooks: Hooks) {
    this.#module = module;
    this.#hooks = hooks;
  }

  inputs(args: unknown[]): unknown[] {
    this.#inputs = args.length;
    const at = args.flatMap((a, i) => (a instanceof Tensor ? [i] : []));
    this.#watchesInputs = at.some((i) => (args[i] as Tensor).requiresGrad);
    if (!this.#watchesInputs) return args;
    const through = BackwardHookFunction.apply(
      (grads: (Tensor | null)[]) => {
        const all = new Array<Tensor | null>(this.#inputs).fill(null);
        at.forEach((i, k) => (all[i] = grads[k] ?? null));
        const result = this.#run(all);
        return at.map((i) => result[i] ?? null);
      },
      ...at.map((i) => args[i]),
    ) as Tensor[];
    const out = [...args];
    at.forEach((i, k) => (out[i] = through[k]));
    return out;
  }

  outputs(output: unknown): unknown {
    const list: unknown[] = Array.isArray(output) ? output : [output];
    const at = list.flatMap((a, i) => (a instanceof Tensor ? [i] : []));
    if (!at.some((i) => (list[i] as Tensor).requiresGrad)) return output;
    const through = BackwardHookFunction.apply(
      (grads: (Tensor | null)[]) => {
        let all = new Array<Tensor | null>(list.length).fill(null);
        at.forEach((i, k) => (all[i] = grads[k] ?? null));
        for (const hook of this.#hooks.backwardPre.list()) {
          const result = hook(this.#module, all);
          if (result) all = this.#replaced(result, all.length, 'grad_output');
        }
        this.#gradOutput = all;
        // Where no input wants a gradient nothing comes after this node: the hooks run now.
        if (!this.#watchesInputs) this.#run(new Array<Tensor | null>(this.#inputs).fill(null));
        return at.map((i) => all[i] ?? null);
      },
      ...at.map((i) => list[i]),
    ) as Tensor[];
    if (!Array.isArray(output)) return through[0];
    const out = [...list];
    at.forEach((i, k) => (out[i] = through[k]));
    return out;
  }

  #run(gradInput: (Tensor | null)[]): (Tensor | null)[] {
    for (const hook of this.#hooks.backward.list()) {
      const result = hook(this.#module, gradInput, this.#gradOutput ?? []);
      if (result) gradInput = this.#replaced(result, gradInput.length, 'grad_input');
    }
    return gradInput;
  }

  #replaced(result: readonly (Tensor | null)[] | Tensor, want: number, what: string): (Tensor | null)[] {
    const list = result instanceof Tensor ? [result] : [...result];
    if (list.length === want) return list;
    throw new ArgumentError(
      `Backward hook returned an invalid number of ${what}, got ${list.length}, but expected ${want}`,
    );
  }
}
