/**
 * Types that signatures share.
 * @module
 */

/** A number where PyTorch takes a Python scalar. */
export type Num = number | boolean | bigint;

/** A result with several parts: an array of them in PyTorch's order, which also has them by name. */
export type Named<List extends readonly unknown[], Fields> = Readonly<List> & Fields;

/** Nested arrays of T, to any depth. */
export type Nested<T> = T | readonly Nested<T>[];
