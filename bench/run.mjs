// npm run bench: measures rows against peers, and writes what came out. `npm run bench -- --help` tells the options.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fail, root, say, script } from '../scripts/lib.mjs';
import { assembleRoofs } from './harness/roofs.mjs';
import { describeMachine } from './harness/machine.mjs';
import { installPeers, newerNode, nodePlace } from './harness/node.mjs';
import { commandOf, HELP, parse } from './harness/options.mjs';
import { hasTorch, startPython } from './harness/python.mjs';
import { measureCold, measureMemory } from './harness/resources.mjs';
import { readResults, writeResults } from './harness/results.mjs';
import { judge } from './harness/targets.mjs';
import { rowLine, writeReports } from './harness/report.mjs';
import { peersOn } from './peers/index.mjs';
import { rowsOn } from './rows/index.mjs';

const groupsOn = (device) => [...new Set(rowsOn(device).map((row) => row.group))];

/** Progress: one line that is written over on a terminal, and only the first of its kind elsewhere. */
function progress(line) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 120) - 1)}`);
}

async function openPlace(options, python) {
  if (!options.browser) return nodePlace({ node: newerNode(), python, device: options.device });
  const { pagePlace } = await import('./harness/page.mjs');
  return pagePlace({ python, device: options.device });
}

const MEASURED_BY_ROUNDS = ['op', 'network', 'training'];
const inRounds = (row, place, config, say) => place.measure(row.name, config, say);
const measureIn = { ...Object.fromEntries(MEASURED_BY_ROUNDS.map((kind) => [kind, inRounds])), cold: measureCold, memory: measureMemory };

await script(async () => {
  const args = process.argv.slice(2);
  const options = parse(args, { peers: peersOn, groups: groupsOn, cores: availableParallelism() });
  if (options.help) return void console.log(HELP);
  const chosen = rowsOn(options.device).filter((row) => options.groups.includes(row.group) && (!options.row || options.row.test(row.name)));
  if (options.list) return void chosen.forEach((row) => console.log(`${row.group.padEnd(12)} ${row.name}`));
  if (options.report) return void (await writeReports());
  if (chosen.length === 0) fail(`No row matches; npm run bench -- --list shows them all.`);
  if (!existsSync(join(root, 'dist/index.js'))) fail('There is no dist/: run "npm run build" first.');
  await installPeers();

  const command = options.python ?? 'python3';
  const wantsPython = options.peers.includes('pytorch');
  const python = wantsPython && hasTorch(command) ? startPython(command) : undefined;
  if (wantsPython && !python) say(`bench: ${command} cannot import torch, so PyTorch is left out (--python PATH names another one)`);
  const place = await openPlace(options, python);
  const machine = await describeMachine(place, python, options);
  const results = readResults(place.name, machine);
  const roofs = options.device === 'cpu' ? await assembleRoofs(true) : undefined;
  const failures = [];
  const total = chosen.length * options.threads.length;
  let done = 0;
  say(`bench: ${chosen.length} rows, ${options.threads.join(' and ')} thread${options.threads.join() === '1' ? '' : 's'}, ${place.version}, ${machine.adapter ? `${machine.adapter.name}${machine.adapter.software ? ' (a processor in the place of a GPU)' : ''}` : machine.cpu}`);
  try {
    for (const threads of options.threads) {
      for (const row of chosen) {
        done++;
        if (threads > 1 && !MEASURED_BY_ROUNDS.includes(row.kind)) continue;
        const where = options.device === 'cpu' ? {} : { device: options.device, software: machine.adapter.software };
        const config = { peers: options.peers, ...where, threads, simd: options.simd, rounds: options.rounds, retries: options.retries, warmUpMs: options.warmUpMs, roofs, debug: options.debug, python: python && command };
        let result;
        try {
          result = await measureIn[row.kind](row, place, config, (text) => progress(`[${done}/${total}] ${row.name}, ${threads} thread${threads > 1 ? 's' : ''}: ${text}`));
        } catch (error) {
          result = { name: row.name, group: row.group, threads, simd: options.simd, ...where, failed: error.message };
          if (options.debug) say(error.stack);
        }
        if (result.skipped) {
          say(`bench: ${threads} threads are left out: ${result.skipped}`);
          break;
        }
        result.when = new Date().toISOString().slice(0, 10);
        result.command = commandOf(args);
        results.put(result);
        progress('');
        say(`[${done}/${total}] ${rowLine(row, result)}`);
        for (const failed of [result, ...(result.peers ?? [])].filter((x) => x.failed)) failures.push(`${row.name}${failed.peer ? `, ${failed.peer}` : ''}: ${failed.failed}`);
        if (!options.dry) writeResults(results);
      }
    }
  } finally {
    await place.close();
    python?.end();
  }
  if (!options.dry) await writeReports();
  const verdicts = chosen.flatMap((row) => options.threads.flatMap((threads) => judge(row, results.get(row.name, threads, options.simd))));
  const count = (state) => verdicts.filter((v) => v.state === state).length;
  if (verdicts.length > 0) console.log(`\n${count('met')} targets met, ${count('not met')} not met, ${count('noisy')} noisy, ${count('not measured')} not measured`);
  failures.forEach((line) => say(`FAILED: ${line}`));
  return failures.length > 0 ? 1 : 0;
});
