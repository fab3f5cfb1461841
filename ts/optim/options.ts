/**
 * Constructor arguments: positional in PyTorch's order, or by name in one trailing plain object.
 * @module
 */
import { ArgumentError } from '../errors.js';
import type { Params } from './optimizer.js';
import { isPlain } from '../runtime/plain.js';

/** Every leading part of a tuple: `[a, b]` gives `[] | [a] | [a, b]`. */
type Prefixes<P extends unknown[]> = P extends [...infer H, unknown] ? P | Prefixes<H> : [];

/** Leading arguments of `P`, then at most one object of options `O`. */
export type Rest<P extends unknown[], O> = Prefixes<P> | (Prefixes<P> extends infer H extends unknown[] ? [...H, O?] : never);

/**
 * Arguments of an optimizer's constructor: the parameters, leading positional options `P`, then at most one object of
 * options `O`; or everything by name in one object.
 */
export type Given<P extends unknown[], O> = [params: Params, ...Rest<P, O>] | [options: O & { params: Params }];

/**
 * The parameters and the options by name: `names` are those of the positional options, `defaults` has every option.
 * @throws {@link ArgumentError} for an unknown name, too many arguments, or one given twice.
 */
export function bind<O extends object>(
  what: string,
  defaults: O,
  names: readonly (keyof O & string)[],
  args: readonly unknown[],
): { params: Params; options: O } {
  const { params, ...options } = bindAll(what, { params: undefined, ...defaults } as O & { params: Params }, ['params', ...names], args);
  return { params, options: options as unknown as O };
}

/**
 * All arguments by name: `names` are those of the positional parameters, `defaults` has every parameter.
 * @throws {@link ArgumentError}
 */
export function bindAll<O extends object>(what: string, defaults: O, names: readonly (keyof O & string)[], args: readonly unknown[]): O {
  const last = args.at(-1);
  const named: object = isPlain(last) ? last : {};
  const positional = isPlain(last) ? args.slice(0, -1) : args;
  if (positional.length > names.length) {
    throw new ArgumentError(`${what}: takes at most ${names.length} positional arguments (${names.join(', ')}), got ${positional.length}`);
  }
  const bound = { ...defaults } as Record<string, unknown>;
  positional.forEach((value, i) => {
    if (value !== undefined) bound[names[i]!] = value;
  });
  for (const [name, value] of Object.entries(named) as [string, unknown][]) {
    if (!(name in defaults)) {
      throw new ArgumentError(`${what}: unknown option '${name}'; it takes ${Object.keys(defaults).join(', ')}`);
    }
    const at = names.indexOf(name as keyof O & string);
    if (at >= 0 && at < positional.length) throw new ArgumentError(`${what}: '${name}' is given twice, by position and by name`);
    if (value !== undefined) bound[name] = value;
  }
  return bound as unknown as O;
}
