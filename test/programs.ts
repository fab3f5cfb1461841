// The programs of examples/: how they are run and how their text is compared with PyTorch's.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Every program with the seeds of which PyTorch's text is in fixtures/programs/. */
export const PROGRAMS = [
  { name: 'nonlinear', seed: '42' },
  { name: 'circles', seed: '42' },
  { name: 'circles', seed: '448' },
  { name: 'temperature', seed: '42' },
  { name: 'classifier', seed: '42' },
  { name: 'fashion', seed: '42' },
];

/** Where the FashionMNIST images are. */
export const IMAGES = process.env['CRESSET_FASHION_MNIST'] || '/usr/share/datasets/fashion-mnist';

/** Compiles examples/, once per state of the sources. */
export function compilePrograms(): void {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.examples.json')]);
}

/** A compiled program. */
export const program = (name: string): string => join(root, '.cache/examples', `${name}.js`);

/** What PyTorch printed, and over its own kernels, thread counts and releases. */
export interface Reference {
  readonly text: string;
  /** The range of every number of the text, in order. */
  readonly numbers: readonly (readonly [number, number])[];
  /** By line (from 0): what else its words were. */
  readonly texts: Readonly<Record<string, readonly string[]>>;
}

/** PyTorch's text for a program and a seed. */
export function reference(name: string, seed: string): Reference {
  const at = join(import.meta.dirname, `fixtures/programs/${name}.${seed}`);
  const { numbers, texts } = JSON.parse(readFileSync(`${at}.ranges.json`, 'utf8')) as Omit<Reference, 'text'>;
  return { text: readFileSync(`${at}.out`, 'utf8'), numbers, texts };
}

const NUMBER = /(?<![\w.])-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)(?!\w)/g;
const spaced = (line: string): string => line.replaceAll(NUMBER, '#').replaceAll(/\s+/g, ' ').trimEnd();
const unspaced = (line: string): string => spaced(line).replaceAll(' ', '');

/** The weight of the last digit that a number is printed with. */
function lastDigit(text: string): number {
  const [mantissa, exponent] = text.split('e') as [string, string?];
  return 10 ** (Number(exponent ?? 0) - (mantissa.split('.')[1]?.length ?? 0));
}

const value = (text: string): number => Number(text.replace('inf', 'Infinity'));

/** Beyond this the arithmetic is chaotic: PyTorch does not agree with itself. */
const isChaotic = ([low, high]: readonly [number, number]): boolean => high - low > 1e-3 * Math.max(Math.abs(low), Math.abs(high), 1e-12);

/**
 * Where a program's text differs from PyTorch's: in words, in shape, or in a number that is more than one unit of its last
 * digit away from what PyTorch itself gives.
 */
export function differences(got: string, want: Reference): string[] {
  const [ours, theirs] = [got, want.text].map((text) => text.trimEnd().split('\n')) as [string[], string[]];
  const wrong = ours.length === theirs.length ? [] : [`${ours.length} lines instead of ${theirs.length}`];
  let first = 0;
  for (const [i, line] of theirs.entries()) {
    const numbers = line.match(NUMBER) ?? [];
    const ranges = want.numbers.slice(first, (first += numbers.length));
    const mine = ours[i];
    if (mine === undefined || mine === line) continue;
    // The sign of a chaotic number moves the spaces around it.
    const words = ranges.some(isChaotic) ? unspaced : spaced;
    const said = mine.match(NUMBER) ?? [];
    if (!([line, ...(want.texts[i] ?? [])].some((text) => words(text) === words(mine)) && said.length === numbers.length)) {
      wrong.push(`line ${i + 1}: ${mine}\n  instead of ${line}`);
      continue;
    }
    for (const [k, text] of numbers.entries()) {
      const [low, high] = ranges[k]!;
      const [is, unit] = [value(said[k]!), 1.0001 * Math.max(lastDigit(text), lastDigit(said[k]!))];
      const near = Object.is(is, value(text)) || (is >= low - unit && is <= high + unit);
      if (!near && !(isChaotic(ranges[k]!) && Number.isFinite(is))) wrong.push(`line ${i + 1}: ${said[k]} instead of ${text} (${low} to ${high} in PyTorch): ${mine}`);
    }
  }
  return wrong;
}

/** How a program prints a loss, how the first one of a training looks, and how many trainings there are. */
export const LOSSES: Record<string, { loss: RegExp; first: RegExp; count: number }> = {
  nonlinear: { loss: /^Epoch: \d+, Loss: ([\d.]+)/, first: /^Epoch: 0,/, count: 5 },
  circles: { loss: /^\d+ ([\d.]+)$/, first: /^0 /, count: 7 },
  temperature: { loss: /^Epoch \d+, Training loss ([\d.]+)/, first: /^Epoch 1,/, count: 4 },
  classifier: { loss: /^Epoch - \d+, Loss - ([\d.]+)/, first: /^Epoch - 1,/, count: 10 },
  fashion: { loss: /^epoch \d+ batch \d+ loss ([\d.]+)/, first: /^epoch 0 batch 0 /, count: 1 },
};

/** The losses that a program printed, a list for each training. */
export function trainings(text: string, { loss, first }: { loss: RegExp; first: RegExp }): number[][] {
  const runs: number[][] = [];
  for (const line of text.split('\n')) {
    const found = loss.exec(line);
    if (!found) continue;
    if (first.test(line)) runs.push([]);
    runs.at(-1)!.push(Number(found[1]));
  }
  return runs;
}
