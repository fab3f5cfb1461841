/**
 * Losses.
 * @module
 */
import { int64 } from '../dtype.js';
import { Arith, type Operand } from './arith.js';
import type { Arguments, Symbolic, Symbolics } from './call.js';
import type { Graph } from './graph.js';
import { linear } from './symbolic_linear.js';
import { distance } from './symbolic_distance.js';
import { sizeAs } from './symbolic_reduce.js';
import type { Value } from './trace.js';

/** What `reduction` makes of the losses of all elements. */
function reduced(a: Arith, losses: string, c: Arguments): string {
  const how = c.text('reduction');
  return how === 'none' ? losses : how === 'sum' ? a.sum(losses, null) : a.mean(losses, null);
}

/** A formula for every element. */
const elementwise = (f: (a: Arith, x: string, t: string, c: Arguments) => string, input = 'input', target = 'target'): Symbolic => (g, c) => {
  const a = new Arith(g, c.result.dtype);
  return reduced(a, f(a, a.of(c.tensor(input)), a.of(c.tensor(target)), c), c);
};

/** Times a weight, where there is one. */
function weighted(a: Arith, losses: string, c: Arguments): string {
  const weight = c.maybe('weight');
  return weight ? a.mul(losses, weight) : losses;
}

function smoothL1(a: Arith, x: string, t: string, c: Arguments): string {
  const beta = c.number('beta');
  const d = a.abs(a.sub(x, t));
  return beta === 0 ? d : a.where(a.less(d, beta), a.mul(a.square(d), 0.5 / beta), a.sub(d, beta / 2));
}

function huber(a: Arith, x: string, t: string, c: Arguments): string {
  const delta = c.number('delta');
  const d = a.abs(a.sub(x, t));
  return weighted(a, a.where(a.greater(d, delta), a.mul(a.sub(d, delta / 2), delta), a.mul(a.square(d), 0.5)), c);
}

/** Logarithms are cut off at -100, as in PyTorch. */
function bce(a: Arith, x: string, t: string, c: Arguments): string {
  const log = (p: string): string => a.max(a.log(p), -100);
  const hit = a.mul(t, log(x));
  const miss = a.mul(a.sub(1, t), log(a.sub(1, x)));
  return weighted(a, a.neg(a.add(hit, miss)), c);
}

/** (1 - t) x + w log(1 + exp(-x)), with w = 1 + (posWeight - 1) t. */
function bceWithLogits(a: Arith, x: string, t: string, c: Arguments): string {
  const positive = c.maybe('posWeight');
  const soft = a.softplus(a.neg(x));
  const term = positive ? a.mul(soft, a.add(1, a.mul(a.sub(positive, 1), t))) : soft;
  return weighted(a, a.add(a.mul(a.sub(1, t), x), term), c);
}

const klDiv: Symbolic = (g, c) => {
  const a = new Arith(g, c.result.dtype);
  const input = c.tensor('input');
  const [x, t] = [a.of(input), a.of(c.tensor('target'))];
  const entropy = a.where(a.equal(t, 0), 0, a.mul(t, a.log(t)));
  const losses = c.flag('logTarget') ? a.mul(a.exp(t), a.sub(t, x)) : a.sub(entropy, a.mul(t, x));
  if (c.text('reduction') !== 'batchmean') return reduced(a, losses, c);
  return a.div(a.sum(losses, null), input.shape.length === 0 ? 1 : sizeAs(g, g.dim(input, 0), a));
};

function poisson(a: Arith, x: string, t: string, c: Arguments): string {
  const loss = c.flag('logInput') ? a.sub(a.exp(x), a.mul(t, x)) : a.sub(x, a.mul(t, a.log(a.add(x, c.number('eps')))));
  if (!c.flag('full')) return loss;
  // Stirling's formula for log(t!), where t is above 1.
  const safe = a.max(t, 1);
  const stirling = a.add(a.sub(a.mul(safe, a.log(safe)), safe), a.mul(a.log(a.mul(safe, 2 * Math.PI)), 0.5));
  return a.add(loss, a.where(a.greater(t, 1), stirling, 0));
}

function gaussian(a: Arith, x: string, t: string, c: Arguments): string {
  const given = c.operand('var');
  const input = c.tensor('input');
  let variance: Operand = typeof given === 'number' ? given : a.of(given as Value);
  // One variance for each row may lack the last dimension.
  if (typeof given === 'object' && 'shape' in given && given.shape.length === input.shape.length - 1) variance = a.g.unsqueeze(variance as string, [given.shape.length]);
  const clamped = a.max(variance, c.number('eps'));
  const loss = a.mul(a.add(a.log(clamped), a.div(a.square(a.sub(x, t)), clamped)), 0.5);
  return c.flag('full') ? a.add(loss, Math.log(2 * Math.PI) / 2) : loss;
}

function hinge(a: Arith, x: string, t: string, c: Arguments): string {
  const miss = a.where(a.equal(t, 1), 0, a.relu(a.sub(c.number('margin'), x)));
  return a.add(miss, a.where(a.equal(t, -1), 0, x));
}

