// What a result is worth depends on where it was measured.
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { fail, root } from '../../scripts/lib.mjs';
import { bench } from './node.mjs';

const versionIn = (folder, name) => JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;

/** The widest vector instructions that the kernel reports, on x86 and Linux. */
function vectors() {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
    return [['avx512f', 'AVX-512'], ['avx2', 'AVX2'], ['avx', 'AVX']].find(([flag]) => flags.includes(flag))?.[1];
  } catch {
    return undefined;
  }
}

/** The adapter of a place; where there is none the run ends with the reason in a sentence. */
async function adapterOf(place) {
  try {
    return await place.adapter();
  } catch (error) {
    await place.close();
    const reason = error.message.split('\n')[0].replace(/^.*?torch\.webgpu\.adapter: /, '');
    return fail(`--device webgpu: ${reason}. A driver that computes on the processor is enough to see counters: npm run setup vulkan, and name its file in VK_ICD_FILENAMES.`);
  }
}

/** Processor, cores, memory, runtime, the versions of all peers, and on a GPU its adapter. */
export async function describeMachine(place, python, { peers, device }) {
  const torch = python ? await python({ do: 'hello' }) : undefined;
  const versions = {
    'onnxruntime-web': versionIn(root, 'onnxruntime-web'), 'tfjs-wasm': versionIn(bench, '@tensorflow/tfjs-backend-wasm'), 'tfjs-cpu': versionIn(bench, '@tensorflow/tfjs-backend-cpu'), 'tfjs-webgpu': versionIn(bench, '@tensorflow/tfjs-backend-webgpu'),
    'jax-js': versionIn(bench, '@jax-js/jax'), 'js-pytorch': versionIn(bench, 'js-pytorch'),
    ...(torch ? { pytorch: `${torch.version.split('+')[0]} (${torch.capability})` } : {}),
  };
  return {
    cpu: [cpus()[0]?.model.trim() ?? arch(), vectors()].filter(Boolean).join(', '), cores: availableParallelism(),
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`, platform: `${platform()} ${arch()}`, runtime: place.version,
    ...(device === 'webgpu' ? { adapter: await adapterOf(place) } : {}),
    versions: Object.fromEntries(Object.entries(versions).filter(([name]) => peers.includes(name))),
  };
}
