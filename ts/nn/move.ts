/**
 * Moving and converting what a module holds.
 * @module
 */
import { cpu } from '../device.js';
import { DType, float32, float64 } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { noGrad } from '../autograd.js';
import { Tensor, setData } from '../tensor.js';
import type { Module } from './module.js';
import { isPlain } from '../runtime/plain.js';

/** Where to and what to convert to; null leaves it as it is. */
export interface Destination {
  readonly dtype: DType | null;
  readonly device: string | null;
  /** Whether integer tensors are converted too. */
  readonly integers: boolean;
}

/** The forms of `Module.to`: (dtype), (device), (device, dtype), (tensor), { device, dtype }. */
export function parseTo(args: readonly unknown[]): Destination {
  let dtype: DType | null = null;
  let device: string | null = null;
  const take = (x: unknown): void => {
    if (x instanceof DType) dtype = x;
    else if (x === 'float32') dtype = float32;
    else if (x === 'float64') dtype = float64;
    else if (x instanceof Tensor) {
      dtype = x.dtype;
      device = String(x.device);
    } else if (typeof x === 'string') device = x;
    else if (isPlain(x)) Object.values(x).forEach(take);
    else if (x !== null && x !== undefined && typeof x !== 'boolean') device = String(x);
  };
  args.forEach(take);
  if (dtype !== null && !(dtype as DType).isFloatingPoint) {
    throw new ArgumentError(`nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=${String(dtype)}`);
  }
  return { dtype, device, integers: false };
}

/** Brings every parameter, gradient and buffer of the tree to the CPU, in place. */
export async function fetchAll<M extends Module>(module: M): Promise<M> {
  for (const t of heldBy(module)) await bring(t);
  return module;
}

async function bring(t: Tensor): Promise<void> {
  if (t.device === cpu) return;
  const { requiresGrad, grad } = t;
  const plain = t.detach();
  const here = await plain.cpu();
  noGrad(() => setData(t, here));
  if (requiresGrad) t.requiresGrad_(true);
  if (grad) {
    await bring(grad);
    t.grad = grad;
  }
  here.dispose();
  plain.dispose();
}

function heldBy(module: Module): Set<Tensor> {
  const held = new Set<Tensor>();
  for (const m of module.modules()) for (const [, value, kind] of m._members()) if (kind !== 'module') held.add(value as Tensor);
  return held;
}

/** Converts every parameter, gradient and buffer of the tree in place: the tensor objects stay the same. */
export function convert<M extends Module>(module: M, to: Destination): M {
  noGrad(() => {
    for (const t of heldBy(module)) move(t, to);
  });
  return module;
}

function move(t: Tensor, { dtype, device, integers }: Destination): void {
  const into = dtype && (integers || t.dtype.isFloatingPoint) ? dtype : t.dtype;
  const wants = t.requiresGrad;
  const grad = t.grad;
  const plain = t.detach();
  const moved = device === null ? plain.to(into) : plain.to(device, into);
  if (t.dtype !== into || t.device !== moved.device) {
    setData(t, moved);
    if (wants) t.requiresGrad_(true);
    if (grad) {
      move(grad, { dtype: into, device, integers });
      t.grad = grad;
    }
  }
  if (moved !== plain) moved.dispose();
  plain.dispose();
}
