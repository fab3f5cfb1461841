/**
 * Values as Python writes them, for printed modules and messages that read as PyTorch's.
 * @module
 */
import { pyFloat, pyString } from '../runtime/python.js';
import { Tensor } from '../tensor.js';

/** `True`, `None`, `3`, `(3, 3)`, `'none'`. A number prints as given (`nn.LPPool2d(2, 3)`); {@link pyFloat} is for what is a float
 * on PyTorch's own pages, since 1 and 1.0 are one number here. */
export function py(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : pyFloat(value);
  if (typeof value === 'string') return pyString(value);
  if (Array.isArray(value)) return pyTuple(value);
  return String(value);
}

/** `(5,)`, `(3, 4)`, `()`. */
export function pyTuple(values: readonly unknown[]): string {
  return values.length === 1 ? `(${py(values[0])},)` : `(${values.map(py).join(', ')})`;
}

/** The name of a value's type in Python: `int`, `str`, `NoneType`, `Tensor`. */
export function pyType(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (value instanceof Tensor) return 'Tensor';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'object') return value.constructor?.name === 'Object' ? 'dict' : (value.constructor?.name ?? 'object');
  return typeof value;
}

/** `torch.Size([2, 3])`. */
export function pySize(shape: readonly number[]): string {
  return `torch.Size([${shape.join(', ')}])`;
}

/** Every line but the first moved right by `n` blanks. */
export function indent(text: string, n: number): string {
  return text.replaceAll('\n', `\n${' '.repeat(n)}`);
}
