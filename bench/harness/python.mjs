// PyTorch's process: one for the whole run, since importing torch takes seconds.
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { bench } from './node.mjs';

/** Whether this Python can import torch. */
export const hasTorch = (command) => spawnSync(command, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0;

/** Starts pytorch.py: a function from requests to answers, with `end()`. Requests are answered in order. */
export function startPython(command) {
  const child = spawn(command, [join(bench, 'peers/pytorch.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { value, error } = JSON.parse(line);
    const { resolve, reject } = waiting.shift();
    if (error) reject(new Error(error));
    else resolve(value);
  });
  child.on('exit', () => waiting.splice(0).forEach(({ reject }) => reject(new Error("PyTorch's process ended"))));
  const ask = (request) => new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
    child.stdin.write(`${JSON.stringify(request)}\n`);
  });
  return Object.assign(ask, { pid: child.pid, end: () => child.stdin.end() });
}
