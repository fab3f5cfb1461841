// Interleaved rounds: every side runs once in each, so that what disturbs the machine disturbs them all.

const now = () => performance.now();

/** A turn of the event loop: finalizers and timers run, and other threads that spin after work come to rest. */
export const turn = (ms = 1) => new Promise((resolve) => setTimeout(resolve, ms));

/** Processor time of this process in seconds, where the runtime tells it. */
const processor = () => {
  const { user, system } = globalThis.process?.cpuUsage?.() ?? {};
  return user === undefined ? undefined : (user + system) / 1e6;
};

/**
 * `{ seconds, busy }` of `n` repetitions: by our clocks, or by the side's own if it runs elsewhere (PyTorch's process). `busy` is
 * processor time for a second of time; below 1 something else had the processor.
 */
async function time(side, n) {
  const [start, before] = [now(), processor()];
  const told = await side.run(n);
  if (told) return told;
  const seconds = (now() - start) / 1000;
  return { seconds, busy: before === undefined ? 1 : (processor() - before) / seconds };
}

/**
 * Runs a side for at least `ms`: V8 compiles a WebAssembly function optimised only after it has run for a while. Gives the seconds of
 * one repetition.
 */
export async function warmUp(side, ms) {
  await side.reset?.();
  const end = now() + ms;
  for (let n = 1; ;) {
    const { seconds } = await time(side, n);
    if (now() >= end) return seconds / n;
    if (seconds < ms / 5000) n *= 2;
    await turn(0);
  }
}

/** How often a side repeats in a round: for about `ms`, and once if one repetition takes longer. */
export const repetitions = (secondsEach, ms) => Math.max(1, Math.min(1e6, Math.round(ms / 1000 / secondsEach)));

/** Whoever had the processor for less than this share of its time was disturbed. */
const UNDISTURBED = 0.93;

/**
 * Measures all sides in `rounds` rounds. Gives for each side its seconds per repetition by round, NaN where it sat out.
 *
 * The order turns and reverses from round to round, so that nobody always follows the same neighbour. Before a side's time
 * counts it repeats once, to have its data in the caches again. A side whose repetition takes seconds takes part until its share of
 * time, `budget`, is used up, but at least three times, or once if that alone takes longer. A round in which another program had the processor does not count, and another one is
 * made, up to twice as many; if there are still too few, those that were disturbed least fill up, and so do those of a slow side.
 */
export async function measureRounds(sides, { rounds, warmUpMs = 300, sideMs = 15, budget = 5, say = () => {} }) {
  const plan = [];
  for (const side of sides) {
    say(`warming up ${side.label}`);
    const each = await warmUp(side, warmUpMs);
    plan.push({ side, each, n: repetitions(each, side.ms ?? sideMs), spent: 0 });
  }
  const made = [];
  for (let round = 0; round < 2 * rounds && made.filter(({ busy }) => busy >= UNDISTURBED).length < rounds; round++) {
    say(`round ${round + 1} of ${rounds}`);
    const order = plan.map((_, i) => plan[(i + round) % plan.length]);
    if (round % 2 === 1) order.reverse();
    const seconds = new Map();
    let busy = 1;
    for (const entry of order) {
      const { side, each, n } = entry;
      if (round >= (each > budget ? 1 : 3) && entry.spent + each * n > budget) continue;
      await turn();
      await side.reset?.();
      if (each < 0.01) await time(side, 1);
      const took = await time(side, n);
      entry.spent += took.seconds;
      busy = Math.min(busy, took.busy);
      seconds.set(entry, took.seconds / n);
    }
    made.push({ busy, seconds });
  }
  const best = bestRounds(made, rounds);
  const scarce = plan.filter((entry) => best.filter(({ seconds }) => seconds.has(entry)).length < (entry.each > budget ? 1 : 3));
  const kept = made.filter((round) => best.includes(round) || scarce.some((entry) => round.seconds.has(entry)));
  return {
    busy: Math.min(...kept.map(({ busy }) => busy)),
    sides: plan.map((entry) => ({ repetitions: entry.n, seconds: kept.map(({ seconds }) => seconds.get(entry) ?? NaN) })),
  };
}

/** The `count` rounds that were disturbed least, in their order. */
export function bestRounds(made, count) {
  const least = made.map(({ busy }) => Math.min(busy, UNDISTURBED)).sort((a, b) => b - a)[Math.min(count, made.length) - 1];
  return made.filter(({ busy }) => Math.min(busy, UNDISTURBED) >= least).slice(0, count);
}
