/**
 * A program's page: the editor, the run, what it prints and draws.
 * @module
 */
import { type Editor, makeEditor } from './editor.js';
import type { Start, Told, Trouble } from './messages.js';
import { NoModule, syntaxErrorLine, withPlaces } from './modules.js';

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const [output, error, pictures, status] = [element('output'), element('error'), element('pictures'), element('status')];
const [runButton, stopButton, resetButton] = ['run', 'stop', 'reset'].map((id) => element<HTMLButtonElement>(id)) as [HTMLButtonElement, HTMLButtonElement, HTMLButtonElement];
const seed = element<HTMLInputElement>('seed');
const name = document.documentElement.dataset['program']!;

type State = 'idle' | 'running' | 'done' | 'failed' | 'stopped';

/** A program that prints without end is stopped before it fills the page's memory. */
const MOST_TEXT = 5_000_000;

/** The run that is going on, or was the last. */
let worker: Worker | undefined;
let began = 0;
let printed = 0;
let clock: number | undefined;
/** Text that has come but is not shown yet: a page drawn for every line would be slower than the program. */
let waiting: { text: string; warning: boolean }[] = [];
let drawing = false;
/** The pane follows the text, unless the reader has scrolled up; it becomes smaller with the first picture. */
const scroller = output.parentElement!;
let following = true;
let lastTop = 0;
scroller.addEventListener('scroll', () => {
  const { scrollTop, scrollHeight, clientHeight } = scroller;
  if (scrollHeight - scrollTop - clientHeight < 40) following = true;
  else if (scrollTop < lastTop) following = false;
  lastTop = scrollTop;
});
new ResizeObserver(() => following && (scroller.scrollTop = scroller.scrollHeight)).observe(scroller);

function show(state: State): void {
  document.body.dataset['state'] = state;
  const running = state === 'running';
  runButton.disabled = running;
  stopButton.disabled = !running;
  const time = `${((performance.now() - began) / 1000).toFixed(1)} s`;
  status.textContent = { idle: '', running: `running, ${time}`, done: `done in ${time}`, failed: `failed after ${time}`, stopped: `stopped after ${time}` }[state];
}

function flush(): void {
  drawing = false;
  for (const { text, warning } of waiting.splice(0)) {
    if (!warning) output.append(`${text}\n`);
    else {
      const line = output.appendChild(document.createElement('span'));
      line.className = 'warning';
      line.textContent = `${text}\n`;
    }
  }
  if (following) scroller.scrollTop = scroller.scrollHeight;
}

function print(text: string, warning = false): void {
  printed += text.length + 1;
  waiting.push({ text, warning });
  if (!drawing) setTimeout(flush, 16);
  drawing = true;
}

function addPicture(name: string, svg: string): void {
  const figure = pictures.appendChild(document.createElement('figure'));
  const link = figure.appendChild(document.createElement('a'));
  const image = link.appendChild(document.createElement('img'));
  image.src = link.href = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  image.alt = name;
  // Its text stays readable: in a narrow window a wide picture is scrolled rather than shrunk further.
  image.addEventListener('load', () => (image.style.minWidth = `${0.6 * image.naturalWidth}px`));
  link.download = `${name.replaceAll('/', '_')}.svg`;
  link.title = 'Download';
  figure.appendChild(document.createElement('figcaption')).textContent = name.replace(/^.*\//, '').replaceAll('_', ' ');
}

function clear(): void {
  waiting = [];
  output.replaceChildren();
  error.hidden = true;
  for (const image of pictures.querySelectorAll('img')) URL.revokeObjectURL(image.src);
  pictures.replaceChildren();
  printed = 0;
  following = true;
}

/** Ends the run, if there is one. */
function end(state: State): void {
  worker?.terminate();
  worker = undefined;
  clearInterval(clock);
  flush();
  show(state);
}

function fail(editor: Editor, { message, line }: Trouble): void {
  line ??= message.startsWith('SyntaxError') ? syntaxErrorLine(editor.text()) : undefined;
  end('failed');
  error.textContent = line === undefined ? message : `Line ${line}: ${message}`;
  error.hidden = false;
  error.scrollIntoView({ block: 'nearest' });
  editor.mark(line);
}

function listen(editor: Editor, told: Told): void {
  switch (told.kind) {
    case 'text':
      print(told.text, told.warning);
      if (printed > MOST_TEXT) fail(editor, { message: `stopped: it printed more than ${MOST_TEXT / 1e6} million characters`, line: undefined });
      break;
    case 'picture':
      addPicture(told.name, told.svg);
      break;
    case 'done':
      end('done');
      break;
    case 'error':
      fail(editor, told.trouble);
  }
}

function run(editor: Editor): void {
  if (worker !== undefined) return;
  clear();
  editor.mark(undefined);
  began = performance.now();
  const given = seed.value.trim();
  const start: Omit<Start, 'code'> = { args: given === '' ? [] : [given], images: new URL('fashion-mnist', document.baseURI).href };
  let code: string;
  try {
    code = withPlaces(editor.text(), document.baseURI);
  } catch (error) {
    if (error instanceof NoModule) return fail(editor, error);
    throw error;
  }
  const own = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  worker = own;
  // What a worker had sent before it was ended still arrives.
  own.onmessage = ({ data }: MessageEvent<Told>) => worker === own && listen(editor, data);
  own.onerror = ({ message }) => worker === own && fail(editor, { message: message || 'the worker could not be started', line: undefined });
  own.postMessage({ ...start, code } satisfies Start);
  clock = window.setInterval(() => show('running'), 100);
  show('running');
}

const response = await fetch(`programs/${name}.js`);
if (!response.ok) throw new Error(`programs/${name}.js: the server answered ${response.status}`);
const source = await response.text();
const editor: Editor = makeEditor(element('editor'), source, () => run(editor), () => (resetButton.disabled = editor.text() === source));
element<HTMLFormElement>('controls').addEventListener('submit', (event) => {
  event.preventDefault();
  run(editor);
});
stopButton.addEventListener('click', () => end('stopped'));
resetButton.addEventListener('click', () => editor.setText(source));
show('idle');
