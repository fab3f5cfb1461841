/**
 * What can go wrong in an export.
 * @module
 */
import { TorchError } from '../errors.js';

/** An export to ONNX failed; the message names the op, the module it was called in, and what to do. PyTorch: `torch.onnx.OnnxExporterError`. */
export class OnnxExporterError extends TorchError {
  override name = 'OnnxExporterError';
}

/** An op, or one of its options, has no form in ONNX or none here. PyTorch: `torch.onnx.errors.UnsupportedOperatorError`. */
export class UnsupportedOperatorError extends OnnxExporterError {
  override name = 'UnsupportedOperatorError';
}

/** What a model does with a dynamic axis cannot be written as a graph. PyTorch: `torch.onnx.errors.SymbolicValueError`. */
export class SymbolicValueError extends OnnxExporterError {
  override name = 'SymbolicValueError';
}
