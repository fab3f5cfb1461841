// Who is measured. Each module gives `open(config)`, and that `sides(row, data)`: a list of
//
//   check()    one computation's outputs as flat arrays; of a training row the losses of the first CHECKED steps
//   run(n)     n repetitions; gives { seconds, busy } if it measured them itself (rounds.mjs)
//   reset()    optional: back to the initial weights, so that every round does the same work
//   form       optional: which of several ways of this peer it is;  note: what a reader has to know
//
// or throws Unsupported with the reason why there is none.

/** A peer that cannot do a row; the message is shown in the table. */
export class Unsupported extends Error {}

/** Steps of a training row whose losses are compared. */
export const CHECKED = 8;

export const PEERS = {
  cresset: () => import('./cresset.mjs'),
  'onnxruntime-web': () => import('./onnxruntime.mjs'),
  'tfjs-wasm': () => import('./tfjs.mjs'),
  'tfjs-cpu': () => import('./tfjs_cpu.mjs'),
  'jax-js': () => import('./jax.mjs'),
  'js-pytorch': () => import('./js_pytorch.mjs'),
  pytorch: () => import('./pytorch.mjs'),
};

/** The side of a peer that a row of kind 'op' names, or Unsupported. */
export function sideOf(row, peer) {
  return row.sides?.[peer] ?? unsupported('the row has no side for it');
}

/** Throws Unsupported. */
export function unsupported(reason) {
  throw new Unsupported(reason);
}
