/**
 * Arguments the PyTorch way: positional in PyTorch's order, then one plain object with any of them by name.
 * @module
 */
import { DType } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { Tensor } from '../tensor.js';
import { pyType } from './python.js';
import { isPlain } from '../runtime/plain.js';

type Prefixes<T extends readonly unknown[]> = T extends readonly [...infer Head, unknown] ? T | Prefixes<Head> : [];

/**
 * The argument list of a function with required parameters `R`, optional ones `P` and all of them by name in `O`:
 * `Args<[inFeatures: number], [bias: boolean], { inFeatures?: number; bias?: boolean }>`.
 */
export type Args<R extends readonly unknown[], P extends readonly unknown[], O> =
  | [...R, ...Prefixes<P>]
  | [...R, ...Prefixes<P>, O]
  | [...Prefixes<R>, O];

/** Where a module's parameters and buffers are made and of which type. */
export interface FactoryOptions {
  /** Device of the parameters and buffers. Default: the default device. */
  readonly device?: string | null;
  /** Type of the parameters and buffers. Default: `torch.getDefaultDtype()`. */
  readonly dtype?: DType | null;
}

/** One parameter: what it accepts, its name in messages, its default (none: it is required). */
export interface Kind<T> {
  readonly type: string;
  readonly accepts: (value: unknown) => boolean;
  readonly fallback: { readonly value: T } | null;
}

function kind<T>(type: string, accepts: (value: unknown) => boolean, given: readonly T[]): Kind<T> {
  return { type, accepts, fallback: given.length > 0 ? { value: given[0]! } : null };
}

const isInt = (v: unknown): boolean => (typeof v === 'number' && Number.isInteger(v)) || typeof v === 'bigint';
const isIntList = (v: unknown): boolean => Array.isArray(v) && v.every(isInt);

/** An integer. */
export const int = (...fallback: [number?]): Kind<number> => kind('int', isInt, fallback as number[]);
/** A number; the name says that it prints as a float. */
export const real = (...fallback: [number?]): Kind<number> => kind('float', (v) => typeof v === 'number', fallback as number[]);
/** A boolean. */
export const flag = (...fallback: [boolean?]): Kind<boolean> => kind('bool', (v) => typeof v === 'boolean', fallback as boolean[]);
/** A string. */
export const text = (...fallback: [string?]): Kind<string> => kind('str', (v) => typeof v === 'string', fallback as string[]);
/** An integer or a list of integers. */
export const ints = (...fallback: (number | readonly number[])[]): Kind<number | readonly number[]> =>
  kind('int or tuple of ints', (v) => isInt(v) || isIntList(v), fallback);
/** A list of integers. */
export const intList = (...fallback: (readonly number[])[]): Kind<readonly number[]> => kind('tuple of ints', isIntList, fallback);
/** Nothing: what is always null. */
export const none = (): Kind<null> => kind<null>('None', (v) => v === null, []);
/** Anything. */
export const anything = <T>(...fallback: T[]): Kind<T> => kind('anything', () => true, fallback);
/** A tensor. */
export const tensor = (): Kind<Tensor> => kind<Tensor>('Tensor', (v) => v instanceof Tensor, []);

/** The same, or null, which is also its default unless one is given. */
export function maybe<T>(k: Kind<T>, ...fallback: (T | null)[]): Kind<T | null> {
  return kind<T | null>(`${k.type} or None`, (v) => v === null || k.accepts(v), fallback.length > 0 ? fallback : [null]);
}

/** The last two parameters of every module that makes tensors. */
export const FACTORY = {
  device: maybe(anything<string>()),
  dtype: maybe(kind<DType>('torch.dtype', (v) => v instanceof DType, [])),
};

/** The values of a list of parameters. */
export type Bound<S> = { -readonly [K in keyof S]: S[K] extends Kind<infer T> ? T : never };

/**
 * Sorts the arguments of `who` into its parameters, in the order of `spec`.
 * @throws {@link ArgumentError} for a missing, unknown, doubly given or wrongly typed parameter.
 */
export function bind<S extends Record<string, Kind<unknown>>>(who: string, args: readonly unknown[], spec: S): Bound<S> {
  const names = Object.keys(spec);
  const last = args.at(-1);
  const named = isPlain(last) ? last : {};
  const positional = isPlain(last) ? args.slice(0, -1) : args;
  if (positional.length > names.length) {
    throw new ArgumentError(`${who}: takes ${names.length} arguments (${names.join(', ')}), got ${positional.length}`);
  }
  for (const name of Object.keys(named)) {
    const at = names.indexOf(name);
    if (at < 0) throw new ArgumentError(`${who}: got an unexpected argument '${name}'; it takes ${names.join(', ') || 'none'}`);
    if (at < positional.length && positional[at] !== undefined) {
      throw new ArgumentError(`${who}: got multiple values for argument '${name}'`);
    }
  }
  const out: Record<string, unknown> = {};
  names.forEach((name, i) => {
    const k = spec[name]!;
    const value = positional[i] ?? (i < positional.length && positional[i] === null ? null : named[name]);
    if (value === undefined) {
      if (!k.fallback) throw new ArgumentError(`${who}: missing required argument '${name}'`);
      out[name] = k.fallback.value;
    } else if (!k.accepts(value)) {
      throw new ArgumentError(`${who}: ${name} should be of type ${k.type}, got: ${pyType(value)}`);
    } else {
      out[name] = value;
    }
  });
  return out as Bound<S>;
}
