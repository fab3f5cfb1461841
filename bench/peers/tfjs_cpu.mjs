// TensorFlow.js, its plain JavaScript backend: what it falls back to where nothing else can do an operation.
import { openBackend } from './tfjs.mjs';

export const open = (config) => openBackend('cpu', config);
