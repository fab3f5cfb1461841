/**
 * The class Tensor: what it is, its elements, its gradient, its lifetime. Most of its methods are ops of the engine and
 * come from the generated table.
 * @module
 */
import { GradFn, type HookHandle, runBackward, addHook } from './autograd-core.js';
import { answersLater, cpu, type Device, device as toDevice, deviceCode, deviceOf } from './device.js';
import { DType, dtypeOf, float32, float64, int32, int64, bool, onDefaultDtype, type TypedArray, uint8 } from './dtype.js';
import { ArgumentError, IndexError } from './errors.js';
import type { TensorMethods } from './generated/methods.js';
import { METHODS } from './generated/table.js';
import { encodeIndex, type Index } from './indexing.js';
import { type Printable, tensorHtml, tensorText } from './printing.js';
import { method, op, setTensorHooks } from './runtime/call.js';
import { preformatted, shown } from './runtime/console.js';
import { setScalarReader, setTensorTest } from './runtime/encode.js';
import { dispose, Handle, handleOf, isHandle, isLive, keepHandle, setOperation, takeHandle } from './runtime/handle.js';
import { installStarter } from './runtime/load.js';
import { allocate } from './runtime/make.js';
import { type NestedList, readElements, readLater, nest, toNumber } from './runtime/read.js';
import type { Num } from './runtime/types.js';
import { breathe } from './runtime/turn.js';
import { checked, INFO, isShared, run, scratch } from './runtime/wasm.js';
import { type Size, sizeFrom } from './size.js';
import { isPlain } from './runtime/plain.js';

installStarter();

/**
 * Lets `t` have the memory, shape and dtype of `source` from now on, outside the graph; it stays the same object, with its
 * wish for a gradient, and with its gradient if that still fits. PyTorch: `t.data = source`.
 */
export let setData: (t: Tensor, source: Tensor) => void;

/** Forgets the gradients of these tensors, or fills them with zeros. */
export let zeroGrads: (tensors: readonly Tensor[], setToNone: boolean) => void;

/**
 * The gradients of these tensors, in handles of their own that the caller disposes: unlike `x.grad`, which hands out an
 * object that lives as long as somebody may want it.
 */
export function gradsOf(tensors: readonly Tensor[]): (Tensor | null)[] {
  return op('get_grads', tensors) as (Tensor | null)[];
}

// The methods that are ops come from the generated interface and are installed from the generated table below.
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type
export interface Tensor extends TensorMethods {}

