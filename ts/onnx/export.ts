/**
 * `torch.onnx.export`.
 * @module
 */
import { noGrad } from '../autograd-mode.js';
import { ArgumentError } from '../errors.js';
import { repeatInterleave } from '../generated/torch.js';
import { writeFileSync } from '../io/files.js';
import { Module } from '../nn/module.js';
import { isPlain } from '../runtime/plain.js';
import type { Tensor } from '../tensor.js';
import { OnnxExporterError } from './errors.js';
import { describeGraph, lower, prune } from './lower.js';
import { merge } from './merge.js';
import { type AxisNames, axisNames, checkOptions, DEFAULT_OPSET, type ExportOptions, namesFor, replaceTensors, type Symbol, symbolsOf, tensorsIn } from './options.js';
import { encodeModel, type ValueInfo } from './proto.js';
import { followModules } from './scopes.js';
import { isConstant } from './sizes.js';
import { Recorder, type Trace, type Value } from './trace.js';

/** What can be exported: a module, or a function of tensors. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as free as the arguments and result of forward
export type Exportable = Module | ((...args: any[]) => unknown);

/** The largest file that Protocol Buffers can hold. */
const LIMIT = 2 ** 31 - 1;

/**
 * The model as an ONNX file: its bytes, which are also written to the path `f` if one is given (Node, Deno, Bun).
 *
 * The model runs once on the example inputs `args` (a tensor, or the array of forward's arguments), in eval mode and
 * without gradients, and what it calls becomes the graph. Sizes are those of the example, except for axes that
 * `dynamicAxes` or `dynamicShapes` name: for those the model runs at two other sizes as well, and what follows a size
 * there follows it in the graph.
 *
 * PyTorch: `torch.onnx.export`.
 * @example
 * const bytes = torch.onnx.export(model, torch.rand(2, 3), {
 *   inputNames: ['features'],
 *   outputNames: ['logits'],
 *   dynamicAxes: { features: { 0: 'batch' } },
 * });
 * @throws {@link OnnxExporterError} when something in the model has no form in ONNX; the message says what, where, and what to do.
 */
export function exportModel(model: Exportable, args: unknown, options?: ExportOptions): Uint8Array<ArrayBuffer>;
export function exportModel(model: Exportable, args: unknown, f: string | null, options?: ExportOptions): Uint8Array<ArrayBuffer>;
export function exportModel(model: Exportable, args: unknown, f?: string | null | ExportOptions, rest: ExportOptions = {}): Uint8Array<ArrayBuffer> {
  const options = isPlain(f) ? (f as ExportOptions) : rest;
  const path = typeof f === 'string' ? f : null;
  if (typeof model !== 'function') throw new ArgumentError('onnx.export: the model must be an nn.Module or a function');
  checkOptions(options);
  const bytes = inEvalMode(model, () => noGrad(() => convert(model, args, options)));
  if (path !== null) writeFileSync(path, bytes);
  return bytes;
}

/** Runs `body` with every module in eval mode, as PyTorch does, and puts each back into its own. */
function inEvalMode<T>(model: Exportable, body: () => T): T {
  const modules = model instanceof Module ? model.modules() : [];
  const before = modules.map((m) => m.training);
  for (const m of modules) m.training = false;
  try {
    return body();
  } finally {
    modules.forEach((m, i) => (m.training = before[i]!));
  }
}

