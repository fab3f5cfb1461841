/** PyTorch's samples of every op that has a form in ONNX, exported as functions and run by onnxruntime. */
import { describe, expect, it } from 'vitest';
import * as torch from '../dist/index.js';
import { findCall } from './conformance/calls.js';
import { flatten, isTensor, type Loose, Suite } from './conformance/fixtures.js';
import { difference, Session, tensorsIn } from './onnx/runtime.js';

/** Results that are another one in every run, or memory that is not initialised. */
const RANDOM = /^(empty|new_empty|rand|uniform|normal|cauchy|exponential|geometric|log_normal|bernoulli|multinomial)|dropout|gumbel|rrelu/;

/** Of the float suite every case, of the others the first of each op: what differs there is the dtype. And how many have a form at least. */
const SUITES: Record<string, { most: number; forms: number }> = { ops: { most: Infinity, forms: 1800 }, ops_int64: { most: 1, forms: 180 }, ops_bool: { most: 1, forms: 140 } };

async function problem(suite: Suite, record: Loose, count: { exported: number }): Promise<string | null> {
  const decode = (v: Loose): Loose => suite.decode(v, []);
  const [input, args, options] = [decode(record.input), decode({ $l: record.args }), decode({ $d: record.kwargs })];
  // A promise of a number is no tensor, and nobody here would wait for it.
  if (record.op === 'item') return null;
  const call = findCall(record.op as string, record.variant as string, input)!;
  const run = (x: Loose, a: Loose[], o: object): Loose[] => flatten(call(x, Object.keys(o).length > 0 ? [...a, o] : a));
  const want = run(input, args, options);
  const given = tensorsIn([input, args, options]);
  // Runtimes differ in what they do with tensors that have no elements.
  if (given.length === 0 || !want.every(isTensor) || [...given, ...want].some((t) => t.numel() === 0)) return null;
  let bytes: Uint8Array;
  try {
    bytes = torch.onnx.export((x: Loose, a: Loose, o: Loose) => run(x, a, o), [input, args, options], { inputNames: given.map((_, i) => `in${i}`), outputNames: want.map((_, i) => `out${i}`) });
  } catch (error) {
    // An op without a form in ONNX says so; anything else is a mistake.
    return error instanceof torch.onnx.OnnxExporterError ? null : `export: ${String(error)}`;
  }
  count.exported++;
  // What is summed is as large as this, and so is its rounding error.
  const largest = Math.max(1, ...[...given, ...want].flatMap((t) => Array.from(t.detach().contiguous().dataSync() as Float32Array, (v) => (Number.isFinite(Number(v)) ? Math.abs(Number(v)) : 0))));
  let session: Session;
  try {
    session = await Session.load(bytes);
  } catch (error) {
    // onnxruntime's kernels lack some dtypes of what ONNX allows.
    return /Could not find an implementation/.test(String(error)) ? null : String(error);
  }
  try {
    return difference(await session.run(Object.fromEntries(given.map((t, i) => [`in${i}`, t]))), want, largest);
  } catch (error) {
    return `run: ${String(error)}`;
  } finally {
    await session.close();
  }
}

for (const [name, { most, forms }] of Object.entries(SUITES)) {
  const suite = new Suite(name);
  describe(name, () => {
    const count = { exported: 0 };
    for (const [op, records] of suite.byName((r) => r.op as string)) {
      if (RANDOM.test(op) || findCall(op, '', suite.decode(records[0].input, [])) === null) continue;
      it(op, async () => {
        const wrong: string[] = [];
        for (const record of records.slice(0, most)) {
          const d = await problem(suite, record, count);
          if (d !== null) wrong.push(`#${record.i}: ${d.slice(0, 400)} -- ${JSON.stringify([record.args, record.kwargs]).slice(0, 200)}`);
        }
        expect(wrong).toEqual([]);
      });
    }
    it('most of them have a form', () => {
      expect(count.exported).toBeGreaterThan(forms);
    });
  });
}
