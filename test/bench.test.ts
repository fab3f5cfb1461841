// The benchmark harness (bench/): what it computes from times, what it writes, and that its rows can be built. Nothing is timed here.
import * as ort from 'onnxruntime-web';
import { beforeAll, describe, expect, test } from 'vitest';
import * as torch from '../dist/index.js';

// The harness is JavaScript without declarations, loaded by Node itself.
type Loose = any; // eslint-disable-line @typescript-eslint/no-explicit-any
const load = (path: string): Promise<Loose> => import(/* @vite-ignore */ new URL(`../bench/${path}.mjs`, import.meta.url).href) as Promise<Loose>;

let rows: Loose[];
beforeAll(async () => {
  ({ rows } = await load('rows/index'));
  await torch.init();
});

describe('stats', () => {
  test('medians of ratios skip rounds that one side sat out', async () => {
    const { median, medianRatio } = await load('harness/stats');
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, NaN]);
    expect(medianRatio([2, NaN, 6, 9], [1, 5, 2, 3])).toBe(3);
  });

  test('a difference is relative to the largest element; shapes and non-finite values must agree', async () => {
    const { relativeError } = await load('harness/stats');
    expect(relativeError([[1, 100]], [[1.5, 100]])).toBe(0.005);
    expect(relativeError([[1, NaN]], [[1, NaN]])).toBe(0);
    expect(relativeError([[Infinity]], [[Infinity]])).toBe(0);
    for (const got of [[[1]], [[1, 2], [3]], [[1, NaN]], [[1, Infinity]]]) expect(relativeError(got, [[1, 2]])).toBe(Infinity);
  });
});

describe('rounds', () => {
  /** A side that measures itself: how long a repetition takes, and how busy its processor was in each call. */
  const side = (label: string, seconds: number, busy: () => number = () => 1, log: string[] = []): Loose =>
    ({ label, run: (n: number) => (log.push(label), { seconds: n * seconds, busy: busy() }) });
  const finite = (list: number[]): number => list.filter(Number.isFinite).length;

  test('every side runs once in each round, nobody always behind the same one', async () => {
    const { measureRounds } = await load('harness/rounds');
    const log: string[] = [];
    const { sides } = await measureRounds(['a', 'b', 'c'].map((label) => side(label, 0.02, () => 1, log)), { rounds: 4, warmUpMs: 0, sideMs: 20 });
    // The first three calls are warm-up; then the order turns, and every other round it is reversed.
    expect(log.join('')).toBe('abc' + 'abc' + 'acb' + 'cab' + 'cba');
    expect(sides.map((s: Loose) => [s.repetitions, s.seconds])).toEqual(Array(3).fill([1, [0.02, 0.02, 0.02, 0.02]]));
  });

  test('a side repeats until its share of a round is full', async () => {
    const { repetitions } = await load('harness/rounds');
    expect([repetitions(0.001, 15), repetitions(3, 15), repetitions(1e-12, 15)]).toEqual([15, 1, 1e6]);
  });

  test('a slow side sits out when its time is used up, after three rounds', async () => {
    const { measureRounds } = await load('harness/rounds');
    const { sides } = await measureRounds([side('slow', 5), side('fast', 0.02)], { rounds: 5, warmUpMs: 0, budget: 8 });
    expect(sides[0].seconds).toEqual([5, 5, 5, NaN, NaN]);
    expect(finite(sides[1].seconds as number[])).toBe(5);
  });

  test('disturbed rounds are made again; those of a slow side stay', async () => {
    const { measureRounds } = await load('harness/rounds');
    let calls = 0;
    // The warm-up's call, and the first three rounds.
    const disturbed = (): number => (calls++ < 4 ? 0.5 : 1);
    const run = async (...sides: Loose[]): Promise<Loose> => measureRounds(sides, { rounds: 4, warmUpMs: 0, budget: 8 });
    const alone = await run(side('a', 0.02, disturbed));
    expect([calls, alone.busy, alone.sides[0].seconds.length]).toEqual([8, 1, 4]);
    calls = 0;
    const both = await run(side('slow', 5), side('a', 0.02, disturbed));
    expect(both.sides.map((s: Loose) => finite(s.seconds as number[]))).toEqual([3, 7]);
    expect(both.busy).toBe(0.5);
  });

  test('rounds that were disturbed count only where there are too few others', async () => {
    const { bestRounds } = await load('harness/rounds');
    const made = [0.2, 1, 0.5, 0.95, 0.3].map((busy, i) => ({ busy, i }));
    expect(bestRounds(made, 2).map((r: Loose) => r.i)).toEqual([1, 3]);
    expect(bestRounds(made, 3).map((r: Loose) => r.i)).toEqual([1, 2, 3]);
    expect(bestRounds(made, 9).length).toBe(5);
  });
});

