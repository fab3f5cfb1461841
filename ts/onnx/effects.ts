/**
 * What the recorder has to know of ops beyond their arguments: which of them write, read, or draw random numbers, and how
 * a write through a view reaches the tensor below it.
 * @module
 */
import type { Arg, Call, Value } from './trace.js';

/** Ops about the graph of gradients or the engine itself: nothing that a graph of ONNX could hold. */
export const DISCARDED: ReadonlySet<string> = new Set([
  'backward', 'bump_version', 'custom_function', 'detach_', 'generator_draw', 'generator_get_state', 'generator_initial_seed', 'generator_manual_seed',
  'generator_new', 'generator_release', 'generator_set_state', 'get_grad', 'grad', 'is_same_size', 'promote_types', 'register_hook', 'remove_hook',
  'requires_grad_', 'result_type', 'retain_grad', 'retains_grad', 'same_storage', 'set_anomaly', 'set_default_dtype', 'set_grad', 'version', 'broadcast_two',
]);

/** Ops that give plain values, which JavaScript then decides upon. */
export const READING: ReadonlySet<string> = new Set(['allclose', 'equal', 'is_nonzero', 'item']);

/** Ops of mode 0 that write their first tensor themselves. */
export const WRITING: ReadonlySet<string> = new Set(['copy_']);

/** Ops with another result in every call. */
export const RANDOM: ReadonlySet<string> = new Set([
  'bernoulli', 'bernoulli_', 'bernoulli_p', 'cauchy_', 'exponential_', 'fractional_max_pool2d', 'fractional_max_pool3d',
  'geometric_', 'gumbel_softmax', 'log_normal_', 'multinomial', 'normal', 'normal_', 'normal_mean', 'normal_size', 'normal_std', 'rand', 'rand_like', 'randint',
  'randint_like', 'randint_like_low', 'randint_low', 'randn', 'randn_like', 'random_', 'random_from_to_', 'random_to_', 'randperm', 'uniform_',
]);

/** Ops that give their input back as it is, or as other places of the same memory in the same order. */
const RESHAPING: ReadonlySet<string> = new Set(['view', 'reshape', 'flatten', 'unflatten', 'squeeze', 'squeeze_dim', 'squeeze_list', 'unsqueeze', 'view_as', 'reshape_as', 'ravel', 'atleast_1d', 'atleast_2d', 'atleast_3d']);
const IDENTITY: ReadonlySet<string> = new Set(['alias', 'detach', 'contiguous', 'positive', 'conj', 'real', 'shallow_copy', 'dropout', 'dropout1d', 'dropout2d', 'dropout3d', 'alpha_dropout', 'feature_alpha_dropout', 'to_dtype', 'relu_functional']);

/**
 * The call that puts `value`, written through the view `step` made of `base`, into `base`; 'alias' when `value` is that
 * already, null when there is none.
 */
export function inverseOf(step: Call, index: number, base: Value, value: Value): { op: string; args: Record<string, Arg> } | null {
  const { op, args } = step;
  if (IDENTITY.has(op)) return { op: 'alias', args: {} };
  if (RESHAPING.has(op)) return { op: 'reshape', args: { input: value, shape: [...base.shape] } };
  switch (op) {
    case 'select':
      return { op: 'select_scatter', args: { input: base, src: value, dim: args['dim']!, index: args['index']! } };
    case 'unbind':
      return { op: 'select_scatter', args: { input: base, src: value, dim: args['dim']!, index } };
    case 'slice':
      return { op: 'slice_scatter', args: { input: base, src: value, dim: args['dim']!, start: args['start']!, end: args['end']!, step: args['step']! } };
    case 'narrow': {
      const start = args['start'];
      if (typeof start !== 'number') return null;
      const end = start + (args['length'] as number);
      return { op: 'slice_scatter', args: { input: base, src: value, dim: args['dim']!, start, end: start < 0 && end === 0 ? null : end, step: 1 } };
    }
    case 'split':
    case 'chunk':
    case 'split_with_sizes': {
      const dim = args['dim'] as number;
      const before = step.results.slice(0, index).reduce((n, r) => n + r.shape.at(dim)!, 0);
      return { op: 'slice_scatter', args: { input: base, src: value, dim, start: before, end: before + value.shape.at(dim)!, step: 1 } };
    }
    case 'transpose':
      return { op, args: { input: value, dim0: args['dim0']!, dim1: args['dim1']! } };
    case 't':
    case 'numpy_t':
    case 'matrix_t':
      return { op, args: { input: value } };
    case 'permute': {
      const dims = (args['dims'] as readonly number[]).map((d) => (d < 0 ? d + base.shape.length : d));
      return { op, args: { input: value, dims: dims.map((_, i) => dims.indexOf(i)) } };
    }
    default:
      return null;
  }
}
