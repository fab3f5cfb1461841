// What happens once in the life of a process or page: how long a library takes from nothing to its first results, and the
// most memory that a training loop takes. Runs in the fresh process or page itself; what compares is in resources.mjs.
import { PEERS, Unsupported } from '../peers/index.mjs';
import { coldNetwork, coldTraining, STEPS } from '../rows/resources.mjs';
import { rowNamed } from '../rows/index.mjs';
import { plainData } from './data.mjs';
import { turn } from './rounds.mjs';

const now = () => performance.now();

/** Seconds from nothing to each stage, of one peer. `binary` is its WebAssembly, if it is one file. */
async function coldStart(peer, config) {
  const [forward, step] = [coldNetwork, coldTraining].map((row) => [row, plainData(row)]);
  const found = {};
  if (config.binary) {
    const start = now();
    await WebAssembly.compile(config.binary);
    found.compile = (now() - start) / 1000;
    if (config.only === 'compile') return found;
  }
  const start = now();
  const opened = await (await PEERS[peer]()).open(config);
  found.load = (now() - start) / 1000;
  const stage = async (name, [row, data]) => {
    try {
      const [side] = await opened.sides(row, data);
      await (side.first ?? side.check)();
      found[name] = (now() - start) / 1000;
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
    }
  };
  await stage('first', forward);
  await stage('train', step);
  return found;
}

/** The growth of a training loop's peak over what the loaded library takes; `peak` is memoryOf of this process (peak.mjs). */
async function trainingMemory(peer, name, config, peak) {
  const row = { ...rowNamed(name), kind: 'training' };
  const opened = await (await PEERS[peer]()).open(config);
  const before = await peak(true);
  const [side] = await opened.sides(row, plainData(row));
  await side.reset?.();
  const end = now() + 20_000;
  for (let steps = 0; steps < STEPS && now() < end; steps += 10) {
    await side.run(10);
    await turn();
  }
  return { peak: (await peak(false)) - before };
}

/** `{ compile, load, first, train }` or `{ peak }`, or `{ skipped }` with the reason. */
export async function fresh({ peer, memory, config }, peak) {
  try {
    return memory ? await trainingMemory(peer, memory, config, peak) : await coldStart(peer, config);
  } catch (error) {
    if (error instanceof Unsupported) return { skipped: error.message };
    throw error;
  }
}
