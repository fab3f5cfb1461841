/**
 * What page and worker tell each other.
 * @module
 */

/** Page to worker: what to run. */
export interface Start {
  /** JavaScript whose imports are absolute. */
  code: string;
  /** What the program finds in `host.args`. */
  args: string[];
  /** Where FashionMNIST's files are. */
  images: string;
}

/** Something that went wrong in the program. */
export interface Trouble {
  /** The error's class and message: `TypeError: x is not a function`. */
  message: string;
  /** The program's line, from 1, where the runtime told it. */
  line: number | undefined;
}

/** Worker to page. */
export type Told =
  | { kind: 'text'; text: string; warning?: boolean }
  | { kind: 'picture'; name: string; svg: string }
  | { kind: 'done' }
  | { kind: 'error'; trouble: Trouble };
