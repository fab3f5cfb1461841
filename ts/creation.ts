/**
 * Tensors from data. Those filled by rule (`zeros`, `arange`, ...) are ops of the engine.
 * @module
 */
import { type Device, device as toDevice, getDefaultDevice } from './device.js';
import { DType, getDefaultDtype } from './dtype.js';
import { ArgumentError } from './errors.js';
import { op } from './runtime/call.js';
import { type ArrayLikeData, make } from './runtime/make.js';
import type { Nested, Num } from './runtime/types.js';
import { isTensor, type Tensor } from './tensor.js';
import { isPlain } from './runtime/plain.js';

/** What {@link tensor} takes: plain values in nested arrays, typed arrays, or anything with `data` and `shape`. */
export type TensorData =
  | Nested<Num | Tensor>
  | ArrayBufferView
  | ArrayLikeData
  | { readonly data: ArrayLike<number>; readonly width: number; readonly height: number }
  | Iterable<Num>;

/** Options of {@link tensor}. */
export interface TensorOptions {
  /**
   * Default: bool for booleans, int64 for integers, else the default dtype; for a typed array its own. Integers of
   * which a gradient is wanted are of the default dtype: `[2., 3.]` can have been meant only as floating.
   */
  dtype?: DType | null;
  device?: Device | string | null;
  requiresGrad?: boolean;
}

/**
 * A tensor with a copy of the data. PyTorch: `torch.tensor`.
 *
 * JavaScript cannot tell `1.0` from `1`: numbers without a fraction make an int64 tensor unless a dtype is given or one of
 * them has a fraction.
 * @param data a number, boolean or bigint, nested arrays of them, a typed array (copied once), or `{ data, shape }`.
 * @example
 * torch.tensor([[1, 2.5], [3, 4]]);                        // float32, shape [2, 2]
 * torch.tensor([1, 2], { dtype: torch.float32, requiresGrad: true });
 * @throws {@link ValueError} if the arrays are nested unevenly.
 */
export function tensor(data: TensorData | Tensor, options: TensorOptions = {}): Tensor {
  return build('tensor', data, check('tensor', options), true);
}

/**
 * Like {@link tensor}, but a tensor that already is what is asked for is returned as it is. PyTorch: `torch.as_tensor`.
 */
export function asTensor(data: TensorData | Tensor, options: TensorOptions | DType = {}): Tensor {
  return build('asTensor', data, check('asTensor', options instanceof DType ? { dtype: options } : options), false);
}

/** A tensor with a copy of an array of another library: a typed array, or `{ data, shape }`. PyTorch: `torch.from_numpy`. */
export function fromNumpy(array: ArrayBufferView | ArrayLikeData): Tensor {
  return build('fromNumpy', array, {}, true);
}

/** A 0-d tensor of the default dtype unless another is given. PyTorch: `torch.scalar_tensor`. */
export function scalarTensor(value: Num, options: TensorOptions = {}): Tensor {
  const data = typeof value === 'bigint' ? Number(value) : value;
  const plain = op('to_dtype', build('scalarTensor', data, { device: options.device ?? null }, true), options.dtype ?? getDefaultDtype()) as Tensor;
  return options.requiresGrad ? plain.requiresGrad_() : plain;
}

/** Options of {@link meshgrid}. */
export interface MeshgridOptions {
  /** `'ij'`: dimension k belongs to tensor k. `'xy'`: the first two change places, as in plots. Default: `'ij'`. */
  indexing?: 'ij' | 'xy';
}

/**
 * The grid that vectors span: for each of them a view in the grid's shape. PyTorch: `torch.meshgrid`.
 * @param args vectors or 0-d tensors of one dtype, one by one or as one array, then the options.
 * @example
 * const [xx, yy] = torch.meshgrid(torch.linspace(-1, 1, 50), torch.linspace(-1, 1, 50), { indexing: 'xy' });
 */
export function meshgrid(...args: readonly (Tensor | readonly Tensor[] | MeshgridOptions)[]): Tensor[] {
  const last = args.at(-1);
  const options: MeshgridOptions = isPlain(last) ? last : {};
  const tensors = (isPlain(last) ? args.slice(0, -1) : args).flat();
  for (const key of Object.keys(options)) if (key !== 'indexing') throw new ArgumentError(`meshgrid: there is no option '${key}'`);
  for (const t of tensors) if (!isTensor(t)) throw new ArgumentError(`meshgrid: expected tensors, got ${t === null ? 'null' : typeof t}`);
  return op('meshgrid', tensors, options.indexing ?? 'ij') as Tensor[];
}

function check(name: string, options: TensorOptions): TensorOptions {
  if (!isPlain(options)) throw new ArgumentError(`${name}: options come in one object, such as { dtype: torch.float32 }`);
  for (const key of Object.keys(options)) {
    if (!['dtype', 'device', 'requiresGrad', 'pinMemory'].includes(key)) throw new ArgumentError(`${name}: there is no option '${key}'`);
  }
  const { dtype, device } = options;
  if (dtype !== undefined && dtype !== null && !(dtype instanceof DType)) {
    throw new ArgumentError(`${name}: dtype must be a dtype such as torch.float32, not ${String(dtype)}`);
  }
  if (device !== undefined && device !== null) toDevice(device as Device | string);
  return options;
}

/** Whether the elements are JavaScript's numbers, by the first of them. */
function holdsNumbers(data: unknown): boolean {
  let first = data;
  while (Array.isArray(first)) first = (first as unknown[])[0];
  return typeof first === 'number';
}

function build(name: string, data: unknown, options: TensorOptions, copy: boolean): Tensor {
  let out: Tensor;
  if (isTensor(data)) {
    const cast = data.to({ dtype: options.dtype ?? null, device: options.device ?? null });
    if (!copy) return cast;
    out = cast === data ? cast.detach().clone() : cast.detach();
  } else {
    const made = make(name, data, options.dtype ?? (options.requiresGrad && holdsNumbers(data) ? getDefaultDtype() : null)) as Tensor;
    // An array of another library stays on the CPU, as in PyTorch.
    out = name === 'fromNumpy' ? made : made.to(options.device ?? getDefaultDevice());
    if (out !== made) made.dispose();
  }
  return options.requiresGrad ? out.requiresGrad_() : out;
}
