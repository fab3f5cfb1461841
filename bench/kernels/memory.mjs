// What the allocator of tensors costs, in nanoseconds and in memory: node bench/kernels/memory.mjs
//
// Builds bench/kernels/memory.rs, the allocator alone as wasm, and plays sequences of requests with it, with the pool of size classes
// over dlmalloc that it replaced, and with dlmalloc alone. Memory is by how much the WebAssembly memory grew for one request of
// the most bytes that were in use at once; nanoseconds are those of one take or give when the sequence is played again.
import { TextDecoder } from 'node:util';
import { buildExample } from './wasm.mjs';

const module = new WebAssembly.Module(buildExample('cresset-memory', 'memory'));
const fresh = () => new WebAssembly.Instance(module).exports;
/** An address and a length that came as one number. */
const bytes = ({ memory }, both) => new Uint8Array(memory.buffer, Number(both & 0xffffffffn), Number(both >> 32n));

const allocators = ['this', 'the pool before', 'dlmalloc'];
console.log(''.padEnd(40), allocators.map((name) => name.padStart(24)).join(''));
for (let script = 0; ; script++) {
  const writer = fresh();
  const named = writer.name(script);
  if (named === 0n) break;
  const name = new TextDecoder().decode(bytes(writer, named));
  const asks = bytes(writer, writer.write(script));
  const row = allocators.map((_, allocator) => {
    const player = fresh();
    const at = player.room(asks.length);
    new Uint8Array(player.memory.buffer, at, asks.length).set(asks);
    const before = player.memory.buffer.byteLength;
    try {
      const peak = player.play(at, asks.length, allocator) >>> 0;
      const grown = player.memory.buffer.byteLength - before;
      let best = Infinity;
      for (let round = 0; round < 5; round++) {
        const start = performance.now();
        player.play(at, asks.length, allocator);
        best = Math.min(best, performance.now() - start);
      }
      // What a program starts with is not what it needs.
      return `${peak < 2 ** 20 ? '' : (grown / peak).toFixed(2)}  ${(best * 1e6 / (asks.length / 12)).toFixed(0).padStart(4)} ns`;
    } catch {
      return 'out of memory';
    }
  });
  console.log(name.padEnd(40), row.map((text) => text.padStart(24)).join(''));
}
