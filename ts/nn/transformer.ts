/**
 * Transformers (Vaswani et al., 2017).
 * @module
 */
import { ShapeError, ValueError } from '../errors.js';
import { full, triu } from '../generated/torch.js';
import type { Tensor } from '../tensor.js';
import { type Args, FACTORY, type FactoryOptions, anything, bind, flag, int, maybe, real, tensor } from './args.js';
import { MultiheadAttention } from './attention.js';
import { ModuleList } from './containers.js';
import { deepcopy } from './deepcopy.js';
import { Dropout } from './dropout.js';
import * as F from './functional.js';
import { xavierUniform_ } from './init.js';
import { Linear } from './linear.js';
import { Module } from './module.js';
import { LayerNorm } from './normalization.js';

/** An activation: `'relu'`, `'gelu'`, a function or a module. */
export type Activation = string | ((x: Tensor) => Tensor) | Module;

/** Parameters of the layers by name. */
export interface TransformerLayerOptions extends FactoryOptions {
  /** Features of the model. */
  readonly dModel?: number;
  /** Heads of attention. */
  readonly nhead?: number;
  /** Features between the two linear maps. Default: 2048. */
  readonly dimFeedforward?: number;
  /** Default: 0.1. */
  readonly dropout?: number;
  /** Default: `'relu'`. */
  readonly activation?: Activation;
  /** Default: 1e-5. */
  readonly layerNormEps?: number;
  /** Whether tensors are `[N, L, E]` instead of `[L, N, E]`. Default: false. */
  readonly batchFirst?: boolean;
  /** Whether to normalise before attention and linear maps instead of after. Default: false. */
  readonly normFirst?: boolean;
  /** Default: true. */
  readonly bias?: boolean;
}

const LAYER = {
  dModel: int(),
  nhead: int(),
  dimFeedforward: int(2048),
  dropout: real(0.1),
  activation: anything<Activation>('relu'),
  layerNormEps: real(1e-5),
  batchFirst: flag(false),
  normFirst: flag(false),
  bias: flag(true),
  ...FACTORY,
};
type LayerArgs = Args<[dModel: number, nhead: number], [dimFeedforward: number, dropout: number, activation: Activation], TransformerLayerOptions>;

function activationOf(a: Activation): (x: Tensor) => Tensor {
  if (typeof a !== 'string') return a as (x: Tensor) => Tensor;
  if (a === 'relu') return (x) => F.relu(x);
  if (a === 'gelu') return (x) => F.gelu(x);
  throw new ValueError(`activation should be relu/gelu, not ${a}`);
}

const MASK = maybe(tensor());

/**
 * Self-attention and a network of two linear maps, each with a residual and a norm: `[L, N, E]` to `[L, N, E]`.
 *
 * PyTorch: `torch.nn.TransformerEncoderLayer`.
 * @example
 * const layer = new nn.TransformerEncoderLayer({ dModel: 512, nhead: 8, batchFirst: true });
 * layer(torch.rand(32, 10, 512));
 */
export class TransformerEncoderLayer extends Module {
  declare selfAttn: MultiheadAttention;
  declare readonly linear1: Linear;
  declare readonly dropout: Dropout;
  declare readonly linear2: Linear;
  readonly normFirst: boolean;
  declare readonly norm1: LayerNorm;
  declare readonly norm2: LayerNorm;
  declare readonly dropout1: Dropout;
  declare readonly dropout2: Dropout;
  readonly activation: (x: Tensor) => Tensor;

  constructor(...args: LayerArgs) {
    super();
    const p = bind('TransformerEncoderLayer', args, LAYER);
    const make = { device: p.device, dtype: p.dtype, bias: p.bias };
    this.registerModule('self_attn', new MultiheadAttention(p.dModel, p.nhead, { dropout: p.dropout, batchFirst: p.batchFirst, ...make }));
    this.linear1 = new Linear(p.dModel, p.dimFeedforward, make);
    this.dropout = new Dropout(p.dropout);
    this.linear2 = new Linear(p.dimFeedforward, p.dModel, make);
    this.normFirst = p.normFirst;
    this.norm1 = new LayerNorm(p.dModel, { eps: p.layerNormEps, ...make });
    this.norm2 = new LayerNorm(p.dModel, { eps: p.layerNormEps, ...make });
    this.dropout1 = new Dropout(p.dropout);
    this.dropout2 = new Dropout(p.dropout);
    this.activation = activationOf(p.activation);
  }

