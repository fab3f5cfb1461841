// Numbers about numbers. Everything here is pure; test/bench.test.ts checks it.

/** The middle value; the mean of the two middle ones of an even number. NaN of none. */
export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The median of a[i] / b[i], over the rounds in which both were measured. */
export function medianRatio(a, b) {
  return median(a.flatMap((x, i) => (Number.isFinite(x) && Number.isFinite(b[i]) ? [x / b[i]] : [])));
}

/**
 * How far the control may be from 1 before a measurement counts as noisy: two measurements of the same thing, in the same
 * rounds, that differ by more say that the machine was busy with something else.
 */
export const NOISE = 0.05;

/** Whether a control ratio says that the machine was quiet. */
export const isQuiet = (control) => Math.abs(control - 1) <= NOISE;

/**
 * The largest difference of two lists of arrays, relative to the largest magnitude in the array it is in: elements that cancel to
 * nearly nothing carry the rounding of the terms they are made of. Infinity where shapes or non-finite values differ.
 */
export function relativeError(got, want) {
  if (got.length !== want.length) return Infinity;
  let worst = 0;
  for (const [i, w] of want.entries()) {
    const g = got[i];
    if (g.length !== w.length) return Infinity;
    let [difference, scale] = [0, 0];
    for (let k = 0; k < w.length; k++) {
      const [x, y] = [Number(g[k]), Number(w[k])];
      if (x === y || (Number.isNaN(x) && Number.isNaN(y))) {
        if (Number.isFinite(y)) scale = Math.max(scale, Math.abs(y));
        continue;
      }
      if (!Number.isFinite(x) || !Number.isFinite(y)) return Infinity;
      difference = Math.max(difference, Math.abs(x - y));
      scale = Math.max(scale, Math.abs(y));
    }
    if (difference > 0) worst = Math.max(worst, difference / (scale || 1));
  }
  return worst;
}
