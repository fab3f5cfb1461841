/**
 * A thread of the engine in Node, Deno and Bun.
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads';
import { join } from './runtime/join.js';
import type { Invitation } from './runtime/source.js';

join(workerData as Invitation, () => parentPort!.postMessage('ready'));
