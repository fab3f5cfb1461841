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
/**
 * PyTorch's own database marks these apart too: rank-deficient samples, results up to a sign or rotation, gradients that are
 * defined on symmetric or triangular matrices only (eigh, eigvalsh, Cholesky), no derivative in PyTorch either (as_strided_scatter),
 * results in float32, negative bases.
 */
const APART = /^(as_strided_scatter|linalg\.(svd|eigh|eigvalsh|lstsq|householder_product|pinv)|cholesky_(inverse|solve)|svd|svd_lowrank|pca_lowrank|ormqr|geqrf|float|__rpow__)$/;
/** Of these only the variant 'grad' has indices that name each place once. */
const VARIANT: Record<string, string> = { 'nn.functional.max_unpool1d': 'grad', 'nn.functional.max_unpool2d': 'grad', 'nn.functional.max_unpool3d': 'grad' };
/** Not differentiable twice in PyTorch either. */
const ONCE = /^(grid_sampler_[23]d|nn\.functional\.grid_sample)$/;

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

/** The answer, or the error's message, which the assertion then shows beside its label. */
function said(check: () => boolean): boolean | string {
  try {
    return check();
  } catch (e) {
    // PyTorch refuses this too.
    return /Double backward is unsupported/.test(String(e)) || String(e);
  }
}

describe('derivatives', () => {
  for (const [op, records] of suite.byName((r) => r.op as string)) {
    if (RANDOM.test(op) || APART.test(op)) continue;
    const usable = records.filter((r) => r.grad_in && (!(op in VARIANT) || r.variant === VARIANT[op]));
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
          expect(said(() => torch.autograd.gradcheck(s.fn, s.leaves)), `gradcheck ${label}`).toBe(true);
          if (!ONCE.test(op)) expect(said(() => torch.autograd.gradgradcheck(s.fn, s.leaves)), `gradgradcheck ${label}`).toBe(true);
        });
      }
    });
  }
});
