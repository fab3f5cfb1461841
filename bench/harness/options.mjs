// The command line of npm run bench.
import { parseArgs } from 'node:util';
import { fail } from '../../scripts/lib.mjs';

export const HELP = `npm run bench -- [options]       measures against the peers, and writes bench/results/ and docs/BENCHMARKS.md

  --browser          in headless Chromium instead of Node
  --device DEVICE    cpu (default), or webgpu: our package on the GPU, with --browser against the peers that have WebGPU. A processor plays the
                     GPU where there is none; in Node a Vulkan driver that does so is named by VK_ICD_FILENAMES (npm run setup vulkan)
  --row REGEX        only rows whose name matches
  --group A,B        only these groups: inference, networks, training, overheads, random, cold, memory
  --peer A,B         only these peers: onnxruntime-web, tfjs-wasm, tfjs-cpu, jax-js, js-pytorch, pytorch; none: no peer;
                     on webgpu onnxruntime-web, tfjs-webgpu, jax-js
  --threads 1,2      thread counts, one after the other (default: 1 and 2; all: as many as there are cores)
  --simd KIND        relaxed (default, where the runtime has it) or baseline
  --rounds N         rounds of a row (default 15)
  --retries N        how often a row is measured again while its control is off by more than 5 % (default 3)
  --quick            5 rounds, 100 ms of warm-up, no retries: to see whether it runs, not to be quoted
  --python PATH      a Python with torch (default: python3)
  --report           only writes tables and charts again, from the results that are there
  --dry              writes nothing
  --list             lists the rows`;

const OPTIONS = {
  browser: { type: 'boolean' }, device: { type: 'string' }, row: { type: 'string' }, group: { type: 'string' }, peer: { type: 'string' }, threads: { type: 'string' },
  simd: { type: 'string' }, rounds: { type: 'string' }, retries: { type: 'string' }, quick: { type: 'boolean' }, python: { type: 'string' },
  report: { type: 'boolean' }, dry: { type: 'boolean' }, list: { type: 'boolean' }, help: { type: 'boolean' }, debug: { type: 'boolean' },
};

const list = (text) => text.split(',').map((s) => s.trim()).filter(Boolean);

function count(text, name, least = 1) {
  const n = Number(text);
  return Number.isInteger(n) && n >= least ? n : fail(`--${name} must be a whole number of at least ${least}, not ${text}.`);
}

/** The regular expression of a text; one that is none is told in a sentence. */
function pattern(text) {
  try {
    return new RegExp(text, 'i');
  } catch (error) {
    return fail(`--row: ${error.message}`);
  }
}

/** What the arguments ask for; `peers` and `groups` give the names there are, of a device, and in a browser or not. */
export function parse(args, { peers, groups, cores }) {
  let values;
  try {
    ({ values } = parseArgs({ args, options: OPTIONS, strict: true }));
  } catch (error) {
    return fail(`${error.message}\n\n${HELP}`);
  }
  const { device = 'cpu', browser = false } = values;
  if (!['cpu', 'webgpu'].includes(device)) fail(`--device must be cpu or webgpu, not ${device}.`);
  const among = (name, known) => {
    if (values[name] === undefined) return known;
    const wanted = values[name] === 'none' ? [] : list(values[name]);
    const strange = wanted.find((x) => !known.includes(x));
    return strange === undefined ? wanted : fail(`--${name}: there is no ${strange}${device === 'cpu' ? '' : ` on ${device}${browser ? '' : ' in Node'}`}; there are ${known.join(', ') || 'none'}.`);
  };
  if (values.simd !== undefined && !['relaxed', 'baseline'].includes(values.simd)) fail(`--simd must be relaxed or baseline, not ${values.simd}.`);
  if (device === 'webgpu' && values.threads !== undefined) fail('--threads are the processor\'s; leave it out with --device webgpu.');
  if (device === 'webgpu' && values.simd === 'relaxed') fail('--simd relaxed is not to be had on webgpu: the engine with a GPU has the baseline instructions.');
  const threads = device === 'webgpu' ? [1] : values.threads === undefined ? (cores > 1 ? [1, 2] : [1]) : list(values.threads).map((t) => (t === 'all' ? cores : count(t, 'threads')));
  return {
    ...values,
    row: values.row === undefined ? null : pattern(values.row),
    device, groups: among('group', groups(device)), peers: among('peer', peers(device, browser)), threads: [...new Set(threads)],
    simd: values.simd ?? (device === 'webgpu' ? 'baseline' : 'relaxed'),
    rounds: values.rounds === undefined ? (values.quick ? 5 : 15) : count(values.rounds, 'rounds', 3),
    retries: values.quick ? 1 : values.retries === undefined ? 3 : count(values.retries, 'retries'),
    warmUpMs: values.quick ? 100 : 300,
  };
}

/** The command that does the same again, without what is of this machine only. */
export function commandOf(args) {
  const kept = args.filter((arg, i) => arg !== '--python' && args[i - 1] !== '--python' && !arg.startsWith('--python='));
  return ['npm run bench', ...(kept.length > 0 ? ['--', ...kept.map((arg) => (/^[\w,=.-]+$/.test(arg) ? arg : `'${arg}'`))] : [])].join(' ');
}
