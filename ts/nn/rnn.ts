/**
 * Recurrent networks.
 * @module
 */
import { ArgumentError, ShapeError, ValueError, DTypeError } from '../errors.js';
import { empty, gru, lstm, rnnRelu, rnnTanh, zeros } from '../generated/torch.js';
import type { Tensor } from '../tensor.js';
import { type Args, type Bound, FACTORY, type FactoryOptions, bind, flag, int, real, text } from './args.js';
import { uniform_ } from './init.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';
import { pyFloat } from '../runtime/python.js';
import { py } from './python.js';
import { scope } from '../runtime/scope.js';

/** Parameters of recurrent networks by name. */
export interface RNNOptions extends FactoryOptions {
  readonly inputSize?: number;
  readonly hiddenSize?: number;
  /** Networks on top of each other. Default: 1. */
  readonly numLayers?: number;
  /** Default: true. */
  readonly bias?: boolean;
  /** Whether input and output are `[N, T, ...]` instead of `[T, N, ...]`. Default: false. */
  readonly batchFirst?: boolean;
  /** Dropout between layers. Default: 0. */
  readonly dropout?: number;
  /** Whether a second network runs backwards. Default: false. */
  readonly bidirectional?: boolean;
}

const SIZES = { inputSize: int(), hiddenSize: int(), numLayers: int(1) };
const COMMON = { bias: flag(true), batchFirst: flag(false), dropout: real(0), bidirectional: flag(false) };
const RNN_SPEC = { ...SIZES, nonlinearity: text('tanh'), ...COMMON, ...FACTORY };
const GRU_SPEC = { ...SIZES, ...COMMON, ...FACTORY };
const LSTM_SPEC = { ...SIZES, ...COMMON, projSize: int(0), ...FACTORY };
type Common = Bound<typeof GRU_SPEC>;

/** What recurrent networks share: parameters by layer and direction, shapes, printing. */
abstract class RNNBase extends Module {
  static override readonly inputs: readonly string[] = ['input', 'hx'];

  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly projSize: number;
  /** Names of the parameters in the order in which the functions take them. @internal */
  readonly _order: string[] = [];

  constructor(gates: number, p: Common, projSize: number) {
    super();
    if (p.inputSize <= 0) throw new ValueError('input_size must be greater than zero');
    if (p.hiddenSize <= 0) throw new ValueError('hidden_size must be greater than zero');
    if (p.numLayers <= 0) throw new ValueError('num_layers must be greater than zero');
    if (!(p.dropout >= 0 && p.dropout <= 1)) {
      throw new ValueError('dropout should be a number in range [0, 1] representing the probability of an element being zeroed');
    }
    if (projSize < 0) throw new ValueError('proj_size should be a positive integer or zero to disable projections');
    if (projSize >= p.hiddenSize) throw new ValueError('proj_size has to be smaller than hidden_size');
    this.inputSize = p.inputSize;
    this.hiddenSize = p.hiddenSize;
    this.numLayers = p.numLayers;
    this.bias = p.bias;
    this.batchFirst = p.batchFirst;
    this.dropout = p.dropout;
    this.bidirectional = p.bidirectional;
    this.projSize = projSize;
    const make = { device: p.device, dtype: p.dtype };
    const add = (name: string, shape: number[]): void => {
      this.registerParameter(name, new Parameter(empty(shape, make)));
      this._order.push(name);
    };
    const rows = gates * p.hiddenSize;
    const real = projSize || p.hiddenSize;
    for (let layer = 0; layer < p.numLayers; layer++) {
      for (const side of p.bidirectional ? ['', '_reverse'] : ['']) {
        const at = `l${layer}${side}`;
        add(`weight_ih_${at}`, [rows, layer === 0 ? p.inputSize : real * (p.bidirectional ? 2 : 1)]);
        add(`weight_hh_${at}`, [rows, real]);
        if (p.bias) {
          add(`bias_ih_${at}`, [rows]);
          add(`bias_hh_${at}`, [rows]);
        }
        if (projSize) add(`weight_hr_${at}`, [projSize, p.hiddenSize]);
      }
    }
    this.resetParameters();
  }

