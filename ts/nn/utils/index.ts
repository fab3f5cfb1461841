/**
 * `torch.nn.utils`.
 * @module
 */
export { clipGradNorm_, clipGradsWithNorm_, clipGradValue_, getTotalNorm, type TotalNormOptions } from './clip_grad.js';
export { parametersToVector, vectorToParameters } from './convert_parameters.js';
