// In the place of vitest, node:fs and node:zlib where the conformance suites run in a page or in Deno (suites.ts): tests are collected and
// run one after the other, and what went wrong is printed. It has what the suites use.
import { readBytes } from 'suite-files';

const tests = [];
let seen = 0;

export const describe = (_, body) => body();
export const it = (name, body) => {
  const { without, every } = globalThis.suitePart;
  if (seen++ % every === 0 && !without.includes(name)) tests.push([name, body]);
};
it.skipIf = (left) => (left ? () => undefined : it);

const shown = (value) => JSON.stringify(value) ?? String(value);
export const expect = (got) => ({
  toEqual: (want) => {
    if (shown(got) !== shown(want)) throw new Error(`got ${shown(got).slice(0, 2000)}, want ${shown(want)}`);
  },
  toBeGreaterThan: (least) => {
    if (!(got > least)) throw new Error(`got ${got}, want more than ${least}`);
  },
});

/** What vitest.config.ts provides to the suites. */
export const inject = () => ({ device: 'webgpu' });

/* global TextDecoder */
/** Bytes with what the fixtures ask of Node's Buffer. */
class Bytes extends Uint8Array {
  toString() {
    return new TextDecoder().decode(this);
  }

  readBigUInt64LE(at) {
    return new DataView(this.buffer, this.byteOffset).getBigUint64(at, true);
  }
}

/** A file beside the suites, unpacked. */
export const readFileSync = (url, encoding) => {
  const bytes = new Bytes(readBytes(url));
  return encoding === undefined ? bytes : bytes.toString();
};
export const gunzipSync = (bytes) => bytes;

/** Runs all tests; prints how many ran, and what failed. */
export async function run() {
  const failed = [];
  for (const [name, body] of tests) {
    try {
      await body();
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  console.log(JSON.stringify({ ran: tests.length, failed }));
}
