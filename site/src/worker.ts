/**
 * Runs one program, and tells the page what it prints. The page makes a new worker for every run, so that a program begins
 * with a fresh engine, and ends it to stop a program.
 * @module
 */
import type { Host } from '../../examples/lib/host.js';
import type { Start, Told, Trouble } from './messages.js';

const tell = (message: Told): void => postMessage(message);

/** The program's line in a stack: the innermost frame that lies in its module. */
function lineOf(stack: string, url: string): number | undefined {
  const at = stack.indexOf(`${url}:`);
  const found = at < 0 ? null : /^:(\d+)/.exec(stack.slice(at + url.length));
  return found ? Number(found[1]) : undefined;
}

function trouble(error: unknown, url: string): Trouble {
  if (!(error instanceof Error)) return { message: String(error), line: undefined };
  return { message: `${error.name}: ${error.message}`, line: lineOf(error.stack ?? '', url) };
}

async function run({ code, args, images }: Start): Promise<void> {
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const print = (text: string): void => tell({ kind: 'text', text });
  const warn = (text: string): void => tell({ kind: 'text', text, warning: true });
  const host: Partial<Host> = { args, device: 'cpu', print, warn, picture: (name, svg) => tell({ kind: 'picture', name, svg }), images: () => images };
  Object.assign(globalThis, { cressetHost: host });
  // Who tries things out writes console.log.
  const words = (show: (text: string) => void) => (...values: unknown[]) => show(values.map(String).join(' '));
  Object.assign(console, { log: words(print), info: words(print), warn: words(warn), error: words(warn) });
  const failed = (error: unknown): void => tell({ kind: 'error', trouble: trouble(error, url) });
  // What a program does not wait for fails here.
  addEventListener('unhandledrejection', ({ reason }) => failed(reason));
  addEventListener('error', ({ error, message }) => failed(error ?? message));
  try {
    await import(/* @vite-ignore */ url);
    tell({ kind: 'done' });
  } catch (error) {
    failed(error);
  }
}

addEventListener('message', ({ data }: MessageEvent<Start>) => void run(data), { once: true });
