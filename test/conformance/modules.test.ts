/** Every module on PyTorch's own samples: state dict, results, gradients, buffers, printed form. */
import { describe, expect, it } from 'vitest';
import * as torch from '../../dist/index.js';
import { difference, flatten, flattenEncoded, Suite, type Encoded, type Loose, type TensorRef } from './fixtures.js';
import { type Case, judge } from './judge.js';

const suite = new Suite('modules');
const nn = (torch as Loose).nn;

/** JavaScript has one 2 where Python has 2 and 2.0: an integer among the arguments may print either way. */
function printed(text: string, record: Loose): string {
  const integers = JSON.stringify([record.ctor_args, record.ctor_kwargs]).match(/-?\b\d+\b/g) ?? [];
  return integers.reduce((t, n) => t.replace(new RegExp(`(?<![\\w.-])${n}\\.0\\b`, 'g'), n), text);
}

async function compareAll(got: Loose[], want: Encoded[], what: string): Promise<string | null> {
  if (got.length !== want.length) return `${what}: ${got.length}, want ${want.length}`;
  for (const [i, w] of want.entries()) {
    if (got[i] == null && w !== null && suite.raw((w as TensorRef).$t).every((x) => Number(x) === 0)) continue;
    const d = await difference(suite, got[i], w);
    if (d !== null) return `${what} ${i}: ${d}`;
  }
  return null;
}

async function problem(record: Loose, strided: boolean): Promise<string | null> {
  const positional = suite.decode({ $l: record.ctor_args }, []) as Loose[];
  const named = suite.decode({ $d: record.ctor_kwargs }, []) as object;
  const module = new nn[record.module.slice(3)](...positional, ...(Object.keys(named).length > 0 ? [named] : []));
  const keys = Object.keys(record.state as object);
  if (Object.keys(module.stateDict() as object).join() !== keys.join()) return `state dict keys ${Object.keys(module.stateDict() as object).join()}, want ${keys.join()}`;
  module.loadStateDict(Object.fromEntries(keys.map((k) => [k, suite.tensor({ ...record.state[k], rg: false })])));
  module.train(record.training);
  const leaves: torch.Tensor[] = [];
  const args = suite.decode({ $l: record.args }, leaves, { strided }) as Loose[];
  const options = suite.decode({ $d: record.kwargs }, leaves, { strided }) as object;
  const outs = flatten(module(...args, ...(Object.keys(options).length > 0 ? [options] : [])));
  const bad = await compareAll(outs, (record.out as Encoded[]).flatMap(flattenEncoded), 'result');
  if (bad !== null) return bad;
  if (record.grad_out) {
    const parameters = new Map<string, Loose>(module.namedParameters());
    const names = Object.keys(record.grad_params as object);
    const roots = Object.keys(record.grad_out as object).map(Number);
    const grads = (torch as Loose).autograd.grad(roots.map((i) => outs[i]), [...leaves, ...names.map((n) => parameters.get(n))], {
      gradOutputs: roots.map((i) => suite.tensor(record.grad_out[i])), allowUnused: true,
    }) as Loose[];
    const d = await compareAll(grads, [...(record.grad_in as Encoded[]), ...names.map((n) => record.grad_params[n] as Encoded)], 'gradient');
    if (d !== null) return d;
  }
  const buffers = new Map<string, Loose>(module.namedBuffers());
  for (const [name, want] of Object.entries(record.state_after as Record<string, Encoded>)) {
    const d = await difference(suite, buffers.get(name), want);
    if (d !== null) return `buffer ${name}: ${d}`;
  }
  const [text, want] = [printed(String(module), record), printed(record.repr as string, record)];
  return text === want ? null : `prints ${text}, want ${want}`;
}

describe('modules', () => {
  for (const [name, records] of suite.byName((r) => r.module as string)) {
    it.skipIf(typeof nn[name.slice(3)] !== 'function')(name, async () => {
      const cases = records.flatMap((record) => [false, true].map((strided): Case => ({
        label: `${record.desc} training=${record.training}${strided ? ' strided' : ''}`, record, suite, problem: () => problem(record, strided),
      })));
      expect(await judge(name, cases)).toEqual([]);
    });
  }
});