  override forward(src: Tensor, ...rest: Args<[], [srcMask: Tensor | null, srcKeyPaddingMask: Tensor | null, isCausal: boolean], LayerCall>): Tensor {
    const o = bind('TransformerEncoderLayer', rest, { srcMask: MASK, srcKeyPaddingMask: MASK, isCausal: flag(false) });
    const attend = (x: Tensor): Tensor => {
      const masks = { attnMask: o.srcMask, keyPaddingMask: o.srcKeyPaddingMask, needWeights: false };
      return this.dropout1(this.selfAttn(x, x, x, masks)[0]);
    };
    const feed = (x: Tensor): Tensor => this.dropout2(this.linear2(this.dropout(this.activation(this.linear1(x)))));
    if (this.normFirst) {
      const x = src.add(attend(this.norm1(src)));
      return x.add(feed(this.norm2(x)));
    }
    const x = this.norm1(src.add(attend(src)));
    return this.norm2(x.add(feed(x)));
  }
}

/** Masks of an encoder layer by name. */
export interface LayerCall {
  /** `[L, L]` or `[N · heads, L, L]`: true where a place may not be attended to, or numbers to add. */
  readonly srcMask?: Tensor | null;
  /** `[N, L]`: true where a place is padding. */
  readonly srcKeyPaddingMask?: Tensor | null;
  readonly isCausal?: boolean;
}

/** Masks of a decoder or its layers by name. */
export interface DecoderCall {
  readonly tgtMask?: Tensor | null;
  readonly memoryMask?: Tensor | null;
  readonly tgtKeyPaddingMask?: Tensor | null;
  readonly memoryKeyPaddingMask?: Tensor | null;
  readonly tgtIsCausal?: boolean;
  readonly memoryIsCausal?: boolean;
}
const DECODE = {
  tgtMask: MASK,
  memoryMask: MASK,
  tgtKeyPaddingMask: MASK,
  memoryKeyPaddingMask: MASK,
  tgtIsCausal: anything<boolean | null>(false),
  memoryIsCausal: flag(false),
};
type DecoderArgs = Args<
  [],
  [tgtMask: Tensor | null, memoryMask: Tensor | null, tgtKeyPaddingMask: Tensor | null, memoryKeyPaddingMask: Tensor | null],
  DecoderCall
>;

/** Self-attention, attention to the encoder's output, and two linear maps. PyTorch: `torch.nn.TransformerDecoderLayer`. */
export class TransformerDecoderLayer extends Module {
  declare selfAttn: MultiheadAttention;
  declare multiheadAttn: MultiheadAttention;
  declare readonly linear1: Linear;
  declare readonly dropout: Dropout;
  declare readonly linear2: Linear;
  readonly normFirst: boolean;
  declare readonly norm1: LayerNorm;
  declare readonly norm2: LayerNorm;
  declare readonly norm3: LayerNorm;
  declare readonly dropout1: Dropout;
  declare readonly dropout2: Dropout;
  declare readonly dropout3: Dropout;
  readonly activation: (x: Tensor) => Tensor;

  constructor(...args: LayerArgs) {
    super();
    const p = bind('TransformerDecoderLayer', args, LAYER);
    const make = { device: p.device, dtype: p.dtype, bias: p.bias };
    const attention = (): MultiheadAttention =>
      new MultiheadAttention(p.dModel, p.nhead, { dropout: p.dropout, batchFirst: p.batchFirst, ...make });
    const norm = (): LayerNorm => new LayerNorm(p.dModel, { eps: p.layerNormEps, ...make });
    this.registerModule('self_attn', attention());
    this.registerModule('multihead_attn', attention());
    this.linear1 = new Linear(p.dModel, p.dimFeedforward, make);
    this.dropout = new Dropout(p.dropout);
    this.linear2 = new Linear(p.dimFeedforward, p.dModel, make);
    this.normFirst = p.normFirst;
    this.norm1 = norm();
    this.norm2 = norm();
    this.norm3 = norm();
    this.dropout1 = new Dropout(p.dropout);
    this.dropout2 = new Dropout(p.dropout);
    this.dropout3 = new Dropout(p.dropout);
    this.activation = activationOf(p.activation);
  }

