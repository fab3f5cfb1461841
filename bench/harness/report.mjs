// Results as text: a line per row while it runs, tables in Markdown, and docs/BENCHMARKS.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/lib.mjs';
import { rows } from '../rows/index.mjs';
import { drawCharts } from './charts.mjs';
import { countersTable, deviceText } from './report_gpu.mjs';
import { allResults, folder } from './results.mjs';
import { judge } from './targets.mjs';

const digits = (x) => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2));

/** A time in the unit in which it is easily read. */
export const time = (us) => (us >= 1e6 ? `${digits(us / 1e6)} s` : us >= 1e3 ? `${digits(us / 1e3)} ms` : `${digits(us)} us`);

/** A number of bytes, likewise. */
export const bytes = (n) => (n >= 1e6 ? `${digits(n / 1e6)} MB` : `${digits(n / 1e3)} kB`);
/** What a row measures: a time, or bytes. */
const amount = (result) => (result.bytes === undefined ? time(result.us) : bytes(result.bytes));
const percent = (x) => `${Math.round(100 * x)} %`;
export const ratio = (x) => `${digits(x)}x`;

/** What a target asks for, and what came of it, as in "onnxruntime-web 1.5x: met". */
function verdict({ who, want, state, roof, text }, short = false) {
  const asked = text ?? (roof ? percent(want) : ratio(want).replace(/\.?0+x$/, 'x'));
  return short ? `${asked} ${state}` : `${who} ${asked}: ${state}`;
}

const label = ({ peer, form }) => (form ? `${peer} (${form})` : peer);

/** A rate and its share of the roof, where one was measured. */
const rateOf = (result, share) => (result.rate ? `${digits(result.rate)} ${result.unit}${result.roof ? share(percent(result.roof.share)) : ''}` : '');

/** One line for the terminal. */
export function rowLine(row, result) {
  if (result.failed) return `${row.name}: FAILED, ${result.failed}`;
  const peers = (result.peers ?? []).map((p) => `${label(p)} ${p.ratio !== undefined ? ratio(p.ratio) : p.failed ? `FAILED: ${p.failed}` : '-'}`).join(', ');
  const rate = [rateOf(result, (share) => ` (${share} of ${result.roof.kind})`), result.counters && `dispatches ${result.counters.dispatches}, submits ${result.counters.submits}`].filter(Boolean).map((text) => `, ${text}`).join('');
  const verdicts = judge(row, result).filter((v) => v.state !== 'not measured').map((v) => verdict(v)).join('; ');
  return `${row.name}${result.threads > 1 ? `, ${result.threads} threads` : ''}: ${amount(result)}${rate}, control ${result.control.toFixed(3)}${result.quiet ? '' : ' NOISY'} | ${peers}${verdicts ? ` | ${verdicts}` : ''}`;
}

/** The cell of a peer: how many times our time it takes, and what it should have been. */
function cell(row, result, entries, verdicts) {
  return entries.map((p) => {
    if (p.failed) return `**failed**: ${p.failed}`;
    if (p.ratio === undefined) return '–';
    const asked = verdicts.filter((v) => v.who === label(p)).map((v) => verdict(v, true)).join(', ');
    return `${ratio(p.ratio)}${p.once ? ' once' : ''}${asked ? ` (${asked})` : ''}`;
  }).join('<br>');
}

