/**
 * Arithmetic of one dtype, for symbolics that are formulas.
 * @module
 */
import { bool, type DType } from '../dtype.js';
import type { Graph, Input } from './graph.js';
import { Varying } from './trace.js';

/** An operand: a tensor in the graph, or a number. */
export type Operand = Exclude<Input, null> | number | Varying;

/** Nodes over operands of one dtype. */
export class Arith {
  constructor(
    readonly g: Graph,
    readonly dtype: DType,
  ) {}

  /** The operand as a node's input. */
  of(x: Operand): string {
    if (typeof x === 'number' || x instanceof Varying) return this.g.scalar(x, this.dtype);
    return typeof x === 'string' ? x : this.g.as(x, this.dtype);
  }

  op(type: string, ...operands: Operand[]): string {
    return this.g.node(type, operands.map((x) => this.of(x)));
  }

  add = (a: Operand, b: Operand): string => (a === 0 ? this.of(b) : b === 0 ? this.of(a) : this.op('Add', a, b));
  sub = (a: Operand, b: Operand): string => (b === 0 ? this.of(a) : this.op('Sub', a, b));
  mul = (a: Operand, b: Operand): string => (a === 1 ? this.of(b) : b === 1 ? this.of(a) : this.op('Mul', a, b));
  div = (a: Operand, b: Operand): string => (b === 1 ? this.of(a) : this.op('Div', a, b));
  neg = (x: Operand): string => this.op('Neg', x);
  abs = (x: Operand): string => this.op('Abs', x);
  exp = (x: Operand): string => this.op('Exp', x);
  log = (x: Operand): string => this.op('Log', x);
  sqrt = (x: Operand): string => this.op('Sqrt', x);
  square = (x: Operand): string => {
    const name = this.of(x);
    return this.op('Mul', name, name);
  };
  pow = (x: Operand, p: Operand): string => this.op('Pow', x, p);
  max = (a: Operand, b: Operand): string => this.op('Max', a, b);
  min = (a: Operand, b: Operand): string => this.op('Min', a, b);
  tanh = (x: Operand): string => this.op('Tanh', x);
  sigmoid = (x: Operand): string => this.op('Sigmoid', x);
  softplus = (x: Operand): string => this.op('Softplus', x);
  relu = (x: Operand): string => this.op('Relu', x);
  greater = (a: Operand, b: Operand): string => this.op('Greater', a, b);
  less = (a: Operand, b: Operand): string => this.op('Less', a, b);
  equal = (a: Operand, b: Operand): string => this.op('Equal', a, b);
  matmul = (a: Operand, b: Operand): string => this.op('MatMul', a, b);
  not = (x: string): string => this.g.node('Not', [x]);

  where(condition: Input, a: Operand, b: Operand): string {
    return this.g.node('Where', [condition, this.of(a), this.of(b)]);
  }

  /** A bool tensor as zeros and ones. */
  fromBool(x: Input): string {
    return this.dtype === bool ? this.of(x!) : this.g.cast(x, this.dtype);
  }

  sum = (x: Operand, axes: readonly number[] | null, keepdims = false): string => this.g.reduce('ReduceSum', this.of(x), axes, keepdims);
  mean = (x: Operand, axes: readonly number[] | null, keepdims = false): string => this.g.reduce('ReduceMean', this.of(x), axes, keepdims);
}
