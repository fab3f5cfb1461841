/**
 * Multi-head attention.
 * @module
 */
import { ValueError } from '../errors.js';
import { empty } from '../generated/torch.js';
import type { Tensor } from '../tensor.js';
import { type Args, FACTORY, type FactoryOptions, bind, flag, int, maybe, real, tensor } from './args.js';
import * as F from './functional.js';
import { constant_, xavierNormal_, xavierUniform_ } from './init.js';
import { NonDynamicallyQuantizableLinear } from './linear.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';

/** Parameters of {@link MultiheadAttention} by name. */
export interface MultiheadAttentionOptions extends FactoryOptions {
  readonly embedDim?: number;
  readonly numHeads?: number;
  /** Dropout of the attention weights. Default: 0. */
  readonly dropout?: number;
  /** Default: true. */
  readonly bias?: boolean;
  /** Whether a learnt key and value are appended. Default: false. */
  readonly addBiasKv?: boolean;
  /** Whether a key and value of zeros are appended. Default: false. */
  readonly addZeroAttn?: boolean;
  /** Features of keys. Default: `embedDim`. */
  readonly kdim?: number | null;
  /** Features of values. Default: `embedDim`. */
  readonly vdim?: number | null;
  /** Whether tensors are `[N, L, E]` instead of `[L, N, E]`. Default: false. */
  readonly batchFirst?: boolean;
}

/** What may be given to a call of {@link MultiheadAttention} by name. */
export interface AttentionOptions {
  /** `[N, S]`: true (or an added number) where a key is left out. */
  readonly keyPaddingMask?: Tensor | null;
  /** Whether the weights are wanted too. Default: true. */
  readonly needWeights?: boolean;
  /** `[L, S]` or `[N · heads, L, S]`: true where a place may not be attended to, or numbers to add. */
  readonly attnMask?: Tensor | null;
  /** Whether the weights are averaged over the heads. Default: true. */
  readonly averageAttnWeights?: boolean;
  /** A hint that `attnMask` is the causal one. Default: false. */
  readonly isCausal?: boolean;
}

/**
 * Attention with several heads (Vaswani et al., 2017): queries `[L, N, E]`, keys and values `[S, N, E]` to the output
 * `[L, N, E]` and the weights `[N, L, S]` (null unless wanted).
 *
 * PyTorch: `torch.nn.MultiheadAttention`.
 * @example
 * const mha = new nn.MultiheadAttention(16, 4, { batchFirst: true });
 * const [output, weights] = mha(x, x, x);
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly addZeroAttn: boolean;
  readonly batchFirst: boolean;
  declare inProjWeight: Parameter | null;
  declare inProjBias: Parameter | null;
  declare qProjWeight: Parameter | null;
  declare kProjWeight: Parameter | null;
  declare vProjWeight: Parameter | null;
  declare biasK: Parameter | null;
  declare biasV: Parameter | null;
  declare outProj: NonDynamicallyQuantizableLinear;

  constructor(
    ...args: Args<
      [embedDim: number, numHeads: number],
      [dropout: number, bias: boolean, addBiasKv: boolean, addZeroAttn: boolean, kdim: number | null, vdim: number | null, batchFirst: boolean],
      MultiheadAttentionOptions
    >
  ) {
    super();
    const p = bind('MultiheadAttention', args, {
      embedDim: int(),
      numHeads: int(),
      dropout: real(0),
      bias: flag(true),
      addBiasKv: flag(false),
      addZeroAttn: flag(false),
      kdim: maybe(int()),
      vdim: maybe(int()),
      batchFirst: flag(false),
      ...FACTORY,
    });
    const e = p.embedDim;
    if (e <= 0 || p.numHeads <= 0) {
      throw new ValueError(`embed_dim and num_heads must be greater than 0, got embed_dim=${e} and num_heads=${p.numHeads} instead`);
    }
    if (e % p.numHeads !== 0) throw new ValueError(`embed_dim must be divisible by num_heads, got ${e} and ${p.numHeads}`);
    this.embedDim = e;
    this.numHeads = p.numHeads;
    this.dropout = p.dropout;
    this.addZeroAttn = p.addZeroAttn;
    this.batchFirst = p.batchFirst;
    const make = { device: p.device, dtype: p.dtype };
    const add = (name: string, there: boolean, shape: number[]): void =>
      this.registerParameter(name, there ? new Parameter(empty(shape, make)) : null);
    const [kdim, vdim] = [p.kdim ?? e, p.vdim ?? e];
    const same = kdim === e && vdim === e;
    add('q_proj_weight', !same, [e, e]);
    add('k_proj_weight', !same, [e, kdim]);
    add('v_proj_weight', !same, [e, vdim]);
    add('in_proj_weight', same, [3 * e, e]);
    add('in_proj_bias', p.bias, [3 * e]);
    this.registerModule('out_proj', new NonDynamicallyQuantizableLinear(e, e, { bias: p.bias, ...make }));
    add('bias_k', p.addBiasKv, [1, 1, e]);
    add('bias_v', p.addBiasKv, [1, 1, e]);
    this.resetParameters();
  }

  /** Draws the parameters anew, all but the weight of the output projection. */
  resetParameters(): void {
    for (const w of [this.inProjWeight, this.qProjWeight, this.kProjWeight, this.vProjWeight]) if (w) xavierUniform_(w);
    if (this.inProjBias) {
      constant_(this.inProjBias, 0);
      constant_(this.outProj.bias!, 0);
    }
    if (this.biasK) xavierNormal_(this.biasK);
    if (this.biasV) xavierNormal_(this.biasV);
  }

  override forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    ...rest: Args<[], [keyPaddingMask: Tensor | null, needWeights: boolean, attnMask: Tensor | null, averageAttnWeights: boolean, isCausal: boolean], AttentionOptions>
  ): [output: Tensor, weights: Tensor | null] {
    const o = bind('MultiheadAttention', rest, CALL);
    const turn = this.batchFirst && query.shape.length === 3;
    const [q, k, v] = turn ? [query, key, value].map((t) => t.transpose(0, 1)) : [query, key, value];
    const result = F.multiHeadAttentionForward(
      q!, k!, v!, this.embedDim, this.numHeads, this.inProjWeight, this.inProjBias, this.biasK, this.biasV,
      this.addZeroAttn, this.dropout, this.outProj.weight, this.outProj.bias,
      {
        training: this.training,
        keyPaddingMask: o.keyPaddingMask,
        needWeights: o.needWeights,
        attnMask: o.attnMask,
        useSeparateProjWeight: this.inProjWeight === null,
        qProjWeight: this.qProjWeight,
        kProjWeight: this.kProjWeight,
        vProjWeight: this.vProjWeight,
        averageAttnWeights: o.averageAttnWeights,
        isCausal: o.isCausal,
      },
    );
    const [output, weights] = result;
    return [turn ? output.transpose(0, 1) : output, weights];
  }
}

const CALL = {
  keyPaddingMask: maybe(tensor()),
  needWeights: flag(true),
  attnMask: maybe(tensor()),
  averageAttnWeights: flag(true),
  isCausal: flag(false),
};