/** A Markdown table of results: a column per peer that has a side in any of these rows. */
export function table(results, allRows = rows) {
  const entries = results.flatMap((result) => {
    const row = allRows.find((r) => r.name === result.name);
    return row ? [{ row, result, verdicts: judge(row, result) }] : [];
  });
  if (entries.length === 0) return '';
  const columns = [...new Set(entries.flatMap(({ result }) => (result.peers ?? []).filter((p) => p.ratio !== undefined || p.failed).map(label)))];
  const roofs = entries.some(({ result }) => result.roof) || !entries.some(({ result }) => result.device);
  const head = ['row', 'cresset', roofs ? 'of the roof' : 'rate', 'A/A', ...columns.map((c) => c.replace(/^self/, 'cresset'))];
  const lines = entries.map(({ row, result, verdicts }) => {
    if (result.failed) return [row.name, `**failed**: ${result.failed}`, '', '', ...columns.map(() => '')];
    const own = verdicts.filter((v) => v.roof).map((v) => ` (${verdict(v, true)})`).join('');
    const rate = rateOf(result, (share) => `, ${share}${own}`);
    const control = `${result.control.toFixed(2)}${result.quiet ? '' : ' noisy'}`;
    return [row.name, amount(result), rate, control, ...columns.map((c) => cell(row, result, (result.peers ?? []).filter((p) => label(p) === c), verdicts) || '')];
  });
  return [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** Why sides are missing, each reason once. */
export function missing(results) {
  const reasons = new Map();
  for (const result of results) {
    for (const p of result.peers ?? []) {
      if (!p.skipped || /no side for it|does not train|not an op|no python3|by training only/.test(p.skipped)) continue;
      const key = `${label(p)}: ${p.skipped}`;
      reasons.set(key, [...(reasons.get(key) ?? []), result.name]);
    }
  }
  return [...reasons].map(([reason, names]) => `- ${reason} (${names.join('; ')})`).join('\n');
}

/** What a reader has to know of a peer's side, each note once. */
function notes(results) {
  return [...new Set(results.flatMap((r) => (r.peers ?? []).filter((p) => p.note).map((p) => `- ${p.peer}: ${p.note}`)))].join('\n');
}

/** The lists of targets by state. */
function summary(results) {
  const verdicts = results.flatMap((result) => judge(rows.find((r) => r.name === result.name) ?? { targets: [] }, result).map((v) => ({ ...v, result })));
  const of = (state) => verdicts.filter((v) => v.state === state);
  const lines = of('not met').map((v) => `- ${v.result.name}${v.result.threads > 1 ? `, ${v.result.threads} threads` : ''}: ${verdict(v)}${v.got === undefined ? '' : `, is ${v.roof ? percent(v.got) : ratio(v.got)}`}${v.why ? ` (${v.why})` : ''}`);
  return `${of('met').length} targets met, ${of('not met').length} not met, ${of('noisy').length} noisy, ${of('not measured').length} not measured.${lines.length > 0 ? `\n\nNot met:\n\n${lines.join('\n')}` : ''}`;
}

const TITLES = {
  inference: 'Operations', networks: 'Networks', training: 'Training steps', overheads: 'Overheads', random: 'Random numbers', cold: 'Cold start', memory: 'Memory',
};

const HEAD = `# Benchmarks

Written by \`npm run bench\`; do not edit. A number like 2.1x says that the peer takes 2.1 times our time for the same computation; behind
it stands what we want it to be. Each row runs in a process (or page) of its own: all sides in turns, round after round, and the number is the
median of the rounds' ratios. "A/A" is our own side against itself in the same rounds; where it is off by more than 5 %, the row is
measured again, and marked noisy if that does not help. "Of the roof" is the share of what one core can do at most, measured
in the same rounds: fused multiply-adds in registers for GFLOP/s, loads and stores of as many bytes for GB/s.

Before anything is timed the outputs of all sides are compared (training: the losses of the first steps); a difference of more than
1e-4 of the largest element, unless the row says otherwise, fails the row. onnxruntime-web runs the model that \`torch.onnx.export\` makes of
our side, with all graph optimisations, the same input again and again, with the weights in the file and as inputs; its \`run()\` is awaited
and copies inputs and outputs, which is part of its time. tfjs runs in \`tidy\`, jax-js in \`jit\`. PyTorch is native code, with the vector
instructions that the processor has; the others are WebAssembly with 128-bit vectors. What takes more than 5 s for one repetition is timed
once, the first time, and marked so. What is different on a GPU stands where its results begin.
`;

/** A runtime's part of docs/BENCHMARKS.md. */
function section(results, charts) {
  const { machine } = results;
  const all = results.all().sort((a, b) => rows.findIndex((r) => r.name === a.name) - rows.findIndex((r) => r.name === b.name));
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`).join(', ');
  const last = all.toSorted((a, b) => (a.when < b.when ? 1 : -1))[0];
  const parts = [`## ${machine.runtime}${machine.adapter ? ', device webgpu' : ''}`, `${machine.cpu}, ${machine.cores} cores, ${machine.memory}, ${machine.platform}. ${versions}${versions && '. '}Measured last on ${last.when} with \`${last.command}\`.`, machine.adapter ? deviceText(machine) : summary(all)];
  for (const [group, title] of Object.entries(TITLES)) {
    for (const simd of ['relaxed', 'baseline']) {
      for (const threads of [...new Set(all.map((r) => r.threads))].sort((a, b) => a - b)) {
        const these = all.filter((r) => r.group === group && r.simd === simd && r.threads === threads);
        const text = table(these);
        if (!text) continue;
        const chart = charts.find((c) => c.runtime === results.runtime && c.group === group && c.threads === threads && c.simd === simd);
        parts.push(`### ${title}${threads > 1 ? `, ${threads} threads` : ''}${simd === 'baseline' && !machine.adapter ? ', without relaxed SIMD' : ''}`);
        if (chart) parts.push(`![${title}](../bench/results/${chart.file})`);
        parts.push(text, countersTable(these), notes(these), missing(these));
      }
    }
  }
  return parts.filter(Boolean).join('\n\n');
}

/** Writes the Markdown tables, the charts and docs/BENCHMARKS.md from all results that there are. */
export async function writeReports() {
  const every = allResults();
  if (every.length === 0) return;
  mkdirSync(folder, { recursive: true });
  const charts = await drawCharts(every);
  for (const results of every) writeFileSync(join(folder, `${results.runtime}.md`), `${section(results, charts).replaceAll('../bench/results/', '')}\n`);
  writeFileSync(join(root, 'docs/BENCHMARKS.md'), `${HEAD}\n${every.map((results) => section(results, charts)).join('\n\n')}\n`);
}
