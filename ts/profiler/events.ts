/**
 * What the engine recorded, as a tree of events.
 * @module
 */
import { message, run, scratch } from '../runtime/wasm.js';

/** What an event is: a range that the program named, an op, a node that backward evaluated, or a kernel. */
export type EventKind = 'range' | 'op' | 'node' | 'kernel';

const KINDS: readonly EventKind[] = ['range', 'op', 'node', 'kernel'];
/** Words of an event in the block (bindings/wasm, `profile_take`). */
const WORDS = 7;
const CHUNK = 4096;

/** Something that took time. PyTorch: `FunctionEvent`. */
export interface ProfilerEvent {
  /** `aten::addmm`, `AddmmBackward0`, `kernel::matmul`, or what the program called it. */
  readonly name: string;
  readonly kind: EventKind;
  /** Microseconds since the recording began. */
  readonly start: number;
  /** Microseconds. PyTorch: `cpu_time_total`. */
  readonly cpuTimeTotal: number;
  /** Microseconds without those of the events within. */
  readonly selfCpuTimeTotal: number;
  /** Bytes that tensors had more afterwards. */
  readonly cpuMemoryUsage: number;
  /** The same without the events within. */
  readonly selfCpuMemoryUsage: number;
  /** Bytes that kernels read and wrote: the size of their operands. */
  readonly bytes: number;
  /** Sizes of the arguments, with `recordShapes`; `[]` for those that are no tensors. */
  readonly inputShapes: readonly (readonly number[])[] | null;
  readonly parent: ProfilerEvent | null;
  readonly children: readonly ProfilerEvent[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Node = Mutable<Omit<ProfilerEvent, 'children' | 'parent'>> & { parent: Node | null; children: Node[] };

/** Takes away what was recorded and has ended. `ranges` are the program's names, `shapes` those of ops by their place. */
export function takeEvents(ranges: readonly string[], shapes: ReadonlyMap<number, readonly (readonly number[])[]>): ProfilerEvent[] {
  const nodes: Node[] = [];
  let rows: number;
  // Names are known when all rows are there.
  const names: number[] = [];
  do {
    rows = run((wasm) => wasm.profile_take(CHUNK)) / WORDS;
    const words = scratch().slice(0, rows * WORDS);
    for (let i = 0; i < rows; i++) {
      const [kind, name, start, end, parent, allocated, touched] = words.subarray(i * WORDS, (i + 1) * WORDS) as unknown as [number, number, number, number, number, number, number];
      names.push(name);
      nodes.push({
        name: '',
        kind: KINDS[kind]!,
        start: start * 1000,
        cpuTimeTotal: (end - start) * 1000,
        selfCpuTimeTotal: (end - start) * 1000,
        cpuMemoryUsage: allocated,
        selfCpuMemoryUsage: allocated,
        bytes: touched,
        inputShapes: shapes.get(nodes.length) ?? null,
        parent: parent < 0 ? null : nodes[parent]!,
        children: [],
      });
    }
  } while (rows === CHUNK);
  run((wasm) => wasm.profile_names());
  const table = run(message).split('\n');
  const zero = nodes[0]?.start ?? 0;
  nodes.forEach((node, i) => {
    node.name = label(node.kind, node.kind === 'range' ? ranges[names[i]!]! : table[names[i]!]!);
    node.start -= zero;
    const { parent } = node;
    if (parent === null) return;
    parent.children.push(node);
    parent.selfCpuTimeTotal -= node.cpuTimeTotal;
    parent.selfCpuMemoryUsage -= node.cpuMemoryUsage;
  });
  // Children stand behind their parents.
  for (let i = nodes.length - 1; i >= 0; i--) {
    const { parent, bytes } = nodes[i]!;
    if (parent !== null) parent.bytes += bytes;
  }
  return nodes;
}

function label(kind: EventKind, name: string): string {
  return kind === 'op' ? `aten::${name}` : kind === 'kernel' ? `kernel::${name}` : name;
}
