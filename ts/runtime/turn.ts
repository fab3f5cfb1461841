/**
 * Real turns of the event loop: a resolved promise alone runs no finalizer, timer, or repaint.
 * @module
 */

/** How long a loop may run before the event loop gets a turn, in milliseconds. */
const PATIENCE = 4;
let last = 0;

declare const setImmediate: undefined | ((fn: () => void) => void);

/** Waits for a turn of the event loop if the last one was some milliseconds ago. */
export async function breathe(): Promise<void> {
  if (performance.now() - last < PATIENCE) return;
  await turn();
  last = performance.now();
}

/** One turn. `setTimeout` comes last, as browsers make it wait 4 ms when nested. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else if (typeof MessageChannel === 'function') {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(0);
    } else setTimeout(resolve, 0);
  });
}
