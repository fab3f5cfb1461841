/**
 * `torch.scope`: what a function made and did not return is freed when it ends.
 * @module
 */
import { cellOf, type Cell, idOf, type Owner, release } from './cells.js';
import { cellOfHandle, type Handle, isHandle, isLive, keepHandle, setOwner } from './handle.js';

interface Scope extends Owner {
  /** Still running after its function returned a promise. */
  asynchronous: boolean;
}

const open: Scope[] = [];

function activate(): void {
  setOwner(open.at(-1) ?? null);
}

/**
 * Frees, when `fn` ends, every tensor it made and neither returned nor passed to {@link keep}; `fn` may be async.
 * Tensors inside a returned array, object, Map or Set count as returned. Parameters, buffers, gradients and optimizer
 * state are never freed by a scope. When `fn` throws, everything it made is freed. Scopes nest.
 *
 * While several *async* scopes are open at once it cannot be known which of them a tensor belongs to; such tensors are
 * freed when the last of those scopes ends.
 * @example
 * const loss = torch.scope(() => model(x).sub(y).square().mean().itemSync());
 * @returns what `fn` returns.
 */
export function scope<T>(fn: () => T): T {
  const mine: Scope = { ids: [], closed: false, heir: null, asynchronous: false };
  open.push(mine);
  activate();
  let result: T;
  try {
    result = fn();
  } catch (error) {
    close(mine, undefined);
    throw error;
  }
  if (result instanceof Promise) {
    mine.asynchronous = true;
    return result.then(
      (value: unknown) => {
        close(mine, value);
        return value;
      },
      (error: unknown) => {
        close(mine, undefined);
        throw error;
      },
    ) as T;
  }
  close(mine, result);
  return result;
}

function close(mine: Scope, result: unknown): void {
  open.splice(open.lastIndexOf(mine), 1);
  activate();
  const returned = new Set<Cell>();
  collect(result, returned, new Set());
  const parent = open.at(-1) ?? null;
  for (const cell of returned) if (cell.owner === mine) own(parent, cell);
  // A scope that ran while its function waited may hold tensors of another async scope: the other one inherits them.
  mine.heir = (mine.asynchronous && open.filter((s) => s.asynchronous).at(-1)) || null;
  // What is not in the engine now finds its scope closed when it is used.
  mine.closed = true;
  for (const id of mine.ids) {
    const cell = cellOf(id);
    if (cell?.owner !== mine) continue;
    if (mine.heir) own(mine.heir, cell);
    else release(cell);
  }
  mine.ids = [];
}

function own(scope: Owner | null, cell: Cell): void {
  cell.owner = scope;
  if (scope !== null && cell.slot >= 0) scope.ids.push(idOf(cell));
}

/** The cells of all tensors reachable from a returned value. */
function collect(value: unknown, into: Set<Cell>, seen: Set<object>): void {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value)) return;
  seen.add(value);
  if (isHandle(value)) {
    if (isLive(value)) into.add(cellOfHandle(value));
    return;
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return;
  if (value instanceof Map) {
    for (const pair of value as Map<unknown, unknown>) collect(pair, into, seen);
  } else if (value instanceof Set) for (const v of value) collect(v, into, seen);
  for (const v of Object.values(value)) collect(v, into, seen);
}

/**
 * Takes a tensor out of every scope, so that only `dispose()` or garbage collection ends it. Returns its argument.
 * @example
 * torch.scope(() => { best = torch.keep(model(x)); });
 */
export function keep<T extends Handle>(tensor: T): T {
  keepHandle(tensor);
  return tensor;
}
