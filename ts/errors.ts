/**
 * What can go wrong, as classes. Every error that this package throws on purpose is a {@link TorchError}; the message
 * says the op, the shapes or values it was given, the rule they break and, where there is one, the likely fix.
 * @module
 */

/** Base of every error this package throws on purpose. */
export class TorchError extends Error {
  override name = 'TorchError';
}
/** Shapes do not fit together or do not fit the op. PyTorch: `RuntimeError` about sizes. */
export class ShapeError extends TorchError {
  override name = 'ShapeError';
}
/** The op does not work on this dtype, or the dtypes do not fit together. PyTorch: `RuntimeError` about dtypes. */
export class DTypeError extends TorchError {
  override name = 'DTypeError';
}
/** A tensor is on another device than the op needs, or the device does not exist. */
export class DeviceError extends TorchError {
  override name = 'DeviceError';
}
/** An index or a dimension is out of range. PyTorch: `IndexError`. */
export class IndexError extends TorchError {
  override name = 'IndexError';
}
/** An argument has the right type and an impossible value. PyTorch: `ValueError`. */
export class ValueError extends TorchError {
  override name = 'ValueError';
}
/** An argument is missing, unknown, or of the wrong type; no signature of the function fits. PyTorch: `TypeError`. */
export class ArgumentError extends TorchError {
  override name = 'ArgumentError';
}
/** A gradient cannot be computed: no graph, graph already freed, a saved tensor was modified, a leaf modified in place. */
export class AutogradError extends TorchError {
  override name = 'AutogradError';
}
/** A tensor was used after `dispose()` or after the `torch.scope` that owned it ended. */
export class DisposedError extends TorchError {
  override name = 'DisposedError';
}
/** No memory left for the request; everything that exists stays usable. */
export class OutOfMemoryError extends TorchError {
  override name = 'OutOfMemoryError';
}
/** PyTorch has it and this package does not, in this combination of dtype, device and options. */
export class NotImplementedError extends TorchError {
  override name = 'NotImplementedError';
}
/** The engine could not be loaded, or is not loaded yet. */
export class LoadError extends TorchError {
  override name = 'LoadError';
}
/** A bug in this package. The engine's state can no longer be trusted, so every later call throws this too. */
export class InternalError extends TorchError {
  override name = 'InternalError';
}

/**
 * A function of yours that the engine called (a hook, a custom Function) failed in a way that left no error object.
 * Normally the error you threw is rethrown as it was.
 */
export class CallbackError extends TorchError {
  override name = 'CallbackError';
}

/** Error classes by the kind code of the engine (crates/core/src/error.rs, `ErrorKind`). */
const KINDS: readonly (new (message: string) => TorchError)[] = [
  TorchError,
  ShapeError,
  DTypeError,
  IndexError,
  ValueError,
  ArgumentError,
  DeviceError,
  AutogradError,
  DisposedError,
  OutOfMemoryError,
  NotImplementedError,
  CallbackError,
  InternalError,
];

/** The error for an engine's kind code and message. @internal */
export function errorOfKind(kind: number, message: string): TorchError {
  return new (KINDS[kind] ?? TorchError)(message);
}
