/**
 * What a model consists of, as a table: modules, the shapes they give, how many parameters they have.
 * @module
 */
import { noGrad } from '../autograd.js';
import { zeros } from '../generated/torch.js';
import type { Module } from '../nn/module.js';
import { Tensor, isTensor } from '../tensor.js';
import { formatCount } from './progress.js';
import { shown } from '../runtime/console.js';

/** One module of a {@link Summary}. */
export interface SummaryRow {
  /** Path from the model, as in `namedModules()`; empty for the model itself. */
  readonly name: string;
  /** Class name. */
  readonly type: string;
  /** Shape of the output, or of each output; null if the module was not called. */
  readonly output: readonly number[] | readonly (readonly number[])[] | null;
  /** Parameters of the module itself, without those of its children. */
  readonly own: number;
}

/** The answer of {@link summary}; prints as a table. */
export class Summary {
  constructor(
    readonly rows: readonly SummaryRow[],
    /** All parameters; a shared one counts once. */
    readonly parameters: number,
    /** Those that are trained. */
    readonly trainable: number,
    /** Bytes of parameters and buffers. */
    readonly bytes: number,
  ) {}

  /** The table. */
  toString(): string {
    const cells = this.rows.map(({ name, type, output, own }) => {
      const depth = name === '' ? 0 : name.split('.').length;
      const label = name === '' ? type : `${name.split('.').at(-1)} (${type})`;
      return [`${'  '.repeat(depth)}${label}`, output === null ? '-' : JSON.stringify(output).replaceAll(',', ', '), own === 0 ? '-' : formatCount(own)];
    });
    const head = ['Layer', 'Output', 'Parameters'];
    const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)));
    const line = (row: string[]): string => `${row[0]!.padEnd(widths[0]!)}  ${row[1]!.padEnd(widths[1]!)}  ${row[2]!.padStart(widths[2]!)}`;
    const rule = '-'.repeat(widths.reduce((a, b) => a + b, 4));
    const frozen = this.parameters === this.trainable ? '' : `, ${formatCount(this.trainable)} of them trainable`;
    const total = `${formatCount(this.parameters)} parameters${frozen}, ${(this.bytes / 1e6).toFixed(2)} MB`;
    return [line(head), rule, ...cells.map(line), rule, total].join('\n');
  }

  static {
    shown(this.prototype);
  }
}

function shapesOf(output: unknown): SummaryRow['output'] {
  if (isTensor(output)) return [...output.shape];
  if (Array.isArray(output)) return output.filter(isTensor).map((t) => [...t.shape]);
  return null;
}

const count = (tensors: readonly Tensor[]): number => tensors.reduce((n, t) => n + t.numel(), 0);

/**
 * The modules of `model` with output shapes and numbers of parameters. With an input (a tensor, or the shape of one), the
 * model is run on it once, in evaluation mode and without gradients.
 *
 * ```ts
 * console.log(String(torch.train.summary(model, [1, 28, 28])));
 * ```
 */
export function summary(model: Module, ...inputs: (Tensor | readonly number[])[]): Summary {
  const modules = model.namedModules();
  const outputs = new Map<Module, SummaryRow['output']>();
  if (inputs.length > 0) {
    const hooks = modules.map(([, module]) => module.registerForwardHook((m, _args, output) => void outputs.set(m, shapesOf(output))));
    const modes = modules.map(([, module]) => module.training);
    const tensors = inputs.map((input) => (isTensor(input) ? input : zeros([...input])));
    try {
      model.eval();
      noGrad(() => void model(...tensors));
    } finally {
      hooks.forEach((hook) => hook.remove());
      modules.forEach(([, module], i) => (module.training = modes[i]!));
      tensors.forEach((tensor, i) => tensor !== inputs[i] && tensor.dispose());
    }
  }
  const parameters = model.parameters();
  const bytes = [...parameters, ...model.buffers()].reduce((n, t) => n + t.numel() * t.dtype.itemsize, 0);
  return new Summary(
    modules.map(([name, module]) => ({ name, type: module.constructor.name, output: outputs.get(module) ?? null, own: count(module.parameters(false)) })),
    count(parameters),
    count(parameters.filter((p) => p.requiresGrad)),
    bytes,
  );
}
