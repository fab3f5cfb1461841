/**
 * `torch.autograd`: grad modes, `grad`, `backward`, custom functions, anomaly detection.
 * @module
 */
import { runBackward } from './autograd-core.js';
import { noGrad } from './autograd-mode.js';
import { ArgumentError, AutogradError } from './errors.js';
import { op } from './runtime/call.js';
import { dispose } from './runtime/handle.js';
import { isTensor, Tensor } from './tensor.js';
import { isPlain } from './runtime/plain.js';

export { enableGrad, inferenceMode, isGradEnabled, isInferenceModeEnabled, noGrad, setGradEnabled } from './autograd-mode.js';
export { type GradFn, type HookHandle } from './autograd-core.js';
export { Function, type FunctionContext } from './autograd-function.js';
export { gradcheck, type GradcheckOptions, gradgradcheck, type GradgradcheckOptions } from './gradcheck.js';

// --- gradients ----------------------------------------------------------------------------------------------------

/** One tensor or several. */
export type Tensors = Tensor | readonly Tensor[];
type Grads = Tensor | readonly (Tensor | null)[] | null | undefined;

function list(x: Tensors, name: string): readonly Tensor[] {
  const all = isTensor(x) ? [x] : x;
  if (!Array.isArray(all) || !all.every(isTensor)) throw new ArgumentError(`${name} must be a Tensor or an array of them`);
  return all;
}

function gradList(given: Grads, n: number, name: string): readonly (Tensor | null)[] {
  if (given === undefined || given === null) return Array.from({ length: n }, () => null);
  const all = isTensor(given) ? [given] : given;
  if (all.length !== n) throw new ArgumentError(`${name}: ${all.length} gradients are given for ${n} tensors`);
  return all;
}

/** Options of {@link grad}. */
export interface GradOptions {
  gradOutputs?: Grads;
  retainGraph?: boolean | null;
  createGraph?: boolean;
  allowUnused?: boolean | null;
  materializeGrads?: boolean;
}

/**
 * The gradients of `outputs` with respect to `inputs`, without touching any `grad`. PyTorch: `torch.autograd.grad`.
 * @example
 * const x = torch.tensor([1, 2], { requiresGrad: true });
 * const [dx] = torch.autograd.grad(x.pow(3).sum(), x, { createGraph: true });
 * const [dxx] = torch.autograd.grad(dx.sum(), x);
 * console.log(dx, dxx); // -> tensor([ 3., 12.], grad_fn=<MulBackward0>) tensor([ 6., 12.])
 * @throws {@link AutogradError} if an input was not used, unless `allowUnused`.
 */
export function grad(outputs: Tensors, inputs: Tensors, options: GradOptions & { readonly allowUnused: true }): (Tensor | null)[];
export function grad(outputs: Tensors, inputs: Tensors, gradOutputs: Grads, retainGraph: boolean | null, createGraph: boolean, allowUnused: true): (Tensor | null)[];
export function grad(
  outputs: Tensors,
  inputs: Tensors,
  gradOutputs?: Grads | GradOptions,
  retainGraph?: boolean | null | GradOptions,
  createGraph?: boolean | GradOptions,
  allowUnused?: false | null | GradOptions,
): Tensor[];
export function grad(
  outputs: Tensors,
  inputs: Tensors,
  gradOutputs?: Grads | GradOptions,
  retainGraph?: boolean | null | GradOptions,
  createGraph?: boolean | GradOptions,
  allowUnused?: boolean | null | GradOptions,
): (Tensor | null)[] {
  const given = [gradOutputs, retainGraph, createGraph, allowUnused];
  const o: GradOptions = (given.find(isPlain) as GradOptions | undefined) ?? {};
  const at = <T>(i: number, fallback: T): T => (given[i] === undefined || isPlain(given[i]) ? fallback : (given[i] as T));
  const outs = list(outputs, 'grad: outputs');
  const ins = list(inputs, 'grad: inputs');
  const create = at(2, o.createGraph) ?? false;
  const retain = at(1, o.retainGraph) ?? create;
  const materialize = o.materializeGrads ?? false;
  const unused = at(3, o.allowUnused) ?? materialize;
  const grads = op('grad', outs, ins, gradList(at(0, o.gradOutputs), outs.length, 'grad'), retain, create) as (Tensor | null)[];
  return grads.map((g, i) => {
    if (g !== null) return g;
    if (!unused) {
      for (const other of grads) other?.dispose();
      throw new AutogradError(
        'grad: One of the differentiated Tensors appears to not have been used in the graph. Set allowUnused: true if this is the desired behavior.',
      );
    }
    return materialize ? zerosLike(ins[i]!) : null;
  });
}

function zerosLike(t: Tensor): Tensor {
  return noGrad(() => {
    const plain = t.detach();
    const out = plain.mul(0);
    dispose(plain);
    return out;
  });
}

/** Options of {@link backward}. */
export interface BackwardAllOptions {
  gradTensors?: Grads;
  retainGraph?: boolean | null;
  createGraph?: boolean;
  inputs?: Tensors | null;
}

/**
 * Adds the gradients of `tensors` to the `grad` of the leaves they were computed from.
 * PyTorch: `torch.autograd.backward`.
 */
export function backward(
  tensors: Tensors,
  gradTensors?: Grads | BackwardAllOptions,
  retainGraph?: boolean | null | BackwardAllOptions,
  createGraph?: boolean | BackwardAllOptions,
  options?: BackwardAllOptions,
): void {
  const given = [gradTensors, retainGraph, createGraph, options];
  const o: BackwardAllOptions = (given.find(isPlain) as BackwardAllOptions | undefined) ?? {};
  const at = <T>(i: number, fallback: T): T => (given[i] === undefined || isPlain(given[i]) ? fallback : (given[i] as T));
  const all = list(tensors, 'backward: tensors');
  const create = at(2, o.createGraph) ?? false;
  runBackward(all, gradList(at(0, o.gradTensors), all.length, 'backward'), {
    retainGraph: at(1, o.retainGraph) ?? create,
    createGraph: create,
    inputs: o.inputs ?? null,
  });
}

// --- anomalies ----------------------------------------------------------------------------------------------------

/**
 * Makes backward check every gradient for NaN, and name the node that made one: while `fn` runs, or, called with a
 * boolean, until changed. PyTorch: `torch.autograd.detect_anomaly`, `set_detect_anomaly`.
 */
export function detectAnomaly<T>(fn: () => T): T {
  const before = op('set_anomaly', true) as boolean;
  const end = (): void => void op('set_anomaly', before);
  let result: T;
  try {
    result = fn();
  } catch (error) {
    end();
    throw error;
  }
  if (result instanceof Promise) return result.finally(end) as T;
  end();
  return result;
}

/** Turns anomaly detection on or off. PyTorch: `torch.autograd.set_detect_anomaly`. */
export function setDetectAnomaly(mode: boolean): void {
  op('set_anomaly', mode);
}
