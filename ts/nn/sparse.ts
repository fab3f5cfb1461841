/**
 * Lookup tables.
 * @module
 */
import { empty } from '../generated/torch.js';
import { ShapeError, ValueError } from '../errors.js';
import { noGrad } from '../autograd.js';
import type { Tensor } from '../tensor.js';
import { type Args, FACTORY, type FactoryOptions, anything, bind, flag, int, maybe, real, text } from './args.js';
import * as F from './functional.js';
import { normal_ } from './init.js';
import { Layer } from './layer.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';
import { pyFloat } from '../runtime/python.js';
import { py } from './python.js';

/** Parameters of {@link Embedding} by name. */
export interface EmbeddingOptions extends FactoryOptions {
  readonly numEmbeddings?: number;
  readonly embeddingDim?: number;
  /** The row that gets no gradient and starts as zeros. Default: none. */
  readonly paddingIdx?: number | null;
  /** Rows that are looked up are scaled down, in place, to at most this norm. Default: none. */
  readonly maxNorm?: number | null;
  /** Which norm `maxNorm` means. Default: 2. */
  readonly normType?: number;
  /** Whether a row's gradient is divided by how often it was looked up. Default: false. */
  readonly scaleGradByFreq?: boolean;
  /** Whether the gradient holds only the rows that were looked up. Default: false. */
  readonly sparse?: boolean;
}

const TABLE = {
  paddingIdx: maybe(int()),
  maxNorm: maybe(real()),
  normType: real(2),
  scaleGradByFreq: flag(false),
  sparse: flag(false),
};

/** `paddingIdx` counted from the front. */
function wrapPadding(paddingIdx: number | null, rows: number): number | null {
  if (paddingIdx === null) return null;
  if (paddingIdx >= rows || paddingIdx < -rows) {
    throw new ValueError(`Padding_idx must be within num_embeddings, got ${paddingIdx} for ${rows} embeddings`);
  }
  return paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
}

function checkSize(rows: number, columns: number): void {
  if (rows < 0 || columns < 0) {
    throw new ShapeError(`Trying to create tensor with negative dimension ${rows < 0 ? rows : columns}: [${rows}, ${columns}]`);
  }
}

/** Draws the table from N(0, 1), then zeroes the padding row, as PyTorch does. */
function fillTable(weight: Parameter, paddingIdx: number | null): void {
  normal_(weight);
  if (paddingIdx !== null) noGrad(() => weight.setAt([paddingIdx], 0));
}

/** A given table, checked against the sizes. */
function givenTable(weight: Tensor, rows: number, columns: number, freeze: boolean): Parameter {
  if (weight.shape.length !== 2 || weight.shape[0] !== rows || weight.shape[1] !== columns) {
    throw new ShapeError(`Shape of weight does not match num_embeddings and embedding_dim: [${weight.shape.join(', ')}] x [${rows}, ${columns}]`);
  }
  return new Parameter(weight, !freeze);
}

/**
 * Rows of a learnt table: integer indices of any shape `[*]` to `[*, embeddingDim]`.
 *
 * `weight` is `[numEmbeddings, embeddingDim]`, from N(0, 1). An index out of range is an error.
 *
 * PyTorch: `torch.nn.Embedding`.
 * @example
 * const e = new nn.Embedding(10, 3);
 * e(torch.tensor([[1, 2, 4, 5], [4, 3, 2, 9]])).shape; // -> torch.Size([2, 4, 3])
 */
export class Embedding extends Layer {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  readonly sparse: boolean;
  declare weight: Parameter;

  constructor(
    ...args: Args<
      [numEmbeddings: number, embeddingDim: number],
      [paddingIdx: number | null, maxNorm: number | null, normType: number, scaleGradByFreq: boolean, sparse: boolean],
      EmbeddingOptions & { readonly _weight?: Tensor | null; readonly _freeze?: boolean }
    >
  ) {
    super();
    const spec = { numEmbeddings: int(), embeddingDim: int(), ...TABLE, _weight: maybe(anything<Tensor>()), _freeze: flag(false), ...FACTORY };
    const p = bind('Embedding', args, spec);
    checkSize(p.numEmbeddings, p.embeddingDim);
    this.numEmbeddings = p.numEmbeddings;
    this.embeddingDim = p.embeddingDim;
    this.paddingIdx = wrapPadding(p.paddingIdx, p.numEmbeddings);
    this.maxNorm = p.maxNorm;
    this.normType = p.normType;
    this.scaleGradByFreq = p.scaleGradByFreq;
    this.sparse = p.sparse;
    if (p._weight) {
      this.registerParameter('weight', givenTable(p._weight, p.numEmbeddings, p.embeddingDim, p._freeze));
    } else {
      const table = empty([p.numEmbeddings, p.embeddingDim], { device: p.device, dtype: p.dtype });
      this.registerParameter('weight', new Parameter(table, !p._freeze));
      this.resetParameters();
    }
  }

  /**
   * A module over an existing table `[n, dim]`, which is not learnt unless `freeze` is false.
   * PyTorch: `Embedding.from_pretrained(embeddings, freeze=True, padding_idx=None, ...)`.
   */
  static fromPretrained(embeddings: Tensor, options: boolean | (EmbeddingOptions & { readonly freeze?: boolean }) = {}): Embedding {
    if (embeddings.shape.length !== 2) throw new ShapeError('Embeddings parameter is expected to be 2-dimensional');
    const { freeze = true, ...rest } = typeof options === 'boolean' ? { freeze: options } : options;
    return new Embedding(embeddings.shape[0]!, embeddings.shape[1]!, { ...rest, _weight: embeddings, _freeze: freeze });
  }