const cosine: Symbolic = (g, c) => {
  const [x, y] = [c.tensor('input1'), c.tensor('input2')];
  const a = new Arith(g, c.result.dtype);
  const t = a.of(c.tensor('target'));
  const axis = [Math.max(x.shape.length, y.shape.length) - 1];
  const length = (v: Value): string => a.add(a.sum(a.square(v), axis), 1e-12);
  const cos = a.div(a.sum(a.mul(x, y), axis), a.sqrt(a.mul(length(x), length(y))));
  const zero = a.sub(cos, cos);
  const losses = a.add(a.where(a.equal(t, 1), a.sub(1, cos), zero), a.where(a.equal(t, -1), a.relu(a.sub(cos, c.number('margin'))), zero));
  return reduced(a, losses, c);
};

const triplet: Symbolic = (g, c) => {
  const [anchor, positive, negative] = [c.tensor('anchor'), c.tensor('positive'), c.tensor('negative')];
  const a = new Arith(g, c.result.dtype);
  const between = (x: Value, y: Value): string => distance(a, x, y, c.number('p'), c.number('eps'), false);
  const near = between(anchor, positive);
  const far = c.flag('swap') ? a.min(between(anchor, negative), between(positive, negative)) : between(anchor, negative);
  return reduced(a, a.relu(a.add(a.sub(near, far), c.number('margin'))), c);
};

// --- classes ------------------------------------------------------------------------------------------------------

/** Scores of classes: with a batch where there is none, and the operator's answer without it. */
function withBatch(g: Graph, scores: Value | string, rank: number, target: Value, reduction: string, body: (x: Value | string, t: string) => string): string {
  const t = g.as(target, int64);
  if (rank > 1) return body(scores, t);
  const loss = body(g.unsqueeze(scores, [0]), g.unsqueeze(t, [0]));
  return reduction === 'none' ? g.squeeze(loss, [0]) : loss;
}

const nll: Symbolic = (g, c) => {
  const [x, reduction] = [c.tensor('input'), c.text('reduction')];
  return withBatch(g, x, x.shape.length, c.tensor('target'), reduction, (scores, t) =>
    g.node('NegativeLogLikelihoodLoss', [scores, t, c.maybe('weight')], { ignore_index: c.number('ignoreIndex'), reduction }));
};

/** Cross entropy of scores `x`, with classes or probabilities as targets. */
function crossEntropyOf(g: Graph, c: Arguments, x: Value | string, rank: number, classes: number): string {
  const [target, weight, reduction] = [c.tensor('target'), c.maybe('weight'), c.text('reduction')];
  const smoothing = c.number('labelSmoothing');
  const ignored = c.numberOr('ignoreIndex', -100);
  const probabilities = target.dtype.isFloatingPoint;
  if (!probabilities && smoothing === 0) {
    return withBatch(g, x, rank, target, reduction, (scores, t) => g.node('SoftmaxCrossEntropyLoss', [scores, t, weight], { ignore_index: ignored, reduction }));
  }
  const a = new Arith(g, c.result.dtype);
  const axis = rank > 1 ? 1 : 0;
  const logs = g.node('LogSoftmax', [x], { axis });
  const scale = weight && g.unsqueeze(weight, Array.from({ length: Math.max(0, rank - 2) }, (_, i) => i + 1));
  const scaled = scale ? a.mul(logs, scale) : logs;
  if (probabilities) {
    const wanted = a.add(a.mul(target, 1 - smoothing), smoothing / classes);
    const losses = a.neg(a.sum(a.mul(scaled, wanted), [axis]));
    // The mean is over samples: all elements but the classes.
    return reduced(a, losses, c);
  }
  const t = g.as(target, int64);
  const valid = a.not(g.node('Equal', [t, g.scalar(ignored, int64)]));
  const safe = g.node('Where', [valid, t, g.scalar(0, int64)]);
  const own = g.squeeze(g.node('GatherElements', [scaled, g.unsqueeze(safe, [axis])], { axis }), [axis]);
  const losses = a.neg(a.add(a.mul(own, 1 - smoothing), a.mul(a.sum(scaled, [axis]), smoothing / classes)));
  const masked = a.where(valid, losses, 0);
  if (reduction !== 'mean') return reduced(a, masked, c);
  const one = weight ? g.node('Gather', [weight, safe]) : a.add(a.sub(own, own), 1);
  return a.div(a.sum(masked, null), a.sum(a.where(valid, one, 0), null));
}

/** Rows that are classes: a sample as a batch of one. */
function rows(g: Graph, x: Value): string {
  return x.shape.length < 2 ? g.reshape(x, [1, -1]) : x.name;
}

/** Losses of rows, without the batch that was added. */
function ofRows(a: Arith, losses: string, x: Value, c: Arguments): string {
  const out = reduced(a, losses, c);
  return c.text('reduction') === 'none' && x.shape.length < 2 ? a.g.squeeze(out, [0]) : out;
}

