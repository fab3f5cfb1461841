/**
 * Why no signature of a function fits the arguments, in a sentence.
 * @module
 */
import { DType } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { encode, Longer, NO_MATCH } from './encode.js';
import { isHandle } from './handle.js';
import { describe, type Param, type Signature, typeName } from './signature.js';

/** What a value is, in the words of a message. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'undefined';
  if (isHandle(value)) return 'Tensor';
  if (value instanceof DType) return `the dtype ${String(value)}`;
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 40))}`;
  if (typeof value === 'number') return Number.isInteger(value) ? `the integer ${value}` : `the number ${value}`;
  if (typeof value === 'boolean') return `the boolean ${value}`;
  if (typeof value === 'bigint') return `the bigint ${value}`;
  if (typeof value === 'function') return `the function ${value.name || '(anonymous)'}`;
  if (Array.isArray(value)) {
    const kinds = new Set(value.slice(0, 4).map((v) => kindOf(v).replace(/^the /, '').replace(/ .*/, '')));
    return value.length === 0 ? 'an empty array' : `an array of ${[...kinds].join(' and ')}`;
  }
  return `an object of class ${value.constructor?.name ?? 'Object'}`;
}

/** The error for a call that fits no signature. */
export function explain(
  name: string,
  signatures: readonly Signature[],
  self: unknown,
  args: readonly unknown[],
  named: Record<string, unknown> | null,
): ArgumentError {
  const asMethod = self !== undefined;
  const accepted = signatures.map((s) => describe(name, s, asMethod));
  if (signatures.length === 1) {
    return new ArgumentError(`${name}: ${reason(signatures[0]!, self, args, named)}. It is called as ${accepted[0]!}`);
  }
  const given = [...args.map(kindOf), ...Object.entries(named ?? {}).map(([k, v]) => `${k}: ${kindOf(v)}`)];
  return new ArgumentError(
    `${name}: no signature fits the arguments (${given.join(', ')}). It is called as one of:\n  ${accepted.join('\n  ')}`,
  );
}

function reason(s: Signature, self: unknown, args: readonly unknown[], named: Record<string, unknown> | null): string {
  const params = s.params.filter((_, i) => !(self !== undefined && i === s.self));
  const positional = params.filter((p) => !p.keywordOnly);
  if (args.length > positional.length) {
    return `takes at most ${positional.length} positional argument${positional.length === 1 ? '' : 's'}, ${args.length} given`;
  }
  for (const [i, p] of params.entries()) {
    const byPosition = !p.keywordOnly && i < args.length;
    if (byPosition && named !== null && named[p.name] !== undefined) return `argument '${p.name}' is given twice, by position and by name`;
    const value = byPosition ? args[i] : named?.[p.name];
    if (value === undefined) {
      if (p.template === null) return `argument '${p.name}' (${typeName(p.type)}) is missing`;
    } else if (!fits(p, value)) {
      return `argument '${p.name}' must be ${typeName(p.type)}, not ${kindOf(value)}`;
    }
  }
  const unknown = Object.keys(named ?? {}).find((k) => !params.some((p) => p.name === k));
  return unknown === undefined ? 'the arguments do not fit' : `there is no argument '${unknown}'`;
}

function fits(p: Param, value: unknown): boolean {
  try {
    return encode(new Float64Array(4096), 0, p.code, p.nullable, value) !== NO_MATCH;
  } catch (error) {
    return error instanceof Longer;
  }
}
