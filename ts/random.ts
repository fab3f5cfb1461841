/**
 * Random generators. PyTorch: `torch.random` and `torch.Generator`.
 *
 * The same seed gives the numbers that PyTorch gives on an x86 CPU, for random tensors, initial weights, dropout masks
 * and shuffles, bit for bit.
 * @module
 */
import { cpu, type Device, device as toDevice } from './device.js';
import { ValueError } from './errors.js';
import { op } from './runtime/call.js';
import { shown } from './runtime/console.js';
import { setGeneratorTest } from './runtime/encode.js';
import type { Tensor } from './tensor.js';

const HALF = 2n ** 32n;

/** The seed in halves of 32 bits. A negative one counts down from 2^64, as in PyTorch. */
function halves(seed: number | bigint): [high: number, low: number] {
  if (typeof seed !== 'bigint' && !Number.isInteger(seed)) {
    throw new ValueError(`manualSeed: a seed is an integer, not ${typeof seed === 'number' ? seed : JSON.stringify(seed)}`);
  }
  const n = BigInt(seed);
  if (n < -(2n ** 63n) || n >= 2n ** 64n) throw new ValueError(`manualSeed: ${n} does not fit into 64 bits`);
  const bits = BigInt.asUintN(64, n);
  return [Number(bits / HALF), Number(bits % HALF)];
}

/** A number where it is exact, else a bigint. */
function joined(high: number, low: number): number | bigint {
  return high < 2 ** 21 ? high * 2 ** 32 + low : BigInt(high) * HALF + BigInt(low);
}

/** Marks the engine's own generator, number 0, which is there without being made. */
const DEFAULT = 'default generator';

const released = new FinalizationRegistry<number>((handle) => op('generator_release', handle));

/**
 * A stream of random numbers of its own. PyTorch: `torch.Generator`.
 *
 * Functions that draw take it by name: `torch.rand(3, { generator })`. Without one they draw from
 * {@link defaultGenerator}.
 * @example
 * const generator = new torch.Generator().manualSeed(42);
 * torch.randperm(10, { generator });
 */
export class Generator {
  /** @internal Its number in the engine. */
  readonly handle: number;

  /**
   * A generator with PyTorch's default seed, 67280421310721.
   * @param device where it draws; only the CPU draws.
   */
  constructor(device?: Device | string) {
    if (device === DEFAULT) {
      this.handle = 0;
      return;
    }
    if (device !== undefined) toDevice(device);
    this.handle = op('generator_new') as number;
    released.register(this, this.handle);
  }

  /** As PyTorch prints it; in the place of an address stands the generator's number. */
  toString(): string {
    return `<torch._C.Generator object at 0x${this.handle.toString(16)}>`;
  }

  static {
    shown(this.prototype);
  }

  /** The CPU. */
  get device(): Device {
    return cpu;
  }

  /**
   * Starts the stream of this seed. PyTorch: `Generator.manual_seed`.
   * @param seed an integer from -2^63 to 2^64 - 1; the low 32 bits choose the stream.
   * @returns this generator.
   */
  manualSeed(seed: number | bigint): this {
    op('generator_manual_seed', this.handle, ...halves(seed));
    return this;
  }

  /** Starts a stream that nobody can foresee, and returns its seed. PyTorch: `Generator.seed`. */
  seed(): number {
    const words = crypto.getRandomValues(new Uint32Array(2));
    const seed = (words[0]! % 2 ** 21) * 2 ** 32 + words[1]!;
    this.manualSeed(seed);
    return seed;
  }

  /** The seed the stream started from. PyTorch: `Generator.initial_seed`. */
  initialSeed(): number | bigint {
    const [high, low] = op('generator_initial_seed', this.handle) as [number, number];
    return joined(high, low);
  }

  /** Where in its stream the generator is: 5056 bytes, as PyTorch writes them. PyTorch: `Generator.get_state`. */
  getState(): Tensor {
    return op('generator_get_state', this.handle) as Tensor;
  }

  /**
   * Goes on from a state that `getState` gave here or in PyTorch. PyTorch: `Generator.set_state`.
   * @throws if the bytes are not such a state.
   */
  setState(state: Tensor): this {
    op('generator_set_state', this.handle, state);
    return this;
  }

  /** A generator at the same place of the same stream. PyTorch: `Generator.clone_state`. */
  cloneState(): Generator {
    const state = this.getState();
    const copy = new Generator().setState(state);
    state.dispose();
    return copy;
  }
}

setGeneratorTest((x): x is Generator => x instanceof Generator);

/** What draws when no generator is named. PyTorch: `torch.default_generator`. */
export const defaultGenerator: Generator = /* @__PURE__ */ new Generator(DEFAULT);

/**
 * Starts the default generator's stream of this seed. PyTorch: `torch.manual_seed`.
 * @example
 * torch.manualSeed(42);
 * torch.rand(2); // -> tensor([0.8823, 0.9150])
 */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator.manualSeed(seed);
}

/** Starts the default generator on a stream that nobody can foresee, and returns its seed. PyTorch: `torch.seed`. */
export function seed(): number {
  return defaultGenerator.seed();
}

/** The seed the default generator's stream started from. PyTorch: `torch.initial_seed`. */
export function initialSeed(): number | bigint {
  return defaultGenerator.initialSeed();
}

/** The default generator's state, a uint8 tensor. PyTorch: `torch.get_rng_state`. */
export function getRngState(): Tensor {
  return defaultGenerator.getState();
}

/** Sets the default generator's state. PyTorch: `torch.set_rng_state`. */
export function setRngState(state: Tensor): void {
  defaultGenerator.setState(state);
}

/**
 * Runs `fn` and puts the default generator back where it was. PyTorch: `torch.random.fork_rng`.
 * @example
 * const same = torch.random.forkRng(() => torch.rand(2)); // the numbers drawn next are these again
 */
export function forkRng<T>(fn: () => T): T {
  const state = getRngState();
  const back = (): void => {
    setRngState(state);
    state.dispose();
  };
  let out: T;
  try {
    out = fn();
  } catch (error) {
    back();
    throw error;
  }
  if (!(out instanceof Promise)) {
    back();
    return out;
  }
  return out.finally(back) as T;
}