function convert(model: Exportable, args: unknown, options: ExportOptions): Uint8Array<ArrayBuffer> {
  const { exportParams = true, keepInitializersAsInputs = false, doConstantFolding = true, opsetVersion = DEFAULT_OPSET } = options;
  const given = [...(Array.isArray(args) ? (args as unknown[]) : [args]), ...(options.kwargs ? [options.kwargs] : [])];
  const inputs = tensorsIn(given);
  const tensors = inputs.map(([t]) => t);
  if (tensors.some((t, i) => tensors.indexOf(t) !== i)) throw new ArgumentError('onnx.export: one tensor is given as several inputs; give a clone() for each of them');
  const inputNames = namesFor('input', options.inputNames, ownNames(model, given, inputs));
  const symbols = symbolsOf(axisNames({ ...options, dynamicAxes: onlyOf(options.dynamicAxes, inputNames) }, inputNames, []), inputNames, tensors);

  const order = new Map<string, number>();
  const weights = new Map<Tensor, string>();
  if (model instanceof Module) for (const [name, t] of [...model.namedParameters(), ...model.namedBuffers()]) if (!weights.has(t)) weights.set(t, name);
  if (model instanceof Module) [...weights.values()].forEach((name, i) => order.set(name, i));
  const fold = doConstantFolding && exportParams && !keepInitializersAsInputs;
  const placed = (t: readonly Tensor[]): unknown[] => replaceTensors(given, new Map(tensors.map((x, i) => [x, t[i]!]))) as unknown[];
  const run = (t: readonly Tensor[], first: boolean): Trace => record(model, placed(t), t, inputNames, new Recorder(weights, fold, first));
  const base = (): Tensor[] => resized(tensors, symbols, () => 1);
  // What forward makes once and keeps (a table of positions) has to be there in every trace, or the first would differ.
  if (symbols.length > 0) call(model, placed(base()));
  const traces = [run(base(), true)];
  for (const symbol of symbols) for (const factor of [2, 3]) traces.push(run(resized(tensors, symbols, (s) => (s === symbol ? factor : 1)), false));
  const trace = merge(traces, symbols.map((s) => `'${s.name}'`).join(', '));

  const outputNames = namesFor('output', options.outputNames, trace.outputs.map(() => null));
  refuseClash(outputNames, inputNames, 'an input and an output');
  refuseClash([...inputNames, ...outputNames], [...weights.values()], 'an input or output, and a parameter of the model');
  const axes = axisNames(options, inputNames, outputNames);
  trace.inputs.forEach((value) => (value.name = value.label));
  const { graph, weights: used } = lower(trace, opsetVersion, order, outputNames);
  prune(graph, outputNames);
  const parameters = used.filter((w) => graph.nodes.some((n) => n.inputs.includes(w.name)));

  const name = (vector: readonly number[]): string | undefined => symbols.find((s, i) => vector.every((n, t) => n === Math.max(2, s.size) * (t > 2 * i && t <= 2 * i + 2 ? t - 2 * i + 1 : 1)))?.name;
  const inputInfo = trace.inputs.map((value, i) => infoOf(value, inputNames[i]!, axes, name));
  const outputInfo = trace.outputs.map((value, i) => infoOf(value, outputNames[i]!, axes, name));
  const weightInfo = exportParams && !keepInitializersAsInputs ? [] : parameters.map((w) => ({ name: w.name, dtype: w.dtype.name, shape: w.shape }));
  const initializers = exportParams ? parameters.map((w) => ({ name: w.name, dtype: w.dtype.name, dims: w.shape, data: w.data! })) : [];
  if (options.verbose === true) console.log(describeGraph(graph, [...inputInfo, ...weightInfo], outputInfo));
  const size = [...initializers, ...graph.initializers].reduce((n, t) => n + t.data.byteLength, 0);
  if (size > LIMIT) throw new OnnxExporterError(`onnx.export: the weights take ${size} bytes, and a file holds 2 GiB at most; export with { exportParams: false } and give them as inputs`);
  return encodeModel({
    // The version of the format that the operators' version came with (onnx/docs/Versioning.md).
    irVersion: opsetVersion <= 18 ? 8 : opsetVersion <= 20 ? 9 : 10,
    opset: opsetVersion,
    graphName: 'main_graph',
    nodes: graph.nodes,
    initializers: [...initializers, ...graph.initializers],
    inputs: [...inputInfo, ...weightInfo],
    outputs: outputInfo,
  });
}

function refuseClash(names: readonly string[], others: readonly string[], what: string): void {
  const clash = names.find((name) => others.includes(name));
  if (clash !== undefined) throw new ArgumentError(`onnx.export: '${clash}' names ${what}; give another name in inputNames or outputNames`);
}

/** The entries that are of these tensors: those of outputs are for later, when outputs have names. */
function onlyOf(axes: ExportOptions['dynamicAxes'], names: readonly string[]): NonNullable<ExportOptions['dynamicAxes']> {
  return Object.fromEntries(Object.entries(axes ?? {}).filter(([key]) => names.includes(key)));
}

/** Names that the tensors have already: the key they stand under, or that of the module's parameter. */
function ownNames(model: Exportable, given: readonly unknown[], inputs: readonly (readonly [Tensor, string | null])[]): (string | null)[] {
  const parameters = model instanceof Module ? (model.constructor as typeof Module).inputs : [];
  return inputs.map(([t, key]) => key ?? parameters[given.indexOf(t)] ?? null);
}

/**
 * The example inputs at `factor` times their size along the dynamic axes, or twice that where it is 1, which broadcasts. Every
 * element is repeated in place, so that what is sorted stays sorted, and what divides a size divides the new one.
 */
function resized(tensors: readonly Tensor[], symbols: readonly Symbol[], factor: (s: Symbol) => number): Tensor[] {
  return tensors.map((tensor, input) => {
    let t = tensor;
    for (const symbol of symbols) {
      const times = factor(symbol) * (symbol.size === 1 ? 2 : 1);
      for (const place of symbol.places) if (place.input === input && times > 1) t = repeatInterleave(t, times, place.dim);
    }
    // forward may write into its inputs, and the example is the caller's.
    return t === tensor ? tensor.clone() : t;
  });
}

function record(model: Exportable, given: readonly unknown[], tensors: readonly Tensor[], names: readonly string[], recorder: Recorder): Trace {
  tensors.forEach((t, i) => recorder.input(t, names[i]!));
  const leave = model instanceof Module ? followModules(model, recorder.scopes) : () => undefined;
  recorder.start();
  try {
    for (const [t] of call(model, given)) recorder.output(t);
  } finally {
    recorder.stop();
    leave();
  }
  return recorder.trace;
}

/** Runs the model and gives the tensors of its result. */
function call(model: Exportable, given: readonly unknown[]): ReturnType<typeof tensorsIn> {
  const result = (model as (...a: unknown[]) => unknown)(...given);
  if (result instanceof Promise) throw new OnnxExporterError('onnx.export: forward is async; a graph needs one that gives its result at once');
  const outputs = tensorsIn(result);
  if (outputs.length === 0) throw new OnnxExporterError('onnx.export: forward gives no tensor');
  return outputs;
}

function infoOf(value: Value, name: string, axes: AxisNames, symbol: (vector: readonly number[]) => string | undefined): ValueInfo {
  const own = axes.get(name);
  const n = value.sizes.length;
  const shape = value.sizes.map((vector, d) => own?.get(d) ?? own?.get(d - n) ?? (isConstant(vector) ? vector[0]! : (symbol(vector) ?? `${name}_dim_${d}`)));
  return { name, dtype: value.dtype.name, shape };
}
