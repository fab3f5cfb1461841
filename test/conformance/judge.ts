/**
 * What may come of PyTorch's cases. On the CPU: what PyTorch gave. On a GPU: that, or a refusal that is expected; never another value.
 * Float64 is refused everywhere, by a DTypeError; what else is, stands in crates/gen/webgpu.txt, which FEATURES.md is made from too.
 */
import { readFileSync } from 'node:fs';
import { inject } from 'vitest';
import * as torch from '../../dist/index.js';
import { camel, type Loose, type Suite, type TensorRef } from './fixtures.js';

/** Whether the engine that is tested computes on a GPU (vitest.config.ts). */
const onGpu = (inject('build') as { device?: string } | undefined)?.device === 'webgpu';

/** Ops that are refused on a GPU in some cases or in all, and why. Names as in FEATURES.md. */
export const REFUSED: ReadonlyMap<string, string> = new Map(
  readFileSync(new URL('../../crates/gen/webgpu.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/: (.*)/) as [string, string]),
);

/** One way to run a record of a suite. */
export interface Case {
  readonly label: string;
  readonly record: Loose;
  readonly suite: Suite;
  /** What is wrong, or null. */
  problem(): Promise<string | null>;
}

type Outcome = { readonly wrong: string } | { readonly refused: torch.TorchError } | null;

/** The last part of an op's name as this package spells it. */
export const listed = (name: string): string => camel(name.split('.').at(-1)!);

/**
 * Whether a record has what no GPU holds: float64, or is given an int64 beyond 32 bits but for the two extremes, which stand for what
 * is beyond every number.
 */
function beyondGpu(record: Loose, suite: Suite): boolean {
  if (JSON.stringify(record).includes('"float64"')) return true;
  let wide = false;
  JSON.parse(JSON.stringify([record.input, record.args, record.kwargs]), (_, value: TensorRef | null) => {
    if (value?.$t !== undefined && value.dtype === 'int64') wide ||= [...suite.raw(value.$t)].some((x) => BigInt.asIntN(32, BigInt(x)) !== BigInt(x) && !EXTREMES.has(BigInt(x)));
    return value;
  });
  return wide;
}
const EXTREMES: ReadonlySet<bigint> = new Set([2n ** 63n - 1n, -(2n ** 63n)]);

const isRefusal = (e: unknown): e is torch.TorchError => e instanceof torch.DeviceError || e instanceof torch.DTypeError || e instanceof torch.NotImplementedError;

async function outcome({ problem }: Case): Promise<Outcome> {
  try {
    const wrong = await torch.scope(problem);
    return wrong === null ? null : { wrong };
  } catch (e) {
    return onGpu && isRefusal(e) ? { refused: e } : { wrong: String(e).slice(0, 300) };
  }
}

/** Listed names of which something was refused. */
const refusedSoFar = new Set<string>();

/** What is wrong with the cases of `name`, in words. */
export async function judge(name: string, cases: readonly Case[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const one of cases) {
    const found = await outcome(one);
    const say = (what: string): void => void wrong.push(`${name} ${one.label}: ${what}`);
    if (found !== null && 'wrong' in found) say(found.wrong);
    else if (!onGpu || (found?.refused instanceof torch.DTypeError && beyondGpu(one.record, one.suite))) continue;
    else if (found !== null && REFUSED.has(listed(name))) refusedSoFar.add(listed(name));
    else if (found !== null) say(`refused, and not listed in crates/gen/webgpu.txt: ${String(found.refused)}`);
    // Some records name the CPU for their result, beside float64: then either will do.
    else if (beyondGpu(one.record, one.suite) && !JSON.stringify(one.record).includes('"device":"cpu"')) say('float64, or an int64 beyond 32 bits, is accepted on a GPU, and must be a DTypeError');
  }
  return wrong;
}

/** What is listed, though nothing of it was refused by the cases that were judged. */
export const notRefused = (): string[] => (onGpu ? [...REFUSED.keys()].filter((name) => !refusedSoFar.has(name)) : []);
