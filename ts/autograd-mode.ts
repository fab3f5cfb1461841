/**
 * Whether ops record a graph: `noGrad`, `enableGrad`, `inferenceMode`, `setGradEnabled`.
 * @module
 */
import { ArgumentError } from './errors.js';
import { run } from './runtime/wasm.js';

const OFF = 0;
const ON = 1;
const INFERENCE = 2;
const ASK = 3;

/** Modes in force, innermost last. Async functions may end in any order, so the list is not a stack. */
const modes: { readonly mode: number }[] = [];
let outermost = ON;

function setMode(mode: number): number {
  return run((wasm) => wasm.grad_mode(mode));
}

function within<T>(mode: number, fn: () => T): T {
  const entry = { mode };
  if (modes.length === 0) outermost = setMode(ASK);
  modes.push(entry);
  setMode(mode);
  const end = (): void => {
    modes.splice(modes.lastIndexOf(entry), 1);
    setMode(modes.at(-1)?.mode ?? outermost);
  };
  let result: T;
  try {
    result = fn();
  } catch (error) {
    end();
    throw error;
  }
  if (result instanceof Promise) return result.finally(end) as T;
  end();
  return result;
}

/**
 * Runs `fn`, sync or async, without recording a graph. An async `fn` keeps the mode until its promise settles, for
 * everything that runs meanwhile. PyTorch: `torch.no_grad`.
 * @example
 * const y = torch.noGrad(() => model(x));
 */
export function noGrad<T>(fn: () => T): T {
  return within(OFF, fn);
}

/** Runs `fn` with recording on, inside {@link noGrad} for instance. PyTorch: `torch.enable_grad`. */
export function enableGrad<T>(fn: () => T): T {
  return within(ON, fn);
}

/** Like {@link noGrad}; tensors made inside can never join a graph. PyTorch: `torch.inference_mode`. */
export function inferenceMode<T>(fn: () => T): T;
export function inferenceMode<T>(mode: boolean, fn: () => T): T;
export function inferenceMode<T>(first: boolean | (() => T), second?: () => T): T {
  const fn = typeof first === 'function' ? first : second!;
  return within(first === false ? currentMode() : INFERENCE, fn);
}

/**
 * Turns recording on or off: for good, or while `fn` runs when one is given. PyTorch: `torch.set_grad_enabled`.
 */
export function setGradEnabled(mode: boolean): void;
export function setGradEnabled<T>(mode: boolean, fn: () => T): T;
export function setGradEnabled<T>(mode: boolean, fn?: () => T): T | undefined {
  if (typeof mode !== 'boolean') throw new ArgumentError(`setGradEnabled: argument 'mode' must be boolean, not ${typeof mode}`);
  if (fn) return within(mode ? ON : OFF, fn);
  const entry = modes.at(-1);
  if (entry) modes[modes.length - 1] = { mode: mode ? ON : OFF };
  setMode(mode ? ON : OFF);
  return undefined;
}

function currentMode(): number {
  return setMode(ASK);
}

/** Whether ops record a graph now. PyTorch: `torch.is_grad_enabled`. */
export function isGradEnabled(): boolean {
  return currentMode() === ON;
}

/** Whether inference mode is on. PyTorch: `torch.is_inference_mode_enabled`. */
export function isInferenceModeEnabled(): boolean {
  return currentMode() === INFERENCE;
}
