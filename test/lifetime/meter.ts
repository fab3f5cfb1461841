// What a scenario may hold: the engine's live bytes and heap, and the process's memory where the runtime tells.
import * as torch from 'cresset';

declare const Deno: { memoryUsage(): { rss: number } } | undefined;
declare const process: { memoryUsage: { rss(): number } } | undefined;

/** The memory of the whole process in bytes; 0 where a program cannot ask. */
function rss(): number {
  if (typeof Deno !== 'undefined') return Deno.memoryUsage().rss;
  return typeof process === 'undefined' ? 0 : process.memoryUsage.rss();
}

/** Peaks over the samples taken, above what there was when the meter began. */
export class Meter {
  readonly #before = { rss: rss(), live: torch.memory().live, tensors: torch.memory().tensors };
  #watched: WeakRef<object>[] = [];
  live = 0;
  rss = 0;

  /** Looks now. */
  sample(): void {
    this.live = Math.max(this.live, torch.memory().live - this.#before.live);
    this.rss = Math.max(this.rss, rss() - this.#before.rss);
  }

  /** Remembers an object, for `settle` to see whether it is collected. */
  watch(object: object): void {
    this.#watched.push(new WeakRef(object));
  }

  /**
   * Waits until everything that was made since the meter began has been collected: real turns, and garbage that makes the
   * collector run. Gives up after some hundred turns. What is left then is a leak.
   */
  async settle(): Promise<{ tensors: number; bytes: number; objects: number }> {
    let left = { tensors: 1, bytes: 1, objects: 1 };
    for (let round = 0; round < 20 && left.tensors + left.bytes + left.objects > 0; round++) {
      // Cycles through hooks are the collector's once they are outside.
      torch.memory.emptyCache();
      // Looking through a WeakRef keeps its target for the turn, and for a collection that is under way: so many turns in
      // between, with large and small garbage, for both generations of the collector.
      for (let i = 0; i < 12; i++) {
        garbage = [new ArrayBuffer(2 ** 25), Array.from({ length: 50_000 }, (_, k) => ({ k }))];
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      const now = torch.memory();
      this.#watched = this.#watched.filter((ref) => ref.deref() !== undefined);
      left = { tensors: now.tensors - this.#before.tensors, bytes: now.live - this.#before.live, objects: this.#watched.length };
    }
    garbage = [];
    return left;
  }

  result(): { live: number; rss: number; heap: number; spilled: number } {
    this.sample();
    const { heap, spilled } = torch.memory();
    return { live: this.live, rss: this.rss, heap, spilled };
  }
}

let garbage: unknown[] = [];
/** Read by nobody; written so that no optimiser removes the garbage. */
export const lastGarbage = (): unknown[] => garbage;
