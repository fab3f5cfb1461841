/**
 * Comparisons and choices.
 * @module
 */
import { bool } from '../dtype.js';
import { Arith } from './arith.js';
import { type Arguments, floating, type Symbolic, type Symbolics, working } from './call.js';
import type { Graph } from './graph.js';
import { Value } from './trace.js';

/** Both sides in the dtype in which they meet, which has to be one that is compared. */
function sides(c: Arguments, equality: boolean): [string, string] {
  const met = c.meet('input', 'other');
  const dtype = equality && met === bool ? bool : working(met);
  return [c.cast('input', dtype), c.cast('other', dtype)];
}

const compare = (type: string): Symbolic => (g, c) => g.node(type, sides(c, type === 'Equal'));

const test = (f: (a: Arith, x: string) => string): Symbolic => (g, c) => {
  const x = c.tensor('input');
  const a = new Arith(g, floating(x.dtype));
  return f(a, a.of(x));
};

/** How many of a sorted row are smaller than each value; with `right` also those that are equal. */
function found(g: Graph, c: Arguments, sorted: Value, right: boolean): string {
  const { dtype } = sorted;
  const x = c.operand('input');
  const value = c.cast('input', dtype);
  const before = g.node(right ? 'GreaterOrEqual' : 'Greater', [x instanceof Value ? g.unsqueeze(value, [-1]) : value, sorted]);
  return g.reduce('ReduceSum', g.cast(before, c.result.dtype), [-1], false);
}

/** condition ? input : other, in the dtype of the result. */
const where = (g: Graph, c: Arguments): string => {
  const { dtype } = c.result;
  return g.node('Where', [g.as(c.tensor('condition'), bool), c.cast('input', dtype), c.cast('other', dtype)]);
};

/** See the module. */
export const COMPARE: Symbolics = {
  eq: compare('Equal'),
  ne: (g, c) => g.node('Not', [g.node('Equal', sides(c, true))]),
  lt: compare('Less'),
  le: compare('LessOrEqual'),
  gt: compare('Greater'),
  ge: compare('GreaterOrEqual'),
  isnan: test((a, x) => a.g.node('IsNaN', [x])),
  isinf: test((a, x) => a.g.node('IsInf', [x])),
  isfinite: test((a, x) => a.not(a.g.node('Or', [a.g.node('IsNaN', [x]), a.g.node('IsInf', [x])]))),
  isposinf: test((a, x) => a.equal(x, Infinity)),
  isneginf: test((a, x) => a.equal(x, -Infinity)),
  signbit: test((a, x) => a.less(x, 0)),
  copysign: (g, c) => {
    const a = new Arith(g, c.result.dtype);
    const size = a.abs(c.cast('input', a.dtype));
    return a.where(a.less(c.cast('other', a.dtype), 0), a.neg(size), size);
  },
  searchsorted: (g, c) => {
    const sorted = c.tensor('sortedSequence');
    if (sorted.shape.length !== 1 || c.has('sorter')) throw c.unsupported('searchsorted in more than one row, or with a sorter', 'search in one sorted row');
    return found(g, c, sorted, c.flag('right') || (c.has('side') && c.text('side') === 'right'));
  },
  bucketize: (g, c) => found(g, c, c.tensor('boundaries'), c.flag('right')),
  where_: where,
  where_self: where,
  masked_fill: (g, c) => {
    const { dtype } = c.result;
    return g.node('Where', [g.as(c.tensor('mask'), bool), c.cast('value', dtype), c.cast('input', dtype)]);
  },
  heaviside: (g, c) => {
    const { dtype } = c.result;
    const a = new Arith(g, working(dtype));
    const x = a.of(c.tensor('input'));
    const step = a.where(a.equal(x, 0), c.tensor('values'), a.fromBool(a.greater(x, 0)));
    return a.dtype === dtype ? step : g.cast(step, dtype);
  },
  isclose: (g, c) => {
    const a = new Arith(g, floating(c.tensor('input').dtype));
    const [x, y] = [a.of(c.tensor('input')), a.of(c.tensor('other'))];
    const bound = a.add(a.mul(a.abs(y), c.number('rtol')), c.number('atol'));
    return g.node('Or', [g.node('LessOrEqual', [a.abs(a.sub(x, y)), bound]), a.equal(x, y)]);
  },
};
