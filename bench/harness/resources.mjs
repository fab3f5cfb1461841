// Cold starts and memory, from the outside: starts fresh processes or pages in turns and puts together what they tell.
import { readFileSync } from 'node:fs';
import { coldNetwork, STEPS } from '../rows/resources.mjs';
import { plainData } from './data.mjs';
import { startPython } from './python.mjs';
import { binaryOf, downloadOf } from './sizes.mjs';
import { isQuiet, median, medianRatio } from './stats.mjs';

const known = new Map();

/** The network of the cold start as a file for onnxruntime-web. */
async function coldModel() {
  const torch = await import('../../dist/index.js');
  const { build } = await import('../peers/cresset_layers.mjs');
  const { tensors } = plainData(coldNetwork);
  return torch.onnx.export(build(torch, coldNetwork.layers).eval(), torch.tensor(tensors.x.data).view(coldNetwork.input), { inputNames: ['x'] });
}

/** Cold starts of everybody, in turns: per peer the stages of each round. Measured once for all rows that tell of it. */
async function coldStarts(place, config, say) {
  if (known.has('cold')) return known.get('cold');
  const peers = ['cresset', 'cresset', ...config.peers.filter((peer) => peer !== 'pytorch')];
  const runs = peers.map((peer) => ({ peer, rounds: [] }));
  const model = config.peers.includes('onnxruntime-web') ? await coldModel() : undefined;
  for (let round = 0; round < config.rounds; round++) {
    for (const run of runs) {
      say(`cold start of ${run.peer}, round ${round + 1} of ${config.rounds}`);
      const file = binaryOf(run.peer, config.simd);
      const own = { simd: config.simd, threads: 1, ...(run.peer === 'onnxruntime-web' ? { model } : {}) };
      // In a process of its own: what has been compiled once may be remembered.
      const compiled = file ? await place.fresh({ peer: run.peer }, { ...own, binary: readFileSync(file), only: 'compile' }) : {};
      run.rounds.push({ ...(await place.fresh({ peer: run.peer }, own)), ...compiled });
    }
  }
  known.set('cold', runs);
  return runs;
}

/** A cold row's result. */
export async function measureCold(row, place, config, say) {
  const result = { name: row.name, group: row.group, threads: 1, simd: config.simd, roofs: {} };
  if (row.measure === 'gzip' || row.measure === 'brotli') {
    say('bundling');
    const own = (await downloadOf('cresset', config.simd))[row.measure];
    const peers = [];
    for (const peer of config.peers) {
      const size = (await downloadOf(peer, config.simd))?.[row.measure];
      peers.push(size === undefined ? { peer, skipped: 'nothing to download' } : { peer, bytes: size, ratio: size / own });
    }
    return { ...result, bytes: own, control: 1, quiet: true, peers };
  }
  const runs = await coldStarts(place, config, say);
  const seconds = ({ rounds }) => rounds.map((stages) => stages[row.measure] ?? NaN);
  const [a, again] = runs.map(seconds);
  const own = a.map((x, i) => (x + again[i]) / 2);
  const control = medianRatio(again, a);
  return {
    ...result, us: 1e6 * median(own), control, quiet: isQuiet(control),
    peers: runs.slice(2).map((run) => {
      const theirs = seconds(run);
      if (!theirs.some(Number.isFinite)) return { peer: run.peer, skipped: run.rounds[0].skipped ?? 'has nothing of the kind' };
      return { peer: run.peer, us: 1e6 * median(theirs), ratio: medianRatio(theirs, own) };
    }),
  };
}

/** PyTorch's growth for the same loop. */
async function pythonMemory(row, command) {
  const python = startPython(command);
  try {
    const before = await python({ do: 'peak', start: true });
    const encode = (await import('../peers/pytorch.mjs')).encode;
    const { tensors, weights } = plainData(row);
    const { layers, loss, optimizer, lr } = row;
    const id = await python({ do: 'open', row: { kind: 'training', layers, loss, optimizer, lr }, tensors: encode(tensors), weights: encode(weights), threads: 1 });
    await python({ do: 'run', id, n: STEPS });
    return { peak: (await python({ do: 'peak', start: false })) - before };
  } finally {
    python.end();
  }
}

/** A memory row's result: how much a loop's peak lies above the loaded library. */
export async function measureMemory(row, place, config, say) {
  const one = async (peer) => {
    say(`memory of ${peer}`);
    if (peer === 'pytorch') return config.python ? pythonMemory(row, config.python) : { skipped: 'no python3 here has torch' };
    return place.fresh({ peer, memory: row.of }, { simd: config.simd, threads: 1 }).catch((error) => ({ failed: error.message.split('\n')[0] }));
  };
  const [own, again] = [await one('cresset'), await one('cresset')];
  const peers = [];
  for (const peer of config.peers.filter((peer) => peer !== 'onnxruntime-web')) {
    const found = await one(peer);
    peers.push(found.peak === undefined ? { peer, ...found } : { peer, bytes: found.peak, ratio: found.peak / own.peak });
  }
  return { name: row.name, group: row.group, threads: 1, simd: config.simd, roofs: {}, bytes: own.peak, control: again.peak / own.peak, quiet: true, peers };
}
