/**
 * What may be said about an export, and what it means for the inputs at hand.
 * @module
 */
import { ArgumentError, ValueError } from '../errors.js';
import { type Tensor, isTensor } from '../tensor.js';
import { isPlain } from '../runtime/plain.js';

/** Axes of one tensor: `{ 0: 'batch' }`, or by position `['batch', null]`; true gives an axis a name of its own. */
export type Axes = Readonly<Record<number, string | true | null>> | readonly (string | true | null)[];

/** Options of {@link exportModel}. */
export interface ExportOptions {
  /** Arguments of `forward` by name, given to it in one trailing object. PyTorch: `kwargs`. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** Whether to print the graph. Default: false. */
  readonly verbose?: boolean;
  /** Names of the inputs, in the order in which their tensors stand in the arguments. Default: `input`, or those of the module's parameters. */
  readonly inputNames?: readonly string[];
  /** Names of the outputs. Default: `output`, or `output_0`, `output_1`, ... */
  readonly outputNames?: readonly string[];
  /** Which axes may have another size, by name of input or output: `{ input: { 0: 'batch' } }` or `{ input: [0] }`. */
  readonly dynamicAxes?: Readonly<Record<string, Readonly<Record<number, string>> | readonly number[]>>;
  /** The same as PyTorch 2's `dynamic_shapes`: of inputs only, by name or by position. */
  readonly dynamicShapes?: Readonly<Record<string, Axes | null>> | readonly (Axes | null)[];
  /** Version of ONNX's operators, 17 to 23. Default: 20, as in PyTorch. */
  readonly opsetVersion?: number;
  /** Whether the file holds the weights; without them they are inputs. Default: true. */
  readonly exportParams?: boolean;
  /** Whether the weights are inputs too, with the file's as defaults. Default: false. */
  readonly keepInitializersAsInputs?: boolean;
  /** Whether what is computed from weights alone is computed now. Default: true. */
  readonly doConstantFolding?: boolean;
}

const KNOWN: Readonly<Record<keyof ExportOptions, true>> = {
  kwargs: true, verbose: true, inputNames: true, outputNames: true, dynamicAxes: true, dynamicShapes: true, opsetVersion: true, exportParams: true,
  keepInitializersAsInputs: true, doConstantFolding: true,
};

/** PyTorch's default, and the range in which the symbolics hold. */
export const DEFAULT_OPSET = 20;
export const MIN_OPSET = 17;
export const MAX_OPSET = 23;

/** @throws {@link ArgumentError} for an unknown option. */
export function checkOptions(options: ExportOptions): void {
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, key)) throw new ArgumentError(`onnx.export: got an unexpected option '${key}'; it takes ${Object.keys(KNOWN).join(', ')}`);
  }
  const { opsetVersion: v = DEFAULT_OPSET } = options;
  if (!Number.isInteger(v) || v < MIN_OPSET || v > MAX_OPSET) throw new ValueError(`onnx.export: opsetVersion must be an integer from ${MIN_OPSET} to ${MAX_OPSET}, not ${String(v)}`);
}

/** Every tensor in a structure of arrays and plain objects, in order, with the key it stands under. */
export function tensorsIn(structure: unknown): [Tensor, key: string | null][] {
  const out: [Tensor, string | null][] = [];
  const visit = (x: unknown, key: string | null): void => {
    if (isTensor(x)) out.push([x, key]);
    else if (Array.isArray(x)) x.forEach((v) => visit(v, null));
    else if (isPlain(x)) for (const [k, v] of Object.entries(x)) visit(v, k);
    else if (x !== null && typeof x === 'object' && Symbol.iterator in x) for (const v of x as Iterable<unknown>) visit(v, null);
  };
  visit(structure, null);
  return out;
}

/** The structure with other tensors in their places. */
export function replaceTensors(structure: unknown, by: ReadonlyMap<Tensor, Tensor>): unknown {
  if (isTensor(structure)) return by.get(structure)!;
  if (Array.isArray(structure)) return structure.map((v) => replaceTensors(v, by));
  if (isPlain(structure)) return Object.fromEntries(Object.entries(structure).map(([k, v]) => [k, replaceTensors(v, by)]));
  return structure;
}

