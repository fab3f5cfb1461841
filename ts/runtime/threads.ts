/**
 * What becomes of `torch.init({ threads })`.
 * @module
 */
import { ValueError } from '../errors.js';

let told = false;

/** Checks the number, and says once, in one line, why more than one thread are not used. */
export function askThreads(threads: number): void {
  if (!Number.isInteger(threads) || threads < 1) throw new ValueError(`torch.init: threads must be a positive integer, not ${String(threads)}`);
  if (threads === 1 || told) return;
  told = true;
  // Only pages and their workers have this flag; threads share memory, which browsers give to isolated pages only.
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated;
  console.warn(
    isolated === false
      ? `cresset: threads: ${threads} needs a cross-origin isolated page, served with the headers "Cross-Origin-Opener-Policy: same-origin" and ` +
          '"Cross-Origin-Embedder-Policy: require-corp"; going on with one thread'
      : `cresset: this version computes on one thread; threads: ${threads} has no effect`,
  );
}
