// The programs of examples/ train on a GPU as they do on the CPU. What they print besides losses is made on the CPU after the training.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compilePrograms, IMAGES, LOSSES, program, PROGRAMS, reference, trainings } from '../programs.js';
import { withGpuBinary } from './adapter.js';

const folder = mkdtempSync(join(tmpdir(), 'cresset-programs-'));
beforeAll(compilePrograms, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * A software adapter takes minutes for a whole program, so that as a rule the first losses have to do; `CRESSET_WHOLE_PROGRAMS=1` runs them
 * to the end.
 */
const ENOUGH = process.env['CRESSET_WHOLE_PROGRAMS'] === '1' ? Infinity : 2;

/** What a program prints on the GPU until it has told enough losses; a status of null says that it was ended. */
function run(name: string, seed: string): Promise<{ text: string; errors: string; status: number | null }> {
  const child = spawn(process.execPath, [program(name), seed, '--device', 'webgpu'], { cwd: folder, env: { ...process.env, CRESSET_FASHION_MNIST: IMAGES } });
  let [text, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    if (trainings(text, LOSSES[name]!).flat().length >= ENOUGH) child.kill('SIGKILL');
  });
  child.stderr.setEncoding('utf8').on('data', (more: string) => (errors += more));
  return new Promise((resolve) => child.on('close', (status) => resolve({ text, errors, status })));
}

/**
 * How far a loss may be from the CPU's, relative to the larger of it and 0.01: some hundred or thousand steps in float32, summed in another
 * order.
 */
const NEAR = 0.01;

describe.runIf(withGpuBinary())('programs', () => {
  test.for(PROGRAMS)('$name $seed trains on webgpu as on the CPU', { timeout: 900_000 }, async ({ name, seed }, { skip }) => {
    skip(name === 'fashion' && !existsSync(IMAGES), 'no images');
    const { text, errors, status } = await run(name, seed);
    expect(status, errors).toBe(ENOUGH === Infinity ? 0 : null);
    const [got, want] = [text, reference(name, seed).text].map((t) => trainings(t, LOSSES[name]!)) as [number[][], number[][]];
    if (ENOUGH === Infinity) expect(got.map((run) => run.length)).toEqual(want.map((run) => run.length));
    expect(got.flat().length).toBeGreaterThanOrEqual(Math.min(ENOUGH, want.flat().length));
    const away = got.flatMap((run, i) => run.map((loss, k) => Math.abs(loss - want[i]![k]!) / Math.max(want[i]![k]!, 0.01)));
    expect(Math.max(...away), String(away)).toBeLessThan(NEAR);
  });
});
