// Serves a folder of files on this machine:
//
//   node site/serve.mjs FOLDER [PORT]     PORT 0 (the default) takes a free one; the first line printed is the address
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.gz': 'application/gzip',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

const HEADERS = {
  // Cross-origin isolated: a page may share memory with its workers.
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  // Files keep their names from one build to the next.
  'Cache-Control': 'no-cache',
};

/** The file that a request's path means, or undefined. */
function fileOf(folder, url) {
  let path;
  try {
    path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return undefined;
  }
  // Normalising an absolute path leaves no '..' that leads out of the folder.
  const file = join(folder, normalize(path.endsWith('/') ? `${path}index.html` : path));
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats?.isFile() ? { file, stats } : undefined;
}

/** Serves `folder` on localhost; gives the server and its address once it listens. */
export function serve(folder, port = 0) {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    const found = fileOf(folder, request.url);
    if (found === undefined) return response.writeHead(404, { ...HEADERS, 'Content-Type': 'text/plain' }).end('There is no such file.\n');
    const { file, stats } = found;
    const changed = stats.mtime.toUTCString();
    if (request.headers['if-modified-since'] === changed) return response.writeHead(304, HEADERS).end();
    response.writeHead(200, {
      ...HEADERS,
      'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
      'Content-Length': stats.size,
      'Last-Modified': changed,
    });
    if (request.method === 'HEAD') return response.end();
    createReadStream(file).on('error', () => response.destroy()).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, 'localhost', () => resolve({ server, url: `http://localhost:${server.address().port}/` }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, port] = process.argv.slice(2);
  console.log((await serve(folder, Number(port ?? 0))).url);
}
