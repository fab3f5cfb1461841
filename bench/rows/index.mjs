// All rows. A row is data:
//
//   name, group        'inference', 'networks', 'training', 'overheads', 'random', 'cold' or 'memory'
//   kind               what `sides` or `layers` mean: 'op', 'network', 'training', 'cold', 'memory'
//   flops, bytes       of one repetition, for GFLOP/s or GB/s and % of roof; bytes are all that is read and written, once
//   inputs             shapes by name; { shape, below } are integers, { shape, uniform: [low, high] } other than normal numbers
//   constants          which inputs are weights, for onnxruntime-web's two forms
//   sides              the computation by peer (inference.mjs; 'tfjs-wasm' serves tfjs on WebGPU too), or layers, input, loss, optimizer (layers.mjs)
//   tolerance          relative, of the comparison before anything is timed; default 1e-4
//   coarse             the same for peers on webgpu, where a row calls functions that WGSL allows to be that far off; ours are better
//   compared           optional: only these peers' outputs are compared; the others draw numbers of their own, say
//   grad, awaited      with gradients; a body that gives a promise
//   targets            what it shall reach (targets.mjs); on the CPU unless a target names another device
import { inference } from './inference.mjs';
import { networks } from './networks.mjs';
import { overheads } from './overheads.mjs';
import { random } from './random.mjs';
import { cold, memory } from './resources.mjs';
import { training } from './training.mjs';

export const rows = [...inference, ...networks, ...training, ...overheads, ...random, ...cold, ...memory];

/** Groups that tell of the processor: random numbers are drawn on it whatever the device, downloads, cold starts and memory are those of its binaries. */
const OF_THE_CPU = ['random', 'cold', 'memory'];

/** The rows that are measured on a device: the same ones everywhere. */
export const rowsOn = (device) => (device === 'cpu' ? rows : rows.filter((row) => !OF_THE_CPU.includes(row.group)));

/** The row of a name. */
export const rowNamed = (name) => rows.find((row) => row.name === name);
