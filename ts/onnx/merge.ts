/**
 * Several traces of one model at different sizes, laid upon each other: what is the same in all of them is constant, and
 * what differs follows a dynamic axis.
 * @module
 */
import { OnnxExporterError, SymbolicValueError } from './errors.js';
import { type Arg, type Trace, Value, Varying, whereOf } from './trace.js';

/** The first trace, its sizes and arguments completed from the others. `axes` names the dynamic axes, for messages. */
export function merge(traces: readonly Trace[], axes: string): Trace {
  const [first, ...others] = traces;
  for (const other of others) compare(first!, other, axes);
  others.forEach((other) => {
    first!.values.forEach((value, i) => value.sizes.forEach((vector, d) => vector.push(other.values[i]!.shape[d]!)));
  });
  first!.calls.forEach((call, i) => {
    for (const name of Object.keys(call.args)) {
      call.args[name] = join(traces.map((t) => t.calls[i]!.args[name]!), () => `${call.op}: ${name} in ${whereOf(call.scope)}`);
    }
  });
  first!.values.forEach((value, i) => settle(value, others.map((other) => other.values[i]!)));
  return first!;
}

/** Refuses traces that did different things. */
function compare(a: Trace, b: Trace, axes: string): void {
  const differ = (what: string): never => {
    throw new SymbolicValueError(
      `onnx.export: ${what} for another size of ${axes}, so forward does not do the same for every size and is no graph. Usual causes: a loop or an if over a ` +
        'size of a dynamic axis, unbind() or split() along it. Use ops over the whole tensor, or leave the axis static',
    );
  };
  const n = Math.max(a.calls.length, b.calls.length);
  for (let i = 0; i < n; i++) {
    const [x, y] = [a.calls[i], b.calls[i]];
    if (x === undefined || y === undefined) differ(`${whereOf((x ?? y)!.scope)} calls ${(x ?? y)!.op} ${x === undefined ? 'additionally' : 'not'}`);
    if (x!.op !== y!.op) differ(`${whereOf(x!.scope)} calls ${y!.op} instead of ${x!.op}`);
    if (x!.results.length !== y!.results.length) differ(`${x!.op} in ${whereOf(x!.scope)} gives ${y!.results.length} tensors instead of ${x!.results.length}`);
    x!.results.forEach((r, k) => {
      if (r.shape.length !== y!.results[k]!.shape.length) differ(`${x!.op} in ${whereOf(x!.scope)} gives ${y!.results[k]!.shape.length} dimensions instead of ${r.shape.length}`);
    });
  }
  if (a.values.length !== b.values.length || a.outputs.length !== b.outputs.length) differ('forward gives or uses another number of tensors');
}

/** One argument out of that of every trace. */
function join(all: readonly Arg[], where: () => string): Arg {
  const [a] = all;
  if (all.every((x) => Object.is(x, a))) return a!;
  if (a instanceof Value && all.every((x) => x instanceof Value && x.index === a.index)) return a;
  if (all.every((x) => typeof x === 'number')) return new Varying(all as number[]);
  if (all.every((x) => Array.isArray(x) && x.length === (a as readonly Arg[]).length)) {
    return (a as readonly Arg[]).map((_, i) => join(all.map((x) => (x as readonly Arg[])[i]!), where));
  }
  throw new SymbolicValueError(`onnx.export: ${where()} is of another kind for another size of a dynamic axis, which no graph can follow; leave that axis static`);
}

/** Elements that another trace has otherwise are no constant: what computed them has to be in the graph. */
function settle(value: Value, others: readonly Value[]): void {
  if (value.data === null || value.label !== '') return;
  const same = !value.varies && others.every((o) => o.data === null || o.data.every((x, i) => Object.is(x, value.data![i])));
  if (same) return;
  value.data = null;
}

/** Refuses a constant from outside that is another one in every trace. */
export function unsettled(value: Value): OnnxExporterError {
  return new SymbolicValueError(
    `onnx.export: a tensor of shape [${value.shape.join(', ')}] that forward makes from plain numbers changes with a dynamic axis, and a graph would keep this one. ` +
      'Make it with ops from sizes (torch.arange(n), torch.zeros(n, ...)) or from the inputs, or leave the axis static',
  );
}
