// torch.profiler: what is recorded, what the table says, when a schedule records.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

const { profile, Profile, recordFunction, schedule, ProfilerActivity } = torch.profiler;

const model = new torch.nn.Sequential(new torch.nn.Linear(10, 20), new torch.nn.ReLU(), new torch.nn.Linear(20, 1));
const optimizer = new torch.optim.Adam(model.parameters());

function step(): void {
  optimizer.zeroGrad();
  model(torch.ones(5, 10)).sum().backward();
  optimizer.step();
}

describe('events', () => {
  test('stand within each other: ranges, ops, nodes, kernels', () => {
    const prof = profile({ activities: [ProfilerActivity.CPU], recordShapes: true }, () => recordFunction('step', step));
    const events = prof.events();
    expect(events[0]).toMatchObject({ name: 'step', kind: 'range', parent: null });
    const linear = events.find(({ name }) => name === 'aten::linear')!;
    expect(linear).toMatchObject({ kind: 'op', parent: events[0], inputShapes: [[5, 10], [20, 10], [20]] });
    expect(linear.children.map(({ name, kind }) => [name, kind])).toContainEqual(['kernel::matmul', 'kernel']);
    // x, the weight, the bias, which is broadcast to the result's shape, and the result.
    expect(linear.bytes).toBe(4 * (50 + 200 + 100 + 100));
    expect(linear.cpuMemoryUsage).toBe(448);
    const node = events.find(({ name }) => name === 'ReluBackward0')!;
    expect(node).toMatchObject({ kind: 'node', parent: { name: 'aten::backward' } });
    expect(node.children.length).toBeGreaterThan(0);
    for (const event of events) {
      expect(event.selfCpuTimeTotal).toBeGreaterThanOrEqual(-0.001);
      if (event.parent !== null) expect(event.start).toBeGreaterThanOrEqual(event.parent.start);
    }
  });

  test('of functions that throw, or that take turns, end as they should', async () => {
    expect(() => profile(() => { throw new Error('mine'); })).toThrow('mine');
    const prof = await profile(async () => {
      await recordFunction('slow', async () => {
        await Promise.resolve();
        torch.ones(3).exp();
      });
      torch.ones(3).sin();
    });
    const [slow] = prof.events();
    expect(slow!.children.map(({ name }) => name)).toContain('aten::exp');
    expect(prof.events().find(({ name }) => name === 'aten::sin')!.parent).toBeNull();
    expect(recordFunction('nobody looks', () => 5)).toBe(5);
  });

  test('an op that fails is an event, and those after it have their own shapes', () => {
    const prof = profile({ recordShapes: true }, () => {
      expect(() => torch.ones(2).add(torch.ones(3))).toThrow(torch.ShapeError);
      torch.ones(4).exp();
    });
    expect(prof.events().find(({ name }) => name === 'aten::exp')!.inputShapes).toEqual([[4]]);
  });

  test('one recording at a time', () => {
    profile(() => expect(() => profile(() => undefined)).toThrow(/another recording is under way/));
    expect(() => profile({ activities: ['cuda'] as never }, () => undefined)).toThrow(torch.ArgumentError);
    expect(() => profile({} as never)).toThrow(/the function to record is missing/);
    expect(() => new Profile().step()).toThrow(/not under way/);
  });
});

describe('keyAverages', () => {
  const prof = profile({ profileMemory: true, recordShapes: true }, () => {
    step();
    step();
  });

  test('counts and adds up', () => {
    const all = prof.keyAverages();
    const addmm = all.find(({ key }) => key === 'aten::linear')!;
    expect(addmm.count).toBe(4);
    expect(addmm.cpuTime).toBeCloseTo(addmm.cpuTimeTotal / 4);
    expect(addmm.cpuTimeTotal).toBeGreaterThanOrEqual(addmm.selfCpuTimeTotal);
    const shapes = prof.keyAverages({ groupByInputShape: true }).filter(({ key }) => key === 'aten::linear');
    expect(shapes.map(({ count, inputShapes }) => [count, inputShapes])).toEqual([[2, [[5, 10], [20, 10], [20]]], [2, [[5, 20], [1, 20], [1]]]]);
  });

  test("the table is PyTorch's", () => {
    const lines = prof.keyAverages().table({ sortBy: 'self_cpu_time_total', rowLimit: 3, header: 'two steps' }).split('\n');
    expect(lines[1]).toBe('two steps');
    expect(lines[3]!.trim().split(/\s{2,}/)).toEqual(['Name', 'Self CPU %', 'Self CPU', 'CPU total %', 'CPU total', 'CPU time avg', 'CPU Mem', 'Self CPU Mem', 'Bytes', '# of Calls']);
    expect(lines[4]).toMatch(/^-+ {2}(-{12} {2}){9}$/);
    expect(lines[5]!.trim().split(/\s{2,}/)).toEqual([
      expect.stringMatching(/^\S/), expect.stringMatching(/^\d+\.\d\d%$/), expect.stringMatching(/^\d+\.\d{3}[mu]?s$/), expect.stringMatching(/%$/), expect.any(String),
      expect.any(String), expect.stringMatching(/^-?[\d.]+ [KM]?B$/), expect.any(String), expect.any(String), expect.stringMatching(/^\d+$/),
    ]);
    expect(lines).toHaveLength(11);
    expect(lines[9]).toMatch(/^Self CPU time total: [\d.]+[mu]?s$/);
    expect(() => prof.keyAverages().table({ sortBy: 'cuda_time' })).toThrow(/sortBy must be one of cpuTime/);
    expect(String(prof.keyAverages())).toBe(prof.keyAverages().table());
  });
});

describe('schedule', () => {
  test('says what each step is for', () => {
    const when = schedule({ wait: 1, warmup: 1, active: 2, repeat: 2, skipFirst: 1 });
    expect(Array.from({ length: 11 }, (_, i) => when(i)).join(' ')).toBe('none none warmup record recordAndSave none warmup record recordAndSave none none');
    expect(() => schedule({ wait: 0, warmup: 0, active: 0 })).toThrow(/active must be a positive integer/);
  });

  test('records the active steps, each in its range', () => {
    const ready: string[][] = [];
    const onTraceReady = (prof: torch.profiler.Profile): void => void ready.push(prof.events().filter(({ kind }) => kind === 'range').map(({ name }) => name));
    profile({ schedule: schedule({ wait: 1, warmup: 1, active: 2, repeat: 2 }), onTraceReady }, (prof) => {
      for (let i = 0; i < 10; i++) {
        torch.ones(2).exp();
        prof.step();
      }
    });
    expect(ready).toEqual([['ProfilerStep#2', 'ProfilerStep#3'], ['ProfilerStep#6', 'ProfilerStep#7']]);
  });
});

describe('exportChromeTrace', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cresset-trace-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('writes complete events', () => {
    const prof = profile({ recordShapes: true }, () => void torch.ones(2, 3).exp());
    const file = join(folder, 'trace.json');
    prof.exportChromeTrace(file);
    const { traceEvents } = JSON.parse(readFileSync(file, 'utf8')) as { traceEvents: Record<string, unknown>[] };
    expect(traceEvents.find(({ name }) => name === 'aten::exp')).toMatchObject({ ph: 'X', cat: 'cpu_op', pid: 1, tid: 1, args: { 'Input Dims': [[2, 3]], Bytes: 48 } });
  });
});
