/** Every op on PyTorch's own samples: values, dtypes, shapes and gradients, also on non-contiguous inputs. */
import { describe, expect, it } from 'vitest';
import * as torch from '../../dist/index.js';
import { findCall, NO_VALUES } from './calls.js';
import { difference, flatten, flattenEncoded, Suite, type Loose } from './fixtures.js';
import { type Case, judge, notRefused, REFUSED } from './judge.js';

/** Layout is what these are about, so a non-contiguous input means something else. */
const NOT_STRIDED = new Set(['as_strided', 'as_strided_copy', 'as_strided_scatter', 'as_strided_partial_views', 'normal']);
/** Eigenvectors and singular vectors may point either way. */
const SIGNS = new Set(['linalg.eigh', 'linalg.svd', 'svd', 'svd_lowrank', 'pca_lowrank']);

async function problem(suite: Suite, record: Loose, strided: boolean): Promise<string | null> {
  const leaves: torch.Tensor[] = [];
  const input = suite.decode(record.input, leaves, { strided });
  const args = suite.decode({ $l: record.args }, leaves, { strided }) as Loose[];
  const options = suite.decode({ $d: record.kwargs }, leaves, { strided }) as object;
  const call = findCall(record.op as string, record.variant as string, input);
  if (call === null) return null;
  torch.manualSeed(42); // before each of its samples, as PyTorch's database does
  const outs = flatten(await call(input, Object.keys(options).length > 0 ? [...args, options] : args));
  const want = (record.out as Loose[]).flatMap(flattenEncoded);
  if (outs.length !== want.length) return `${outs.length} results, want ${want.length}`;
  for (const [i, w] of want.entries()) {
    const d = await difference(suite, outs[i], w, !NO_VALUES.has(record.op as string));
    if (d !== null) return `result ${i}: ${d}`;
  }
  if (!record.grad_in) return null;
  const roots = Object.keys(record.grad_out as object).map(Number);
  const gradOutputs = roots.map((i) => suite.tensor(record.grad_out[i]));
  const grads = (torch as Loose).autograd.grad(roots.map((i) => outs[i]), leaves, { gradOutputs, allowUnused: true }) as Loose[];
  for (const [i, w] of (record.grad_in as Loose[]).entries()) {
    if (grads[i] == null && w !== null && suite.raw(w.$t).every((x) => Number(x) === 0)) continue;
    const d = await difference(suite, grads[i], w);
    if (d !== null) return `gradient ${i}: ${d}`;
  }
  return null;
}

for (const name of ['ops', 'ops_int64', 'ops_bool']) {
  const suite = new Suite(name);
  describe(name, () => {
    for (const [op, records] of suite.byName((r) => r.op as string)) {
      if (SIGNS.has(op)) continue;
      const present = findCall(op, '', suite.decode(records[0].input, []));
      it.skipIf(present === null)(op, async () => {
        const layouts = NOT_STRIDED.has(op) ? [false] : [false, true];
        const cases = records.flatMap((record) => layouts.map((strided): Case => ({
          label: `${record.variant} #${record.i}${strided ? ' strided' : ''}`, record, suite, problem: () => problem(suite, record, strided),
        })));
        expect(await judge(op, cases)).toEqual([]);
      });
    }
  });
}

it('what is listed as refused on a GPU is refused', () => {
  expect(REFUSED.size).toBeGreaterThan(0);
  expect(notRefused()).toEqual([]);
});
