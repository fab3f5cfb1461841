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

  /**
   * Whether the `forward` that this very class defines keeps neither what it is given nor what it gives, so that nobody
   * but its caller has them. A class that defines another `forward` says so anew, or nothing.
   * @internal
   */
  static readonly passesOn: boolean = false;
}

/** Whether nobody but the caller has what this module is given and gives: see {@link Layer.passesOn}. Hooks see both. */
export function passesOn(module: Module): boolean {
  if (module._hasHooks()) return false;
  for (let at: object = module; at !== Module.prototype; at = Object.getPrototypeOf(at) as object) {
    // A `forward` that was put on the module itself is somebody else's.
    if (Object.hasOwn(at, 'forward')) return at !== module && Object.hasOwn(at.constructor, 'passesOn') && (at.constructor as typeof Layer).passesOn;
  }
  return false;
}
