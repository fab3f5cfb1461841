// All rows. A row is data:
//
//   name, group        'inference', 'networks', 'training', 'overheads', 'random', 'cold' or 'memory'
//   kind               what `sides` or `layers` mean: 'op', 'network', 'training', 'cold', 'memory'
//   flops, bytes       of one repetition, for GFLOP/s or GB/s and % of roof; bytes are all that is read and written, once
//   inputs             shapes by name; { shape, below } are integers, { shape, uniform: [low, high] } other than normal numbers
//   constants          which inputs are weights, for onnxruntime-web's two forms
//   sides              the computation by peer (inference.mjs), or layers, input, loss, optimizer (layers.mjs)
//   tolerance          relative, of the comparison before anything is timed; default 1e-4
//   targets            what it shall reach (targets.mjs)
import { inference } from './inference.mjs';
import { networks } from './networks.mjs';
import { training } from './training.mjs';

export const rows = [...inference, ...networks, ...training];

/** The row of a name. */
export const rowNamed = (name) => rows.find((row) => row.name === name);