describe('targets', () => {
  const result = (more: Loose): Loose => ({ threads: 1, quiet: true, fmaGain: 1.3, peers: [], ...more });
  const judge = async (target: Loose, more: Loose): Promise<string[]> => {
    const { judge: verdicts } = await load('harness/targets');
    return (verdicts({ targets: [target] }, result(more)) as Loose[]).map((v) => `${v.who} ${v.want}: ${v.state}`);
  };
  const peers = (...ratios: number[]): Loose => ({ peers: ratios.map((ratio, i) => ({ peer: 'p', form: `form ${i}`, ratio })) });

  test('each form of a peer is judged, or the one that is named', async () => {
    expect(await judge({ peer: 'p', atLeast: 2 }, peers(2.1, 1.9))).toEqual(['p (form 0) 2: met', 'p (form 1) 2: not met']);
    expect(await judge({ peer: 'p', form: 'form 1', atLeast: 2 }, peers(2.1, 1.9))).toEqual(['p (form 1) 2: not met']);
  });

  test('what it asks for depends on whether fused multiply-add pays', async () => {
    const target = { peer: 'p', atLeast: 2, equal: 1.5 };
    expect(await judge(target, peers(1.7))).toEqual(['p (form 0) 2: not met']);
    expect(await judge(target, { ...peers(1.7), fmaGain: 1.05 })).toEqual(['p (form 0) 1.5: met']);
  });

  test('noise, failures and what was not measured', async () => {
    expect(await judge({ peer: 'p', atLeast: 2 }, { ...peers(2.1), quiet: false })).toEqual(['p (form 0) 2: noisy']);
    expect(await judge({ peer: 'p', atLeast: 2 }, { peers: [{ peer: 'p', failed: 'outputs differ' }] })).toEqual(['p 2: not met']);
    expect(await judge({ peer: 'p', atLeast: 2 }, { peers: [{ peer: 'p', skipped: 'has none' }] })).toEqual(['p 2: not measured']);
    expect(await judge({ peer: 'p', atLeast: 2 }, {})).toEqual(['p 2: not measured']);
  });

  test('roofs and threads', async () => {
    expect(await judge({ roof: 'fma', atLeast: 0.93 }, { roof: { kind: 'fma', share: 0.94 } })).toEqual(['fma roof 0.93: met']);
    const twice = { peer: 'self', threads: 2, atLeast: 1.8 };
    expect(await judge(twice, {})).toEqual([]);
    expect(await judge(twice, { threads: 2, peers: [{ peer: 'self', form: '1 thread', ratio: 1.9 }] })).toEqual(['self (1 thread) 1.8: met']);
  });
});

