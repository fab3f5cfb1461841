// Loads the build of the engine that the project is about (vitest.config.ts), before any test of a file.
import { inject } from 'vitest';
import { init } from '../dist/index.js';

await init(inject('build'));
