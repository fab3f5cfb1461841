/** Every module of `nn`, by name, with inputs for any batch size. */
import * as torch from '../../dist/index.js';
import type { Check, Loose } from './runtime.js';

const { nn } = torch;
const F = nn.functional;

export interface Case extends Check {
  readonly model: () => Loose;
  readonly inputs: (n: number) => Loose[];
}

const floats = (...shape: number[]) => (n: number): torch.Tensor => torch.randn(n, ...shape);
const x1 = floats(4, 12);
const x2 = floats(4, 10, 8);
const x3 = floats(4, 6, 8, 6);

const of = (model: () => Loose, input: (n: number) => torch.Tensor = floats(4, 6), more: Partial<Case> = {}): Case => ({ model, inputs: (n) => [input(n)], ...more });
const classes = (n: number): torch.Tensor => torch.arange(n).remainder(5);
const signs = (n: number, ...shape: number[]): torch.Tensor => torch.randn(n, ...shape).sign();
const probabilities = (n: number): torch.Tensor => torch.rand(n, 5).mul(0.9).add(0.05);
const pair = (target: (n: number) => torch.Tensor = floats(5), input: (n: number) => torch.Tensor = floats(5)) => (n: number): torch.Tensor[] => [input(n), target(n)];
const sequence = { axes: [[1], [1], [1]] };

/** A model of several steps, for what one module alone cannot show. */
class Steps extends nn.Module {
  readonly steps: (...args: Loose[]) => Loose;
  constructor(modules: Record<string, torch.nn.Module>, steps: (m: Record<string, Loose>, ...args: Loose[]) => Loose) {
    super();
    for (const [name, module] of Object.entries(modules)) this.addModule(name, module);
    this.steps = (...args) => steps(modules, ...args);
  }
  override forward(...args: Loose[]): Loose {
    return this.steps(...args);
  }
}

/** Modules that compute nothing themselves. */
export const ABSTRACT = ['Module', 'Loss', 'ModuleDict', 'ModuleList', 'ParameterDict', 'ParameterList'];