describe('reports', () => {
  const row = { name: 'matmul 8', targets: [{ peer: 'onnxruntime-web', atLeast: 1.5 }, { roof: 'fma', atLeast: 0.93 }] };
  const result = {
    name: 'matmul 8', group: 'inference', threads: 1, simd: 'relaxed', us: 12.3, control: 1.01, quiet: true, unit: 'GFLOP/s', rate: 20, roof: { kind: 'fma', share: 0.5 },
    roofs: { fma: 40, madd: 30 },
    peers: [{ peer: 'onnxruntime-web', form: 'constant weights', ratio: 1.6 }, { peer: 'jax-js', failed: 'outputs differ by 1e-1' }, { peer: 'tfjs-wasm', skipped: 'a reason' }],
  };

  test('a table in Markdown has targets beside the numbers', async () => {
    const { missing, table } = await load('harness/report');
    expect(table([result], [row])).toBe(
      '| row | cresset | of the roof | A/A | onnxruntime-web (constant weights) | jax-js |\n' +
      '| --- | ---: | ---: | ---: | ---: | ---: |\n' +
      '| matmul 8 | 12.3 us | 20.0 GFLOP/s, 50 % (93 % not met) | 1.01 | 1.60x (1.5x met) | **failed**: outputs differ by 1e-1 |');
    expect(missing([result])).toBe('- tfjs-wasm: a reason (matmul 8)');
    expect(table([result], [])).toBe('');
  });

  test('times and bytes read easily', async () => {
    const { bytes, time } = await load('harness/report');
    expect([0.4567, 12.34, 4567, 3.2e6].map(time)).toEqual(['0.46 us', '12.3 us', '4.57 ms', '3.20 s']);
    expect([4567, 12.3e6].map(bytes)).toEqual(['4.57 kB', '12.3 MB']);
  });

  test('a chart shows every ratio', async () => {
    const { ratioSpec } = await load('harness/charts');
    expect(ratioSpec('title', [result]).layer[1].data.values).toEqual([{ row: 'matmul 8', peer: 'onnxruntime-web (constant weights)', ratio: 1.6 }]);
    expect(await new torch.plot.Figure(ratioSpec('title', [result])).svg()).toContain('matmul 8');
  });

  test('a run with one peer keeps the others, with their date', async () => {
    const { merge } = await load('harness/results');
    const old = { when: 'monday', us: 1, peers: [{ peer: 'a', ratio: 1 }, { peer: 'b', ratio: 2 }] };
    expect(merge(old, { when: 'tuesday', us: 3, peers: [{ peer: 'a', ratio: 4 }] })).toEqual({ when: 'tuesday', us: 3, peers: [{ peer: 'a', ratio: 4 }, { peer: 'b', ratio: 2, when: 'monday' }] });
    expect(merge(undefined, old)).toBe(old);
  });
});

