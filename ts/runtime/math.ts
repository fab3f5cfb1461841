/**
 * Functions of single numbers, computed by the engine with the digits of Python's `math`. JavaScript's own (`Math.cos`,
 * `**`) are the platform's: Node and Chromium differ in their last digits, and so would learning rates and then whole
 * trainings. (`Math.sqrt`, which IEEE 754 defines exactly, and powers of two with integer exponents are the same everywhere.)
 * @module
 */
import { op } from './call.js';

/** The cosine of x. */
export const cos = (x: number): number => op('number_cos', x) as number;

/** The natural logarithm of x. */
export const log = (x: number): number => op('number_log', x) as number;

/** x to the power of y. */
export const pow = (x: number, y: number): number => op('number_pow', x, y) as number;
