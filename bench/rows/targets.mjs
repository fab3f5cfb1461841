// What rows shall reach. A target is a ratio of times in one run: `atLeast: 2` against a peer says that we take half its time.
//
//   peer      against which peer; in every form of the model unless `form` names one
//   roof      a share of the machine's own limit instead
//   threads   in runs with so many threads; without it, in runs with one. 'self' as peer is our own time with one thread
//   device    on which device, 'webgpu'; without it, on the CPU
//   equal     the number where fused multiply-add is no faster than multiply and add (AMD), if it is another one

/** The FMA roof must be this much above the other for a machine to count as one where FMA pays (Intel: a third). */
export const FMA_PAYS = 1.17;

const ORT = 'onnxruntime-web';
export const ort = (atLeast, more = {}) => ({ peer: ORT, atLeast, ...more });
export const constant = (atLeast, equal) => ort(atLeast, { form: 'constant weights', equal });
export const given = (atLeast, equal) => ort(atLeast, { form: 'weights as inputs', equal });
export const roof = (atLeast) => ({ roof: 'fma', atLeast });
export const against = (peer, atLeast) => ({ peer, atLeast });
/** 1.8 times one thread, where the work is large enough for two. */
export const twoThreads = { peer: 'self', threads: 2, atLeast: 1.8 };
/** Never slower than with one thread; what the noise of a measurement may be is allowed. */
export const notSlower = { peer: 'self', threads: 2, atLeast: 0.95, text: 'not slower' };

/** For every training row: tfjs in whatever backend can train it, and jax-js. */
export const training = [against('tfjs-wasm', 10), against('tfjs-cpu', 10), against('jax-js', 8)];
