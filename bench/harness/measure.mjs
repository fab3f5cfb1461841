// Measures one row: builds every peer's side, compares their outputs, then times them in interleaved rounds. Runs in a
// process or a page of its own, so that no row inherits another one's heap, caches or compiled code.
import { PEERS, Unsupported } from '../peers/index.mjs';
import { makeData } from './data.mjs';
import { byClock, countersOf, errorOf, openedBy, watchErrors } from './gpu.mjs';
import { roofSides } from './roofs.mjs';
import { measureRounds } from './rounds.mjs';
import { isQuiet, median, medianRatio, relativeError } from './stats.mjs';

/** The first line of an error, short enough for a table. */
const firstLine = (error) => String(error?.message ?? error).split('\n')[0].slice(0, 240);

/** The sides of one peer: `{ peer, form, label, side }`, or `{ ..., skipped }` with the reason. */
async function open(peer, row, data, config) {
  try {
    const { open: start } = await PEERS[peer]();
    const sides = await (await start(config)).sides(row, data);
    return sides.map((side) => ({ peer, form: side.form, note: side.note, tolerance: side.tolerance, label: side.form ? `${peer} (${side.form})` : peer, side }));
  } catch (error) {
    if (!(error instanceof Unsupported) && config.debug) throw error;
    return [{ peer, label: peer, skipped: firstLine(error) }];
  }
}

/** A side whose first repetition takes longer than this many seconds is not repeated: warming up and rounds would tell nothing new. */
const ONCE = 5;

/** The outputs that are compared: of a training row as many losses as both sides gave, since a slow one gives fewer. */
export const common = (row, list, other) => (row.kind === 'training' ? list.map((x, i) => x.slice(0, other[i].length)) : list);

/** A side's outputs, and the seconds of one repetition. On a GPU the first call compiles shaders, which may take longer than all that follows, and is not the one that counts. */
async function outputsOf(side, row, gpu) {
  if (gpu) await side.check();
  const start = performance.now();
  const outputs = await side.check();
  return { outputs, seconds: (performance.now() - start) / 1000 / (row.kind === 'training' ? outputs[0].length : 1) };
}

/** Compares a peer's outputs with ours; a difference ends its part in the row. */
async function compare(entry, ours, row, { device }) {
  if (entry.skipped) return entry;
  try {
    const { outputs: got, seconds } = await outputsOf(entry.side, row, device === 'webgpu');
    if (seconds > ONCE) entry = { ...entry, once: seconds };
    if (row.compared && !row.compared.includes(entry.peer)) return entry;
    const tolerance = entry.tolerance ?? (device === 'webgpu' && entry.peer !== 'self' ? row.coarse : undefined) ?? row.tolerance ?? 1e-4;
    const error = relativeError(common(row, got, ours), common(row, ours, got));
    return error <= tolerance ? { ...entry, error } : { ...entry, error: Number.isFinite(error) ? error : null, failed: `outputs differ by ${error.toExponential(1)}, more than ${tolerance}` };
  } catch (error) {
    return { ...entry, [error instanceof Unsupported ? 'skipped' : 'failed']: firstLine(error) };
  }
}

/**
 * Measures `row` and gives what is written to the results. `config` has the peers' names, `simd`, `threads`, `rounds`, `retries`,
 * the roofs' binary, and `python`, a function that asks PyTorch's process.
 */
