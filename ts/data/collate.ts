/**
 * From samples to a batch.
 * @module
 */
import { asTensor, tensor } from '../creation.js';
import { dtypeOfArray, float64, int64, type TypedArray } from '../dtype.js';
import { ArgumentError, ValueError } from '../errors.js';
import { stack } from '../generated/torch.js';
import { isTensor, type Tensor } from '../tensor.js';
import { isPlain } from '../runtime/plain.js';

/** What {@link defaultCollate} makes of samples of type `T`. */
export type Collated<T> = T extends Tensor | number | bigint | boolean | TypedArray
  ? Tensor
  : T extends string
    ? string[]
    : T extends readonly unknown[]
      ? { -readonly [K in keyof T]: Collated<T[K]> }
      : T extends object
        ? { [K in keyof T]: Collated<T[K]> }
        : unknown;

/**
 * Puts samples together: tensors and typed arrays are stacked, numbers become a tensor (int64 if all are integers, else
 * float64), strings stay a list, arrays and plain objects are collated part by part.
 *
 * PyTorch: `torch.utils.data.default_collate`.
 * @example
 * defaultCollate([[0, 1], [2, 3]]); // -> [ tensor([0, 2]), tensor([1, 3]) ]
 * @throws {@link ArgumentError} for samples of any other kind.
 */
export function defaultCollate<T>(samples: readonly T[]): Collated<T> {
  return collate(samples) as Collated<T>;
}

function collate(samples: readonly unknown[]): unknown {
  const first = samples[0];
  if (isTensor(first)) return stack(samples as Tensor[]);
  if (isTyped(first)) {
    const rows = samples.map((x) => asTensor(x as TypedArray));
    const batch = stack(rows);
    rows.forEach((row) => row.dispose());
    return batch;
  }
  if (typeof first === 'number') {
    const whole = samples.every((x) => Number.isInteger(x));
    return tensor(samples as number[], { dtype: whole ? int64 : float64 });
  }
  if (typeof first === 'boolean' || typeof first === 'bigint') return tensor(samples as boolean[]);
  if (typeof first === 'string') return [...samples];
  if (Array.isArray(first)) {
    const lists = samples as readonly (readonly unknown[])[];
    if (lists.some((list) => list.length !== first.length)) throw new ValueError('each element in list of batch should be of equal size');
    return first.map((_, k) => collate(lists.map((list) => list[k])));
  }
  if (isPlain(first)) {
    const objects = samples as readonly Record<string, unknown>[];
    return Object.fromEntries(Object.keys(first).map((key) => [key, collate(objects.map((x) => x[key]))]));
  }
  throw new ArgumentError(`default_collate: batch must contain tensors, typed arrays, numbers, objects or arrays; found ${kind(first)}`);
}

/**
 * Turns the typed arrays of one sample into tensors: what a loader without batching does.
 *
 * PyTorch: `torch.utils.data.default_convert`.
 */
export function defaultConvert(sample: unknown): unknown {
  if (isTyped(sample)) return asTensor(sample);
  if (Array.isArray(sample)) return sample.map(defaultConvert);
  if (isPlain(sample)) return Object.fromEntries(Object.entries(sample).map(([k, v]) => [k, defaultConvert(v)]));
  return sample;
}

function isTyped(x: unknown): x is TypedArray {
  return ArrayBuffer.isView(x) && dtypeOfArray(x) !== null;
}

function kind(x: unknown): string {
  return typeof x === 'object' && x !== null ? x.constructor.name : String(x);
}
