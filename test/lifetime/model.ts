// What tensors must do, said as simply as possible: arrays of whole numbers with views, versions and a graph. The random
// programs compare the engine with it. Values stay small whole numbers, so that float64 is exact in any order.

export interface Memory {
  values: number[];
  version: number;
}

/** A step of the graph: for each input that needs it, how a gradient of the output becomes one of the input. */
interface Step {
  readonly inputs: readonly { readonly to: Place; readonly back: (grad: readonly number[]) => number[] }[];
  /** What it kept for backward, with the version it had. */
  readonly saved: readonly { readonly memory: Memory; readonly version: number }[];
  freed: boolean;
}

/** Where gradients go: a leaf's sum, or a step. */
export interface Place {
  step: Step | null;
  grad: number[] | null;
  readonly size: number;
  /** What hooks multiply a gradient by. */
  factor: number;
}

export class GraphError extends Error {}

export class Model {
  disposed = false;

  constructor(
    readonly memory: Memory,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    readonly offset: number,
    readonly place: Place | null,
    /** Whether it shares memory with another tensor that the graph knows. */
    readonly isView = false,
  ) {}

  static of(values: number[], shape: readonly number[], place: Place | null): Model {
    return new Model({ values, version: 0 }, shape, rowMajor(shape), 0, place);
  }

  static leaf(values: number[], shape: readonly number[], wants: boolean): Model {
    return Model.of(values, shape, wants ? newPlace(null, values.length) : null);
  }

  get isLeaf(): boolean {
    return this.place?.step == null;
  }

  get size(): number {
    return this.shape.reduce((a, b) => a * b, 1);
  }

  /** Positions of the elements in memory, in order. */
  positions(): number[] {
    let all = [this.offset];
    this.shape.forEach((n, d) => (all = all.flatMap((at) => Array.from({ length: n }, (_, i) => at + i * this.strides[d]!))));
    return all;
  }

  values(): number[] {
    return this.positions().map((at) => this.memory.values[at]!);
  }

  isContiguous(): boolean {
    let expected = 1;
    for (let d = this.shape.length - 1; d >= 0; d--) {
      if (this.shape[d] !== 1 && this.strides[d] !== expected) return false;
      expected *= this.shape[d]!;
    }
    return true;
  }

  /** The result of an elementwise step; `saved` are the operands that a backward reads. */
  result(values: number[], shape: readonly number[], inputs: readonly { from: Model; back: (g: readonly number[]) => number[] }[], saved: readonly Model[] = []): Model {
    const live = inputs.filter((i) => i.from.place !== null);
    if (live.length === 0) return Model.of(values, shape, null);
    const step: Step = {
      inputs: live.map((i) => ({ to: i.from.place!, back: i.back })),
      saved: saved.map((m) => ({ memory: m.memory, version: m.memory.version })),
      freed: false,
    };
    return Model.of(values, shape, newPlace(step, values.length));
  }

  /** A view of these positions. */
  view(shape: readonly number[], strides: readonly number[], offset: number): Model {
    if (this.place === null) return new Model(this.memory, shape, strides, offset, null, true);
    const mine = this.positions();
    const theirs = new Model(this.memory, shape, strides, offset, null).positions();
    const where = theirs.map((at) => mine.indexOf(at));
    const back = (g: readonly number[]): number[] => {
      const out = mine.map(() => 0);
      where.forEach((to, i) => (out[to]! += g[i]!));
      return out;
    };
    const place = newPlace({ inputs: [{ to: this.place, back }], saved: [], freed: false }, theirs.length);
    return new Model(this.memory, shape, strides, offset, place, true);
  }

  write(fn: (old: number, i: number) => number): void {
    this.positions().forEach((at, i) => (this.memory.values[at] = fn(this.memory.values[at]!, i)));
    this.memory.version++;
  }

  /** `sum().backward()`. @throws {@link GraphError}, with the gradients undefined from then on. */
  backward(retain: boolean): void {
    // Places in an order in which each comes before those it sends to.
    const order: Place[] = [];
    const seen = new Set<Place>();
    const visit = (p: Place): void => {
      if (seen.has(p)) return;
      seen.add(p);
      for (const i of p.step?.inputs ?? []) visit(i.to);
      order.unshift(p);
    };
    visit(this.place!);
    const grads = new Map<Place, number[]>([[this.place!, Array.from({ length: this.size }, () => 1)]]);
    for (const p of order) {
      const g = grads.get(p)!.map((x) => x * p.factor);
      if (p.step === null) {
        p.grad = g.map((x, i) => x + (p.grad?.[i] ?? 0));
        continue;
      }
      if (p.step.freed) throw new GraphError('freed');
      if (p.step.saved.some((s) => s.memory.version !== s.version)) throw new GraphError('modified');
      for (const { to, back } of p.step.inputs) {
        const more = back(g);
        grads.set(to, more.map((x, i) => x + (grads.get(to)?.[i] ?? 0)));
      }
      if (!retain && p.step.saved.length > 0) p.step.freed = true;
    }
  }
}

function newPlace(step: Step | null, size: number): Place {
  return { step, grad: null, size, factor: 1 };
}

export function rowMajor(shape: readonly number[]): number[] {
  return shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
}
