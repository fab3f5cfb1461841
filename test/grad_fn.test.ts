// The names of the nodes of results, and of results with several parts: PyTorch's, from fixtures/grad_fn.py.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as torch from '../dist/index.js';

type Args = readonly unknown[];
type Case = readonly [name: string, args: Args, options: Record<string, unknown>, nodes: readonly (string | null)[], parts: readonly string[] | null];
const CASES = JSON.parse(readFileSync(new URL('./fixtures/grad_fn.json', import.meta.url), 'utf8')) as readonly Case[];

const camel = (name: string): string => name.replace(/(?<=[A-Za-z0-9])_+([A-Za-z0-9])/g, (_, c: string) => c.toUpperCase());
const leaf = (t: torch.Tensor): torch.Tensor => t.requiresGrad_(true);

function ramp(...shape: number[]): torch.Tensor {
  const n = shape.reduce((a, b) => a * b, 1);
  return torch.tensor(Float32Array.from({ length: n }, (_, i) => 0.25 + (0.5 * ((7 * i) % 11)) / 11)).reshape(shape);
}

function decode(a: unknown): unknown {
  if (!Array.isArray(a)) return a;
  const [kind, ...rest] = a as [string, ...number[]];
  switch (kind) {
    case 'x':
      return leaf(ramp(...rest));
    case 'w':
      return leaf(ramp(...rest)).clone();
    case 'turned':
      return leaf(ramp(...rest)).t();
    case 'spd':
      return leaf(ramp(rest[0]!, rest[0]!).mul(0.1).add(torch.eye(rest[0]!)).tril());
    case 'spd4':
      return leaf(torch.eye(rest[0]! ** 2).reshape([rest[0]!, rest[0]!, rest[0]!, rest[0]!]));
    case 'i':
      return torch.tensor(rest, { dtype: torch.int64 });
    case 'i2':
      return torch.tensor([rest], { dtype: torch.int64 });
    case 'i24':
      return torch.tensor(rest, { dtype: torch.int64 }).reshape(2, 4);
    case 'p':
      return torch.tensor(rest, { dtype: torch.int32 });
    case 'm':
      return torch.tensor(rest);
    default:
      return a.map(decode);
  }
}

function flat(result: unknown): torch.Tensor[] {
  if (result instanceof torch.Tensor) return [result];
  return (result as unknown[]).flatMap(flat);
}

test.each(CASES)('%s %j %j', (name, args, options, nodes, parts) => {
  const values = args.map(decode);
  const last = name.split('.').pop()!;
  let f: unknown = torch;
  for (const part of name.split('.')) f = (f as Record<string, unknown>)[camel(part)];
  if (name.startsWith('Tensor.')) f = (x: Record<string, (...a: unknown[]) => unknown>, ...rest: unknown[]) => x[camel(last)]!(...rest);
  const named = Object.fromEntries(Object.entries(options).map(([k, v]) => [camel(k), v]));
  const call = f as (...a: unknown[]) => unknown;
  const result = Object.keys(named).length > 0 ? call(...values, named) : call(...values);
  expect(flat(result).map((t) => t.gradFn?.name ?? null)).toEqual(nodes);
  if (parts !== null) {
    const [first, ...rest] = String(result).split('\n');
    const names = rest.filter((line) => /^[A-Za-z_]\w*=/.test(line)).map((line) => line.split('=')[0]);
    expect([first, ...names]).toEqual(parts);
  }
});