export const CASES: Record<string, Case | Case[]> = {
  // --- linear, containers, shape
  Identity: of(() => new nn.Identity()),
  Linear: [of(() => new nn.Linear(6, 3), floats(6)), of(() => new nn.Linear(6, 3, false)), of(() => new nn.Linear(6, 3), floats(2, 4, 6))],
  Bilinear: { model: () => new nn.Bilinear(3, 4, 5), inputs: (n) => [torch.randn(n, 3), torch.randn(n, 4)] },
  Sequential: of(() => new nn.Sequential(new nn.Linear(6, 5), new nn.Tanh())),
  Flatten: [of(() => new nn.Flatten(), x2), of(() => new nn.Flatten(0), x2), of(() => new nn.Flatten(0, 1), x2)],
  Unflatten: [of(() => new nn.Unflatten(1, [2, 2]), x2), of(() => new nn.Unflatten(-1, [-1, 4]), x2)],
  PixelShuffle: of(() => new nn.PixelShuffle(2), x2),
  PixelUnshuffle: of(() => new nn.PixelUnshuffle(2), x2),
  ChannelShuffle: of(() => new nn.ChannelShuffle(2), x2),
  Fold: of(() => new nn.Fold([5, 6], [2, 3], { stride: [1, 2], padding: 1 }), floats(12, 18)),
  Unfold: of(() => new nn.Unfold([2, 3], { stride: 2, padding: 1, dilation: [1, 2] }), x2),
  Upsample: [
    ...['nearest', 'nearest-exact', 'bilinear', 'bicubic'].map((mode) => of(() => new nn.Upsample({ scaleFactor: 2, mode }), x2)),
    ...['bilinear', 'bicubic'].map((mode) => of(() => new nn.Upsample({ size: [15, 11], mode, alignCorners: true }), x2)),
    of(() => new nn.Upsample({ size: 17, mode: 'linear' }), x1),
    of(() => new nn.Upsample({ scaleFactor: 1.5, mode: 'nearest' }), x1),
    of(() => new nn.Upsample({ scaleFactor: [2, 1.5, 1], mode: 'trilinear' }), x3),
  ],
  UpsamplingNearest2d: of(() => new nn.UpsamplingNearest2d({ scaleFactor: 2 }), x2),
  UpsamplingBilinear2d: of(() => new nn.UpsamplingBilinear2d({ size: [7, 9] }), x2),

  // --- convolutions and pools
  Conv1d: [of(() => new nn.Conv1d(4, 6, 3, { stride: 2, padding: 1 }), x1), of(() => new nn.Conv1d(4, 6, 4, { padding: 'same', dilation: 2 }), x1), of(() => new nn.Conv1d(4, 6, 3, { padding: 2, paddingMode: 'circular' }), x1)],
  Conv2d: [of(() => new nn.Conv2d(4, 6, 3, { groups: 2, bias: false }), x2), of(() => new nn.Conv2d(4, 6, [3, 2], { padding: [1, 2], dilation: 2 }), x2), of(() => new nn.Conv2d(4, 6, 3, { padding: 1, paddingMode: 'reflect' }), x2)],
  Conv3d: of(() => new nn.Conv3d(4, 6, 3, { padding: 1 }), x3),
  ConvTranspose1d: of(() => new nn.ConvTranspose1d(4, 6, 3, { stride: 2, outputPadding: 1 }), x1),
  ConvTranspose2d: of(() => new nn.ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, groups: 2, dilation: 2 }), x2),
  ConvTranspose3d: of(() => new nn.ConvTranspose3d(4, 6, 2, { stride: 2 }), x3),
  MaxPool1d: of(() => new nn.MaxPool1d(3, { stride: 2, padding: 1, ceilMode: true }), x1),
  MaxPool2d: [of(() => new nn.MaxPool2d(2), x2), of(() => new nn.MaxPool2d(3, { stride: 3, ceilMode: true, returnIndices: true }), x2), of(() => new nn.MaxPool2d(3, { stride: 2, dilation: 2 }), x2)],
  MaxPool3d: of(() => new nn.MaxPool3d(2, { stride: 1 }), x3),
  AvgPool1d: of(() => new nn.AvgPool1d(3, { stride: 2, padding: 1 }), x1),
  AvgPool2d: [of(() => new nn.AvgPool2d(3, { padding: 1, countIncludePad: false }), x2), of(() => new nn.AvgPool2d(3, { stride: 2, padding: 1, ceilMode: true }), x2), of(() => new nn.AvgPool2d(2, { divisorOverride: 3 }), x2)],
  AvgPool3d: of(() => new nn.AvgPool3d(2, { ceilMode: true, countIncludePad: false, padding: 1, stride: 3 }), x3),
  LPPool1d: of(() => new nn.LPPool1d(2, 3), x1),
  LPPool2d: of(() => new nn.LPPool2d(2, 3, { ceilMode: true }), x2),
  LPPool3d: of(() => new nn.LPPool3d(2, 2), x3),
  AdaptiveAvgPool1d: [of(() => new nn.AdaptiveAvgPool1d(5), x1), of(() => new nn.AdaptiveAvgPool1d(1), x1)],
  AdaptiveAvgPool2d: [of(() => new nn.AdaptiveAvgPool2d([3, null]), x2), of(() => new nn.AdaptiveAvgPool2d([5, 4]), x2), of(() => new nn.AdaptiveAvgPool2d([7, 12]), x2)],
  AdaptiveAvgPool3d: of(() => new nn.AdaptiveAvgPool3d([4, 3, 5]), x3),
  AdaptiveMaxPool1d: of(() => new nn.AdaptiveMaxPool1d(5), x1),
  AdaptiveMaxPool2d: [of(() => new nn.AdaptiveMaxPool2d([3, 5], true), x2), of(() => new nn.AdaptiveMaxPool2d([5, 4], true), x2), of(() => new nn.AdaptiveMaxPool2d(1), x2)],
  AdaptiveMaxPool3d: of(() => new nn.AdaptiveMaxPool3d([4, 3, 5]), x3),
  MaxUnpool1d: of(() => unpool(new nn.MaxPool1d(2, { returnIndices: true }), new nn.MaxUnpool1d(2)), x1),
  MaxUnpool2d: of(() => unpool(new nn.MaxPool2d(2, { returnIndices: true }), new nn.MaxUnpool2d(2)), x2),
  MaxUnpool3d: of(() => unpool(new nn.MaxPool3d(2, { returnIndices: true }), new nn.MaxUnpool3d(2)), x3),

  // --- padding
  ...Object.fromEntries(['Zero', 'Reflection', 'Replication', 'Circular'].flatMap((kind) => [1, 2, 3].map((d) => [`${kind}Pad${d}d`, of(() => new (nn as Loose)[`${kind}Pad${d}d`]([1, 2, 3, 1, 2, 1].slice(0, 2 * d)), [x1, x2, x3][d - 1])]))),
  ...Object.fromEntries([1, 2, 3].map((d) => [`ConstantPad${d}d`, of(() => new (nn as Loose)[`ConstantPad${d}d`]([2, -1, 1, 2, 0, 1].slice(0, 2 * d), 1.5), [x1, x2, x3][d - 1])])),

  // --- normalisation
  BatchNorm1d: [of(() => trained(new nn.BatchNorm1d(4)), x1), of(() => trained(new nn.BatchNorm1d(6)), floats(6))],
  BatchNorm2d: of(() => trained(new nn.BatchNorm2d(4, { affine: false })), x2),
  BatchNorm3d: of(() => trained(new nn.BatchNorm3d(4)), x3),
  InstanceNorm1d: of(() => new nn.InstanceNorm1d(4), x1),
  InstanceNorm2d: of(() => new nn.InstanceNorm2d(4, { affine: true, trackRunningStats: true }), x2),
  InstanceNorm3d: of(() => new nn.InstanceNorm3d(4, { affine: true }), x3),
  LayerNorm: [of(() => new nn.LayerNorm(12), x1), of(() => new nn.LayerNorm([10, 8], { elementwiseAffine: false }), x2)],
  RMSNorm: of(() => new nn.RMSNorm([4, 12]), x1),
  GroupNorm: [of(() => new nn.GroupNorm(2, 4), x2), of(() => new nn.GroupNorm(4, 4, { affine: false }), x1)],
  LocalResponseNorm: [of(() => new nn.LocalResponseNorm(3), x2), of(() => new nn.LocalResponseNorm(2), x1)],

  // --- activations
  ...Object.fromEntries(['ReLU', 'ReLU6', 'ELU', 'SELU', 'CELU', 'SiLU', 'Mish', 'LogSigmoid', 'Sigmoid', 'Tanh', 'Tanhshrink', 'Hardshrink', 'Softshrink', 'Softsign', 'Hardsigmoid', 'Hardswish', 'LeakyReLU', 'Hardtanh', 'RReLU', 'Softplus'].map((name) => [name, of(() => new (nn as Loose)[name](), floats(4, 40))])),
  GELU: [of(() => new nn.GELU()), of(() => new nn.GELU('tanh')), of(() => new nn.GELU(), undefined, { options: { opsetVersion: 17 } })],
  PReLU: of(() => new nn.PReLU(4), x2),
  Threshold: of(() => new nn.Threshold(0.1, 20)),
  GLU: of(() => new nn.GLU()),
  Softmax: of(() => new nn.Softmax(1)),
  Softmax2d: of(() => new nn.Softmax2d(), x2),
  Softmin: of(() => new nn.Softmin(-1)),
  LogSoftmax: of(() => new nn.LogSoftmax(1)),
  ...Object.fromEntries(['Dropout', 'Dropout1d', 'Dropout2d', 'Dropout3d', 'AlphaDropout', 'FeatureAlphaDropout'].map((name, i) => [name, of(() => new (nn as Loose)[name](0.5), [x1, x1, x2, x3, x1, x2][i])])),

  // --- lookup, recurrent, attention
  Embedding: [of(() => new nn.Embedding(10, 4, { paddingIdx: 0 }), (n) => torch.randint(0, 10, [n, 6])), of(() => new nn.Embedding(10, 4, { maxNorm: 1 }), (n) => torch.randint(0, 10, [n, 6]))],
  EmbeddingBag: [
    ...['sum', 'mean', 'max'].map((mode) => of(() => new nn.EmbeddingBag(10, 4, { mode, paddingIdx: 2 }), (n) => torch.randint(0, 10, [n, 6]))),
    ...['sum', 'mean', 'max'].map((mode): Case => ({ model: () => new nn.EmbeddingBag(10, 4, { mode }), inputs: (n) => [torch.randint(0, 10, [3 * n]), torch.arange(0, 3 * n, 3)], axes: [[], [0]], options: { dynamicShapes: [['entries'], ['bags']], dynamicAxes: {} } })),
  ],
  RNN: [of(() => new nn.RNN(6, 5, 2, { nonlinearity: 'relu', bidirectional: true }), (n) => torch.randn(4, n, 6), sequence), of(() => new nn.RNN(6, 5, { bias: false, batchFirst: true }), floats(4, 6))],
  GRU: [of(() => new nn.GRU(6, 5, { bidirectional: true }), (n) => torch.randn(4, n, 6), sequence), { model: () => new nn.GRU(6, 5, 2), inputs: (n) => [torch.randn(4, n, 6), torch.randn(2, n, 5)], ...sequence }],
  LSTM: [of(() => new nn.LSTM(6, 5, 2, { batchFirst: true, bidirectional: true }), floats(4, 6)), { model: () => new nn.LSTM(6, 5), inputs: (n) => [torch.randn(4, n, 6), [torch.randn(1, n, 5), torch.randn(1, n, 5)]], ...sequence }],
  RNNCell: { model: () => new nn.RNNCell(6, 5), inputs: (n) => [torch.randn(n, 6), torch.randn(n, 5)] },
  GRUCell: [of(() => new nn.GRUCell(6, 5), floats(6)), { model: () => new nn.GRUCell(6, 5), inputs: (n) => [torch.randn(n, 6), torch.randn(n, 5)] }],
  LSTMCell: { model: () => new nn.LSTMCell(6, 5), inputs: (n) => [torch.randn(n, 6), [torch.randn(n, 5), torch.randn(n, 5)]] },
  MultiheadAttention: [
    { model: () => new nn.MultiheadAttention(8, 2), inputs: (n) => [torch.randn(3, n, 8), torch.randn(4, n, 8), torch.randn(4, n, 8)], ...sequence },
    { model: () => new nn.MultiheadAttention(8, 2, { batchFirst: true, addBiasKv: true, addZeroAttn: true, kdim: 6, vdim: 5 }), inputs: (n) => [torch.randn(n, 3, 8), torch.randn(n, 4, 6), torch.randn(n, 4, 5), { averageAttnWeights: false }] },
    of(() => new Steps({ m: new nn.MultiheadAttention(8, 2, { batchFirst: true }) }, ({ m }, x) => m!(x, x, x, { attnMask: nn.Transformer.generateSquareSubsequentMask(4) })), floats(4, 8)),
  ],
  TransformerEncoderLayer: [of(() => new nn.TransformerEncoderLayer(8, 2, 16), (n) => torch.randn(4, n, 8), sequence), { model: () => new nn.TransformerEncoderLayer(8, 2, 16, { normFirst: true, activation: 'gelu', batchFirst: true }), inputs: (n) => [torch.randn(n, 4, 8), { srcKeyPaddingMask: torch.arange(4).unsqueeze(0).ge(torch.full([n, 1], 3)) }] }],
  TransformerDecoderLayer: { model: () => new nn.TransformerDecoderLayer(8, 2, 16), inputs: (n) => [torch.randn(4, n, 8), torch.randn(5, n, 8)], ...sequence },
  TransformerEncoder: of(() => new nn.TransformerEncoder(new nn.TransformerEncoderLayer(8, 2, 16, { batchFirst: true }), 2, new nn.LayerNorm(8)), floats(4, 8)),
  TransformerDecoder: { model: () => new nn.TransformerDecoder(new nn.TransformerDecoderLayer(8, 2, 16), 2), inputs: (n) => [torch.randn(4, n, 8), torch.randn(5, n, 8)], ...sequence },
  Transformer: { model: () => new nn.Transformer({ dModel: 8, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 16, batchFirst: true }), inputs: (n) => [torch.randn(n, 4, 8), torch.randn(n, 3, 8)] },

  // --- distances and losses
  CosineSimilarity: { model: () => new nn.CosineSimilarity(), inputs: pair() },
  PairwiseDistance: [{ model: () => new nn.PairwiseDistance(), inputs: pair() }, { model: () => new nn.PairwiseDistance(3, { keepdim: true }), inputs: pair() }],
  ...Object.fromEntries(['L1Loss', 'MSELoss', 'SmoothL1Loss', 'HuberLoss'].map((name) => [name, ['mean', 'sum', 'none'].map((reduction): Case => ({ model: () => new (nn as Loose)[name]({ reduction }), inputs: pair() }))])),
  BCELoss: { model: () => new nn.BCELoss(), inputs: pair(probabilities, probabilities) },
  BCEWithLogitsLoss: { model: () => new nn.BCEWithLogitsLoss({ posWeight: torch.rand(5) }), inputs: pair(probabilities) },
  KLDivLoss: [{ model: () => new nn.KLDivLoss({ reduction: 'batchmean' }), inputs: pair(probabilities) }, { model: () => new nn.KLDivLoss({ reduction: 'sum', logTarget: true }), inputs: pair() }],
  PoissonNLLLoss: { model: () => new nn.PoissonNLLLoss({ full: true }), inputs: pair((n) => torch.randint(0, 6, [n, 5]).float()) },
  GaussianNLLLoss: { model: () => new nn.GaussianNLLLoss({ full: true }), inputs: (n) => [torch.randn(n, 5), torch.randn(n, 5), torch.rand(n, 1).add(0.1)] },
  SoftMarginLoss: { model: () => new nn.SoftMarginLoss(), inputs: pair((n) => signs(n, 5)) },
  HingeEmbeddingLoss: { model: () => new nn.HingeEmbeddingLoss(), inputs: pair((n) => signs(n, 5)) },
  MarginRankingLoss: { model: () => new nn.MarginRankingLoss(0.5), inputs: (n) => [torch.randn(n), torch.randn(n), signs(n)] },
  CosineEmbeddingLoss: { model: () => new nn.CosineEmbeddingLoss(0.1), inputs: (n) => [torch.randn(n, 5), torch.randn(n, 5), signs(n)] },
  TripletMarginLoss: { model: () => new nn.TripletMarginLoss({ swap: true }), inputs: (n) => [torch.randn(n, 5), torch.randn(n, 5), torch.randn(n, 5)] },
  TripletMarginWithDistanceLoss: { model: () => new nn.TripletMarginWithDistanceLoss({ swap: true }), inputs: (n) => [torch.randn(n, 5), torch.randn(n, 5), torch.randn(n, 5)] },
  NLLLoss: { model: () => new nn.NLLLoss({ weight: torch.rand(5), ignoreIndex: 1 }), inputs: pair(classes, (n) => F.logSoftmax(torch.randn(n, 5), 1)) },
  CrossEntropyLoss: [
    ...['mean', 'sum', 'none'].map((reduction): Case => ({ model: () => new nn.CrossEntropyLoss({ reduction, weight: torch.rand(5) }), inputs: pair(classes) })),
    { model: () => new nn.CrossEntropyLoss({ labelSmoothing: 0.1, weight: torch.rand(5) }), inputs: pair(classes) },
    { model: () => new nn.CrossEntropyLoss({ labelSmoothing: 0.1 }), inputs: pair(probabilities) },
  ],
  LinearCrossEntropyLoss: { model: () => new nn.LinearCrossEntropyLoss(6, 5), inputs: pair(classes, floats(6)) },
  MultiMarginLoss: [1, 2].map((p): Case => ({ model: () => new nn.MultiMarginLoss({ p, weight: torch.rand(5) }), inputs: pair(classes) })),
  MultiLabelMarginLoss: { model: () => new nn.MultiLabelMarginLoss(), inputs: pair((n) => torch.tensor([3, 0, -1, 1, 2]).repeat(n, 1)) },
  MultiLabelSoftMarginLoss: { model: () => new nn.MultiLabelSoftMarginLoss(), inputs: pair((n) => torch.rand(n, 5).gt(0.5).float()) },
};

/** Modules without a form in ONNX, which have to say so. */
export const REFUSED: Record<string, Case> = {
  CTCLoss: { model: () => new nn.CTCLoss(), inputs: (n) => [torch.randn(6, n, 5).logSoftmax(2), torch.randint(1, 5, [n, 3]), torch.full([n], 6), torch.full([n], 3)] },
};

function unpool(pool: torch.nn.Module, back: torch.nn.Module): Steps {
  return new Steps({ pool, back }, (m, x) => m['back']!(...m['pool']!(x)));
}

/** A batch norm whose statistics and weights are not those of the beginning. */
function trained<M extends torch.nn.Module>(norm: M): M {
  torch.noGrad(() => {
    for (const [name, t] of [...norm.namedParameters(), ...norm.namedBuffers()] as [string, torch.Tensor][]) if (name !== 'num_batches_tracked') t.uniform_(0.5, 2);
  });
  return norm;
}