  /** Draws every parameter from U(-1/√hiddenSize, 1/√hiddenSize). */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const p of this._weights()) uniform_(p, -bound, bound);
  }

  /** @internal */
  _weights(): Parameter[] {
    return this._order.map((n) => (this as unknown as Record<string, Parameter>)[n]!);
  }

  /** @internal The input with a batch dimension and its first states, zeros unless given. */
  _prepare(input: Tensor, states: readonly (Tensor | null)[]): { input: Tensor; states: Tensor[]; batched: boolean } {
    const d = input.shape.length;
    if (d !== 2 && d !== 3) throw new ShapeError(`${this._getName()}: Expected input to be 2D or 3D, got ${d}D instead`);
    const dtype = this._weights()[0]!.dtype;
    if (input.dtype !== dtype) {
      throw new DTypeError(
        `RNN input dtype (${String(input.dtype)}) does not match weight dtype (${String(dtype)}). ` +
          `Convert input: input.to(${String(dtype)}), or convert model: model.to(${String(input.dtype)})`,
      );
    }
    const features = input.shape[d - 1]!;
    if (features !== this.inputSize) {
      throw new ShapeError(`input.size(-1) must be equal to input_size. Expected ${this.inputSize}, got ${features}`);
    }
    const batched = d === 3;
    const x = batched ? input : input.unsqueeze(this.batchFirst ? 0 : 1);
    const n = x.shape[this.batchFirst ? 0 : 1]!;
    const all = states.map((s, i) => {
      const want = [this.numLayers * (this.bidirectional ? 2 : 1), n, i === 0 ? this.projSize || this.hiddenSize : this.hiddenSize];
      if (s === null) return zeros(want, { dtype: input.dtype });
      if (s.shape.length !== d) {
        throw new ShapeError(`For ${batched ? 'batched 3-D' : 'unbatched 2-D'} input, hx should also be ${d}-D but got ${s.shape.length}-D tensor`);
      }
      const state = batched ? s : s.unsqueeze(1);
      if (state.shape.join() !== want.join()) {
        throw new ShapeError(`Expected hidden${states.length > 1 ? `[${i}]` : ''} size (${want.join(', ')}), got [${state.shape.join(', ')}]`);
      }
      return state;
    });
    return { input: x, states: all, batched };
  }

  /** @internal Results without the batch dimension that was added. */
  _unbatched(batched: boolean, output: Tensor, ...states: Tensor[]): [Tensor, ...Tensor[]] {
    if (batched) return [output, ...states];
    return [output.squeeze(this.batchFirst ? 0 : 1), ...states.map((s) => s.squeeze(1))];
  }

  override extraRepr(): string {
    let s = `${this.inputSize}, ${this.hiddenSize}`;
    if (this.projSize !== 0) s += `, proj_size=${this.projSize}`;
    if (this.numLayers !== 1) s += `, num_layers=${this.numLayers}`;
    if (!this.bias) s += `, bias=${py(this.bias)}`;
    if (this.batchFirst) s += `, batch_first=${py(this.batchFirst)}`;
    if (this.dropout !== 0) s += `, dropout=${pyFloat(this.dropout)}`;
    if (this.bidirectional) s += `, bidirectional=${py(this.bidirectional)}`;
    return s;
  }
}

/** Runs a network of one state. */
function run(
  net: RNNBase,
  fn: typeof gru,
  input: Tensor,
  hx: Tensor | null,
): [output: Tensor, hN: Tensor] {
  const p = net._prepare(input, [hx]);
  const { numLayers, dropout, training, bidirectional, batchFirst, bias } = net;
  const [out, h] = fn(p.input, p.states[0]!, net._weights(), bias, numLayers, dropout, training, bidirectional, batchFirst);
  return net._unbatched(p.batched, out, h) as [Tensor, Tensor];
}