/**
 * A multi-dimensional array of one dtype, whose memory is held by the engine. PyTorch: `torch.Tensor`.
 *
 * Tensors are made by `torch.tensor(...)`, `torch.zeros(...)` and their siblings, not with `new`.
 * @example
 * const x = torch.tensor([[1, 2], [3, 4]], { dtype: torch.float32 });
 * console.log(String(x.matmul(x).sum(0))); // -> tensor([22., 32.])
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export class Tensor extends Handle {
  #shape: Size | null = null;
  #dtype: DType | null = null;
  #device: Device | null = null;
  /** Dimensions and elements; -1 until asked for, and again after an op that may have changed them. */
  #ndim = -1;
  #numel = -1;
  /** The gradient handed out last, so that `x.grad` is the same object as long as it is the same tensor. */
  #grad: Tensor | null = null;

  /** @internal Use {@link tensor} and its siblings. */
  constructor(handle: number) {
    super(handle);
  }

  static {
    setTensorTest((x): x is Tensor => typeof x === 'object' && x !== null && #shape in x);
    const forget = (h: Handle): void => {
      const t = h as Tensor;
      t.#shape = null;
      t.#ndim = -1;
    };
    setTensorHooks((handle) => new Tensor(handle), forget, (t) => void (t as Tensor).requiresGrad_(true));
    zeroGrads = (tensors, setToNone) => {
      op('zero_grads', tensors, setToNone);
      if (setToNone) for (const t of tensors) t.#grad = null;
    };
    setData = (t, source) => {
      const fresh = source.detach();
      if (t.requiresGrad && fresh.dtype.isFloatingPoint) op('requires_grad_', fresh, true);
      const gradient = op('get_grad', t) as Tensor | null;
      if (gradient !== null && gradient.dtype === fresh.dtype && gradient.device === fresh.device && String(gradient.shape) === String(fresh.shape)) op('set_grad', fresh, gradient);
      gradient?.dispose();
      const handle = handleOf(t);
      const other = takeHandle(fresh);
      checked((wasm) => wasm.replace(handle, other));
      forget(t);
      t.#dtype = null;
      t.#device = null;
    };
  }

  // --- what it is -------------------------------------------------------------------------------------------------

  #info(): Float64Array {
    const handle = handleOf(this);
    checked((wasm) => wasm.info(handle));
    const words = scratch();
    this.#ndim = words[INFO.ndim]!;
    this.#numel = words[INFO.numel]!;
    this.#dtype ??= dtypeOf(words[INFO.dtype]!);
    this.#device ??= deviceOf(words[INFO.device]!);
    return words;
  }

  /** The sizes. PyTorch: `Tensor.shape`. */
  get shape(): Size {
    return (this.#shape ??= sizeFrom(this.#info(), INFO.shape, this.#ndim));
  }

  /** The element type. PyTorch: `Tensor.dtype`. */
  get dtype(): DType {
    if (this.#dtype === null) this.#info();
    return this.#dtype!;
  }

  /** Where the memory is. PyTorch: `Tensor.device`. */
  get device(): Device {
    if (this.#device === null) this.#info();
    return this.#device!;
  }

  /** How the elements are stored; `torch.strided` is the only way. PyTorch: `Tensor.layout`. */
  get layout(): string {
    return 'torch.strided';
  }

  /** The number of dimensions. PyTorch: `Tensor.ndim`. */
  get ndim(): number {
    if (this.#ndim < 0) this.#info();
    return this.#ndim;
  }

  /** The number of dimensions. PyTorch: `Tensor.dim`. */
  dim(): number {
    return this.ndim;
  }

  /** The number of dimensions. PyTorch: `Tensor.ndimension`. */
  ndimension(): number {
    return this.ndim;
  }

  /** The number of elements. PyTorch: `Tensor.numel`. */
  numel(): number {
    if (this.#ndim < 0) this.#info();
    return this.#numel;
  }

  /** The number of elements. PyTorch: `Tensor.nelement`. */
  nelement(): number {
    return this.numel();
  }

  /** The size of dimension 0. PyTorch: `len(tensor)`. @throws {@link ArgumentError} for a 0-d tensor. */
  get length(): number {
    if (this.ndim === 0) throw new ArgumentError('length: a 0-d tensor has none (len() of a 0-d tensor)');
    return this.shape[0]!;
  }

  /** All sizes, or that of one dimension. PyTorch: `Tensor.size`. */
  size(): Size;
  size(dim: number): number;
  size(dim?: number): Size | number {
    return dim === undefined ? this.shape : this.shape[this.#dimension('size', dim)]!;
  }

  #dimension(name: string, dim: number): number {
    const n = this.ndim;
    const at = dim < 0 ? dim + n : dim;
    if (Number.isInteger(dim) && at >= 0 && at < n) return at;
    throw new IndexError(`${name}: dimension ${String(dim)} is out of range for a tensor of ${n} dimensions (expected ${-n} to ${n - 1})`);
  }

  /** The strides in elements, all or that of one dimension. PyTorch: `Tensor.stride`. */
  stride(): number[];
  stride(dim: number): number;
  stride(dim?: number): number[] | number {
    const n = this.ndim;
    const words = this.#info();
    const strides = [...words.subarray(INFO.shape + n, INFO.shape + 2 * n)];
    return dim === undefined ? strides : strides[this.#dimension('stride', dim)]!;
  }

  /** The position of the first element in the storage. PyTorch: `Tensor.storage_offset`. */
  storageOffset(): number {
    return this.#info()[INFO.offset]!;
  }

  /** Whether the elements lie in row-major order without gaps. PyTorch: `Tensor.is_contiguous`. */
  isContiguous(): boolean {
    const strides = this.stride();
    let expected = 1;
    for (let i = this.ndim - 1; i >= 0; i--) {
      const n = this.shape[i]!;
      if (n === 0) return true;
      if (n !== 1 && strides[i] !== expected) return false;
      expected *= n;
    }
    return this.numel() === 0 || expected > 0;
  }

  /** Bytes per element. PyTorch: `Tensor.element_size`. */
  elementSize(): number {
    return this.dtype.itemsize;
  }

  /** Bytes per element. PyTorch: `Tensor.itemsize`. */
  get itemsize(): number {
    return this.dtype.itemsize;
  }

  /** Bytes of all elements. PyTorch: `Tensor.nbytes`. */
  get nbytes(): number {
    return this.numel() * this.dtype.itemsize;
  }

  /** Whether the dtype is a floating-point type. PyTorch: `Tensor.is_floating_point`. */
  isFloatingPoint(): boolean {
    return this.dtype.isFloatingPoint;
  }

  /** Whether the dtype is complex; none is. PyTorch: `Tensor.is_complex`. */
  isComplex(): boolean {
    return this.dtype.isComplex;
  }

  /** Whether the dtype has negative values. PyTorch: `Tensor.is_signed`. */
  isSigned(): boolean {
    return this.dtype.isSigned;
  }

  /** The tensor with its dimensions reversed. PyTorch: `Tensor.T`. */
  get T(): Tensor {
    return op('numpy_t', this) as Tensor;
  }

  /** The matrix transposed, batches kept. PyTorch: `Tensor.mT`. */
  get mT(): Tensor {
    return op('matrix_t', this) as Tensor;
  }

  /** The matrix transposed and conjugated: for real dtypes, transposed. PyTorch: `Tensor.H`. */
  get H(): Tensor {
    if (this.ndim !== 2 && this.ndim !== 0) {
      throw new ArgumentError(`H: only tensors of 2 dimensions (matrices) have an H, not one of ${this.ndim}; use mH for batches of matrices`);
    }
    return op(this.ndim === 2 ? 'matrix_t' : 'numpy_t', this) as Tensor;
  }

  /** Like {@link mT}, conjugated; the same for real dtypes. PyTorch: `Tensor.mH`. */
  get mH(): Tensor {
    return op('matrix_t', this) as Tensor;
  }

  // --- gradients --------------------------------------------------------------------------------------------------

  /** Whether gradients flow to this tensor. Can be set on leaves. PyTorch: `Tensor.requires_grad`. */
  get requiresGrad(): boolean {
    return this.#info()[INFO.requiresGrad] === 1;
  }
  set requiresGrad(value: boolean) {
    op('requires_grad_', this, value);
  }

  /** Sets `requiresGrad` and returns this tensor. PyTorch: `Tensor.requires_grad_`. */
  requiresGrad_(requiresGrad = true): this {
    op('requires_grad_', this, requiresGrad);
    return this;
  }

  /** Whether this tensor was not computed from others that require grad. PyTorch: `Tensor.is_leaf`. */
  get isLeaf(): boolean {
    return this.#info()[INFO.isLeaf] === 1;
  }

  /** The node of the graph that computed this tensor; null for leaves. PyTorch: `Tensor.grad_fn`. */
  get gradFn(): GradFn | null {
    return GradFn.of(this);
  }

  /** Whether this computed tensor keeps its gradient. PyTorch: `Tensor.retains_grad`. */
  get retainsGrad(): boolean {
    return op('retains_grad', this) as boolean;
  }

  /** The gradient that `backward()` accumulated; null before. Never freed by a scope. PyTorch: `Tensor.grad`. */
  get grad(): Tensor | null {
    const found = op('get_grad', this) as Tensor | null;
    const known = this.#grad;
    if (found === null) return (this.#grad = null);
    if (known !== null && isLive(known) && (op('same_storage', known, found) as boolean) && !known.requiresGrad) {
      found.dispose();
      return known;
    }
    keepHandle(found);
    return (this.#grad = found);
  }
  set grad(value: Tensor | null) {
    if (value !== null && !isTensor(value)) throw new ArgumentError('grad: must be a Tensor or null');
    op('set_grad', this, value);
    this.#grad = value;
    if (value !== null) keepHandle(value);
  }

  /**
   * Computes the gradient of this tensor with respect to the leaves it was computed from, adding it to their `grad`.
   * PyTorch: `Tensor.backward`.
   * @param gradient the gradient of this tensor; needed unless it has one element.
   * @throws {@link AutogradError} if no graph leads here, or it was freed by an earlier backward.
   */
  backward(gradient?: Tensor | null | BackwardOptions, options: BackwardOptions = {}): void {
    const o = isPlain(gradient) ? (gradient as BackwardOptions) : options;
    const g = isTensor(gradient) ? gradient : (o.gradient ?? null);
    runBackward([this], [g], o);
  }

  /**
   * Calls `hook` with the gradient of this tensor whenever it is computed; a tensor it returns takes its place.
   * PyTorch: `Tensor.register_hook`.
   * @returns a handle whose `remove()` ends it.
   */
  registerHook(hook: (grad: Tensor) => Tensor | null | undefined | void): HookHandle {
    return addHook(this, hook);
  }

  // --- dtype and device -------------------------------------------------------------------------------------------

  /**
   * This tensor with another dtype or on another device, or with those of another tensor; this tensor itself when
   * nothing changes (unless `copy`). PyTorch: `Tensor.to`.
   * @example
   * x.to(torch.float64); x.to('cpu', torch.int64); x.to(other); x.to({ dtype: torch.bool });
   */
  to(...args: readonly (DType | Device | string | Tensor | boolean | null | undefined | ToOptions)[]): Tensor {
    let dtype: DType | null = null;
    let device: Device | null = null;
    let copy = false;
    const flags: boolean[] = [];
    const like = (t: Tensor): void => void ((dtype = t.dtype), (device = t.device));
    for (const a of args) {
      if (a instanceof DType) dtype = a;
      else if (isTensor(a)) like(a);
      else if (typeof a === 'boolean') flags.push(a);
      else if (isPlain(a)) {
        const o = a as ToOptions;
        if (o.other) like(o.other);
        dtype = o.dtype ?? dtype;
        if (o.device !== undefined && o.device !== null) device = toDevice(o.device);
        copy = o.copy ?? copy;
      } else if (a !== null && a !== undefined) device = toDevice(a as Device | string);
    }
    copy ||= flags[1] ?? false;
    if (device !== null && device !== this.device) return this.#moved(device, dtype);
    if (dtype !== null && dtype !== this.dtype) return op('to_dtype', this, dtype) as Tensor;
    return copy ? this.clone() : this;
  }

  /** On another device. It is converted on the CPU, whose dtypes a GPU may not have. */
  #moved(device: Device, dtype: DType | null): Tensor {
    if (device === cpu) throw answersLater('to', "await x.cpu()");
    const cast = dtype === null ? this : this.to(dtype);
    const out = op('to_device', cast, deviceCode(device)) as Tensor;
    if (cast !== this) cast.dispose();
    return out;
  }

  /** As float32. PyTorch: `Tensor.float`. */
  float(): Tensor {
    return this.to(float32);
  }
  /** As float64. PyTorch: `Tensor.double`. */
  double(): Tensor {
    return this.to(float64);
  }
  /** As int64; fractions are cut off. PyTorch: `Tensor.long`. */
  long(): Tensor {
    return this.to(int64);
  }
  /** As int32; fractions are cut off. PyTorch: `Tensor.int`. */
  int(): Tensor {
    return this.to(int32);
  }
  /** As uint8. PyTorch: `Tensor.byte`. */
  byte(): Tensor {
    return this.to(uint8);
  }
  /** As bool: whether each element is not zero. PyTorch: `Tensor.bool`. */
  bool(): Tensor {
    return this.to(bool);
  }
  /** As another dtype; without one, the name of the type. PyTorch: `Tensor.type`. */
  type(): string;
  type(dtype: DType): Tensor;
  type(dtype?: DType): Tensor | string {
    return dtype === undefined ? `torch.${CLASS_NAMES[this.dtype.name as keyof typeof CLASS_NAMES]}Tensor` : this.to(dtype);
  }
  /** With the dtype of `other`. PyTorch: `Tensor.type_as`. */
  typeAs(other: Tensor): Tensor {
    return this.to(other.dtype);
  }
  /**
   * The elements on the CPU; this tensor itself if it is there. From a GPU they come later, and outside the graph. PyTorch: `Tensor.cpu`.
   * @example
   * console.log(String(await x.cpu()));
   */
  async cpu(): Promise<Tensor> {
    if (this.device === cpu) return this;
    const { shape, dtype } = this;
    const data = await readLater(this, dtype);
    const { tensor, memory } = allocate(shape, dtype);
    (memory as Uint8Array).set(data as Uint8Array);
    return tensor as Tensor;
  }

  /** Overwrites this tensor with `src`, which is broadcast and cast to it. PyTorch: `Tensor.copy_`. */
  copy_(src: Tensor | Num, _nonBlocking = false): this {
    op('copy_', this, src);
    return this;
  }

  // --- reading ----------------------------------------------------------------------------------------------------

  /**
   * The only element: a number, a boolean for bool tensors, a bigint for an int64 beyond 2^53. PyTorch: `Tensor.item`.
   * @throws {@link TorchError} if there is not exactly one element.
   */
  async item<T extends number | boolean | bigint = number>(): Promise<T> {
    if (this.device !== cpu) {
      this.#single();
      return toNumber((await readLater(this, this.dtype))[0]!, this.dtype) as T;
    }
    const value = this.itemSync<T>();
    await breathe();
    return value;
  }

  /** {@link item}, at once; on the CPU only. */
  itemSync<T extends number | boolean | bigint = number>(): T {
    setOperation('item');
    this.#single();
    return toNumber(this.#elements('itemSync', 'await x.item()')[0]!, this.dtype) as T;
  }

  #single(): void {
    const n = this.numel();
    if (n !== 1) {
      throw new ArgumentError(`item: a Tensor with ${n} elements cannot be converted to Scalar; reduce it first or use tolist()`);
    }
  }

  /** The elements, in the engine's own memory where that is possible. */
  #elements(name: string, instead: string, copy = false): TypedArray {
    if (this.device !== cpu) throw answersLater(name, instead);
    return readElements(this, this.dtype, this.numel(), copy);
  }

  /** The elements as nested arrays; a plain value for a 0-d tensor. PyTorch: `Tensor.tolist`. */
  async tolist(): Promise<NestedList> {
    if (this.device !== cpu) return nest(await readLater(this, this.dtype), this.shape, this.dtype);
    const value: NestedList = this.tolistSync();
    await breathe();
    return value;
  }

  /** {@link tolist}, at once; on the CPU only. */
  tolistSync(): NestedList {
    setOperation('tolist');
    return nest(this.#elements('tolistSync', 'await x.tolist()'), this.shape, this.dtype);
  }

  /** A copy of the elements in row-major order, as a typed array; bools as bytes. */
  async data(): Promise<TypedArray> {
    if (this.device !== cpu) return readLater(this, this.dtype);
    const value = this.dataSync();
    await breathe();
    return value;
  }

  /** {@link data}, at once; on the CPU only. */
  dataSync(): TypedArray {
    setOperation('data');
    return this.#elements('dataSync', 'await x.data()', true);
  }

  /**
   * The elements of a contiguous tensor in the engine's own memory, not copied: a borrowed view, for handing to
   * something that reads it at once (a texture, a file, a canvas).
   *
   * It shows what the tensor holds, writes in place included, until the tensor's memory is given back (`dispose()`, the
   * end of a scope, garbage collection) or any memory moves because the engine's heap grew. From then on it is detached:
   * its length is 0, elements are undefined, methods throw a TypeError. It never shows another tensor's numbers. What
   * shall last is `data()`.
   *
   * Memory that threads share cannot be detached: in an engine with threads (`torch.init({ threads })`; the default in Node and
   * Deno) it is a copy.
   * @throws {@link ArgumentError} if the tensor is not contiguous.
   */
  dataView(): TypedArray {
    setOperation('dataView');
    if (!this.isContiguous()) throw new ArgumentError('dataView: the tensor is not contiguous; use data(), or contiguous().dataView()');
    if (this.device !== cpu) throw answersLater('dataView', 'await x.data()');
    const shared = isShared();
    const handle = handleOf(this);
    if (!shared) run((wasm) => wasm.lend(handle));
    return readElements(this, this.dtype, this.numel(), shared);
  }

  // --- indexing ---------------------------------------------------------------------------------------------------

  /**
   * `x[i, 1:3, None, ..., mask]` is `x.at(i, '1:3', null, '...', mask)`: integers, slices (`'start:stop:step'` or
   * `torch.slice`), null for a new dimension, `'...'`, index tensors and arrays, boolean masks. An array of numbers is one
   * index, as is any nested array of numbers or booleans.
   * PyTorch: `Tensor.__getitem__`.
   */
  at(...index: readonly Index[]): Tensor {
    return encodeIndex(this, index, null) as Tensor;
  }

  /**
   * `x[i, '1:3'] = value` is `x.setAt([i, '1:3'], value)`; one index needs no array unless it is one itself.
   * PyTorch: `Tensor.__setitem__`.
   */
  setAt(index: Index | readonly Index[], value: Tensor | Num): this {
    encodeIndex(this, Array.isArray(index) ? (index as readonly Index[]) : [index as Index], value);
    return this;
  }

  /** Iterates over dimension 0. @throws {@link ArgumentError} on a 0-d tensor. */
  [Symbol.iterator](): Iterator<Tensor> {
    if (this.ndim === 0) throw new ArgumentError('iteration over a 0-d tensor');
    return (op('unbind', this) as Tensor[])[Symbol.iterator]();
  }

  // --- lifetime ---------------------------------------------------------------------------------------------------

  /** Gives the memory back now, if no view or graph shares it. Any later use throws {@link DisposedError}. */
  dispose(): void {
    dispose(this);
  }

  /** `using x = ...` disposes of the tensor at the end of the block. */
  [Symbol.dispose](): void {
    dispose(this);
  }

  /** Whether {@link dispose} was called, or the scope that owned it ended. */
  get isDisposed(): boolean {
    return !isLive(this);
  }

  // --- text -------------------------------------------------------------------------------------------------------

  /** The text PyTorch prints. */
  override toString(): string {
    return this.toText('tensor(');
  }

  /** @internal The text with a prefix of its own. */
  protected toText(prefix: string): string {
    if (!isLive(this)) return `${prefix}<disposed>)`;
    return tensorText(this.#printable(), prefix);
  }

  /** What printing needs, with the engine's own memory: to be used at once. */
  #printable(): Printable {
    const { shape, dtype, requiresGrad } = this;
    const gradFn = this.gradFn?.name ?? null;
    return { shape, dtype, device: String(this.device), data: this.#elements('String(x)', 'String(await x.cpu())'), gradFn, requiresGrad };
  }

  /** @internal What is known of a tensor whose elements are elsewhere. */
  protected outline(): string {
    const gradFn = this.gradFn?.name;
    const facts = [`device='${String(this.device)}'`, `size=(${this.shape.join(', ')}${this.ndim === 1 ? ',' : ''})`, `dtype=${String(this.dtype)}`];
    if (gradFn !== undefined) facts.push(`grad_fn=<${gradFn}>`);
    else if (this.requiresGrad) facts.push('requires_grad=True');
    return `tensor(..., ${facts.join(', ')})`;
  }

  static {
    // A console shows what it can at once.
    const text = (t: Tensor): string => (isLive(t) && t.device !== cpu ? t.outline() : String(t));
    shown(this.prototype, text, (t) => (isLive(t) && t.device === cpu ? tensorHtml(t.#printable()) : preformatted(text(t))));
  }

  /** Nested arrays, for JSON.stringify. */
  toJSON(): NestedList {
    return this.tolistSync();
  }

  /** `Number(x)` is the only element; in a template the printed form. */
  [Symbol.toPrimitive](hint: string): string | number {
    return hint === 'number' ? Number(this.itemSync()) : this.toString();
  }
}

/** Options of {@link Tensor.backward}. */
export interface BackwardOptions {
  /** The gradient of the tensor itself; needed unless it has one element. */
  gradient?: Tensor | null;
  /** Keep the graph for another backward; default: the value of `createGraph`. */
  retainGraph?: boolean | null;
  /** Record the backward pass, so that gradients can be differentiated again. Default false. */
  createGraph?: boolean;
  /** Accumulate into these leaves only. */
  inputs?: Tensor | readonly Tensor[] | null;
}

/** Options of {@link Tensor.to}. */
export interface ToOptions {
  dtype?: DType | null;
  device?: Device | string | null;
  other?: Tensor;
  nonBlocking?: boolean;
  copy?: boolean;
}

const CLASS_NAMES = { bool: 'Bool', uint8: 'Byte', int32: 'Int', int64: 'Long', float32: 'Float', float64: 'Double' } as const;

/** Whether `x` is a tensor. PyTorch: `torch.is_tensor`. */
export function isTensor(x: unknown): x is Tensor {
  return isHandle(x) && x instanceof Tensor;
}

setScalarReader((t) => {
  if (!isTensor(t) || t.ndim !== 0) return null;
  if (t.device !== cpu) throw answersLater('a number as an argument', 'await x.item()');
  return toNumber(readElements(t, t.dtype, 1, false)[0]!, t.dtype);
});
onDefaultDtype((dtype) => op('set_default_dtype', dtype));

for (const [name, mode, ...ops] of METHODS) {
  if (name in Tensor.prototype) continue;
  Object.defineProperty(Tensor.prototype, name, { value: method(name, mode, ops), writable: true, configurable: true });
}
