// What a report says of a GPU beside its times: which adapter it was, how close results are, what WebGPU was asked to do.
import { COUNTERS } from './gpu.mjs';

/** What a reader has to know of the numbers that follow. */
export function deviceText({ adapter, runtime }) {
  const peers = runtime.startsWith('Node')
    ? 'In Node no other library has WebGPU: our package alone, through the npm package `webgpu`, compared with itself on the CPU.'
    : 'onnxruntime-web\'s inputs and outputs stay on the GPU, as everybody\'s do; integers are uploaded.';
  const software = adapter.software
    ? '**This adapter is the processor in the place of a GPU: the times say nothing about any GPU, no target is judged, and only the counters and the comparison of outputs count.**'
    : 'No target is set for times on a GPU.';
  return [
    `Adapter: ${adapter.name}. ${software}`,
    `A time is from the first call to the end of a read that waits for all of them (tfjs: for its queue). ${peers} "cresset (CPU)" is the same program of ours on one thread of the processor.`,
    'Counters are of one repetition and the read behind it, after others that fill pools (at most sixty, as many as fit into some seconds; medians of five), counted at WebGPU\'s own classes for every side; "differs" is the largest difference from our outputs on the GPU, relative to the largest element.',
  ].join('\n\n');
}

const scientific = (x) => (x === 0 ? '0' : x.toExponential(0));

/** How the outputs of a peer's side differ from ours. */
const differs = (p) => (p.failed ? `**${p.failed}**` : p.error === undefined ? 'not compared' : scientific(p.error));

/** Counters and differences: a line for each side of each row. Empty where nothing was counted. */
export function countersTable(results) {
  const counted = results.filter((result) => result.counters);
  if (counted.length === 0) return '';
  const names = Object.keys(COUNTERS);
  const line = (row, who, difference, counters) => [row, who, difference, ...names.map((name) => counters?.[name] ?? '')];
  const lines = counted.flatMap((result) => [
    line(result.name, 'cresset', '', result.counters),
    ...(result.peers ?? []).filter((p) => !p.skipped).map((p) => line('', `${p.peer === 'self' ? 'cresset' : p.peer}${p.form ? ` (${p.form})` : ''}`, differs(p), p.counters)),
  ]);
  const head = ['row', 'side', 'differs', ...Object.values(COUNTERS)];
  return [head, head.map((_, i) => (i < 2 ? '---' : '---:')), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