  override forward(tgt: Tensor, memory: Tensor, ...rest: DecoderArgs): Tensor {
    const o = bind('TransformerDecoderLayer', rest, DECODE);
    const own = (x: Tensor): Tensor => {
      const masks = { attnMask: o.tgtMask, keyPaddingMask: o.tgtKeyPaddingMask, needWeights: false };
      return this.dropout1(this.selfAttn(x, x, x, masks)[0]);
    };
    const other = (x: Tensor): Tensor => {
      const masks = { attnMask: o.memoryMask, keyPaddingMask: o.memoryKeyPaddingMask, needWeights: false };
      return this.dropout2(this.multiheadAttn(x, memory, memory, masks)[0]);
    };
    const feed = (x: Tensor): Tensor => this.dropout3(this.linear2(this.dropout(this.activation(this.linear1(x)))));
    if (this.normFirst) {
      let x = tgt.add(own(this.norm1(tgt)));
      x = x.add(other(this.norm2(x)));
      return x.add(feed(this.norm3(x)));
    }
    let x = this.norm1(tgt.add(own(tgt)));
    x = this.norm2(x.add(other(x)));
    return this.norm3(x.add(feed(x)));
  }
}

/** Copies of one layer on top of each other; they begin with the same parameters. */
function stack<L extends Module>(layer: L, n: number): ModuleList {
  return new ModuleList(Array.from({ length: n }, () => deepcopy(layer)));
}

/** `numLayers` copies of an encoder layer, and a norm if one is given. PyTorch: `torch.nn.TransformerEncoder`. */
export class TransformerEncoder extends Module {
  declare readonly layers: ModuleList;
  readonly numLayers: number;
  declare readonly norm: Module | null;

  constructor(
    ...args: Args<
      [encoderLayer: Module, numLayers: number],
      [norm: Module | null, enableNestedTensor: boolean, maskCheck: boolean],
      { readonly norm?: Module | null; readonly enableNestedTensor?: boolean; readonly maskCheck?: boolean; readonly numLayers?: number }
    >
  ) {
    super();
    const p = bind('TransformerEncoder', args, {
      encoderLayer: anything<Module>(...([] as Module[])),
      numLayers: int(),
      norm: maybe(anything<Module>()),
      enableNestedTensor: flag(true),
      maskCheck: flag(true),
    });
    this.layers = stack(p.encoderLayer, p.numLayers);
    this.numLayers = p.numLayers;
    this.norm = p.norm;
  }

  override forward(
    src: Tensor,
    ...rest: Args<[], [mask: Tensor | null, srcKeyPaddingMask: Tensor | null], { readonly mask?: Tensor | null; readonly srcKeyPaddingMask?: Tensor | null; readonly isCausal?: boolean | null }>
  ): Tensor {
    const o = bind('TransformerEncoder', rest, { mask: MASK, srcKeyPaddingMask: MASK, isCausal: anything<boolean | null>(null) });
    let x = src;
    for (const layer of this.layers) x = layer(x, { srcMask: o.mask, srcKeyPaddingMask: o.srcKeyPaddingMask }) as Tensor;
    return this.norm ? (this.norm(x) as Tensor) : x;
  }
}

/** `numLayers` copies of a decoder layer, and a norm if one is given. PyTorch: `torch.nn.TransformerDecoder`. */
export class TransformerDecoder extends Module {
  declare readonly layers: ModuleList;
  readonly numLayers: number;
  declare readonly norm: Module | null;

  constructor(...args: Args<[decoderLayer: Module, numLayers: number], [norm: Module | null], { readonly norm?: Module | null; readonly numLayers?: number }>) {
    super();
    const p = bind('TransformerDecoder', args, {
      decoderLayer: anything<Module>(...([] as Module[])),
      numLayers: int(),
      norm: maybe(anything<Module>()),
    });
    this.layers = stack(p.decoderLayer, p.numLayers);
    this.numLayers = p.numLayers;
    this.norm = p.norm;
  }

