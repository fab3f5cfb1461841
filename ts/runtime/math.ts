/**
 * Functions of single numbers, computed by the engine in float64. JavaScript's own (`Math.cos`, `**`) are the platform's:
 * Node and Chromium differ in their last digits, and so would learning rates and then whole trainings. (`Math.sqrt`, which
 * IEEE 754 defines exactly, and powers of two with integer exponents are the same everywhere.)
 * @module
 */
import { float64 } from '../dtype.js';
import { op } from './call.js';
import { dispose, type Handle } from './handle.js';
import { make } from './make.js';
import { readElements } from './read.js';

function compute(name: string, x: number, ...more: number[]): number {
  const input = make(name, x, float64);
  try {
    const output = op(name, input, ...more) as Handle;
    try {
      return readElements(output, float64, 1, false)[0] as number;
    } finally {
      dispose(output);
    }
  } finally {
    dispose(input);
  }
}

/** The cosine of x. */
export const cos = (x: number): number => compute('cos', x);

/** The natural logarithm of x. */
export const log = (x: number): number => compute('log', x);

/** x to the power of y. */
export const pow = (x: number, y: number): number => compute('pow', x, y);