/**
 * A network of `h' = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh)`, or relu: `[T, N, inputSize]` (or `[T, inputSize]`) to the
 * outputs `[T, N, hiddenSize]` and the last states `[numLayers, N, hiddenSize]`.
 *
 * PyTorch: `torch.nn.RNN`.
 * @example
 * const [output, hN] = new nn.RNN(10, 20, 2)(torch.randn(5, 3, 10));
 */
export class RNN extends RNNBase {
  readonly nonlinearity: string;

  constructor(
    ...args: Args<
      [inputSize: number, hiddenSize: number],
      [numLayers: number, nonlinearity: string, bias: boolean, batchFirst: boolean, dropout: number, bidirectional: boolean],
      RNNOptions & { readonly nonlinearity?: string }
    >
  ) {
    const p = bind('RNN', args, RNN_SPEC);
    if (p.nonlinearity !== 'tanh' && p.nonlinearity !== 'relu') {
      throw new ValueError(`Unknown nonlinearity '${p.nonlinearity}'. Select from 'tanh' or 'relu'.`);
    }
    super(1, p, 0);
    this.nonlinearity = p.nonlinearity;
  }

  override forward(input: Tensor, hx: Tensor | null = null): [output: Tensor, hN: Tensor] {
    return scope(() => run(this, this.nonlinearity === 'tanh' ? rnnTanh : rnnRelu, input, hx));
  }
}

/**
 * A network of gated recurrent units. Shapes as in {@link RNN}.
 *
 * PyTorch: `torch.nn.GRU`.
 * @example
 * const [output, hN] = new nn.GRU(10, 20, { bidirectional: true })(torch.randn(5, 3, 10));
 */
export class GRU extends RNNBase {
  constructor(
    ...args: Args<
      [inputSize: number, hiddenSize: number],
      [numLayers: number, bias: boolean, batchFirst: boolean, dropout: number, bidirectional: boolean],
      RNNOptions
    >
  ) {
    super(3, bind('GRU', args, GRU_SPEC), 0);
  }

  override forward(input: Tensor, hx: Tensor | null = null): [output: Tensor, hN: Tensor] {
    return scope(() => run(this, gru, input, hx));
  }
}

/**
 * A network of long short-term memory cells. Shapes as in {@link RNN}; the states are `[h, c]`.
 *
 * PyTorch: `torch.nn.LSTM`.
 * @example
 * const [output, [hN, cN]] = new nn.LSTM(10, 20, 2)(torch.randn(5, 3, 10));
 */
export class LSTM extends RNNBase {
  constructor(
    ...args: Args<
      [inputSize: number, hiddenSize: number],
      [numLayers: number, bias: boolean, batchFirst: boolean, dropout: number, bidirectional: boolean, projSize: number],
      RNNOptions & { /** Size to which hidden states are projected; 0: not at all. */ readonly projSize?: number }
    >
  ) {
    const p = bind('LSTM', args, LSTM_SPEC);
    super(4, p, p.projSize);
  }

  override forward(input: Tensor, hx: readonly [h: Tensor, c: Tensor] | null = null): [output: Tensor, states: [hN: Tensor, cN: Tensor]] {
    if (hx !== null && (!Array.isArray(hx) || hx.length !== 2)) throw new ArgumentError('LSTM: hx must be two tensors, [h, c]');
    return scope(() => {
      const p = this._prepare(input, hx ?? [null, null]);
      const { numLayers, dropout, training, bidirectional, batchFirst, bias } = this;
      const [out, h, c] = lstm(p.input, p.states, this._weights(), bias, numLayers, dropout, training, bidirectional, batchFirst);
      const [output, hN, cN] = this._unbatched(p.batched, out, h, c);
      return [output, [hN!, cN!]];
    });
  }
}

