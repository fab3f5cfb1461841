/** First and second derivatives of every differentiable op against finite differences, in float64, on PyTorch's samples. */
import { describe, expect, it } from 'vitest';
import * as torch from '../../dist/index.js';
import { findCall } from './calls.js';
import { flatten, isTensor, Suite, type Loose } from './fixtures.js';

/** Finite differences evaluate the op once per element and direction; larger samples say nothing more. */
const MOST_ELEMENTS = 40;
const SAMPLES = 2;
/** Not a function of the input: random numbers differ from call to call. */
const RANDOM = /dropout|rrelu|bernoulli|normal|fractional|multinomial|uniform|cauchy|exponential$|geometric|randn|rand$|randint/;
/** Rank-deficient, or not the derivative in PyTorch either (as_strided_scatter), or defined up to a sign or rotation: PyTorch's own database marks these apart too. */
const APART = /^(as_strided_scatter|linalg\.(svd|eigh|lstsq|householder_product|pinv)|svd|svd_lowrank|pca_lowrank|ormqr|geqrf)$/;

const suite = new Suite('ops');

function sample(record: Loose): { fn: (...leaves: torch.Tensor[]) => torch.Tensor[]; leaves: torch.Tensor[] } | null {
  const leaves: torch.Tensor[] = [];
  const options = { float: 'float64' };
  const input = suite.decode(record.input, leaves, options);
  const args = suite.decode({ $l: record.args }, leaves, options) as Loose[];
  const kwargs = suite.decode({ $d: record.kwargs }, leaves, options) as Loose;
  const size = leaves.reduce((n, t) => n + t.numel(), 0);
  if (leaves.length === 0 || size === 0 || size > MOST_ELEMENTS || 'dtype' in kwargs) return null;
  const call = findCall(record.op as string, record.variant as string, input);
  if (call === null) return null;
  const replace = (value: Loose, fresh: Map<Loose, Loose>): Loose => {
    if (isTensor(value)) return fresh.get(value) ?? value;
    if (Array.isArray(value)) return value.map((v) => replace(v, fresh));
    return value;
  };
  const fn = (...now: torch.Tensor[]): torch.Tensor[] => {
    const fresh = new Map<Loose, Loose>(leaves.map((t, i) => [t, now[i]]));
    const options = Object.fromEntries(Object.entries(kwargs as object).map(([k, v]) => [k, replace(v, fresh)]));
    const outs = flatten(call(replace(input, fresh), Object.keys(options).length > 0 ? [...replace(args, fresh), options] : replace(args, fresh)));
    return outs.filter((t) => isTensor(t) && t.dtype.isFloatingPoint);
  };
  return { fn, leaves };
}

describe('derivatives', () => {
  for (const [op, records] of suite.byName((r) => r.op as string)) {
    if (RANDOM.test(op) || APART.test(op)) continue;
    const usable = records.filter((r) => r.grad_in);
    if (usable.length === 0 || findCall(op, '', suite.decode(usable[0].input, [])) === null) continue;
    it(op, () => {
      let checked = 0;
      for (const record of usable) {
        if (checked === SAMPLES) break;
        torch.scope(() => {
          const s = sample(record);
          if (s === null) return;
          checked++;
          const label = `${op} ${record.variant} #${record.i}`;
          expect((torch as Loose).autograd.gradcheck(s.fn, s.leaves), `gradcheck ${label}`).toBe(true);
          expect((torch as Loose).autograd.gradgradcheck(s.fn, s.leaves), `gradgradcheck ${label}`).toBe(true);
        });
      }
    });
  }
});
