/**
 * Signals. PyTorch: `torch.signal`.
 * @module
 */
export * as windows from './generated/windows.js';
