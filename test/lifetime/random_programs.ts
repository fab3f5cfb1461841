// Random programs, checked against model.ts: who may read what, and with which values; that nothing leaks.
import * as torch from 'cresset';
import { Meter } from './meter.js';
import { GraphError, Model, rowMajor } from './model.js';

/** A tensor and what it must be. */
interface Pair {
  readonly t: torch.Tensor;
  readonly m: Model;
}

const SHAPES = [[], [3], [2, 3], [4, 2], [1, 5]] as const;

/** Twice its input; its backward reads what it saved. */
class Twice extends torch.autograd.Function {
  static override forward(ctx: torch.autograd.FunctionContext, x: torch.Tensor): torch.Tensor {
    ctx.saveForBackward(x);
    return x.mul(2);
  }
  static override backward(ctx: torch.autograd.FunctionContext, g: torch.Tensor): torch.Tensor {
    const [x] = ctx.savedTensors;
    return g.mul(2).add(x!.sub(x!));
  }
}

class Program {
  readonly #pool: Pair[] = [];
  #state: number;
  /** What it did, for the message of a failure. */
  readonly log: string[] = [];

  constructor(
    seed: number,
    readonly meter: Meter,
  ) {
    this.#state = seed;
  }

  /** Mulberry32: a whole number below `n`. */
  #random(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let z = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) % n;
  }

  #pick(): Pair {
    return this.#pool[this.#random(this.#pool.length)] ?? this.#create();
  }

  #add(t: torch.Tensor, m: Model, what: string): Pair {
    const pair = { t, m };
    this.meter.watch(t);
    this.log.push(`${this.#pool.length}: ${what}`);
    this.#pool.push(pair);
    return pair;
  }

  #create(): Pair {
    const shape = SHAPES[this.#random(SHAPES.length)]!;
    const n = shape.reduce((a: number, b) => a * b, 1);
    const values = Array.from({ length: n }, () => this.#random(7) - 3);
    const wants = this.#random(2) === 0;
    const t = torch.tensor(Float64Array.from(values)).reshape([...shape]).clone().requiresGrad_(wants);
    return this.#add(t, Model.leaf(values, shape, wants), `create [${shape.join()}]${wants ? ' requiresGrad' : ''}`);
  }

  #small(m: Model): boolean {
    return m.values().every((v) => Math.abs(v) < 1000);
  }

  run(steps: number): void {
    for (let i = 0; i < steps; i++) this.#step(true);
    for (const pair of this.#pool) this.#check(pair);
  }

  #step(scopes: boolean): void {
    const a = this.#pick();
    switch (this.#random(18)) {
      case 0:
        this.#create();
        return;
      case 1:
      case 2:
        return this.#binary(a);
      case 3:
        this.#add(a.t.neg(), a.m.result(a.m.values().map((v) => -v), a.m.shape, [{ from: a.m, back: (g) => g.map((x) => -x) }]), `neg ${this.#name(a)}`);
        return;
      case 4:
        this.#add(a.t.sum(), a.m.result([a.m.values().reduce((x, y) => x + y, 0)], [], [{ from: a.m, back: (g) => a.m.values().map(() => g[0]!) }]), `sum ${this.#name(a)}`);
        return;
      case 5:
        this.#add(a.t.clone(), a.m.result(a.m.values(), a.m.shape, [{ from: a.m, back: (g) => [...g] }]), `clone ${this.#name(a)}`);
        return;
      case 6:
        this.#add(a.t.detach(), new Model(a.m.memory, a.m.shape, a.m.strides, a.m.offset, null, true), `detach ${this.#name(a)}`);
        return;
      case 7:
      case 8:
        return this.#view(a);
      case 9:
      case 10:
        return this.#inPlace(a);
      case 11:
        if (!this.#small(a.m)) return;
        this.#add(Twice.apply(a.t) as torch.Tensor, a.m.result(a.m.values().map((v) => 2 * v), a.m.shape, [{ from: a.m, back: (g) => g.map((x) => 2 * x) }], [a.m]), `Twice ${this.#name(a)}`);
        return;
      case 12:
        return this.#dispose(a);
      case 13:
        // Dropped: the collector's from now on.
        this.#forget((pair) => pair === a);
        return;
      case 14:
      case 15:
        return this.#backward(a);
      case 16:
        if (scopes) this.#scope();
        return;
      default:
        if (a.m.place !== null && a.m.place.factor === 1) {
          a.m.place.factor = 2;
          const { t } = a;
          t.registerHook((g) => (t.isDisposed ? g.mul(2) : g.mul(2).add(t.detach().mul(0))));
          this.log.push(`hook ${this.#name(a)}`);
        }
        this.#check(a);
    }
  }

  #name(a: Pair): string {
    return String(this.#pool.indexOf(a));
  }

  #binary(a: Pair): void {
    const same = this.#pool.filter((p) => String(p.m.shape) === String(a.m.shape));
    const b = same[this.#random(same.length)] ?? a;
    const [x, y] = [a.m.values(), b.m.values()];
    const kind = this.#random(3);
    if (kind === 0) {
      this.#add(a.t.add(b.t), a.m.result(x.map((v, i) => v + y[i]!), a.m.shape, [{ from: a.m, back: (g) => [...g] }, { from: b.m, back: (g) => [...g] }]), `add ${this.#name(a)} ${this.#name(b)}`);
    } else if (kind === 1) {
      this.#add(a.t.sub(b.t), a.m.result(x.map((v, i) => v - y[i]!), a.m.shape, [{ from: a.m, back: (g) => [...g] }, { from: b.m, back: (g) => g.map((v) => -v) }]), `sub ${this.#name(a)} ${this.#name(b)}`);
    } else if (this.#small(a.m) && this.#small(b.m)) {
      const inputs = [{ from: a.m, back: (g: readonly number[]) => g.map((v, i) => v * y[i]!) }, { from: b.m, back: (g: readonly number[]) => g.map((v, i) => v * x[i]!) }];
      // Only what some gradient needs is read.
      const saved = [...(a.m.place ? [b.m] : []), ...(b.m.place ? [a.m] : [])];
      this.#add(a.t.mul(b.t), a.m.result(x.map((v, i) => v * y[i]!), a.m.shape, inputs, saved), `mul ${this.#name(a)} ${this.#name(b)}`);
    }
  }

  #view(a: Pair): void {
    const { m, t } = a;
    const ndim = m.shape.length;
    const kind = this.#random(4);
    if (kind === 0 && ndim === 2) {
      this.#add(t.transpose(0, 1), m.view([...m.shape].reverse(), [...m.strides].reverse(), m.offset), `transpose ${this.#name(a)}`);
    } else if (kind === 1 && ndim > 0) {
      const i = this.#random(m.shape[0]!);
      this.#add(t.at(i), m.view(m.shape.slice(1), m.strides.slice(1), m.offset + i * m.strides[0]!), `at ${i} of ${this.#name(a)}`);
    } else if (kind === 2 && ndim > 0 && m.shape[0]! > 1) {
      this.#add(t.at('1:'), m.view([m.shape[0]! - 1, ...m.shape.slice(1)], m.strides, m.offset + m.strides[0]!), `tail of ${this.#name(a)}`);
    } else if (kind === 3 && m.isContiguous() && t.isContiguous()) {
      this.#add(t.view(-1), m.view([m.size], rowMajor([m.size]), m.offset), `flat view of ${this.#name(a)}`);
    }
  }

  /** Writes where the graph does not follow: it sees that what it saved has changed. */
  #inPlace(a: Pair): void {
    if (a.m.place !== null || !this.#small(a.m)) return;
    const k = this.#random(5) - 2;
    if (this.#random(2) === 0) {
      a.t.add_(k);
      a.m.write((v) => v + k);
    } else {
      a.t.fill_(k);
      a.m.write(() => k);
    }
    this.log.push(`write ${this.#name(a)}`);
  }

  #dispose(a: Pair): void {
    this.log.push(`dispose ${this.#name(a)}`);
    a.t.dispose();
    this.#gone(a);
    this.#forget((pair) => pair === a);
  }

  #gone(a: Pair): void {
    a.m.disposed = true;
    try {
      a.t.tolistSync();
    } catch (error) {
      if (error instanceof torch.DisposedError) return;
      throw error;
    }
    throw new Error('a disposed tensor can be read');
  }

  #forget(which: (pair: Pair) => boolean): void {
    for (let i = this.#pool.length - 1; i >= 0; i--) if (which(this.#pool[i]!)) this.#pool.splice(i, 1);
  }

  #backward(a: Pair): void {
    if (a.m.place === null) return;
    const retain = this.#random(2) === 0;
    this.log.push(`backward ${this.#name(a)}${retain ? ' retained' : ''}`);
    let expected: unknown = null;
    try {
      a.m.backward(retain);
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      expected = error;
    }
    let got: unknown = null;
    try {
      a.t.sum().backward({ retainGraph: retain });
    } catch (error) {
      if (!(error instanceof torch.AutogradError)) throw error;
      got = error;
    }
    if ((expected === null) !== (got === null)) throw new Error(`backward: expected ${String(expected)}, got ${String(got)}`);
    // After an error, which gradients have arrived is not promised.
    if (expected !== null) this.#forget((pair) => pair.m.place !== null);
  }

  /** Some steps in a scope that returns one tensor and keeps one. */
  #scope(): void {
    const before = this.#pool.length;
    const outer = new Set(this.#pool);
    const parts: { returned: Pair | null; kept: Pair | null } = { returned: null, kept: null };
    this.log.push('scope');
    torch.scope(() => {
      for (let i = this.#random(6); i >= 0; i--) this.#step(false);
      const mine = this.#pool.filter((pair) => !outer.has(pair));
      parts.returned = mine[this.#random(mine.length)] ?? null;
      parts.kept = mine[this.#random(mine.length)] ?? null;
      if (parts.kept) torch.keep(parts.kept.t);
      return { deep: [parts.returned?.t] };
    });
    const ended = this.#pool.filter((pair) => !outer.has(pair) && pair !== parts.returned && pair !== parts.kept);
    this.log.push(`end of scope: ${ended.length} of ${this.#pool.length - before} end`);
    for (const pair of ended) this.#gone(pair);
    this.#forget((pair) => pair.m.disposed);
  }

  #check({ t, m }: Pair): void {
    const got = (t.tolistSync() as unknown[]).toString();
    const flat = m.shape.length === 0 ? String(m.values()[0]) : String(m.values());
    if (normal(got) !== normal(flat) || String([...t.shape]) !== String(m.shape)) throw new Error(`values: [${got}] for [${flat}]`);
    if (m.isLeaf && m.place !== null && !m.isView) {
      const grad = t.grad;
      const values = grad === null ? null : [...grad.reshape([-1]).dataSync()];
      if (normal(String(values)) !== normal(String(m.place.grad))) throw new Error(`gradient: [${String(values)}] for [${String(m.place.grad)}]`);
    }
  }
}

/** 0 and -0 are the same here. */
function normal(text: string): string {
  return text.replace(/-0(?=,|$)/g, '0');
}

/** Runs one; what was wrong, or null. */
function randomProgram(seed: number, meter: Meter): string | null {
  const program = new Program(seed, meter);
  try {
    program.run(16);
    return null;
  } catch (error) {
    return `program ${seed}: ${String((error as Error).stack)}\n${program.log.join('\n')}`;
  }
}

/** Runs programs; every one must agree with the model, and nothing may be left at the end. */
export async function randomPrograms(count: number, spilling: boolean): Promise<Record<string, unknown>> {
  const meter = new Meter();
  if (spilling) torch.memory.setSpillThreshold(0);
  let failed: string | null = null;
  for (let seed = 1; seed <= count && failed === null; seed++) {
    failed = randomProgram(seed, meter);
    if (seed % 50 === 0) meter.sample();
    if (seed % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  torch.memory.setSpillThreshold(null);
  const result = meter.result();
  return { ...result, failed, left: await meter.settle() };
}
