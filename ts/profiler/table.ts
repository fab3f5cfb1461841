/**
 * Events by name, and the table that PyTorch prints of them (torch/autograd/profiler_util.py).
 * @module
 */
import { ArgumentError } from '../errors.js';
import type { ProfilerEvent } from './events.js';

/** All events of one name, or of one name and shapes. PyTorch: `FunctionEventAvg`. */
export interface EventAverage {
  /** The name. */
  readonly key: string;
  /** How many there were. */
  readonly count: number;
  /** Microseconds of all of them; an event within one of the same name is not counted again. */
  readonly cpuTimeTotal: number;
  /** Microseconds of all of them without what happened within. */
  readonly selfCpuTimeTotal: number;
  /** Microseconds of one. */
  readonly cpuTime: number;
  /** Bytes that tensors had more afterwards. */
  readonly cpuMemoryUsage: number;
  /** The same without what happened within. */
  readonly selfCpuMemoryUsage: number;
  /** Bytes that kernels read and wrote. */
  readonly bytes: number;
  /** With `groupByInputShape`. */
  readonly inputShapes: readonly (readonly number[])[] | null;
}

/** By what a table may be sorted, largest first. */
export type SortKey =
  | 'cpuTime' | 'cpuTimeTotal' | 'selfCpuTimeTotal' | 'cpuMemoryUsage' | 'selfCpuMemoryUsage' | 'bytes' | 'count';

/** Options of {@link EventList.table}. */
export interface TableOptions {
  /** Largest first; the order in which names first occurred if left out. PyTorch's names (`'self_cpu_time_total'`) do too. */
  sortBy?: SortKey | string | null;
  /** Rows at most; -1 for all. Default 100. */
  rowLimit?: number;
  /** A line above it. */
  header?: string | null;
  /** The name column is at most as wide, and the one of shapes. Defaults 55 and 80. */
  maxNameColumnWidth?: number;
  maxShapesColumnWidth?: number;
}

const SORT_KEYS: readonly SortKey[] = ['cpuTime', 'cpuTimeTotal', 'selfCpuTimeTotal', 'cpuMemoryUsage', 'selfCpuMemoryUsage', 'bytes', 'count'];

const time = (us: number): string =>
  us >= 1e6 ? `${(us / 1e6).toFixed(3)}s` : us >= 1e3 ? `${(us / 1e3).toFixed(3)}ms` : `${us.toFixed(3)}us`;

function memory(bytes: number): string {
  const size = Math.abs(bytes);
  for (const [unit, name] of [[2 ** 30, 'GB'], [2 ** 20, 'MB'], [2 ** 10, 'KB']] as const) {
    if (size >= unit) return `${(bytes / unit).toFixed(2)} ${name}`;
  }
  return `${bytes} B`;
}

const share = (part: number, whole: number): string => `${(whole === 0 ? 0 : (100 * part) / whole).toFixed(2)}%`;

const shapesText = (shapes: EventAverage['inputShapes']): string => `[${(shapes ?? []).map((s) => `[${s.join(', ')}]`).join(', ')}]`;

/** Averages of events, with PyTorch's table. PyTorch: `EventList`. */
export class EventList extends Array<EventAverage> {
  /** What `map` and the like make of it is a plain array. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** Microseconds of the recording that were spent in events. @internal */
  total = 0;
  /** Columns to show. @internal */
  shown = { memory: false, shapes: false };

