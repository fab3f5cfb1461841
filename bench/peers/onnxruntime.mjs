// onnxruntime-web runs what torch.onnx.export makes of our own side: with the weights in the file, and with weights as inputs.
// Its run() is asynchronous and copies inputs in and outputs out; there is no other way to call it. All graph optimisations are on.
import * as ort from 'onnxruntime-web';
import { sideOf, unsupported } from './index.mjs';

const toOrt = ({ shape, dtype, data }) => new ort.Tensor(dtype, dtype === 'int64' ? BigInt64Array.from(data, BigInt) : data, shape);

/** An op as a module whose constants are parameters, or as one that takes them all as inputs. */
function opModel({ torch, tensorOf }, row, data, constants) {
  const make = sideOf(row, 'cresset');
  const free = Object.keys(data.tensors).filter((name) => !constants.includes(name));
  class Op extends torch.nn.Module {
    constructor() {
      super();
      for (const name of constants) this[name] = new torch.nn.Parameter(tensorOf(data.tensors[name]), false);
    }

    forward(...given) {
      const side = make(torch, Object.fromEntries([...free.map((name, i) => [name, given[i]]), ...constants.map((name) => [name, this[name]])]));
      return (side.body ?? side)();
    }
  }
  return { model: new Op(), names: free, inputs: free.map((name) => tensorOf(data.tensors[name])) };
}

function exported(torch, { model, names, inputs }, exportParams = true) {
  try {
    return torch.onnx.export(model, inputs, { inputNames: names, exportParams });
  } catch (error) {
    return unsupported(`cannot be exported: ${error.message}`);
  }
}

async function sideFrom(bytes, tensors, form) {
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'all', executionProviders: ['wasm'], logSeverityLevel: 4 });
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, toOrt(tensors[name])]));
  return {
    form,
    check: async () => {
      const results = await session.run(feeds);
      return session.outputNames.map((name) => Float32Array.from(results[name].data, Number));
    },
    run: async (n) => {
      for (let i = 0; i < n; i++) await session.run(feeds);
    },
    close: () => session.release(),
  };
}

export async function open({ torch, threads = 1, model }) {
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'fatal';
  // In a page its files are served from here; in Node it finds them itself.
  if (globalThis.location) ort.env.wasm.wasmPaths = new URL('/onnxruntime-web/', globalThis.location.href).href;
  return {
    async sides(row, data) {
      // A cold start gets its model from elsewhere: our engine must not be loaded before it.
      if (model) return row.kind === 'network' ? [await sideFrom(model, data.tensors)] : unsupported('it does not train');
      // What is named here is loaded only then.
      const ours = { torch, ...(await import('./cresset.mjs')) };
      if (row.kind === 'network') {
        const network = { model: ours.modelOf(row, data).eval(), names: ['x'], inputs: [ours.tensorOf(data.tensors.x)] };
        return [
          await sideFrom(exported(torch, network), data.tensors, 'constant weights'),
          await sideFrom(exported(torch, network, false), { ...data.tensors, ...data.weights }, 'weights as inputs'),
        ];
      }
      if (row.kind !== 'op') unsupported('it does not train');
      if (row.grad || row.awaited || row.exported === false) unsupported('not an op of a model');
      const form = (constants, name) => sideFrom(exported(torch, opModel(ours, row, data, constants)), data.tensors, name);
      return row.constants ? [await form(row.constants, 'constant weights'), await form([], 'weights as inputs')] : [await form([])];
    },
  };
}
