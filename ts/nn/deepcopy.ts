/**
 * Copies of modules.
 * @module
 */
import { keep } from '../runtime/scope.js';
import { Tensor } from '../tensor.js';
import { Module } from './module.js';
import { Buffer, Parameter } from './parameter.js';

/**
 * A copy of a module with parameters, buffers and submodules of its own; nothing is drawn. What is neither a tensor nor
 * a module nor a list of such things is shared.
 *
 * PyTorch: `copy.deepcopy(module)`.
 */
export function deepcopy<M extends Module>(module: M, memo = new Map<unknown, unknown>()): M {
  // Module's own constructor runs and those of derived classes do not: their fields are copied below.
  const copy = Reflect.construct(Module, [], module.constructor as new () => M) as M;
  memo.set(module, copy);
  module._copyInto(copy);
  for (const name of Reflect.ownKeys(module)) {
    const own = Object.getOwnPropertyDescriptor(module, name)!;
    // Aliases in camelCase are made anew with what they stand for.
    if ('value' in own) copy._put(name as string, copied(own.value, memo), own.enumerable);
  }
  return copy;
}

function copied(value: unknown, memo: Map<unknown, unknown>): unknown {
  if (memo.has(value)) return memo.get(value);
  let out: unknown = value;
  if (value instanceof Module) return deepcopy(value, memo);
  if (value instanceof Parameter) out = new Parameter(value.detach().clone(), value.requiresGrad);
  else if (value instanceof Buffer) out = new Buffer(value.detach().clone(), value.persistent);
  else if (value instanceof Tensor) out = keep(value.detach().clone());
  else if (Array.isArray(value)) out = value.map((v) => copied(v, memo));
  memo.set(value, out);
  return out;
}
