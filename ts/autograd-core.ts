/**
 * What Tensor itself needs of autograd: nodes, backward, hooks. The functions of `torch.autograd` are in autograd.ts.
 * @module
 */
import { ArgumentError } from './errors.js';
import { op, wrapHandle } from './runtime/call.js';
import { handleOf, isHandle, isLive } from './runtime/handle.js';
import { addRemote, dropRemote } from './runtime/remotes.js';
import { checked, engine, message, run } from './runtime/wasm.js';
import type { Tensor } from './tensor.js';
import { shown } from './runtime/console.js';

/** A node of the graph: what computed a tensor. PyTorch: `torch.autograd.graph.Node`. */
export class GradFn {
  /** PyTorch's name: `'AddBackward0'`. */
  readonly name: string;
  /** The nodes that the gradients of its inputs go to, null for inputs that need none. */
  readonly nextFunctions: readonly (GradFn | null)[];

  private constructor(name: string, next: readonly (GradFn | null)[]) {
    this.name = name;
    this.nextFunctions = next;
  }

  /** @internal The node of a tensor. */
  static of(t: Tensor): GradFn | null {
    const name = text(0, t);
    if (name === null) return null;
    const next = text(1, t) ?? '';
    return new GradFn(name, next === '' ? [] : next.split('\n').map((n) => (n === '' ? null : new GradFn(n, []))));
  }

  toString(): string {
    return `<${this.name}>`;
  }

  static {
    shown(this.prototype);
  }
}

function text(what: number, t: Tensor): string | null {
  const handle = handleOf(t);
  return run((wasm) => wasm.text(what, handle)) === 1 ? message(engine()) : null;
}

/** Options that backward has in all its forms. */
export interface GraphOptions {
  retainGraph?: boolean | null;
  createGraph?: boolean;
  inputs?: Tensor | readonly Tensor[] | null;
}

/** Runs backward from several tensors. */
export function runBackward(tensors: readonly Tensor[], grads: readonly (Tensor | null)[], o: GraphOptions): void {
  const create = o.createGraph ?? false;
  const inputs = o.inputs === undefined || o.inputs === null ? [] : isHandle(o.inputs) ? [o.inputs] : o.inputs;
  if (o.inputs !== undefined && o.inputs !== null && (inputs as readonly Tensor[]).length === 0) {
    throw new ArgumentError("backward: 'inputs' cannot be empty");
  }
  op('backward', tensors, grads, o.retainGraph ?? create, create, inputs);
}

// --- functions the engine calls -------------------------------------------------------------------------------------

/** A second handle to the same tensor, for the engine to own. */
export function share(t: Tensor): number {
  const handle = handleOf(t);
  return checked((wasm) => wasm.retain(handle));
}

/** What {@link Tensor.registerHook} returns. PyTorch: `torch.utils.hooks.RemovableHandle`. */
export interface HookHandle {
  /** Ends the hook. */
  remove(): void;
}

/** Registers a hook on the gradient of `t`. */
export function addHook(t: Tensor, hook: (grad: Tensor) => Tensor | null | undefined | void): HookHandle {
  if (typeof hook !== 'function') throw new ArgumentError('registerHook: the hook must be a function of the gradient');
  const id = addRemote(([handle]) => {
    const out = hook(wrapHandle(handle!) as Tensor);
    if (out === undefined || out === null) return [];
    if (!isHandle(out)) throw new ArgumentError('registerHook: a hook must return a Tensor or nothing');
    return [share(out)];
  });
  let number: number;
  try {
    number = op('register_hook', t, id) as number;
  } catch (error) {
    dropRemote(id);
    throw error;
  }
  return {
    remove(): void {
      if (isLive(t)) op('remove_hook', t, number);
    },
  };
}
