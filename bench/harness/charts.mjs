// Charts of results: for each group, how many times our time every peer takes. Drawn by torch.plot's figures.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from './results.mjs';

const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
const label = ({ peer, form }) => (form ? `${peer} (${form})` : peer);

/** The Vega-Lite specification of a group's ratios: a row of points each, on a logarithmic axis, with a line at 1. */
export function ratioSpec(title, results) {
  const values = results.flatMap((result) => (result.peers ?? []).filter((p) => p.ratio !== undefined).map((p) => ({ row: result.name, peer: label(p), ratio: p.ratio })));
  const names = [...new Set(values.map((v) => v.row))];
  return {
    title, width: 460, height: 17 * names.length,
    layer: [
      { data: { values: [{ at: 1 }] }, mark: { type: 'rule', color: '#444', strokeDash: [4, 3] }, encoding: { x: { field: 'at', type: 'quantitative' } } },
      {
        data: { values }, mark: { type: 'point', filled: true, size: 55, opacity: 0.85 },
        encoding: {
          x: { field: 'ratio', type: 'quantitative', title: "peer's time / cresset's time", scale: { type: 'log', nice: true } },
          y: { field: 'row', type: 'nominal', sort: names, title: null, axis: { labelLimit: 280, grid: true } },
          color: { field: 'peer', type: 'nominal', title: null, legend: { orient: 'top', columns: 3, labelLimit: 260 } },
          shape: { field: 'peer', type: 'nominal', title: null },
        },
      },
    ],
  };
}

/** Draws a chart per runtime, group, thread count and build; gives what was written. */
export async function drawCharts(every) {
  const { plot } = await import('../../dist/index.js');
  const drawn = [];
  for (const results of every) {
    // A picture of times that say nothing would be looked at all the same.
    if (results.machine.adapter?.software) continue;
    const groups = Map.groupBy ? Map.groupBy(results.all(), keyed) : groupBy(results.all(), keyed);
    for (const these of groups.values()) {
      const [{ group, threads, simd }] = these;
      if (!these.some((r) => r.peers?.some((p) => p.ratio !== undefined))) continue;
      const file = `${slug([results.runtime, group, threads > 1 ? `${threads}-threads` : '', simd === 'baseline' ? 'baseline' : ''].filter(Boolean).join('-'))}.svg`;
      const title = `${group}, ${results.machine.runtime}, ${threads} thread${threads > 1 ? 's' : ''}`;
      writeFileSync(join(folder, file), await new plot.Figure(ratioSpec(title, these)).svg());
      drawn.push({ runtime: results.runtime, group, threads, simd, file });
    }
  }
  return drawn;
}

const keyed = ({ group, threads, simd }) => `${group} ${threads} ${simd}`;

function groupBy(list, key) {
  const groups = new Map();
  for (const item of list) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