/** Whether column j of row i is class t_i. */
function isClass(g: Graph, t: string, classes: number): string {
  return g.node('Equal', [g.unsqueeze(t, [-1]), g.ints(Array.from({ length: classes }, (_, i) => i))]);
}

const multiMargin: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const a = new Arith(g, x.dtype);
  const classes = x.shape.at(-1) ?? 1;
  const t = g.reshape(g.as(c.tensor('target'), int64), [-1]);
  const scores = rows(g, x);
  const own = g.node('GatherElements', [scores, g.unsqueeze(t, [1])], { axis: 1 });
  const margins = a.relu(a.add(a.sub(scores, own), c.number('margin')));
  const weight = c.maybe('weight');
  let each = c.number('p') === 2 ? a.square(margins) : margins;
  if (weight) each = a.mul(each, g.unsqueeze(g.node('Gather', [weight, t]), [1]));
  const others = a.where(isClass(g, t, classes), 0, each);
  return ofRows(a, a.div(a.sum(others, [1]), classes), x, c);
};

/** The targets of a row are classes up to the first -1. */
const multilabelMargin: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const a = new Arith(g, x.dtype);
  const classes = x.shape.at(-1) ?? 1;
  const scores = rows(g, x);
  const t = rows(g, c.tensor('target'));
  const ended = g.node('CumSum', [a.fromBool(g.node('Less', [t, g.scalar(0, int64)])), g.scalar(1, int64)]);
  const valid = a.equal(ended, 0);
  const safe = g.node('Where', [valid, t, g.scalar(0, int64)]);
  const own = g.node('GatherElements', [scores, safe], { axis: 1 });
  // [N, targets, classes]: whether a class is a target, and how far it is from being one more.
  const hits = g.node('And', [isClass(g, safe, classes), g.unsqueeze(valid, [2])]);
  const isTarget = g.reduce('ReduceMax', a.fromBool(hits), [1], true);
  const margins = a.relu(a.sub(1, a.sub(g.unsqueeze(own, [2]), g.unsqueeze(scores, [1]))));
  const counted = a.mul(a.mul(margins, a.sub(1, isTarget)), a.fromBool(g.unsqueeze(valid, [2])));
  return ofRows(a, a.div(a.sum(counted, [1, 2]), classes), x, c);
};

const multilabelSoftMargin: Symbolic = (g, c) => {
  const x = c.tensor('input');
  const a = new Arith(g, x.dtype);
  const t = a.of(c.tensor('target'));
  const hit = a.mul(t, a.softplus(a.neg(x)));
  const miss = a.mul(a.sub(1, t), a.softplus(x));
  return reduced(a, a.mean(weighted(a, a.add(hit, miss), c), [-1]), c);
};

/** See the module. */
export const LOSS: Symbolics = {
  l1_loss: elementwise((a, x, t) => a.abs(a.sub(x, t))),
  mse_loss: elementwise((a, x, t) => a.square(a.sub(x, t))),
  smooth_l1_loss: elementwise(smoothL1),
  huber_loss: elementwise(huber),
  binary_cross_entropy: elementwise(bce),
  binary_cross_entropy_with_logits: elementwise(bceWithLogits),
  kl_div: klDiv,
  poisson_nll_loss: elementwise(poisson),
  gaussian_nll_loss: elementwise(gaussian),
  soft_margin_loss: elementwise((a, x, t) => a.softplus(a.neg(a.mul(t, x)))),
  hinge_embedding_loss: elementwise(hinge),
  margin_ranking_loss: (g, c) => {
    const a = new Arith(g, c.result.dtype);
    const apart = a.mul(a.neg(c.tensor('target')), a.sub(c.tensor('input1'), c.tensor('input2')));
    return reduced(a, a.relu(a.add(apart, c.number('margin'))), c);
  },
  cosine_embedding_loss: cosine,
  triplet_margin_loss: triplet,
  nll_loss: nll,
  cross_entropy: (g, c) => {
    const x = c.tensor('input');
    return crossEntropyOf(g, c, x, x.shape.length, x.shape[x.shape.length > 1 ? 1 : 0]!);
  },
  linear_cross_entropy: (g, c) => {
    const [x, weight] = [c.tensor('input'), c.tensor('linearWeight')];
    const bias = c.maybe('linearBias');
    const more = weight.shape.slice(1, -1);
    if (more.length === 0) return crossEntropyOf(g, c, linear(g, x, x.shape.length, weight, bias), x.shape.length, weight.shape[0]!);
    // Classes and dimensions of the loss are rows of one product.
    const logits = linear(g, x, 2, g.reshape(weight, [-1, weight.shape.at(-1)!]), bias && g.reshape(bias, [-1]));
    return crossEntropyOf(g, c, g.node('Reshape', [logits, g.ints([0, weight.shape[0]!, ...more])]), 2 + more.length, weight.shape[0]!);
  },
  multi_margin_loss: multiMargin,
  multilabel_margin_loss: multilabelMargin,
  multilabel_soft_margin_loss: multilabelSoftMargin,
};
