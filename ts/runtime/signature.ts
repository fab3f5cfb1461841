/**
 * What an op accepts and returns, compiled from the generated table (ts/generated/table.ts).
 * @module
 */
import { CODE_OF, encode } from './encode.js';

/** A row of the generated table: name in the engine, parameters, results. The row's position is the op's number. */
export type Row = readonly [name: string, params: string, returns: string, flags: string];

/** A parameter of an op. */
export interface Param {
  /** Name in TypeScript (camelCase). */
  readonly name: string;
  /** Type as the table writes it: `Tensor`, `int[]`, `float?`. */
  readonly type: string;
  /** {@link CODE_OF} of the type without `?`. */
  readonly code: number;
  /** Whether `null` is a value of it. */
  readonly nullable: boolean;
  readonly keywordOnly: boolean;
  /** The default as the message shows it; null when the parameter is required. */
  readonly shown: string | null;
  /** The default, encoded; null when the parameter is required. */
  readonly template: readonly number[] | null;
}

/** One way to call a function. */
export interface Signature {
  readonly op: number;
  readonly name: string;
  readonly params: readonly Param[];
  /** How many of `params` may be given by position. */
  readonly positional: number;
  /** The parameter that is the object before the dot when called as a method. */
  readonly self: number;
  /** The parameter that is a list of tensors, which may be given one by one; -1 if there is none. */
  readonly tensors: number;
  /** Whether `device` and `requiresGrad` may be given, which the engine does not see. */
  readonly factory: boolean;
  readonly returns: Returns;
}

/** What an op gives back. */
export interface Returns {
  /** `Tensor`, `Tensor[]`, `int`, ...; or `tuple`. */
  readonly kind: string;
  /** Parts of a tuple: names and kinds. */
  readonly parts: readonly { readonly name: string; readonly kind: string }[];
}

/** Compiles a row. */
export function compile(op: number, row: Row): Signature {
  const params = row[1] === '' ? [] : row[1].split(' ').map(param);
  const self = params.findIndex((p) => p.name === 'input' || p.name === 'self');
  return {
    op,
    name: row[0],
    params,
    positional: params.filter((p) => !p.keywordOnly).length,
    self: Math.max(self, 0),
    tensors: params.findIndex((p) => p.type === 'Tensor[]' && !p.keywordOnly),
    factory: row[3].includes('f'),
    returns: returns(row[2]),
  };
}

/** `*name:type=default`; the star marks a parameter that can only be given by name. `?` after a type allows null. */
function param(text: string): Param {
  const [, star, name, type, literal] = /^(\*?)(\w+):([^=]+)(?:=(.*))?$/.exec(text)!;
  const nullable = type!.endsWith('?');
  const code = CODE_OF[(nullable ? type!.slice(0, -1) : type!) as keyof typeof CODE_OF];
  const p = { name: name!, type: type!, code, nullable, keywordOnly: star === '*' };
  return literal === undefined ? { ...p, shown: null, template: null } : { ...p, shown: literal, template: template(p, literal) };
}

function template(p: { code: number; nullable: boolean }, literal: string): number[] {
  const words = new Float64Array(64);
  // A default of 1.0 is a float where 1 would be an integer: JavaScript's 1 cannot say so, the text can.
  const float = /^-?\d+\.0*$/.test(literal);
  const value: unknown = literal === 'Infinity' ? Infinity : literal === '-Infinity' ? -Infinity : JSON.parse(literal);
  const end = encode(words, 0, p.code, p.nullable, value);
  const out = [...words.subarray(0, end)];
  if (float && p.code === CODE_OF.Scalar) out[out.length - 2] = 2;
  if (float && p.code === CODE_OF.Operand) out[out.length - 2] = 2;
  return out;
}

function returns(text: string): Returns {
  if (!text.startsWith('(')) return { kind: text, parts: [] };
  const inner = text.slice(1, -1);
  const parts = inner === '' ? [] : inner.split(',').map((p) => ({ name: p.slice(0, p.indexOf(':')), kind: p.slice(p.indexOf(':') + 1) }));
  return parts.length === 0 ? { kind: 'none', parts } : { kind: 'tuple', parts };
}

/** `cumsum(input: Tensor, dim: int, dtype: DType | null = null)`, as messages show it. */
export function describe(name: string, s: Signature, asMethod: boolean): string {
  const shown = s.params.filter((_, i) => !(asMethod && i === s.self));
  const list = shown.map((p) => `${p.name}: ${typeName(p.type)}${p.shown === null ? '' : ` = ${p.shown}`}`);
  const star = shown.findIndex((p) => p.keywordOnly);
  if (star >= 0) list[star] = `{ ${list[star]!}`;
  if (star >= 0) list.push(`${list.pop()!} }`);
  return `${name}(${list.join(', ')})`;
}

const NAMES: Readonly<Record<string, string>> = {
  Operand: 'Tensor or number',
  Scalar: 'number',
  int: 'integer',
  float: 'number',
  str: 'string',
  bool: 'boolean',
  'int[]': 'integer[]',
  'float[]': 'number[]',
  'Tensor?[]': '(Tensor or null)[]',
};

/** A parameter type in words. */
export function typeName(type: string): string {
  const nullable = type.endsWith('?');
  const base = nullable ? type.slice(0, -1) : type;
  return (NAMES[base] ?? base) + (nullable ? ' or null' : '');
}
