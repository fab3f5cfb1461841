/**
 * The page that trains on one device or the other: the switch, the curve of the loss while it falls, what the GPU was asked to do.
 * @module
 */
import type { News, Order } from './gpu-worker.js';

const element = <T extends Element>(id: string): T => document.getElementById(id) as unknown as T;
const [runButton, stopButton] = [element<HTMLButtonElement>('run'), element<HTMLButtonElement>('stop')];
const [status, failure] = [element<HTMLElement>('status'), element<HTMLElement>('error')];
const controls = element<HTMLFormElement>('controls');

type Device = Order['device'];
type State = 'idle' | 'opening' | 'training' | 'done' | 'failed' | 'stopped';

/** The curve of the last run on each device. */
const curves: Record<Device, number[]> = { cpu: [], webgpu: [] };
let planned = 0;

// --- the curve ----------------------------------------------------------------------------------------------------

const FRAME = { left: 62, right: 784, top: 18, bottom: 378 };
const svg = element<SVGSVGElement>('curve');

function shape(name: string, attributes: Readonly<Record<string, string | number>>, text = ''): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.textContent = text;
  return made;
}

/** Draws both curves; the loss is on a logarithmic axis, from power of ten to power of ten. */
function draw(): void {
  const all = [...curves.cpu, ...curves.webgpu].filter((loss) => loss > 0);
  const low = Math.min(-1, Math.floor(Math.log10(Math.min(1, ...all))));
  const high = Math.max(0, Math.ceil(Math.log10(Math.max(1, ...all)) - 0.3));
  const count = Math.max(planned, curves.cpu.length, curves.webgpu.length, 2);
  const top = high + 0.2;
  const across = (step: number): number => FRAME.left + ((FRAME.right - FRAME.left) * step) / (count - 1);
  const down = (loss: number): number => FRAME.top + ((FRAME.bottom - FRAME.top) * (top - Math.log10(Math.max(loss, 10 ** low)))) / (top - low);
  const parts: SVGElement[] = [];
  for (let power = low; power <= high; power++) {
    const y = down(10 ** power);
    parts.push(shape('line', { class: 'grid', x1: FRAME.left, x2: FRAME.right, y1: y, y2: y }));
    parts.push(shape('text', { x: FRAME.left - 10, y: y + 4, 'text-anchor': 'end' }, power < -3 ? `1e${power}` : String(Number((10 ** power).toFixed(3)))));
  }
  for (let k = 0; k <= 4; k++) {
    const step = Math.round(((count - 1) * k) / 4);
    parts.push(shape('text', { x: across(step), y: FRAME.bottom + 24, 'text-anchor': k === 0 ? 'start' : k === 4 ? 'end' : 'middle' }, k === 4 ? `step ${step + 1}` : String(step + 1)));
  }
  for (const device of ['cpu', 'webgpu'] as const) {
    const points = curves[device].map((loss, step) => `${across(step).toFixed(1)},${down(loss).toFixed(1)}`).join(' ');
    parts.push(shape('polyline', { class: device, points }));
  }
  svg.replaceChildren(...parts);
}

/** Draws before the next picture of the page, once for all that came meanwhile. */
let drawing = false;
function redraw(): void {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

// --- the run ------------------------------------------------------------------------------------------------------

let worker: Worker | undefined;
let began = 0;

function show(state: State): void {
  document.body.dataset['state'] = state;
  const running = state === 'opening' || state === 'training';
  for (const control of controls.querySelectorAll<HTMLInputElement>('fieldset, select, input')) control.disabled = running;
  runButton.disabled = running;
  stopButton.disabled = !running;
  status.textContent = { idle: '', opening: 'opening the device', training: 'training', done: 'done', failed: 'failed', stopped: 'stopped' }[state];
}

function end(state: State): void {
  worker?.terminate();
  worker = undefined;
  show(state);
}

function fail(message: string): void {
  end('failed');
  failure.textContent = message;
  failure.hidden = false;
}

const put = (id: string, text: string): void => void (element<HTMLElement>(id).textContent = text);

function listen(device: Device, news: News): void {
  switch (news.kind) {
    case 'opened':
      put('adapter', news.adapter);
      began = performance.now();
      show('training');
      break;
    case 'steps': {
      const curve = curves[device];
      curve.push(...news.losses);
      put('step', `${curve.length} of ${planned}`);
      put('loss', curve.at(-1)!.toPrecision(4));
      put('speed', ((1000 * curve.length) / (performance.now() - began)).toFixed(0));
      for (const cell of document.querySelectorAll<HTMLElement>('[data-counter]')) cell.textContent = news.asked === null ? '–' : String(news.asked[cell.dataset['counter']!]);
      redraw();
      break;
    }
    case 'right':
      put('right', `${(100 * news.share).toFixed(1)} %`);
      break;
    case 'done':
      end('done');
      break;
    case 'failed':
      fail(news.message);
  }
}

function run(): void {
  if (worker !== undefined) return;
  const wishes = new FormData(controls);
  const device = wishes.get('device') as Device;
  planned = element<HTMLInputElement>('steps').valueAsNumber;
  curves[device] = [];
  failure.hidden = true;
  for (const id of ['step', 'loss', 'right', 'speed']) put(id, '–');
  put('adapter', '…');
  const own = new Worker(new URL('./gpu-worker.ts', import.meta.url), { type: 'module' });
  worker = own;
  // What a worker had sent before it was ended still arrives.
  own.onmessage = ({ data }: MessageEvent<News>) => worker === own && listen(device, data);
  own.onerror = ({ message }) => worker === own && fail(message || 'the worker could not be started');
  const width = Number(element<HTMLSelectElement>('width').value);
  own.postMessage({ device, width, steps: planned, engine: new URL('cresset.js', document.baseURI).href } satisfies Order);
  show('opening');
  redraw();
}

controls.addEventListener('submit', (event) => {
  event.preventDefault();
  run();
});
stopButton.addEventListener('click', () => end('stopped'));
draw();
show('idle');
