/**
 * What the engine calls: hooks and custom Functions by their numbers, and for room when memory has run out.
 * @module
 */
import { spillAll } from './collect.js';
import { dropRemote, remoteOf } from './remotes.js';
import { scratch, setCallback } from './wasm.js';

/** crates/core/src/callback.rs, `Kind`. */
const DROPPED = 2;
const RELIEF = 3;

setCallback((kind, id, count) => {
  if (kind === RELIEF) return spillAll() ? 1 : 0;
  if (kind === DROPPED) {
    dropRemote(id);
    return 0;
  }
  const words = [...scratch().subarray(0, count)];
  const out = remoteOf(id)(words);
  scratch().set(out);
  return out.length;
});
