// TensorFlow.js, its WebGPU backend, in pages.
import '@tensorflow/tfjs-backend-webgpu';
import { openBackend } from './tfjs.mjs';

export const open = (config) => openBackend('webgpu', config);
