/**
 * A progress bar for training loops: one line that rewrites itself on a terminal, a line now and then elsewhere.
 * @module
 */

/** Options of {@link Progress}. */
export interface ProgressOptions {
  /** What stands before the bar: `'epoch 1/5'`. */
  label?: string;
  /** What is counted, for the rate: `'images'`. Default: `'items'`. */
  unit?: string;
  /** Where text goes. Default: stderr where there is one, else the console, line by line. */
  output?: ProgressOutput;
  /** Milliseconds between two lines where lines cannot be rewritten. Default: 10,000. */
  plainInterval?: number;
  /** The clock, in milliseconds. Default: `performance.now`. */
  now?: () => number;
}

/** Where a {@link Progress} writes. Node's `process.stderr` is one. */
export interface ProgressOutput {
  write(text: string): unknown;
  /** Whether a line can be rewritten (a terminal). */
  isTTY?: boolean | undefined;
  /** Width of the terminal. Default: 80. */
  columns?: number | undefined;
}

/** Named numbers to show, such as `{ loss: 0.53 }`. */
export type Shown = Readonly<Record<string, number>>;

/** Milliseconds between two drawings on a terminal: fast enough for the eye, too rare to cost anything. */
const REDRAW = 100;

function standardOutput(): ProgressOutput {
  const stderr = (globalThis as { process?: { stderr?: ProgressOutput } }).process?.stderr;
  return stderr ?? { write: (text: string) => console.log(text.replace(/\n$/, '')) };
}

/** `75.2` as `1:15`, `3725` as `1:02:05`. */
export function formatTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const s = Math.max(0, Math.round(seconds));
  const parts = s >= 3600 ? [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60] : [Math.floor(s / 60), s % 60];
  return parts.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/** A count with thousands separated: `12,345`. */
export function formatCount(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
}

function formatValue(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5 ? value.toFixed(4) : value.toPrecision(4);
}

/**
 * Shows how far a loop is, how fast it goes, and how long it will still take.
 *
 * ```ts
 * const bar = new torch.train.Progress(dataset.length, { label: 'epoch 1/5', unit: 'images' });
 * for (const [x, y] of loader) {
 *   bar.update(x.shape[0], { loss });
 * }
 * bar.end(`epoch 1/5  train loss ${mean}`);
 * ```
 */
export class Progress {
  /** How many items there will be. */
  readonly total: number;
  /** How many there have been. */
  done = 0;
  readonly #label: string;
  readonly #unit: string;
  readonly #output: ProgressOutput;
  readonly #interval: number;
  readonly #now: () => number;
  readonly #start: number;
  #last: number;
  #shown: Shown = {};
  #drawn = false;

  constructor(total: number, options: ProgressOptions = {}) {
    this.total = total;
    this.#label = options.label ?? '';
    this.#unit = options.unit ?? 'items';
    this.#output = options.output ?? standardOutput();
    this.#interval = this.#output.isTTY ? REDRAW : options.plainInterval ?? 10_000;
    this.#now = options.now ?? (() => performance.now());
    this.#start = this.#now();
    this.#last = this.#start;
  }

  /** Whether the next {@link update} will draw. Values that are expensive to read (`loss.item()`) are worth reading only then. */
  get due(): boolean {
    return this.#now() - this.#last >= this.#interval;
  }

  /** Items per second since the start. */
  get rate(): number {
    return this.done / Math.max(1e-9, (this.#now() - this.#start) / 1000);
  }

  /** Notes that `n` more items are done; `shown` stays until other values come. */
  update(n: number, shown?: Shown): void {
    this.done += n;
    if (shown !== undefined) this.#shown = shown;
    if (!this.due) return;
    this.#last = this.#now();
    const tty = this.#output.isTTY === true;
    const text = this.line();
    this.#output.write(tty ? `\r${text}\x1b[K` : `${text}\n`);
    this.#drawn ||= tty;
  }

  /** The line as it would be drawn now. */
  line(): string {
    const fraction = this.total > 0 ? Math.min(1, this.done / this.total) : 1;
    const rate = this.rate;
    const values = Object.entries(this.#shown).map(([name, value]) => `${name} ${formatValue(value)}`);
    const left = rate > 0 ? formatTime((this.total - this.done) / rate) : '?';
    const tail = [`${String(Math.floor(100 * fraction)).padStart(3)} %`, ...values, `${formatCount(rate)} ${this.#unit}/s`, `${left} left`].join('  ');
    const head = this.#label === '' ? '' : `${this.#label}  `;
    if (this.#output.isTTY !== true) return head + tail.trimStart();
    // What the text, brackets and a space leave, between 10 and 40 columns; one column stays free, or some terminals would wrap.
    const room = (this.#output.columns ?? 80) - head.length - tail.length - 4;
    if (room < 10) return (head + tail).slice(0, Math.max(1, (this.#output.columns ?? 80) - 1));
    const width = Math.min(40, room);
    const full = Math.round(fraction * width);
    const bar = '='.repeat(full) + (full < width ? '>' : '') + ' '.repeat(Math.max(0, width - full - 1));
    return `${head}[${bar}] ${tail}`;
  }

  /** Takes the bar away and, if given, leaves `line` in its place. */
  end(line?: string): void {
    if (this.#drawn) this.#output.write('\r\x1b[K');
    this.#drawn = false;
    if (line !== undefined) this.#output.write(`${line}\n`);
  }
}
