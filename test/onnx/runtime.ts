/** onnxruntime, and what it gives against what we give. */
import * as ort from 'onnxruntime-web';
import * as torch from '../../dist/index.js';

ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'fatal';

export type Loose = any; // eslint-disable-line @typescript-eslint/no-explicit-any

/** The tensors in a structure of arrays and plain objects, in the order in which they are inputs or outputs. */
export function tensorsIn(structure: unknown): torch.Tensor[] {
  if (structure instanceof torch.Tensor) return [structure];
  if (Array.isArray(structure) || (structure !== null && typeof structure === 'object' && Object.getPrototypeOf(structure) === Object.prototype)) return Object.values(structure).flatMap(tensorsIn);
  if (structure !== null && typeof structure === 'object' && Symbol.iterator in structure) return [...(structure as Iterable<unknown>)].flatMap(tensorsIn);
  return [];
}

const toOrt = (t: torch.Tensor): ort.Tensor => new ort.Tensor(t.dtype.name as 'float32', t.detach().contiguous().dataSync() as Float32Array, [...t.shape]);

/** A loaded model. */
export class Session {
  private constructor(readonly session: ort.InferenceSession) {}

  static async load(bytes: Uint8Array): Promise<Session> {
    try {
      return new Session(await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 }));
    } catch (error) {
      throw new Error(`onnxruntime refuses the model: ${String(error)}`, { cause: error });
    }
  }

  /** Runs it on tensors by name; inputs that are missing are taken from `weights`. */
  async run(feeds: Record<string, torch.Tensor>, weights: ReadonlyMap<string, torch.Tensor> = new Map()): Promise<ort.Tensor[]> {
    const all = Object.fromEntries(this.session.inputNames.map((name) => [name, toOrt(feeds[name] ?? weights.get(name)!)]));
    const results = await this.session.run(all);
    return this.session.outputNames.map((name) => results[name]!);
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

/** What differs beyond 1e-5 times `scale`, or times the value where that is larger; or null. */
export function difference(got: readonly ort.Tensor[], want: readonly torch.Tensor[], scale = 1): string | null {
  if (got.length !== want.length) return `${got.length} outputs, want ${want.length}`;
  for (const [i, w] of want.entries()) {
    const g = got[i]!;
    if (g.type !== w.dtype.name) return `output ${i}: ${g.type}, want ${w.dtype.name}`;
    if (g.dims.join() !== w.shape.join()) return `output ${i}: shape [${g.dims.join()}], want [${w.shape.join()}]`;
    const [a, b] = [g.data as ArrayLike<number | bigint>, w.detach().contiguous().dataSync() as ArrayLike<number | bigint>];
    for (let k = 0; k < b.length; k++) {
      const [x, y] = [Number(a[k]), Number(b[k])];
      if (Object.is(x, y) || x === y) continue;
      if (!(Math.abs(x - y) <= 1e-5 * Math.max(scale, Math.abs(y)))) return `output ${i}, element ${k}: ${x}, want ${y}`;
    }
  }
  return null;
}

/** Parameters and buffers by name. */
export function weightsOf(model: unknown): Map<string, torch.Tensor> {
  return model instanceof torch.nn.Module ? new Map([...model.namedParameters(), ...model.namedBuffers()]) : new Map();
}

/** How a model is checked. */
export interface Check {
  /** Axes that vary with n, by input; default: axis 0 of every input. */
  readonly axes?: readonly (readonly number[])[];
  readonly options?: torch.onnx.ExportOptions;
}

/**
 * Exports a model from inputs at one size and compares it with itself in onnxruntime at two others, with its weights in the
 * file and as inputs. What is wrong, or null.
 */
export async function checkDynamic(model: Loose, inputs: (n: number) => Loose[], { axes, options }: Check = {}): Promise<string | null> {
  if (model instanceof torch.nn.Module) model.eval();
  const example = inputs(3);
  const names = tensorsIn(example).map((_, i) => `in${i}`);
  const dynamicAxes = Object.fromEntries(names.map((name, i) => [name, Object.fromEntries((axes?.[i] ?? [0]).map((d) => [d, 'batch']))]));
  for (const exportParams of [true, false]) {
    const outputNames = tensorsIn(torch.noGrad(() => model(...example))).map((_, i) => `out${i}`);
    const session = await Session.load(torch.onnx.export(model, example, { inputNames: names, outputNames, dynamicAxes, exportParams, ...options }));
    for (const n of [1, 5]) {
      const args = inputs(n);
      const feeds = Object.fromEntries(tensorsIn(args).map((t, i) => [names[i]!, t]));
      let wrong: string | null;
      try {
        wrong = difference(await session.run(feeds, weightsOf(model)), tensorsIn(torch.noGrad(() => model(...args))));
      } catch (error) {
        wrong = String(error).slice(0, 400);
      }
      if (wrong !== null) return `batch ${n}, exportParams ${exportParams}: ${wrong}`;
    }
    await session.close();
  }
  return null;
}
