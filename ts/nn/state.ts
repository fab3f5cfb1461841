/**
 * State dicts: a module's tensors by dotted name.
 * @module
 */
import { noGrad } from '../autograd.js';
import { ArgumentError, TorchError } from '../errors.js';
import { Tensor } from '../tensor.js';
import type { Module } from './module.js';
import { Parameter } from './parameter.js';
import { pySize, pyType } from './python.js';

/** Tensors by dotted name. */
export type StateDict = Record<string, Tensor>;

/** What `loadStateDict` found not to agree. PyTorch: `_IncompatibleKeys`. */
export class LoadResult {
  constructor(
    /** Keys of the module that the state dict lacks. */
    readonly missingKeys: readonly string[],
    /** Keys of the state dict that the module lacks. */
    readonly unexpectedKeys: readonly string[],
  ) {}

  /** `<All keys matched successfully>`, or both lists. */
  toString(): string {
    if (this.missingKeys.length === 0 && this.unexpectedKeys.length === 0) return '<All keys matched successfully>';
    const list = (keys: readonly string[]): string => `[${keys.map((k) => `'${k}'`).join(', ')}]`;
    return `_IncompatibleKeys(missing_keys=${list(this.missingKeys)}, unexpected_keys=${list(this.unexpectedKeys)})`;
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** A module's own entries: parameters first, then persistent buffers. */
function own(module: Module): [string, Tensor][] {
  const parameters: [string, Tensor][] = [];
  const buffers: [string, Tensor][] = [];
  for (const [name, value, kind] of module._members()) {
    if (kind === 'parameter') parameters.push([name, value as Tensor]);
    else if (kind === 'buffer' && module._isPersistent(name)) buffers.push([name, value as Tensor]);
  }
  return [...parameters, ...buffers];
}

/** Every module of the tree with its prefix, shared ones at every place, in the order of PyTorch's state_dict. */
function* tree(module: Module, prefix: string): Generator<[string, Module]> {
  yield [prefix, module];
  for (const [name, value, kind] of module._members()) if (kind === 'module') yield* tree(value as Module, `${prefix}${name}.`);
}

/** Writes the tensors of the tree into `into`. */
export function saveFrom(module: Module, into: StateDict, prefix: string, keepVars: boolean): StateDict {
  for (const [path, m] of tree(module, prefix)) for (const [name, t] of own(m)) into[path + name] = keepVars ? t : t.detach();
  return into;
}

/** Loads a state dict; nothing is changed unless everything fits. */
export function loadInto(
  module: Module,
  stateDict: StateDict | ReadonlyMap<string, Tensor>,
  options: { readonly strict: boolean; readonly assign: boolean },
): LoadResult {
  if (stateDict === null || typeof stateDict !== 'object' || stateDict instanceof Tensor || Array.isArray(stateDict)) {
    throw new ArgumentError(`Expected state_dict to be dict-like, got ${pyType(stateDict)}.`);
  }
  const given = stateDict instanceof Map ? (stateDict as ReadonlyMap<string, Tensor>) : new Map(Object.entries(stateDict));
  const missing: string[] = [];
  const unused = new Set(given.keys());
  const problems: string[] = [];
  const plan: (() => void)[] = [];
  for (const [prefix, m] of tree(module, '')) {
    for (const [name, mine] of own(m)) {
      const key = prefix + name;
      const theirs = given.get(key);
      unused.delete(key);
      if (theirs === undefined) {
        if (!m._optionalKeys().includes(name)) missing.push(key);
      } else if (!(theirs instanceof Tensor)) {
        problems.push(
          `While copying the parameter named "${key}", expected torch.Tensor or Tensor-like object from checkpoint but received ${pyType(theirs)}`,
        );
      } else {
        // Checkpoints from before 0-d tensors held scalars as one element.
        const scalar = mine.shape.length === 0 && theirs.shape.length === 1 && theirs.shape[0] === 1;
        if (!scalar && theirs.shape.join() !== mine.shape.join()) {
          problems.push(
            `size mismatch for ${key}: copying a param with shape ${pySize(theirs.shape)} from checkpoint, the shape in current model is ${pySize(mine.shape)}.`,
          );
        } else {
          plan.push(() => place(m, name, mine, theirs, scalar, options.assign));
        }
      }
    }
  }
  const quoted = (keys: Iterable<string>): string => [...keys].map((k) => `"${k}"`).join(', ');
  if (options.strict && unused.size > 0) problems.unshift(`Unexpected key(s) in state_dict: ${quoted(unused)}. `);
  if (options.strict && missing.length > 0) problems.unshift(`Missing key(s) in state_dict: ${quoted(missing)}. `);
  if (problems.length > 0) {
    throw new TorchError(`Error(s) in loading state_dict for ${module._getName()}:\n\t${problems.join('\n\t')}`);
  }
  noGrad(() => plan.forEach((step) => step()));
  return new LoadResult(missing, [...unused]);
}

function place(module: Module, name: string, mine: Tensor, theirs: Tensor, scalar: boolean, assign: boolean): void {
  if (assign) {
    const fresh = mine instanceof Parameter ? new Parameter(theirs, mine.requiresGrad) : theirs;
    (module as unknown as Record<string, unknown>)[name] = fresh;
    return;
  }
  if (!scalar) {
    mine.copy_(theirs);
    return;
  }
  const element = theirs.reshape([]);
  mine.copy_(element);
  element.dispose();
}
