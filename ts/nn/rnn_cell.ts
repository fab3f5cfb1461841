/**
 * Single steps of recurrent networks.
 * @module
 */
import { ShapeError, ValueError } from '../errors.js';
import { empty, gruCell, lstmCell, rnnReluCell, rnnTanhCell, zeros } from '../generated/torch.js';
import type { Tensor } from '../tensor.js';
import { type Args, type Bound, FACTORY, type FactoryOptions, bind, flag, int, text } from './args.js';
import { uniform_ } from './init.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';
import { scope } from '../runtime/scope.js';

/** Parameters of recurrent cells by name. */
export interface RNNCellOptions extends FactoryOptions {
  readonly inputSize?: number;
  readonly hiddenSize?: number;
  /** Default: true. */
  readonly bias?: boolean;
}
const SPEC = { inputSize: int(), hiddenSize: int(), bias: flag(true), ...FACTORY };

abstract class RNNCellBase extends Module {
  static override readonly inputs: readonly string[] = ['input', 'hx'];

  readonly inputSize: number;
  readonly hiddenSize: number;
  declare weightIh: Parameter;
  declare weightHh: Parameter;
  declare biasIh: Parameter | null;
  declare biasHh: Parameter | null;

  constructor(gates: number, p: Bound<typeof SPEC>) {
    super();
    this.inputSize = p.inputSize;
    this.hiddenSize = p.hiddenSize;
    const make = { device: p.device, dtype: p.dtype };
    const rows = gates * p.hiddenSize;
    this.registerParameter('weight_ih', new Parameter(empty([rows, p.inputSize], make)));
    this.registerParameter('weight_hh', new Parameter(empty([rows, p.hiddenSize], make)));
    this.registerParameter('bias_ih', p.bias ? new Parameter(empty([rows], make)) : null);
    this.registerParameter('bias_hh', p.bias ? new Parameter(empty([rows], make)) : null);
    this.resetParameters();
  }

  /** Draws every parameter from U(-1/√hiddenSize, 1/√hiddenSize). */
  resetParameters(): void {
    const bound = this.hiddenSize > 0 ? 1 / Math.sqrt(this.hiddenSize) : 0;
    for (const p of this.parameters()) uniform_(p, -bound, bound);
  }

  /** @internal */
  _state(input: Tensor, hx: Tensor | null): Tensor {
    const d = input.shape.length;
    const who = this._getName();
    if (d !== 1 && d !== 2) throw new ShapeError(`${who}: Expected input to be 1D or 2D, got ${d}D instead`);
    if (hx && hx.shape.length !== 1 && hx.shape.length !== 2) {
      throw new ShapeError(`${who}: Expected hidden to be 1D or 2D, got ${hx.shape.length}D instead`);
    }
    return hx ?? zeros([...input.shape.slice(0, -1), this.hiddenSize], { dtype: input.dtype });
  }

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.biasIh === null ? ', bias=False' : ''}`;
  }
}

/**
 * `tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh)`, or relu: `[N, inputSize]` and `[N, hiddenSize]` to `[N, hiddenSize]`.
 * PyTorch: `torch.nn.RNNCell`.
 */
export class RNNCell extends RNNCellBase {
  readonly nonlinearity: string;

  constructor(
    ...args: Args<[inputSize: number, hiddenSize: number], [bias: boolean, nonlinearity: string], RNNCellOptions & { readonly nonlinearity?: string }>
  ) {
    const { inputSize, hiddenSize, bias, device, dtype } = SPEC;
    const p = bind('RNNCell', args, { inputSize, hiddenSize, bias, nonlinearity: text('tanh'), device, dtype });
    super(1, p);
    this.nonlinearity = p.nonlinearity;
  }

  override forward(input: Tensor, hx: Tensor | null = null): Tensor {
    const { nonlinearity } = this;
    if (nonlinearity !== 'tanh' && nonlinearity !== 'relu') throw new ValueError(`Unknown nonlinearity: ${nonlinearity}`);
    const cell = nonlinearity === 'tanh' ? rnnTanhCell : rnnReluCell;
    return scope(() => cell(input, this._state(input, hx), this.weightIh, this.weightHh, this.biasIh, this.biasHh));
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.nonlinearity === 'tanh' ? '' : `, nonlinearity=${this.nonlinearity}`);
  }
}

/** One step of a gated recurrent unit. PyTorch: `torch.nn.GRUCell`. */
export class GRUCell extends RNNCellBase {
  constructor(...args: Args<[inputSize: number, hiddenSize: number], [bias: boolean], RNNCellOptions>) {
    super(3, bind('GRUCell', args, SPEC));
  }

  override forward(input: Tensor, hx: Tensor | null = null): Tensor {
    return scope(() => gruCell(input, this._state(input, hx), this.weightIh, this.weightHh, this.biasIh, this.biasHh));
  }
}

/** One step of a long short-term memory cell: `x` and `[h, c]` to the next `[h, c]`. PyTorch: `torch.nn.LSTMCell`. */
export class LSTMCell extends RNNCellBase {
  constructor(...args: Args<[inputSize: number, hiddenSize: number], [bias: boolean], RNNCellOptions>) {
    super(4, bind('LSTMCell', args, SPEC));
  }

  override forward(input: Tensor, hx: readonly [h: Tensor, c: Tensor] | null = null): [h: Tensor, c: Tensor] {
    return scope(() => {
      const states = (hx ?? [null, null]).map((s) => this._state(input, s));
      const [h, c] = lstmCell(input, states, this.weightIh, this.weightHh, this.biasIh, this.biasHh);
      return [h, c];
    });
  }
}
