/**
 * Bounds on gradients.
 * @module
 */
import { noGrad } from '../../autograd-mode.js';
import { TorchError } from '../../errors.js';
import { op } from '../../runtime/call.js';
import { gradsOf, Tensor } from '../../tensor.js';
import { type Args, bind, flag, maybe, real } from '../args.js';

/** One tensor or any number of them. */
export type Tensors = Tensor | Iterable<Tensor>;

function list(tensors: Tensors): Tensor[] {
  return tensors instanceof Tensor ? [tensors] : [...(tensors as Iterable<Tensor>)];
}

/** Runs `fn` on the gradients that there are. */
function withGradients<T>(parameters: Tensors, fn: (grads: Tensor[]) => T): T {
  const grads = gradsOf(list(parameters)).filter((g) => g !== null);
  try {
    return fn(grads);
  } finally {
    for (const g of grads) g.dispose();
  }
}

/** Options of {@link getTotalNorm} by name. */
export interface TotalNormOptions {
  /** Which norm; Infinity is the largest absolute value. Default: 2. */
  readonly normType?: number;
  /** Whether a norm that is infinite or not a number is an error. Default: false. */
  readonly errorIfNonfinite?: boolean;
  readonly foreach?: boolean | null;
}
const NORM = { normType: real(2), errorIfNonfinite: flag(false), foreach: maybe(flag()) };

/**
 * The norm of all elements of the tensors together, as a tensor.
 * PyTorch: `torch.nn.utils.get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None)`.
 */
export function getTotalNorm(tensors: Tensors, ...args: Args<[], [normType: number, errorIfNonfinite: boolean], TotalNormOptions>): Tensor {
  const p = bind('getTotalNorm', args, NORM);
  const norm = noGrad(() => op('total_norm', list(tensors), p.normType) as Tensor);
  if (p.errorIfNonfinite && !Number.isFinite(norm.itemSync())) {
    throw new TorchError(
      `The total norm of order ${p.normType} for gradients from \`parameters\` is non-finite, so it cannot be clipped. ` +
        'To disable this error and scale the gradients by the non-finite norm anyway, set `errorIfNonfinite: false`',
    );
  }
  return norm;
}

/**
 * Scales gradients down, in place, so that `totalNorm` becomes at most `maxNorm`.
 * PyTorch: `torch.nn.utils.clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None)`.
 */
export function clipGradsWithNorm_(parameters: Tensors, maxNorm: number, totalNorm: Tensor): void {
  noGrad(() => withGradients(parameters, (grads) => op('clip_grads', grads, maxNorm, totalNorm)));
}

/**
 * Scales the gradients of the parameters down, in place, so that their norm, taken as if they were one vector, is at
 * most `maxNorm`. Returns the norm they had. Default: `normType = 2`.
 * PyTorch: `torch.nn.utils.clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None)`.
 * @example
 * loss.backward();
 * nn.utils.clipGradNorm_(model.parameters(), 1);
 * optimizer.step();
 */
export function clipGradNorm_(
  parameters: Tensors,
  ...args: Args<[maxNorm: number], [normType: number, errorIfNonfinite: boolean], TotalNormOptions & { readonly maxNorm?: number }>
): Tensor {
  const p = bind('clipGradNorm_', args, { maxNorm: real(), ...NORM });
  const params = list(parameters);
  const norm = withGradients(params, (grads) => getTotalNorm(grads, p.normType, p.errorIfNonfinite));
  clipGradsWithNorm_(params, p.maxNorm, norm);
  return norm;
}

/**
 * Clamps every element of the gradients to [-clipValue, clipValue], in place.
 * PyTorch: `torch.nn.utils.clip_grad_value_(parameters, clip_value, foreach=None)`.
 */
export function clipGradValue_(
  parameters: Tensors,
  ...args: Args<[clipValue: number], [], { readonly clipValue?: number; readonly foreach?: boolean | null }>
): void {
  const { clipValue } = bind('clipGradValue_', args, { clipValue: real(), foreach: maybe(flag()) });
  noGrad(() => withGradients(parameters, (grads) => {
    for (const g of grads) g.clamp_(-clipValue, clipValue);
  }));
}
