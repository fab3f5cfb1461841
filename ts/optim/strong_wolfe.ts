/**
 * The line search of {@link LBFGS}: a step length that satisfies the strong Wolfe conditions.
 *
 * Bracketing and zoom with cubic interpolation (Nocedal and Wright, algorithms 3.5 and 3.6), with the constants and the
 * order of decisions of torch/optim/lbfgs.py `_strong_wolfe`, which come from minFunc.
 * @module
 */
import { keep } from '../runtime/scope.js';
import type { Tensor } from '../tensor.js';

/** What a step asks its caller for: the closure's loss, or the values of tensors (which are disposed then). */
export type Ask = 'loss' | readonly Tensor[];

/**
 * The values of temporary tensors of one element, which are disposed. A GPU answers all of them in one read: each read is a way there and
 * back, and Deno looks for an answer every 10 ms only.
 */
export function* read(...list: Tensor[]): Generator<Ask, number[], unknown> {
  return (yield list) as number[];
}

/** Loss and gradient somewhere on the line, the gradient's greatest size, and the directional derivative. */
export interface Point {
  readonly loss: number;
  readonly grad: Tensor;
  readonly largest: number;
  readonly slope: number;
}

/** A point with its place on the line. */
interface Sample extends Point {
  readonly t: number;
}

const C1 = 1e-4;
const C2 = 0.9;
const TOLERANCE_CHANGE = 1e-9;

/**
 * Searches along a direction from step `t`. `evaluate` gives loss and gradient at a step; `reach` is the direction's greatest size; `from` is
 * the point where the line starts, which stays the caller's. Of the points evaluated, all but the one returned are disposed.
 */
export function* strongWolfe(
  evaluate: (t: number) => Generator<Ask, Point, unknown>,
  t: number,
  reach: number,
  from: Point,
  maxEvaluations: number,
): Generator<Ask, Sample & { readonly evaluations: number }, unknown> {
  const made: Sample[] = [];
  const sample = function* (t: number): Generator<Ask, Sample, unknown> {
    const point = yield* evaluate(t);
    const s = { ...point, t, grad: keep(point.grad) };
    made.push(s);
    return s;
  };
  const start: Sample = { ...from, t: 0 };
  const armijo = (s: Sample): boolean => !(s.loss > from.loss + C1 * s.t * from.slope);
  const curvature = (s: Sample): boolean => Math.abs(s.slope) <= -C2 * from.slope;

  // Bracketing: a point that satisfies the conditions, or an interval that contains one.
  let before = start;
  let now = yield* sample(t);
  let bracket: Sample[] = [];
  let iteration = 0;
  let done = false;
  for (; iteration < maxEvaluations; iteration++) {
    if (!armijo(now) || (iteration > 1 && now.loss >= before.loss)) bracket = [before, now];
    else if (curvature(now)) [bracket, done] = [[now], true];
    else if (now.slope >= 0) bracket = [before, now];
    if (bracket.length > 0) break;
    const next = cubic(before, now, now.t + 0.01 * (now.t - before.t), now.t * 10);
    [before, now] = [now, yield* sample(next)];
  }
  if (bracket.length === 0) bracket = [start, now];

  // Zoom. `low` is the place in the bracket of the smaller loss, `high` the other one.
  let low = bracket[0]!.loss <= bracket.at(-1)!.loss ? 0 : 1;
  let high = 1 - low;
  let stalled = false;
  while (!done && iteration < maxEvaluations) {
    const [a, b] = bracket as [Sample, Sample];
    const [least, most] = [Math.min(a.t, b.t), Math.max(a.t, b.t)];
    if ((most - least) * reach < TOLERANCE_CHANGE) break;
    let next = cubic(a, b, least, most);
    // A trial near an end of the bracket is moved inwards if that happens twice, or if it is at the very end.
    const margin = 0.1 * (most - least);
    const near = Math.min(most - next, next - least) < margin;
    if (near && (stalled || next >= most || next <= least)) {
      next = Math.abs(next - most) < Math.abs(next - least) ? most - margin : least + margin;
      stalled = false;
    } else {
      stalled = near;
    }
    now = yield* sample(next);
    iteration++;
    if (!armijo(now) || now.loss >= bracket[low]!.loss) {
      bracket[high] = now;
      low = bracket[0]!.loss <= bracket[1]!.loss ? 0 : 1;
      high = 1 - low;
    } else {
      if (curvature(now)) done = true;
      else if (now.slope * (bracket[high]!.t - bracket[low]!.t) >= 0) bracket[high] = bracket[low]!;
      bracket[low] = now;
    }
  }
  const best = bracket[low]!;
  for (const s of made) if (s !== best) s.grad.dispose();
  return { ...best, evaluations: made.length };
}

/** The minimum of the cubic through two points with their slopes, within bounds (their middle where there is none). */
function cubic(a: Sample, b: Sample, least: number, most: number): number {
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.t - b.t);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (least + most) / 2;
  const d2 = Math.sqrt(square);
  const [first, last] = a.t <= b.t ? [a, b] : [b, a];
  const at = last.t - (last.t - first.t) * ((last.slope + d2 - d1) / (last.slope - first.slope + 2 * d2));
  return Math.min(Math.max(at, least), most);
}