export async function measureRow(row, config, say = () => {}) {
  const gpu = config.device === 'webgpu';
  const result = { name: row.name, group: row.group, threads: config.threads, simd: config.simd, ...(gpu ? { device: config.device, software: config.software } : {}) };
  const { open: start } = await PEERS.cresset();
  let home;
  try {
    if (gpu) await watchErrors();
    home = await openedBy('cresset', () => start(config));
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    return { ...result, skipped: error.message };
  }
  const data = await home.onCpu(() => makeData(home.torch, row));
  const [our, ...also] = await home.sides(row, data);
  say('comparing outputs');
  const { outputs } = await outputsOf(our, row, gpu);
  const entries = also.map((side) => ({ peer: 'self', form: side.form, label: `cresset (${side.form})`, side }));
  // Our own CPU computes with other kernels, and is compared as any peer is.
  if (gpu) for (const [i, entry] of entries.entries()) entries[i] = await compare(entry, outputs, row, config);
  for (const peer of config.peers) {
    say(`building ${peer}`);
    for (const entry of await openedBy(peer, () => open(peer, row, data, { ...config, torch: home.torch }))) entries.push(await compare(entry, outputs, row, config));
  }
  const timed = entries.filter((entry) => !entry.skipped && !entry.failed && !entry.once);
  // The roofs are those of a core of the processor.
  const roofs = gpu ? [] : await roofSides(config.roofs, row.bytes);
  const sides = [
    { label: 'cresset', run: our.run, reset: our.reset }, { label: 'cresset again', run: our.run, reset: our.reset },
    ...timed.map(({ label, side }) => ({ label, run: side.run, reset: side.reset })), ...roofs,
  ].map(gpu ? byClock : (side) => side);
  let best;
  for (let attempt = 1; attempt <= config.retries; attempt++) {
    const { busy, sides: measured } = await measureRounds(sides, { ...config, say: (text) => say(attempt > 1 ? `${text}, attempt ${attempt}` : text) });
    const control = medianRatio(measured[1].seconds, measured[0].seconds);
    if (!best || Math.abs(control - 1) < Math.abs(best.control - 1)) best = { measured, control, busy };
    best.attempts = attempt;
    if (isQuiet(best.control)) break;
  }
  const { measured, control, attempts, busy } = best;
  const [a, again] = measured.map(({ seconds }) => seconds);
  const own = a.map((x, i) => (x + again[i]) / 2);
  const us = (seconds) => 1e6 * median(seconds.filter(Number.isFinite));
  const roofResults = roofs.map((roof, i) => {
    const rates = measured[2 + timed.length + i].seconds.map((s) => roof.amount / s);
    return { key: roof.key, unit: roof.unit, rate: median(rates), rates };
  });
  if (gpu) {
    say('counting');
    result.counters = await countersOf(our);
    for (const entry of entries) if (entry.side && !entry.failed && !entry.skipped && entry.peer !== 'self') entry.counters = await countersOf(entry.side);
    if (errorOf('cresset')) throw new Error(`WebGPU said: ${errorOf('cresset')}`);
    for (const entry of entries) if (errorOf(entry.peer)) entry.failed = `WebGPU said: ${errorOf(entry.peer)}`;
  }
  await Promise.all(entries.map(({ side }) => side?.close?.()));
  return {
    ...result,
    us: us(own), repetitions: measured[0].repetitions, control, attempts, busy, quiet: isQuiet(control),
    ...share(row, own, roofResults, config),
    roofs: Object.fromEntries(roofResults.map(({ key, rate }) => [key, rate])), fmaGain: fmaGain(roofResults),
    peers: entries.map(({ side: _, label: __, tolerance: ___, ...entry }) => {
      if (entry.failed) return entry;
      const at = timed.findIndex((t) => t.peer === entry.peer && t.form === entry.form);
      if (entry.once) return { ...entry, us: 1e6 * entry.once, ratio: entry.once / median(own) };
      if (at < 0) return entry;
      const ratio = medianRatio(measured[2 + at].seconds, own);
      return Number.isFinite(ratio) ? { ...entry, us: us(measured[2 + at].seconds), ratio } : { ...entry, skipped: 'took part in no round' };
    }),
  };
}

/** How much faster fused multiply-adds are than multiplications and additions, round by round. */
function fmaGain(roofs) {
  const [fma, madd] = ['fma', 'madd'].map((key) => roofs.find((roof) => roof.key === key)?.rates);
  return fma && medianRatio(fma, madd);
}

/** GFLOP/s or GB/s and the share of the roof, round by round; the roof is that of all the threads in use. */
function share(row, seconds, roofs, { simd, threads }) {
  const find = (key) => roofs.find((roof) => roof.key === key);
  if (roofs.length === 0) return row.flops || row.bytes ? { unit: row.bytes ? 'GB/s' : 'GFLOP/s', rate: median(seconds.map((s) => (row.bytes ?? row.flops) / 1e9 / s)) } : {};
  const rate = (amount, roof) => ({
    unit: roof.unit, rate: median(seconds.map((s) => amount / 1e9 / s)),
    roof: { kind: roof.key, share: median(seconds.map((s, i) => amount / 1e9 / s / (threads * roof.rates[i]))) },
  });
  if (row.flops && !row.bytes) return rate(row.flops, (simd === 'relaxed' && find('fma')) || find('madd'));
  if (row.bytes) return rate(row.bytes, find(row.roof ?? 'copy'));
  return {};
}
