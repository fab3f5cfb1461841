/**
 * `torch.onnx`: models as files of ONNX, the format that runtimes for phones, servers and browsers read.
 * @module
 */
export { OnnxExporterError, SymbolicValueError, UnsupportedOperatorError } from './errors.js';
export { type Exportable, exportModel as export } from './export.js';
export type { Axes, ExportOptions } from './options.js';
