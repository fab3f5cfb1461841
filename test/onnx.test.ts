/** Every module of `nn`, exported to ONNX and run by onnxruntime: our results at two batch sizes, with weights in the file and as inputs. */
import { describe, expect, it } from 'vitest';
import * as torch from '../dist/index.js';
import { ABSTRACT, type Case, CASES, REFUSED } from './onnx/cases.js';
import { checkDynamic, type Loose } from './onnx/runtime.js';

const { nn } = torch;

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
