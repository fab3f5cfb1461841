// What is different on device 'webgpu': which GPU it is, how long work takes that somebody else does, and counting what it was asked to do.

import { median } from './stats.mjs';

/** WebGPU's answer for adapters that compute on the processor: their times are a processor's. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i;

/** `{ name, software }` of an adapter as torch.webgpu.adapter() describes it; browsers may leave any of its fields empty. */
export function nameAdapter({ vendor = '', architecture = '', device = '', description = '', isFallback = false }) {
  const parts = [];
  for (const part of [vendor, architecture, description || device]) if (part && !parts.some((p) => p.toLowerCase() === part.toLowerCase())) parts.push(part);
  return { name: parts.join(', ') || 'an adapter that gives no name', software: isFallback || SOFTWARE.test([...parts, device].join(' ')) };
}

/** The adapter of this process or page. */
export async function findAdapter() {
  const torch = await import('../../dist/index.js');
  return nameAdapter(await torch.webgpu.adapter());
}

/** A side timed by the clock: from its first call to the end of the read that it waits for. The processor may rest meanwhile, which rounds.mjs would take for a disturbance. */
export const byClock = (side) => ({
  ...side,
  run: async (n) => {
    const start = performance.now();
    await side.run(n);
    return { seconds: (performance.now() - start) / 1000, busy: 1 };
  },
});

/** What is counted: calls of WebGPU, by class and method. */
const COUNTED = {
  submits: [['GPUQueue', 'submit']],
  passes: [['GPUCommandEncoder', 'beginComputePass']],
  dispatches: [['GPUComputePassEncoder', 'dispatchWorkgroups'], ['GPUComputePassEncoder', 'dispatchWorkgroupsIndirect']],
  buffers: [['GPUDevice', 'createBuffer']],
  bindGroups: [['GPUDevice', 'createBindGroup']],
  pipelines: [['GPUDevice', 'createComputePipeline'], ['GPUDevice', 'createComputePipelineAsync']],
};

/** The columns of counters, by what they are called. */
export const COUNTERS = { submits: 'submits', passes: 'passes', dispatches: 'dispatches', buffers: 'buffers', bindGroups: 'bind groups', pipelines: 'pipelines' };

/** WebGPU's classes: globals in a page; in Node those of the package that dist/ loads, which is the repository's and not one of a peer. */
const classes = async () => (globalThis.GPUDevice ? globalThis : (await import(new URL('../../node_modules/webgpu/index.js', import.meta.url).href)).globals);

/**
 * How often `f` called what is counted, whoever's device it is: the same ruler for us and for peers. The methods are replaced for as
 * long as `f` runs, so nothing that is timed passes through it.
 */
export async function counted(f, from) {
  const found = from ?? (await classes());
  const counts = Object.fromEntries(Object.keys(COUNTED).map((name) => [name, 0]));
  const undo = [];
  for (const [name, methods] of Object.entries(COUNTED)) {
    for (const [type, method] of methods) {
      const owner = found[type].prototype;
      const own = owner[method];
      owner[method] = function (...args) {
        counts[name]++;
        return own.apply(this, args);
      };
      undo.push(() => (owner[method] = own));
    }
  }
  try {
    await f();
  } finally {
    undo.forEach((put) => put());
  }
  return counts;
}

const errors = new Map();
let opening;

/** From now on what WebGPU says against what is asked of a device is kept: it does not throw, it only does nothing, which takes no time. */
export async function watchErrors(from) {
  const { prototype } = (from ?? (await classes())).GPUAdapter;
  const { requestDevice } = prototype;
  prototype.requestDevice = async function (...args) {
    const [device, who] = [await requestDevice.apply(this, args), opening];
    device.addEventListener('uncapturederror', ({ error }) => errors.has(who) || errors.set(who, error.message.split('\n')[0]));
    return device;
  };
}

/** Runs `f`; a device that is opened meanwhile is that of `who`. */
export function openedBy(who, f) {
  opening = who;
  return f();
}

/** The first error of the devices of `who`, if there was one. */
export const errorOf = (who) => errors.get(who);

/**
 * Repetitions before any is counted, and those that are counted; each as far as they fit into so many seconds. A pool has what a loop
 * needs when garbage was collected a few times, which takes some dozens of short steps.
 */
const [SETTLING, COUNTING, SECONDS] = [60, 5, 10];

/** Calls `f` so often, but only as long as there is time; at least once. */
async function someTimes(count, f) {
  const end = performance.now() + 1000 * SECONDS;
  const found = [];
  do found.push(await f()); while (found.length < count && performance.now() < end);
  return found;
}

/** The counters of one repetition and the read behind it: medians, when it has run before and goes on from there, without a reset that makes everything anew. */
export async function countersOf(side, from) {
  await someTimes(SETTLING, () => side.run(1));
  const found = await someTimes(COUNTING, () => counted(() => side.run(1), from));
  return Object.fromEntries(Object.keys(COUNTED).map((name) => [name, median(found.map((counts) => counts[name]))]));
}
