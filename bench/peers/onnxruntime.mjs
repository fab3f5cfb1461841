// onnxruntime-web runs what torch.onnx.export makes of our own side: with the weights in the file, and with weights as inputs.
// Its run() is asynchronous and copies inputs in and outputs out; there is no other way to call it on the CPU. On WebGPU both stay
// on the GPU. All graph optimisations are on.
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

/** The model that `make` gives, as a file; tensors that it is made with are read at once, which those on a GPU cannot be. */
function exported({ torch, onCpu }, make, exportParams = true) {
  try {
    return onCpu(() => {
      const { model, names, inputs } = make();
      return torch.onnx.export(model, inputs, { inputNames: names, exportParams });
    });
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

/** A model on WebGPU. Floats live on the GPU, as ours do; integers are uploaded, since its kernels may want to look at them. What is timed ends with a read of one number of the last output. */
async function gpuSideFrom(bytes, tensors, form) {
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'all', executionProviders: ['webgpu'], preferredOutputLocation: 'gpu-buffer', logSeverityLevel: 4 });
  const device = await ort.env.webgpu.device;
  const buffers = [];
  const keep = (size, usage) => buffers[buffers.push(device.createBuffer({ size, usage })) - 1];
  const { COPY_DST, COPY_SRC, MAP_READ, STORAGE } = globalThis.GPUBufferUsage;
  const upload = ({ shape, dtype, data }) => {
    if (dtype !== 'float32') return toOrt({ shape, dtype, data });
    const buffer = keep(Math.ceil(data.byteLength / 16) * 16, STORAGE | COPY_SRC | COPY_DST);
    device.queue.writeBuffer(buffer, 0, data);
    return ort.Tensor.fromGpuBuffer(buffer, { dataType: dtype, dims: shape });
  };
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, upload(tensors[name])]));
  const word = keep(4, MAP_READ | COPY_DST);
  const dispose = (results) => Object.values(results).forEach((t) => t.dispose());
  return {
    form,
    check: async () => {
      const results = await session.run(feeds);
      const outputs = await Promise.all(session.outputNames.map(async (name) => Float32Array.from(await results[name].getData(), Number)));
      dispose(results);
      return outputs;
    },
    run: async (n) => {
      let results;
      for (let i = 0; i < n; i++) {
        if (results) dispose(results);
        results = await session.run(feeds);
      }
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(results[session.outputNames[0]].gpuBuffer, 0, word, 0, 4);
      device.queue.submit([encoder.finish()]);
      await word.mapAsync(globalThis.GPUMapMode.READ);
      word.unmap();
      dispose(results);
    },
    close: async () => {
      await session.release();
      buffers.forEach((buffer) => buffer.destroy());
    },
  };
}

export async function open({ torch, threads = 1, model, device = 'cpu' }) {
  const makeSide = device === 'webgpu' ? gpuSideFrom : sideFrom;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'fatal';
  // In a page its files are served from here; in Node it finds them itself.
  if (globalThis.location) ort.env.wasm.wasmPaths = new URL('/onnxruntime-web/', globalThis.location.href).href;
  return {
    async sides(row, data) {
      // A cold start gets its model from elsewhere: our engine must not be loaded before it.
      if (model) return row.kind === 'network' ? [await makeSide(model, data.tensors)] : unsupported('it does not train');
      // What is named here is loaded only then.
      const ours = { torch, ...(await import('./cresset.mjs')) };
      if (row.kind === 'network') {
        const network = () => ({ model: ours.modelOf(row, data).eval(), names: ['x'], inputs: [ours.tensorOf(data.tensors.x)] });
        return [
          await makeSide(exported(ours, network), data.tensors, 'constant weights'),
          await makeSide(exported(ours, network, false), { ...data.tensors, ...data.weights }, 'weights as inputs'),
        ];
      }
      if (row.kind !== 'op') unsupported('it does not train');
      if (row.grad || row.awaited || row.exported === false) unsupported('not an op of a model');
      const form = (constants, name) => makeSide(exported(ours, () => opModel(ours, row, data, constants)), data.tensors, name);
      return row.constants ? [await form(row.constants, 'constant weights'), await form([], 'weights as inputs')] : [await form([])];
    },
  };
}
