/**
 * The engine's threads: how many are allowed, and getting the workers that the engine asks for.
 *
 * Kernels are computed by the thread that calls and by workers that share the engine's memory (crates/cpu/src/threads). They
 * are started when the first launch is long enough to be shared; until they have come, one thread does everything.
 * @module
 */
import { ValueError } from '../errors.js';
import type { Crew, Invitation } from './source.js';
import { run, setRecruiter } from './wasm.js';

/** More threads than this are used only when asked for: small networks do not get faster by them. */
const DEFAULT_MOST = 8;

let crew: Crew | undefined;
let invitation: Invitation | null = null;
/** How many threads are allowed, this one included. */
let allowed = 1;
/** Workers that were started. */
let started = 0;
const told = new Set<string>();

function tell(line: string): void {
  if (told.has(line)) return;
  told.add(line);
  console.warn(`cresset: ${line}`);
}

/** Checks a number of threads. */
function check(name: string, threads: number): void {
  if (!Number.isInteger(threads) || threads < 1) throw new ValueError(`${name}: threads must be a positive integer, not ${String(threads)}`);
}

/** How many threads a program gets; says once, in one line, why it does not get those that it asked for. */
export function plannedThreads(from: Crew | undefined, asked: number | undefined): number {
  if (asked !== undefined) check('torch.init', asked);
  if (asked === 1) return 1;
  const lacking = from === undefined ? 'another entry point than this one, which carries one binary, that of one thread' : from.lacking();
  if (lacking === null) return asked ?? Math.min(from!.cores(), DEFAULT_MOST);
  if (asked !== undefined) tell(`threads: ${asked} needs ${lacking}; going on with one thread`);
  return 1;
}

/** Takes an engine into use whose memory is shared, or not (null). */
export function useThreads(from: Crew | undefined, threads: number, shared: Invitation | null): void {
  crew = from;
  invitation = shared;
  allowed = shared === null ? 1 : threads;
  run((wasm) => wasm.set_threads(allowed));
  setRecruiter(() => void recruit(false));
}

/** Starts what is missing of the workers that are allowed. Whoever awaits it has them. */
async function recruit(awaited: boolean): Promise<void> {
  const missing = allowed - 1 - started;
  if (missing <= 0 || invitation === null) return;
  started += missing;
  try {
    await Promise.all(Array.from({ length: missing }, () => crew!.start(invitation!, awaited)));
    // They are about to join: that takes them no turn of this thread, but some time.
    while (awaited && run((wasm) => wasm.threads_present()) < Math.min(allowed, started + 1)) await new Promise((resolve) => setTimeout(resolve));
  } catch (error) {
    const present = run((wasm) => wasm.threads_present());
    tell(`a worker could not be started: ${error instanceof Error ? error.message : String(error)}; going on with ${present === 1 ? 'one thread' : `${present} threads`}`);
    allowed = present;
    run((wasm) => wasm.set_threads(present));
  }
}

/** All threads that are allowed, at once rather than when they are needed. */
export async function allThreads(): Promise<void> {
  await recruit(true);
}

/**
 * How many threads kernels may use, the calling one included. As many as there are cores, at most 8, unless
 * `torch.init({ threads })` or {@link setNumThreads} said otherwise; 1 in a page that is not cross-origin isolated.
 * PyTorch: `torch.get_num_threads`.
 * @example
 * torch.setNumThreads(1);
 * console.log(torch.getNumThreads()); // 1
 */
export function getNumThreads(): number {
  run(() => undefined);
  return allowed;
}

/**
 * Sets how many threads kernels may use, the calling one included. Results do not depend on it. Where there are no threads one line
 * on the console says why, and one computes. PyTorch: `torch.set_num_threads`.
 * @throws ValueError if it is no positive integer.
 * @example
 * torch.setNumThreads(2);
 */
export function setNumThreads(threads: number): void {
  check('setNumThreads', threads);
  run(() => undefined);
  if (invitation === null && threads > 1) {
    const lacking = crew?.lacking() ?? 'an engine with threads: it was loaded with `threads: 1`, or with a binary of one thread';
    tell(`setNumThreads(${threads}) needs ${lacking}; going on with one thread`);
    return;
  }
  allowed = threads;
  run((wasm) => wasm.set_threads(threads));
}