  override forward(tgt: Tensor, memory: Tensor, ...rest: DecoderArgs): Tensor {
    const o = bind('TransformerDecoder', rest, DECODE);
    let x = tgt;
    for (const layer of this.layers) x = layer(x, memory, o) as Tensor;
    return this.norm ? (this.norm(x) as Tensor) : x;
  }
}

/** Parameters of {@link Transformer} by name. */
export interface TransformerOptions extends TransformerLayerOptions {
  /** Default: 6. */
  readonly numEncoderLayers?: number;
  /** Default: 6. */
  readonly numDecoderLayers?: number;
  readonly customEncoder?: Module | null;
  readonly customDecoder?: Module | null;
}

/**
 * Encoder and decoder: source `[S, N, E]` and target `[T, N, E]` to `[T, N, E]`. Default: 512 features, 8 heads, 6 layers
 * each.
 *
 * PyTorch: `torch.nn.Transformer`.
 */
export class Transformer extends Module {
  declare readonly encoder: Module;
  declare readonly decoder: Module;
  readonly dModel: number;
  readonly nhead: number;
  readonly batchFirst: boolean;

  constructor(
    ...args: Args<[], [dModel: number, nhead: number, numEncoderLayers: number, numDecoderLayers: number, dimFeedforward: number, dropout: number], TransformerOptions>
  ) {
    super();
    const p = bind('Transformer', args, {
      dModel: int(512),
      nhead: int(8),
      numEncoderLayers: int(6),
      numDecoderLayers: int(6),
      dimFeedforward: LAYER.dimFeedforward,
      dropout: LAYER.dropout,
      activation: LAYER.activation,
      customEncoder: maybe(anything<Module>()),
      customDecoder: maybe(anything<Module>()),
      layerNormEps: LAYER.layerNormEps,
      batchFirst: LAYER.batchFirst,
      normFirst: LAYER.normFirst,
      bias: LAYER.bias,
      ...FACTORY,
    });
    const { numEncoderLayers, numDecoderLayers, customEncoder, customDecoder, ...layer } = p;
    const norm = (): LayerNorm => new LayerNorm(p.dModel, { eps: p.layerNormEps, bias: p.bias, device: p.device, dtype: p.dtype });
    this.encoder = customEncoder ?? new TransformerEncoder(new TransformerEncoderLayer(layer), numEncoderLayers, norm());
    this.decoder = customDecoder ?? new TransformerDecoder(new TransformerDecoderLayer(layer), numDecoderLayers, norm());
    for (const w of this.parameters()) if (w.shape.length > 1) xavierUniform_(w);
    this.dModel = p.dModel;
    this.nhead = p.nhead;
    this.batchFirst = p.batchFirst;
  }

  override forward(
    src: Tensor,
    tgt: Tensor,
    ...rest: Args<
      [],
      [srcMask: Tensor | null, tgtMask: Tensor | null, memoryMask: Tensor | null],
      DecoderCall & LayerCall & { readonly srcIsCausal?: boolean | null }
    >
  ): Tensor {
    const o = bind('Transformer', rest, {
      srcMask: MASK,
      tgtMask: MASK,
      memoryMask: MASK,
      srcKeyPaddingMask: MASK,
      tgtKeyPaddingMask: MASK,
      memoryKeyPaddingMask: MASK,
      srcIsCausal: anything<boolean | null>(null),
      tgtIsCausal: anything<boolean | null>(null),
      memoryIsCausal: flag(false),
    });
    if (src.shape.at(-1) !== this.dModel || tgt.shape.at(-1) !== this.dModel) {
      throw new ShapeError(`the feature number of src and tgt must be equal to d_model = ${this.dModel}, got ${src.shape.at(-1)} and ${tgt.shape.at(-1)}`);
    }
    const { srcMask, srcKeyPaddingMask, srcIsCausal: _hint, ...masks } = o;
    const memory = this.encoder(src, { mask: srcMask, srcKeyPaddingMask }) as Tensor;
    return this.decoder(tgt, memory, masks) as Tensor;
  }

  /** `[size, size]`: minus infinity above the diagonal, zeros elsewhere. PyTorch: `Transformer.generate_square_subsequent_mask`. */
  static generateSquareSubsequentMask(size: number): Tensor {
    const never = full([size, size], -Infinity);
    const mask = triu(never, 1);
    never.dispose();
    return mask;
  }
}
