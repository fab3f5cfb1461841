// The most memory that a process has had. Linux keeps a mark that can be put back to what is in use now (proc(5): clear_refs);
// elsewhere the mark is from the process's beginning.
import { readFileSync, writeFileSync } from 'node:fs';

const field = (pid, name) => 1024 * Number(new RegExp(`${name}:\\s*(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

/** Bytes: with `start` those in use now, from where on the mark counts, without it the mark. Undefined where there is no /proc. */
export function memoryOf(pid, start) {
  try {
    if (!start) return field(pid, 'VmHWM');
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return field(pid, 'VmRSS');
  } catch {
    return undefined;
  }
}
