/**
 * Padding.
 * @module
 */
import { ShapeError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type Args, bind, ints, real } from './args.js';
import * as F from './functional.js';
import { Layer } from './layer.js';
import { py, pyTuple } from './python.js';
import { type Size, repeat } from './sizes.js';

/** Padding on every side, or before and after each dimension, the last dimension first. */
export interface PadOptions {
  readonly padding?: Size;
}
type PadArgs = Args<[padding: Size], [], PadOptions>;

abstract class PadNd extends Layer {
  readonly padding: readonly number[];
  /** @internal */
  readonly _mode: string;
  /** @internal */
  readonly _dims: number;

  constructor(n: number, mode: string, args: readonly unknown[]) {
    super();
    const who = this._getName();
    this.padding = repeat(who, 'padding', bind(who, args, { padding: ints() }).padding, 2 * n);
    this._mode = mode;
    this._dims = n;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    const d = input.shape.length;
    const n = this._dims;
    if (this._mode === 'circular' && d !== n + 1 && d !== n + 2) throw new ShapeError(`expected ${n + 1}D or ${n + 2}D input (got ${d}D input)`);
    return F.pad(input, [...this.padding], this._mode);
  }

  override extraRepr(): string {
    return pyTuple(this.padding);
  }
}

/** Continues `[N, C, L]` or `[C, L]` by mirroring without repeating the edge. PyTorch: `torch.nn.ReflectionPad1d`. */
export class ReflectionPad1d extends PadNd {
  constructor(...args: PadArgs) {
    super(1, 'reflect', args);
  }
}
/** Continues the last two dimensions by mirroring. PyTorch: `torch.nn.ReflectionPad2d`. */
export class ReflectionPad2d extends PadNd {
  constructor(...args: PadArgs) {
    super(2, 'reflect', args);
  }
}
/** Continues the last three dimensions by mirroring. PyTorch: `torch.nn.ReflectionPad3d`. */
export class ReflectionPad3d extends PadNd {
  constructor(...args: PadArgs) {
    super(3, 'reflect', args);
  }
}
/** Continues the last dimension by repeating its edges. PyTorch: `torch.nn.ReplicationPad1d`. */
export class ReplicationPad1d extends PadNd {
  constructor(...args: PadArgs) {
    super(1, 'replicate', args);
  }
}
/** Continues the last two dimensions by repeating their edges. PyTorch: `torch.nn.ReplicationPad2d`. */
export class ReplicationPad2d extends PadNd {
  constructor(...args: PadArgs) {
    super(2, 'replicate', args);
  }
}
/** Continues the last three dimensions by repeating their edges. PyTorch: `torch.nn.ReplicationPad3d`. */
export class ReplicationPad3d extends PadNd {
  constructor(...args: PadArgs) {
    super(3, 'replicate', args);
  }
}
/** Continues the last dimension from its other end. PyTorch: `torch.nn.CircularPad1d`. */
export class CircularPad1d extends PadNd {
  constructor(...args: PadArgs) {
    super(1, 'circular', args);
  }
}
/** Continues the last two dimensions from their other ends. PyTorch: `torch.nn.CircularPad2d`. */
export class CircularPad2d extends PadNd {
  constructor(...args: PadArgs) {
    super(2, 'circular', args);
  }
}
/** Continues the last three dimensions from their other ends. PyTorch: `torch.nn.CircularPad3d`. */
export class CircularPad3d extends PadNd {
  constructor(...args: PadArgs) {
    super(3, 'circular', args);
  }
}

/** Parameters of constant padding by name. */
export interface ConstantPadOptions extends PadOptions {
  readonly value?: number;
}
type ConstantPadArgs = Args<[padding: Size, value: number], [], ConstantPadOptions>;

abstract class ConstantPadNd extends Layer {
  readonly padding: readonly number[];
  readonly value: number;

  constructor(n: number, padding: Size, value: number) {
    super();
    this.padding = repeat(this._getName(), 'padding', padding, 2 * n);
    this.value = value;
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.pad(input, [...this.padding], 'constant', this.value);
  }

  override extraRepr(): string {
    return `padding=${pyTuple(this.padding)}, value=${py(this.value)}`;
  }
}

const CONSTANT = { padding: ints(), value: real() };

/** Puts `value` around the last dimension. PyTorch: `torch.nn.ConstantPad1d`. */
export class ConstantPad1d extends ConstantPadNd {
  constructor(...args: ConstantPadArgs) {
    const { padding, value } = bind('ConstantPad1d', args, CONSTANT);
    super(1, padding, value);
  }
}
/** Puts `value` around the last two dimensions. PyTorch: `torch.nn.ConstantPad2d`. */
export class ConstantPad2d extends ConstantPadNd {
  constructor(...args: ConstantPadArgs) {
    const { padding, value } = bind('ConstantPad2d', args, CONSTANT);
    super(2, padding, value);
  }
}
/** Puts `value` around the last three dimensions. PyTorch: `torch.nn.ConstantPad3d`. */
export class ConstantPad3d extends ConstantPadNd {
  constructor(...args: ConstantPadArgs) {
    const { padding, value } = bind('ConstantPad3d', args, CONSTANT);
    super(3, padding, value);
  }
}

abstract class ZeroPadNd extends ConstantPadNd {
  constructor(n: number, who: string, args: readonly unknown[]) {
    super(n, bind(who, args, { padding: ints() }).padding, 0);
  }

  override extraRepr(): string {
    return pyTuple(this.padding);
  }
}

/** Puts zeros around the last dimension. PyTorch: `torch.nn.ZeroPad1d`. */
export class ZeroPad1d extends ZeroPadNd {
  constructor(...args: PadArgs) {
    super(1, 'ZeroPad1d', args);
  }
}
/** Puts zeros around the last two dimensions. PyTorch: `torch.nn.ZeroPad2d`. */
export class ZeroPad2d extends ZeroPadNd {
  constructor(...args: PadArgs) {
    super(2, 'ZeroPad2d', args);
  }
}
/** Puts zeros around the last three dimensions. PyTorch: `torch.nn.ZeroPad3d`. */
export class ZeroPad3d extends ZeroPadNd {
  constructor(...args: PadArgs) {
    super(3, 'ZeroPad3d', args);
  }
}
