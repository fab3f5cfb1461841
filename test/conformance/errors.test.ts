/** What PyTorch refuses is refused, by an error of the package's own, and the engine goes on. */
import { describe, expect, it } from 'vitest';
import * as torch from '../../dist/index.js';
import { findCall } from './calls.js';
import { flatten, isTensor, Suite, type Loose } from './fixtures.js';

const suite = new Suite('errors');
/** Messages that JavaScript or a trap would produce by accident. */
const ACCIDENT = /unreachable|panicked|is not a function|is not iterable|Cannot (read|convert|mix|set)|of (undefined|null)|Maximum call stack|Invalid (array|typed array) length/;

function target(record: Loose): ((...args: Loose[]) => Loose) | null {
  if (record.module) {
    const path = (record.module as string).split('.').slice(1);
    const Module: Loose = path.reduce((o, k) => o?.[k], (torch as Loose).nn);
    if (typeof Module !== 'function') return null;
    return () => {
      const named = suite.decode({ $d: record.ctor_kwargs }, []) as object;
      const module = new Module(...suite.decode({ $l: record.ctor_args }, []), ...(Object.keys(named).length > 0 ? [named] : []));
      if (record.on === 'CONSTRUCTION_ERROR') return module;
      const options = suite.decode({ $d: record.kwargs }, []) as object;
      return module(...suite.decode({ $l: record.args }, []), ...(Object.keys(options).length > 0 ? [options] : []));
    };
  }
  const input = suite.decode(record.input, []);
  const call = findCall(record.op as string, (record.variant as string) ?? '', input);
  if (call === null) return null;
  return () => {
    const options = suite.decode({ $d: record.kwargs }, []) as object;
    return call(input, [...suite.decode({ $l: record.args }, []), ...(Object.keys(options).length > 0 ? [options] : [])]);
  };
}

describe('errors', () => {
  for (const [name, records] of suite.byName((r) => (r.op ?? r.module) as string)) {
    it.skipIf(target(records[0]) === null)(name, async () => {
      const accepted: string[] = [];
      for (const [i, record] of records.entries()) {
        const call = target(record);
        let error: unknown = null;
        try {
          for (const t of flatten(await call?.())) if (isTensor(t)) await t.data();
        } catch (e) {
          error = e;
        }
        if (!(error instanceof Error)) accepted.push(`${name} ${i}: accepted; PyTorch: ${record.match}`);
        else if (error instanceof WebAssembly.RuntimeError || ACCIDENT.test(error.message)) accepted.push(`${name} ${i}: by accident: ${error.message}`);
      }
      expect(accepted).toEqual([]);
      expect(torch.ones(2).sum().itemSync()).toBe(2);
    });
  }
});
