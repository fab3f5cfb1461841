/**
 * A thread of the engine in a page, or in a worker of one.
 * @module
 */
import { join } from './runtime/join.js';
import type { Invitation } from './runtime/source.js';

addEventListener('message', ({ data }: MessageEvent<Invitation>) => join(data, () => postMessage('ready')), { once: true });
