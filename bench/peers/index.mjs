// Who is measured. Each module gives `open(config)`, and that `sides(row, data)`: a list of
//
//   check()    one computation's outputs as flat arrays; of a training row the losses of the first steps (firstLosses)
//   run(n)     n repetitions; gives { seconds, busy } if it measured them itself (rounds.mjs)
//   reset()    optional: back to the initial weights, so that every round does the same work
//   tolerance  optional: how close, where the peer's mathematics differs
//   form       optional: which of several ways of this peer it is;  note: what a reader has to know
//
// or throws Unsupported with the reason why there is none.

/** A peer that cannot do a row; the message is shown in the table. */
export class Unsupported extends Error {}

/** Steps of a training row whose losses are compared. */
export const CHECKED = 8;

/** The losses of the first steps: CHECKED of them, or as many as fit into some seconds. */
export async function firstLosses(step) {
  const losses = [];
  const end = performance.now() + 5000;
  while (losses.length < CHECKED && (losses.length === 0 || performance.now() < end)) losses.push(await step());
  return [losses];
}

export const PEERS = {
  cresset: () => import('./cresset.mjs'),
  'onnxruntime-web': () => import('./onnxruntime.mjs'),
  'tfjs-wasm': () => import('./tfjs.mjs'),
  'tfjs-cpu': () => import('./tfjs_cpu.mjs'),
  'tfjs-webgpu': () => import('./tfjs_webgpu.mjs'),
  'jax-js': () => import('./jax.mjs'),
  'js-pytorch': () => import('./js_pytorch.mjs'),
  pytorch: () => import('./pytorch.mjs'),
};

/** Who can be measured on a device: on a GPU those that have WebGPU, which they find in pages only. */
export function peersOn(device, browser) {
  if (device === 'webgpu') return browser ? ['onnxruntime-web', 'tfjs-webgpu', 'jax-js'] : [];
  return Object.keys(PEERS).filter((name) => name !== 'cresset' && name !== 'tfjs-webgpu');
}

/** Peers that are written as another one is: the same library on another device. */
const SAME = { 'tfjs-webgpu': 'tfjs-wasm' };

/** The side of a peer that a row of kind 'op' names, or Unsupported. */
export function sideOf(row, peer) {
  return row.sides?.[SAME[peer] ?? peer] ?? unsupported('the row has no side for it');
}

/** Throws Unsupported. */
export function unsupported(reason) {
  throw new Unsupported(reason);
}
