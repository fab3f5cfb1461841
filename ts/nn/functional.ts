/**
 * `torch.nn.functional`: the functions behind the modules.
 *
 * All of them are declared in the engine (crates/core/src/ops) and generated from there; nothing numeric is written here.
 * @module
 */
export * from '../generated/functional.js';