/** Names for tensors: the given ones, then those of `own` (keys and parameters), then `word`, numbered if there are several. */
export function namesFor(word: string, given: readonly string[] | undefined, own: readonly (string | null)[]): string[] {
  if (given !== undefined && given.length > own.length) {
    throw new ArgumentError(`onnx.export: ${word}Names has ${given.length} names (${given.join(', ')}) for ${own.length} ${word}${own.length === 1 ? '' : 's'}`);
  }
  const names = own.map((name, i) => given?.[i] ?? name ?? (own.length === 1 ? word : `${word}_${i}`));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ArgumentError(`onnx.export: two ${word}s are named '${twice}'; give every one a name of its own in ${word}Names`);
  return names;
}

/** A dynamic axis: its name, and where it is. */
export interface Symbol {
  readonly name: string;
  readonly size: number;
  readonly places: { readonly input: number; readonly dim: number }[];
}

/** Axis names by tensor and dimension, of inputs and outputs alike. */
export type AxisNames = ReadonlyMap<string, ReadonlyMap<number, string>>;

/** The names of dynamic axes by name of tensor. */
export function axisNames(options: ExportOptions, inputs: readonly string[], outputs: readonly string[]): AxisNames {
  const all = new Map<string, Map<number, string>>();
  const put = (tensor: string, dim: number, name: string): void => {
    if (!Number.isInteger(dim)) throw new ArgumentError(`onnx.export: the dynamic axes of '${tensor}' must be named by their numbers, not '${String(dim)}'`);
    const axes = all.get(tensor) ?? new Map<number, string>();
    all.set(tensor, axes.set(dim, name));
  };
  for (const [tensor, axes] of Object.entries(options.dynamicAxes ?? {})) {
    if (!inputs.includes(tensor) && !outputs.includes(tensor)) {
      throw new ArgumentError(`onnx.export: dynamicAxes names '${tensor}', which is no input (${inputs.join(', ')}) and no output (${outputs.join(', ') || 'named in outputNames'})`);
    }
    // As in PyTorch, axes without names get some.
    if (Array.isArray(axes)) (axes as readonly number[]).forEach((dim, i) => put(tensor, dim, `${tensor}_dynamic_axes_${i + 1}`));
    else for (const [dim, name] of Object.entries(axes)) put(tensor, Number(dim), name as string);
  }
  const shapes = options.dynamicShapes ?? {};
  const entries: [string, Axes | null][] = Array.isArray(shapes) ? (shapes as readonly (Axes | null)[]).map((axes, i) => [inputs[i] ?? `number ${i}`, axes]) : Object.entries(shapes);
  for (const [tensor, axes] of entries) {
    if (!inputs.includes(tensor)) throw new ArgumentError(`onnx.export: dynamicShapes names '${tensor}', which is no input (${inputs.join(', ')})`);
    for (const [dim, name] of Object.entries(axes ?? {})) if (name !== null) put(tensor, Number(dim), name === true ? `${tensor}_dim_${dim}` : String(name));
  }
  return all;
}

/** The dynamic axes of the inputs, those of one name together. */
export function symbolsOf(axes: AxisNames, names: readonly string[], tensors: readonly Tensor[]): Symbol[] {
  const symbols = new Map<string, Symbol>();
  names.forEach((name, input) => {
    const { shape } = tensors[input]!;
    for (const [given, axis] of axes.get(name) ?? []) {
      const dim = given < 0 ? given + shape.length : given;
      const size = shape[dim];
      if (size === undefined) throw new ArgumentError(`onnx.export: axis ${given} of '${name}' is dynamic, but its shape is [${shape.join(', ')}]`);
      const symbol = symbols.get(axis) ?? { name: axis, size, places: [] };
      if (symbol.size !== size) throw new ValueError(`onnx.export: the dynamic axis '${axis}' is ${symbol.size} in one input and ${size} in '${name}'; different sizes need different names`);
      symbol.places.push({ input, dim });
      symbols.set(axis, symbol);
    }
  });
  return [...symbols.values()];
}
