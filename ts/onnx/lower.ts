/**
 * From a trace to a graph: the calls that the outputs need, each by its symbolic.
 * @module
 */
import { UnsupportedOperatorError } from './errors.js';
import { Arguments } from './call.js';
import { Graph } from './graph.js';
import { unsettled } from './merge.js';
import type { NodeProto, ValueInfo } from './proto.js';
import { SYMBOLICS } from './symbolic.js';
import { type Call, tensorsOf, type Trace, Value, whereOf } from './trace.js';

/** A graph and the names of what it gives. */
export interface Lowered {
  readonly graph: Graph;
  /** Weights that the graph uses, in the model's order. */
  readonly weights: readonly Value[];
}

/** Builds the graph of a trace, whose inputs have their names. */
export function lower(trace: Trace, opset: number, order: ReadonlyMap<string, number>, outputNames: readonly string[]): Lowered {
  const graph = new Graph(opset, trace.inputs);
  graph.known.push(...trace.inputs);
  const needed = needs(trace);
  const weights: Value[] = [];
  for (const value of trace.values) if (value.call === null && value.label !== '' && needed.has(value) && !trace.inputs.includes(value)) weights.push(value);
  for (const w of weights) w.name = w.label;
  for (const call of trace.calls) if (call.results.some((r) => needed.has(r) && r.data === null)) translate(graph, call);
  trace.outputs.forEach((output, i) => {
    leaf(graph, output);
    rename(graph, output, outputNames[i]!, trace.outputs.slice(0, i));
  });
  weights.sort((a, b) => order.get(a.label)! - order.get(b.label)!);
  return { graph, weights };
}

/** The values that the outputs are computed from, down to what the graph holds as it is. */
function needs(trace: Trace): Set<Value> {
  const needed = new Set<Value>(trace.outputs);
  for (let i = trace.calls.length - 1; i >= 0; i--) {
    const call = trace.calls[i]!;
    if (call.results.some((r) => needed.has(r) && r.data === null)) for (const value of tensorsOf(call.args)) needed.add(value);
  }
  return needed;
}

/** Gives a value its name if it is a constant that the graph does not hold yet. */
function leaf(graph: Graph, value: Value): void {
  if (value.name !== '') return;
  if (value.data === null) throw unsettled(value);
  value.name = graph.constant(value.data, value.dtype, value.shape);
}

function translate(graph: Graph, call: Call): void {
  graph.scope = call.scope;
  graph.op = call.op;
  const inputs = tensorsOf(call.args);
  graph.near = inputs;
  const symbolic = Object.hasOwn(SYMBOLICS, call.op) ? SYMBOLICS[call.op] : undefined;
  if (symbolic === undefined) {
    throw new UnsupportedOperatorError(
      `onnx.export: ${call.op} in ${whereOf(call.scope)} has no form in ONNX here; write it with ops that have one, or take it out of forward`,
    );
  }
  for (const value of inputs) leaf(graph, value);
  const names = symbolic(graph, new Arguments(call, graph));
  const list = typeof names === 'string' ? [names] : names;
  call.results.forEach((result, i) => {
    result.name = list[i]!;
    if (result.varies) graph.known.push(result);
  });
}

/** Calls an output by its name: the node's own output, or an Identity of what is an input, a weight or an output already. */
function rename(graph: Graph, output: Value, name: string, earlier: readonly Value[]): void {
  const producer = graph.nodes.find((n) => n.outputs.includes(output.name));
  if (producer === undefined || earlier.some((e) => e.name === output.name)) {
    graph.nodes.push({ name: `/Identity_${name}`, opType: 'Identity', inputs: [output.name], outputs: [name], attributes: {} });
    return;
  }
  const old = output.name;
  for (const node of graph.nodes) replace(node, old, name);
  for (const value of [...graph.known, output]) if (value.name === old) value.name = name;
}

function replace(node: NodeProto, old: string, name: string): void {
  node.inputs = node.inputs.map((x) => (x === old ? name : x));
  node.outputs = node.outputs.map((x) => (x === old ? name : x));
}

/** Drops nodes whose results nobody uses: parts of a symbolic that this call did not need. */
export function prune(graph: Graph, outputs: readonly string[]): void {
  const used = new Set<string>(outputs);
  const kept: NodeProto[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((x) => used.has(x))) continue;
    node.inputs.forEach((x) => used.add(x));
    kept.push(node);
  }
  graph.nodes.splice(0, graph.nodes.length, ...kept.reverse());
  const initializers = graph.initializers.filter((t) => used.has(t.name));
  graph.initializers.splice(0, graph.initializers.length, ...initializers);
}

/** Two lines a node, as one reads it: what `verbose` prints. */
export function describeGraph(graph: Graph, inputs: readonly ValueInfo[], outputs: readonly ValueInfo[]): string {
  const info = ({ name, dtype, shape }: ValueInfo): string => `%${name}: ${dtype}[${shape.join(', ')}]`;
  const lines = graph.nodes.map((n) => `  ${n.outputs.map((x) => `%${x}`).join(', ')} = ${n.opType}(${n.inputs.map((x) => `%${x}`).join(', ')}) # ${n.name}`);
  return [`graph(${inputs.map(info).join(', ')}) {`, ...lines, `  return ${outputs.map(info).join(', ')}`, '}'].join('\n');
}