  /** Draws the table anew. */
  resetParameters(): void {
    fillTable(this.weight, this.paddingIdx);
  }

  static override readonly passesOn = true;
  override forward(input: Tensor): Tensor {
    return F.embedding(input, this.weight, {
      paddingIdx: this.paddingIdx,
      maxNorm: this.maxNorm,
      normType: this.normType,
      scaleGradByFreq: this.scaleGradByFreq,
      sparse: this.sparse,
    });
  }

  override extraRepr(): string {
    let s = `${this.numEmbeddings}, ${this.embeddingDim}`;
    if (this.paddingIdx !== null) s += `, padding_idx=${this.paddingIdx}`;
    if (this.maxNorm !== null) s += `, max_norm=${pyFloat(this.maxNorm)}`;
    if (this.normType !== 2) s += `, norm_type=${pyFloat(this.normType)}`;
    if (this.scaleGradByFreq) s += ', scale_grad_by_freq=True';
    if (this.sparse) s += ', sparse=True';
    return s;
  }
}

/** Parameters of {@link EmbeddingBag} by name. */
export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** How the rows of a bag are joined: `'sum'`, `'mean'` or `'max'`. Default: `'mean'`. */
  readonly mode?: string;
  /** Whether `offsets` has one more entry, the number of all indices. Default: false. */
  readonly includeLastOffset?: boolean;
}

/**
 * Sums, means or maxima of bags of rows: `[B, N]` indices (a bag a row), or `[N]` with `offsets` `[B]`, to `[B, dim]`.
 *
 * PyTorch: `torch.nn.EmbeddingBag`.
 * @example
 * const e = new nn.EmbeddingBag(10, 3, { mode: 'sum' });
 * e(torch.tensor([1, 2, 4, 5, 4, 3, 2, 9]), torch.tensor([0, 4])).shape; // -> torch.Size([2, 3])
 */
export class EmbeddingBag extends Module {
  static override readonly inputs: readonly string[] = ['input', 'offsets', 'perSampleWeights'];

  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  readonly mode: string;
  readonly sparse: boolean;
  readonly includeLastOffset: boolean;
  declare weight: Parameter;

  constructor(
    ...args: Args<
      [numEmbeddings: number, embeddingDim: number],
      [maxNorm: number | null, normType: number, scaleGradByFreq: boolean, mode: string, sparse: boolean],
      EmbeddingBagOptions & { readonly _weight?: Tensor | null }
    >
  ) {
    super();
    const { paddingIdx, maxNorm, normType, scaleGradByFreq, sparse } = TABLE;
    const sizes = { numEmbeddings: int(), embeddingDim: int() };
    const own = { mode: text('mean'), sparse, _weight: maybe(anything<Tensor>()), includeLastOffset: flag(false), paddingIdx };
    const p = bind('EmbeddingBag', args, { ...sizes, maxNorm, normType, scaleGradByFreq, ...own, ...FACTORY });
    checkSize(p.numEmbeddings, p.embeddingDim);
    this.numEmbeddings = p.numEmbeddings;
    this.embeddingDim = p.embeddingDim;
    this.paddingIdx = wrapPadding(p.paddingIdx, p.numEmbeddings);
    this.maxNorm = p.maxNorm;
    this.normType = p.normType;
    this.scaleGradByFreq = p.scaleGradByFreq;
    this.mode = p.mode;
    this.sparse = p.sparse;
    this.includeLastOffset = p.includeLastOffset;
    if (p._weight) {
      this.registerParameter('weight', givenTable(p._weight, p.numEmbeddings, p.embeddingDim, false));
    } else {
      this.registerParameter('weight', new Parameter(empty([p.numEmbeddings, p.embeddingDim], { device: p.device, dtype: p.dtype })));
      this.resetParameters();
    }
  }

  /** Draws the table anew. */
  resetParameters(): void {
    fillTable(this.weight, this.paddingIdx);
  }

  override forward(input: Tensor, offsets: Tensor | null = null, perSampleWeights: Tensor | null = null): Tensor {
    return F.embeddingBag(input, this.weight, {
      offsets,
      maxNorm: this.maxNorm,
      normType: this.normType,
      scaleGradByFreq: this.scaleGradByFreq,
      mode: this.mode,
      sparse: this.sparse,
      perSampleWeights,
      includeLastOffset: this.includeLastOffset,
      paddingIdx: this.paddingIdx,
    });
  }

  override extraRepr(): string {
    let s = `${this.numEmbeddings}, ${this.embeddingDim}`;
    if (this.maxNorm !== null) s += `, max_norm=${pyFloat(this.maxNorm)}`;
    if (this.normType !== 2) s += `, norm_type=${pyFloat(this.normType)}`;
    if (this.scaleGradByFreq) s += ', scale_grad_by_freq=True';
    s += `, mode=${py(this.mode)}`;
    if (this.paddingIdx !== null) s += `, padding_idx=${this.paddingIdx}`;
    return s;
  }
}
