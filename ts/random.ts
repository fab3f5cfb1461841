/**
 * Random generators: `manualSeed`, `Generator` and their state.
 * @module
 */
import { Handle } from './runtime/handle.js';

/** Placeholder until the engine's generator lands. @internal */
export class Generator extends Handle {}
