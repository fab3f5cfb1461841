/**
 * Trains one network on one device, and tells the page how it goes. It runs in a worker, so that the page never waits for it.
 * @module
 */
import type * as Torch from 'cresset';

/** Page to worker: what to train, and where. */
export interface Order {
  readonly device: 'cpu' | 'webgpu';
  /** Neurons of each of the two hidden layers. */
  readonly width: number;
  readonly steps: number;
  /** Where cresset.js lies. */
  readonly engine: string;
}

/** What a step asked of the GPU. */
export type Asked = Readonly<Record<string, number>>;

/** Worker to page. */
export type News =
  | { readonly kind: 'opened'; readonly adapter: string }
  | { readonly kind: 'steps'; readonly losses: readonly number[]; readonly asked: Asked | null }
  | { readonly kind: 'right'; readonly share: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string };

const tell = (news: News): void => postMessage(news);

/** How often the page hears of it, in milliseconds. */
const EVERY = 50;
const POINTS = 600;
const ARMS = 3;

/** Three spirals with a little noise: as positions, and to which arm each belongs. */
function spirals(torch: typeof Torch): { x: number[][]; y: number[] } {
  const noise = torch.randn(POINTS, { device: 'cpu' }).dataSync();
  const x: number[][] = [];
  const y: number[] = [];
  for (let i = 0; i < POINTS; i++) {
    const [arm, radius] = [i % ARMS, 0.05 + (0.95 * i) / POINTS];
    const angle = 4 * radius + (2 * Math.PI * arm) / ARMS + 0.12 * Number(noise[i]);
    x.push([radius * Math.cos(angle), radius * Math.sin(angle)]);
    y.push(arm);
  }
  return { x, y };
}

/** The adapter in words; browsers keep some of them to themselves. */
async function describe(torch: typeof Torch): Promise<string> {
  const { vendor, architecture, description, isFallback } = await torch.webgpu.adapter();
  const words = description !== '' ? description : [vendor, architecture].filter((word) => word !== '').join(' ') || 'a GPU without a name';
  return isFallback ? `${words} (computed by the processor)` : words;
}

async function train({ device, width, steps, engine }: Order): Promise<void> {
  const torch = (await import(/* @vite-ignore */ engine)) as typeof Torch;
  const { nn, optim } = torch;
  await torch.init({ device });
  const onGpu = device === 'webgpu';
  tell({ kind: 'opened', adapter: onGpu ? await describe(torch) : `the processor, ${torch.getNumThreads()} thread${torch.getNumThreads() > 1 ? 's' : ''}` });
  torch.manualSeed(42);
  const data = spirals(torch);
  const [x, y] = [torch.tensor(data.x, { device }), torch.tensor(data.y, { device })];
  const model = new nn.Sequential(new nn.Linear(2, width), new nn.ReLU(), new nn.Linear(width, width), new nn.ReLU(), new nn.Linear(width, ARMS)).to(device);
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
  let losses: number[] = [];
  let asked: Asked | null = null;
  let told = performance.now();
  for (let step = 0; step < steps; step++) {
    const before = onGpu ? torch.webgpu.counters() : null;
    await torch.scope(async () => {
      optimizer.zeroGrad();
      const loss = nn.functional.crossEntropy(model(x), y);
      loss.backward();
      optimizer.step();
      losses.push(Number(await loss.item()));
    });
    if (before !== null) asked = Object.fromEntries(Object.entries(torch.webgpu.counters()).map(([name, count]) => [name, count - before[name as keyof typeof before]]));
    if (performance.now() - told < EVERY && step < steps - 1) continue;
    tell({ kind: 'steps', losses, asked });
    [losses, told] = [[], performance.now()];
  }
  const right = torch.noGrad(() => model(x).argmax(1).eq(y).float().mean());
  tell({ kind: 'right', share: Number(await right.item()) });
  tell({ kind: 'done' });
}

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  train(data).catch((error: unknown) => tell({ kind: 'failed', message: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }));
}, { once: true });