  /**
   * The table PyTorch prints, with a column more: the bytes that kernels read and wrote. PyTorch: `EventList.table`.
   * @example
   * const prof = torch.profiler.profile(() => void torch.ones(100, 100).exp());
   * console.log(prof.keyAverages().table({ sortBy: 'selfCpuTimeTotal', rowLimit: 10 }));
   * @throws {@link ArgumentError} if `sortBy` is no column.
   */
  table({ sortBy = null, rowLimit = 100, header = null, maxNameColumnWidth = 55, maxShapesColumnWidth = 80 }: TableOptions = {}): string {
    let rows: EventAverage[] = Array.from(this);
    if (sortBy !== null) {
      const key = SORT_KEYS.find((k) => k === sortBy || k === camel(sortBy));
      if (key === undefined) throw new ArgumentError(`table: sortBy must be one of ${SORT_KEYS.join(', ')}, not ${sortBy}`);
      rows.sort((a, b) => b[key] - a[key]);
    }
    if (rowLimit >= 0) rows = rows.slice(0, rowLimit);
    const cut = (text: string, width: number): string => (text.length <= width ? text : `${text.slice(0, width - 3)}...`);
    const nameWidth = Math.min(maxNameColumnWidth, Math.max(...this.map(({ key }) => key.length), 0) + 4);
    const columns: [title: string, width: number, text: (row: EventAverage) => string][] = [
      ['Name', nameWidth, ({ key }) => cut(key, nameWidth)],
      ['Self CPU %', 12, (row) => share(row.selfCpuTimeTotal, this.total)],
      ['Self CPU', 12, (row) => time(row.selfCpuTimeTotal)],
      ['CPU total %', 12, (row) => share(row.cpuTimeTotal, this.total)],
      ['CPU total', 12, (row) => time(row.cpuTimeTotal)],
      ['CPU time avg', 12, (row) => time(row.cpuTime)],
    ];
    if (this.shown.memory) {
      columns.push(['CPU Mem', 12, (row) => memory(row.cpuMemoryUsage)], ['Self CPU Mem', 12, (row) => memory(row.selfCpuMemoryUsage)]);
    }
    columns.push(['Bytes', 12, (row) => memory(row.bytes)], ['# of Calls', 12, ({ count }) => String(count)]);
    if (this.shown.shapes) {
      const width = Math.min(maxShapesColumnWidth, Math.max(...this.map(({ inputShapes }) => shapesText(inputShapes).length), 12) + 4);
      columns.push(['Input Shapes', width, ({ inputShapes }) => cut(shapesText(inputShapes), width)]);
    }
    const line = (cell: (column: (typeof columns)[number]) => string): string => columns.map((c) => `${cell(c).padStart(c[1])}  `).join('');
    const rule = line(([, width]) => '-'.repeat(width));
    const lines = [rule, line(([title]) => title), rule, ...rows.map((row) => line(([, , text]) => text(row))), rule, `Self CPU time total: ${time(this.total)}`, ''];
    if (header !== null) lines.unshift('='.repeat(rule.length), header);
    return lines.join('\n');
  }

  /** The table, in the order in which names first occurred. */
  override toString(): string {
    return this.table();
  }
}

const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Events of one name together, or of one name and one list of shapes. */
export function averages(events: readonly ProfilerEvent[], byShape: boolean): EventList {
  const groups = new Map<string, { -readonly [K in keyof EventAverage]: EventAverage[K] }>();
  for (const event of events) {
    const key = byShape ? `${event.name} ${shapesText(event.inputShapes)}` : event.name;
    let group = groups.get(key);
    if (group === undefined) {
      group = { key: event.name, count: 0, cpuTimeTotal: 0, selfCpuTimeTotal: 0, cpuTime: 0, cpuMemoryUsage: 0, selfCpuMemoryUsage: 0, bytes: 0, inputShapes: byShape ? event.inputShapes : null };
      groups.set(key, group);
    }
    group.count++;
    group.selfCpuTimeTotal += event.selfCpuTimeTotal;
    group.selfCpuMemoryUsage += event.selfCpuMemoryUsage;
    if (within(event)) continue;
    group.cpuTimeTotal += event.cpuTimeTotal;
    group.cpuMemoryUsage += event.cpuMemoryUsage;
    group.bytes += event.bytes;
  }
  for (const group of groups.values()) group.cpuTime = group.cpuTimeTotal / group.count;
  const list = EventList.from(groups.values()) as EventList;
  list.total = events.reduce((sum, event) => sum + event.selfCpuTimeTotal, 0);
  list.shown.shapes = byShape;
  return list;
}

/** Whether an event is within another of its name. */
function within({ name, parent }: ProfilerEvent): boolean {
  for (let at = parent; at !== null; at = at.parent) if (at.name === name) return true;
  return false;
}
