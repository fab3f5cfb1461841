/**
 * The checks that PyTorch's optimizer constructors share, with its messages.
 * @module
 */
import { TorchError, ValueError } from '../errors.js';
import { isTensor } from '../tensor.js';
import { type Hyper, scalarOf } from './optimizer.js';
import { repr } from './python.js';

/** Throws unless the rule holds. NaN breaks every rule. */
export function rule(holds: boolean, message: string): void {
  if (!holds) throw new ValueError(message);
}

/** `value >= 0`; `what` as in `Invalid epsilon value: -1`. */
export function notNegative(value: Hyper, what: string): void {
  rule(scalarOf(value) >= 0, `Invalid ${what}: ${repr(isTensor(value) ? scalarOf(value) : value)}`);
}

/** A learning rate is one number, not negative. */
export function learningRate(lr: Hyper, message = 'Invalid learning rate: '): void {
  rule(!isTensor(lr) || lr.numel() === 1, 'Tensor lr must be 1-element');
  rule(scalarOf(lr) >= 0, `${message}${repr(isTensor(lr) ? scalarOf(lr) : lr)}`);
}

/** Two coefficients of running averages, each in [0, 1). */
export function betas(values: readonly [Hyper, Hyper]): void {
  values.forEach((value, i) => {
    const beta = scalarOf(value);
    rule(beta >= 0 && beta < 1, `Invalid beta parameter at index ${i}: ${repr(beta)}`);
  });
}

/** Options that exclude each other. */
export function variants(options: { fused: boolean | null; foreach: boolean | null; differentiable: boolean }): void {
  if (!options.fused) return;
  if (options.differentiable) throw new TorchError('`fused` does not support `differentiable`');
  if (options.foreach) throw new TorchError('`fused` and `foreach` cannot be `True` together.');
}

/** Options that choose among PyTorch's implementations of the same step. Ours is always the fused one. */
export interface VariantOptions {
  /** Accepted for PyTorch's sake: all parameters of a group are updated in one call anyway (default null). */
  foreach?: boolean | null;
  /** Maximizes the objective instead of minimizing it (default false). */
  maximize?: boolean;
  /** For steps that are captured in a CUDA graph; refused on the CPU as in PyTorch (default false). */
  capturable?: boolean;
  /** Whether autograd runs through the step (default false). */
  differentiable?: boolean;
}
