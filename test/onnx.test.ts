/** Every module of `nn`, exported to ONNX and run by onnxruntime: our results at two batch sizes, with weights in the file and as inputs. */
import { describe, expect, it } from 'vitest';
import * as torch from '../dist/index.js';
import { ABSTRACT, type Case, CASES, REFUSED } from './onnx/cases.js';
import { checkDynamic, difference, type Loose, Session, tensorsIn } from './onnx/runtime.js';
import { Suite } from './conformance/fixtures.js';

const { nn } = torch;

describe("PyTorch's samples of modules", () => {
  const suite = new Suite('modules');
  for (const [name, all] of suite.byName((r) => r.module as string)) {
    if (Object.hasOwn(REFUSED, name.slice(3))) continue;
    it(name, async () => {
      const records = all.filter((r) => r.training === false);
      for (const [i, record] of records.entries()) {
        const [positional, named, args, options] = [{ $l: record.ctor_args }, { $d: record.ctor_kwargs }, { $l: record.args }, { $d: record.kwargs }].map((v) => suite.decode(v, [])) as Loose[];
        const model = new (nn as Loose)[name.slice(3)](...positional, ...(Object.keys(named).length > 0 ? [named] : []));
        model.loadStateDict(Object.fromEntries(Object.keys(record.state).map((k) => [k, suite.tensor({ ...record.state[k], rg: false })])));
        const given = Object.keys(options).length > 0 ? [...args, options] : args;
        const inputNames = tensorsIn(given).map((_, k) => `in${k}`);
        const session = await Session.load(torch.onnx.export(model, given, { inputNames, opsetVersion: [20, 17, 23, 18][i % 4]! }));
        const wrong = difference(await session.run(Object.fromEntries(tensorsIn(given).map((t, k) => [`in${k}`, t]))), tensorsIn(model.eval()(...given)));
        await session.close();
        expect(wrong, `sample ${record.i} ${record.desc}`).toBeNull();
      }
    });
  }
});

describe('modules with a dynamic batch', () => {
  const modules = Object.entries(nn as Loose).filter(([, v]) => v === nn.Module || (v as Loose)?.prototype instanceof nn.Module).map(([name]) => name);

  it('there is a case for every module', () => {
    const known = [...Object.keys(CASES), ...Object.keys(REFUSED), ...ABSTRACT];
    expect(modules.filter((name) => !known.includes(name))).toEqual([]);
    expect(known.filter((name) => !modules.includes(name))).toEqual([]);
  });

  it.each(Object.keys(CASES))('%s', async (name) => {
    torch.manualSeed(1);
    const cases: Case[] = [CASES[name]!].flat();
    for (const [i, { model, inputs, ...check }] of cases.entries()) expect(await checkDynamic(model(), inputs, check), `case ${i}`).toBeNull();
  });

  it.each(Object.keys(REFUSED))('%s is refused by name', (name) => {
    const { model, inputs } = REFUSED[name]!;
    expect(() => torch.onnx.export(model(), inputs(2))).toThrow(torch.onnx.UnsupportedOperatorError);
    expect(() => torch.onnx.export(model(), inputs(2))).toThrow(new RegExp(`^onnx.export: \\w+ in the model \\(${name}\\)`));
  });
});
