/**
 * The base of modules that take one tensor.
 * @module
 */
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- how TypeScript spells a callable class
export interface Layer {
  (...args: Parameters<this['forward']>): ReturnType<this['forward']>;
  (named: { readonly input: Tensor }): ReturnType<this['forward']>;
}

/** A module whose `forward` takes one tensor, called `input` in PyTorch: `layer(x)` or `layer({ input: x })`. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- see above
export abstract class Layer extends Module {
  static override readonly inputs: readonly string[] = ['input'];
}