describe('on a GPU', () => {
  test('adapters have a name, and those that are a processor are known', async () => {
    const { nameAdapter } = await load('harness/gpu');
    expect(nameAdapter({ vendor: 'nvidia', architecture: 'ampere', device: '', description: '', isFallback: false })).toEqual({ name: 'nvidia, ampere', software: false });
    expect(nameAdapter({ vendor: 'google', architecture: 'swiftshader', device: '', description: '' })).toMatchObject({ software: true });
    expect(nameAdapter({ vendor: 'mesa', description: 'llvmpipe (LLVM 15)' })).toEqual({ name: 'mesa, llvmpipe (LLVM 15)', software: true });
    expect(nameAdapter({ vendor: 'microsoft', isFallback: true }).software).toBe(true);
    expect(nameAdapter({})).toEqual({ name: 'an adapter that gives no name', software: false });
  });

  /** WebGPU's classes, whose methods do next to nothing. */
  function fakes(): Loose {
    const methods = { GPUQueue: ['submit'], GPUCommandEncoder: ['beginComputePass'], GPUComputePassEncoder: ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect'], GPUDevice: ['createBuffer', 'createBindGroup', 'createComputePipeline', 'createComputePipelineAsync'] };
    const classes: Loose = {};
    for (const [type, names] of Object.entries(methods)) {
      classes[type] = class {};
      for (const name of names) classes[type].prototype[name] = (x: number) => x + 1;
    }
    return classes;
  }

  test('calls of WebGPU are counted while a function runs, and not after it', async () => {
    const { counted } = await load('harness/gpu');
    const classes = fakes();
    const [device, pass, queue] = [new classes.GPUDevice(), new classes.GPUComputePassEncoder(), new classes.GPUQueue()];
    const before = { ...classes.GPUDevice.prototype };
    const counts = await counted(async () => {
      expect(device.createBuffer(1)).toBe(2);
      await Promise.resolve();
      device.createComputePipeline(1);
      device.createComputePipelineAsync(1);
      for (let i = 0; i < 3; i++) pass.dispatchWorkgroups(i);
      queue.submit(1);
    }, classes);
    expect(counts).toEqual({ submits: 1, passes: 0, dispatches: 3, buffers: 1, bindGroups: 0, pipelines: 2 });
    await expect(counted(() => Promise.reject(new Error('no')), classes)).rejects.toThrow('no');
    expect({ ...classes.GPUDevice.prototype }).toEqual(before);
  });

  test('counters are those of a repetition that has settled, without a reset', async () => {
    const { countersOf } = await load('harness/gpu');
    const classes = fakes();
    const [device, queue] = [new classes.GPUDevice(), new classes.GPUQueue()];
    let runs = 0;
    const side = {
      reset: () => expect.unreachable(),
      run: (n: number) => {
        expect(n).toBe(1);
        queue.submit();
        // The first ones fill a pool, and now and then one more buffer is wanted.
        if (++runs <= 50 || runs % 5 === 0) device.createBuffer();
      },
    };
    expect(await countersOf(side, classes)).toEqual({ submits: 1, passes: 0, dispatches: 0, buffers: 0, bindGroups: 0, pipelines: 0 });
  });

  test('what WebGPU says against a side is kept for that side', async () => {
    const { errorOf, openedBy, watchErrors } = await load('harness/gpu');
    class GPUAdapter {
      requestDevice(): Promise<EventTarget> {
        return Promise.resolve(new EventTarget());
      }
    }
    await watchErrors({ GPUAdapter });
    const open = (who: string): Promise<EventTarget> => openedBy(who, () => new GPUAdapter().requestDevice()) as Promise<EventTarget>;
    const [good, bad] = [await open('good'), await open('bad')];
    for (const message of ['first\nmore', 'second']) bad.dispatchEvent(Object.assign(new Event('uncapturederror'), { error: new Error(message) }));
    expect(good).not.toBe(bad);
    expect([errorOf('good'), errorOf('bad')]).toEqual([undefined, 'first']);
  });

  test('the same rows, but those that tell of the processor; peers with WebGPU, in pages', async () => {
    const { rowsOn } = await load('rows/index');
    const { peersOn, PEERS, sideOf } = await load('peers/index');
    expect(rowsOn('cpu')).toBe(rows);
    expect(new Set(rowsOn('webgpu').map((row: Loose) => row.group))).toEqual(new Set(['inference', 'networks', 'training', 'overheads']));
    expect([peersOn('webgpu', true), peersOn('webgpu', false)]).toEqual([['onnxruntime-web', 'tfjs-webgpu', 'jax-js'], []]);
    expect([...peersOn('cpu', true), 'cresset', 'tfjs-webgpu'].sort()).toEqual(Object.keys(PEERS).sort());
    const row = rows.find((r) => r.name === 'matmul 64');
    expect(sideOf(row, 'tfjs-webgpu')).toBe(row.sides['tfjs-wasm']);
    expect(() => sideOf(row, 'tfjs-cpu')).toThrow('no side');
  });

  test('targets of the processor are not judged there, and none where a processor plays the GPU', async () => {
    const { judge } = await load('harness/targets');
    const row = { targets: [{ peer: 'p', atLeast: 2 }, { peer: 'p', atLeast: 3, device: 'webgpu' }] };
    const wants = (more: Loose): number[] => judge(row, { threads: 1, quiet: true, peers: [{ peer: 'p', ratio: 2.5 }], ...more }).map((v: Loose) => v.want);
    expect([wants({}), wants({ device: 'webgpu', software: false }), wants({ device: 'webgpu', software: true })]).toEqual([[2], [3], []]);
  });

  const result = {
    name: 'matmul 8', group: 'inference', threads: 1, simd: 'baseline', device: 'webgpu', us: 12.3, control: 1.01, quiet: true, unit: 'GFLOP/s', rate: 20,
    counters: { submits: 1, passes: 1, dispatches: 2, buffers: 0, bindGroups: 0, pipelines: 0 },
    peers: [{ peer: 'self', form: 'CPU', ratio: 2, error: 2e-7 }, { peer: 'jax-js', ratio: 1.6, error: 0, counters: { submits: 3, passes: 3, dispatches: 3, buffers: 4, bindGroups: 3, pipelines: 0 } }, { peer: 'tfjs-webgpu', failed: 'outputs differ' }, { peer: 'x', skipped: 'none' }],
  };

  test('a table without roofs, and one of counters', async () => {
    const { rowLine, table } = await load('harness/report');
    const { countersTable } = await load('harness/report_gpu');
    const row = { name: 'matmul 8', targets: [{ peer: 'jax-js', atLeast: 5 }] };
    expect(table([result], [row]).split('\n')[0]).toBe('| row | cresset | rate | A/A | cresset (CPU) | jax-js | tfjs-webgpu |');
    expect(table([result], [row]).split('\n')[2]).toBe('| matmul 8 | 12.3 us | 20.0 GFLOP/s | 1.01 | 2.00x | 1.60x | **failed**: outputs differ |');
    expect(rowLine(row, result)).toContain('12.3 us, 20.0 GFLOP/s, dispatches 2, submits 1, control 1.010');
    expect(countersTable([result])).toBe(
      '| row | side | differs | submits | passes | dispatches | buffers | bind groups | pipelines |\n' +
      '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n' +
      '| matmul 8 | cresset |  | 1 | 1 | 2 | 0 | 0 | 0 |\n' +
      '|  | cresset (CPU) | 2e-7 |  |  |  |  |  |  |\n' +
      '|  | jax-js | 0 | 3 | 3 | 3 | 4 | 3 | 0 |\n' +
      '|  | tfjs-webgpu | **outputs differ** |  |  |  |  |  |  |');
    expect(countersTable([{ ...result, counters: undefined }])).toBe('');
  });

  test('the adapter is named; of a software adapter it is said that its times say nothing', async () => {
    const { deviceText } = await load('harness/report_gpu');
    const text = (software: boolean): string => deviceText({ runtime: 'Chromium 1', adapter: { name: 'the adapter', software } });
    expect(text(true)).toMatch(/^Adapter: the adapter\. \*\*.*times say nothing.*no target is judged/);
    expect(text(false)).not.toContain('say nothing');
  });

  test('losses are compared as far as both sides gave them', async () => {
    const { common } = await load('harness/measure');
    const [row, long, short] = [{ kind: 'training' }, [[1, 2, 3]], [[1, 2]]];
    expect([common(row, long, short), common(row, short, long), common({ kind: 'op' }, long, short)]).toEqual([short, short, long]);
  });
});

describe('command line', () => {
  const known = {
    peers: (device: string, browser: boolean) => (device === 'cpu' ? ['pytorch', 'jax-js'] : browser ? ['jax-js'] : []),
    groups: (device: string) => (device === 'cpu' ? ['training', 'cold'] : ['training']), cores: 4,
  };

  test('filters, and sentences for what is none', async () => {
    const { commandOf, parse } = await load('harness/options');
    expect(parse(['--row', 'mat.*64', '--peer', 'jax-js', '--threads', '1,all', '--quick'], known)).toMatchObject({ row: /mat.*64/i, peers: ['jax-js'], groups: ['training', 'cold'], threads: [1, 4], device: 'cpu', rounds: 5, retries: 1, simd: 'relaxed' });
    expect(parse(['--peer', 'none'], known).peers).toEqual([]);
    for (const [args, said] of [[['--row', '('], /--row/], [['--peer', 'x'], /no x; there are pytorch, jax-js/], [['--threads', '0'], /at least 1/], [['--what'], /--what/], [['--simd', 'fast'], /relaxed or baseline/]] as const) {
      expect(() => parse(args, known)).toThrow(said);
    }
    expect(parse(['--device', 'webgpu', '--browser'], known)).toMatchObject({ device: 'webgpu', peers: ['jax-js'], groups: ['training'], threads: [1], simd: 'baseline' });
    expect(parse(['--device', 'webgpu'], known).peers).toEqual([]);
    for (const [args, said] of [[['--device', 'cuda'], /cpu or webgpu, not cuda/], [['--device', 'webgpu', '--threads', '2'], /--threads/], [['--device', 'webgpu', '--simd', 'relaxed'], /baseline/], [['--device', 'webgpu', '--peer', 'jax-js'], /no jax-js on webgpu in Node; there are none/]] as const) {
      expect(() => parse(args, known)).toThrow(said);
    }
    expect(commandOf(['--row', 'a b', '--python', '/home/me/python', '--quick'])).toBe("npm run bench -- --row 'a b' --quick");
  });
});

test('the roof kernels assemble, and compute', async () => {
  const { assembleRoofs, roofSides } = await load('harness/roofs');
  expect((await assembleRoofs(true)).length).toBeGreaterThan((await assembleRoofs(false)).length);
  const sides = await roofSides(await assembleRoofs(false), 1 << 16) as Loose[];
  expect(sides.map(({ key, bytes }) => [key, bytes])).toEqual([['madd', 65536], ['copy', 65536], ['read', 65536]]);
  for (const side of sides) side.run(2);
});

describe('rows', () => {
  test('names are unique; groups, peers and kinds are known', async () => {
    const { PEERS } = await load('peers/index');
    expect(new Set(rows.map((row) => row.name)).size).toBe(rows.length);
    const groups = ['inference', 'networks', 'training', 'overheads', 'random', 'cold', 'memory'];
    expect(new Set(rows.map((row) => row.group))).toEqual(new Set(groups));
    for (const row of rows) {
      expect(Object.keys(row.sides ?? {}).filter((peer) => !(peer in PEERS))).toEqual([]);
      expect(row.targets.filter((t: Loose) => !(t.roof === 'fma' || t.peer === 'self' || t.peer in PEERS) || !(t.atLeast > 0))).toEqual([]);
    }
  });

  test('FLOPs of a network are those of its products', async () => {
    const { forward, mlp, resNet8, trainingFlops } = await load('rows/layers');
    expect(forward(mlp(784, 128, 10), [64, 784])).toEqual({ shape: [64, 10], flops: 2 * 64 * (784 * 128 + 1280) });
    expect(trainingFlops(mlp(2, 10, 1), [5, 2])).toBe(3 * 2 * 5 * 30 - 2 * 5 * 20);
    // MLPerf Tiny: 12.5 million multiply-adds.
    expect(forward(resNet8, [1, 3, 32, 32])).toMatchObject({ shape: [1, 10], flops: expect.closeTo(25e6, -6) as number });
  });

  test('data have the shapes of the layers, with and without our generators', async () => {
    const { makeData, plainData } = await load('harness/data');
    for (const row of rows.filter((r) => r.group === 'networks' || r.group === 'training')) {
      const shapes = (data: Loose): Loose => Object.fromEntries([...Object.entries(data.tensors), ...Object.entries(data.weights)].map(([name, t]: Loose) => [name, [t.shape, t.dtype, t.data.length]]));
      expect(shapes(plainData(row))).toEqual(shapes(await makeData(torch, row)));
    }
  });

  const sizes = (row: Loose): number => Math.max(0, ...Object.values(row.inputs ?? {}).map((x: Loose) => (x.shape ?? x).reduce((a: number, b: number) => a * b, 1) as number));

  test('onnxruntime computes what we do, in both forms, in every row but the large ones', { timeout: 300_000 }, async () => {
    ort.env.wasm.numThreads = 1;
    const { relativeError } = await load('harness/stats');
    const { makeData } = await load('harness/data');
    const [ours, theirs] = [await (await load('peers/cresset')).open({}), await (await load('peers/onnxruntime')).open({ torch })];
    for (const row of rows.filter((r) => (r.group === 'inference' || r.group === 'networks') && sizes(r) < 6e5)) {
      const small = row.layers ? { ...row, input: [2, ...row.input.slice(1)] } : row;
      const data = await makeData(torch, small);
      const want = await (await ours.sides(small, data))[0].check();
      const sides = await theirs.sides(small, data);
      expect([row.name, sides.length]).toEqual([row.name, row.layers || row.constants ? 2 : 1]);
      for (const side of sides) {
        expect([row.name, side.form, relativeError(await side.check(), want) < 1e-4]).toEqual([row.name, side.form, true]);
        await side.close();
      }
    }
  });

  test('our sides of training, overheads and random fills run; training lowers the loss', async () => {
    const { makeData } = await load('harness/data');
    const ours = await (await load('peers/cresset')).open({});
    for (const row of rows.filter((r) => ['training', 'overheads', 'random'].includes(r.group as string))) {
      const small = row.kind === 'training' ? { ...row, input: [4, ...row.input.slice(1)], lr: 10 * row.lr } : row;
      const [side] = await ours.sides(small, await makeData(torch, small));
      const outputs = await side.check();
      if (row.kind === 'training') expect([row.name, outputs[0].length, outputs[0].at(-1) < outputs[0][0]]).toEqual([row.name, 8, true]);
      await side.reset?.();
      await side.run(2);
    }
  });
});
