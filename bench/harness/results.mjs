// bench/results/<runtime>.json: what was measured last, row by row. A run with filters changes its rows only.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from '../../scripts/lib.mjs';
import { bench } from './node.mjs';

export const folder = join(bench, 'results');
const file = (runtime) => join(folder, `${runtime}.json`);

/** What identifies a measurement in a file. */
export const keyOf = ({ name, threads, simd }) => `${name} | ${threads} | ${simd}`;

/** The results of a runtime as they are now, for rows to be put in; those of another machine are left behind. */
export function readResults(runtime, machine) {
  const old = existsSync(file(runtime)) ? JSON.parse(readFileSync(file(runtime), 'utf8')) : { results: [] };
  const same = !machine || (old.machine?.cpu === machine.cpu && old.machine?.runtime === machine.runtime && old.machine?.adapter?.name === machine.adapter?.name);
  if (!same && old.results.length > 0) say(`bench: the results that were there are from ${old.machine?.cpu}, ${old.machine?.runtime}; this is another machine, so they go`);
  const byKey = new Map((same ? old.results : []).map((result) => [keyOf(result), result]));
  return {
    runtime,
    machine: machine && same ? { ...machine, versions: { ...old.machine?.versions, ...machine.versions } } : machine ?? old.machine,
    get: (name, threads, simd) => byKey.get(keyOf({ name, threads, simd })),
    put: (result) => void byKey.set(keyOf(result), merge(byKey.get(keyOf(result)), result)),
    all: () => [...byKey.values()],
  };
}

/** A result over the one before: a run with --peer keeps what is known of the other peers, with the date it is from. */
export function merge(old, result) {
  if (!old?.peers || !result.peers) return result;
  const there = new Set(result.peers.map((p) => p.peer));
  return { ...result, peers: [...result.peers, ...old.peers.filter((p) => !there.has(p.peer)).map((p) => ({ ...p, when: p.when ?? old.when }))] };
}

/** Short numbers: what is beyond four digits is noise. */
const short = (_, value) => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value);

/** Writes the results of a runtime, a row to a line. */
export function writeResults({ runtime, machine, all }) {
  mkdirSync(folder, { recursive: true });
  const lines = all().map((result) => `    ${JSON.stringify(result, short)}`);
  writeFileSync(file(runtime), `{\n  "machine": ${JSON.stringify(machine)},\n  "results": [\n${lines.join(',\n')}\n  ]\n}\n`);
}

/** Where the results of a file come in the report: processors before GPUs, Node before browsers. */
const place = (file) => 2 * Number(file.includes('-webgpu')) + Number(!file.startsWith('node'));

/** The results of every runtime that has been measured. */
export function allResults() {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.endsWith('.json')).sort((a, b) => place(a) - place(b)).map((name) => readResults(name.slice(0, -5)));
}
