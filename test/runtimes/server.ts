// A static file server on localhost, with what tests have to change: headers, MIME types, answers to single paths.
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json', '.map': 'application/json', '.wasm': 'application/wasm',
};

export interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly body?: string | Uint8Array;
}

export interface ServeOptions {
  /** Sent with every answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Folders under paths of their own: `{ '/data/': '/usr/share/data' }`. */
  readonly folders?: Readonly<Record<string, string>>;
  /** What else is answered to a path, in whole or in part; what it leaves out comes from the file. */
  readonly answer?: (path: string) => Answer | undefined;
}

export interface Site {
  /** `http://localhost:1234` */
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves a folder until closed. */
export async function serve(folder: string, { headers = {}, folders = {}, answer }: ServeOptions = {}): Promise<Site> {
  const read = (path: string): Uint8Array | undefined => {
    const prefix = Object.keys(folders).find((start) => path.startsWith(start));
    const file = prefix === undefined ? join(folder, normalize(path)) : join(folders[prefix]!, normalize(path.slice(prefix.length)));
    return statSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file) : undefined;
  };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, 'http://localhost').pathname);
    const own = answer?.(path);
    const body = own?.body ?? read(path);
    response.writeHead(own?.status ?? (body === undefined ? 404 : 200), { 'content-type': own?.type ?? TYPES[extname(path)] ?? 'application/octet-stream', ...headers });
    response.end(body ?? 'not found');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}
