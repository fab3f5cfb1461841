/**
 * Every op that has a form in ONNX, by the engine's name: one declaration each, by family. The definitions are those of
 * PyTorch's documentation, in operators of https://onnx.ai/onnx/operators/.
 * @module
 */
import type { Symbolics } from './call.js';
import { ACTIVATION } from './symbolic_activation.js';
import { ATTENTION } from './symbolic_attention.js';
import { COMPARE } from './symbolic_compare.js';
import { CONV } from './symbolic_conv.js';
import { CREATE } from './symbolic_create.js';
import { DISTANCE } from './symbolic_distance.js';
import { INDEX } from './symbolic_index.js';
import { LINEAR } from './symbolic_linear.js';
import { LOSS } from './symbolic_loss.js';
import { MATH } from './symbolic_math.js';
import { NORM } from './symbolic_norm.js';
import { POOL } from './symbolic_pool.js';
import { REDUCE } from './symbolic_reduce.js';
import { RNN } from './symbolic_rnn.js';
import { SHAPE } from './symbolic_shape.js';
import { VISION } from './symbolic_vision.js';

/** See the module. */
export const SYMBOLICS: Symbolics = {
  ...ACTIVATION, ...ATTENTION, ...COMPARE, ...CONV, ...CREATE, ...DISTANCE, ...INDEX, ...LINEAR, ...LOSS, ...MATH, ...NORM, ...POOL, ...REDUCE, ...RNN, ...SHAPE, ...VISION,
};
