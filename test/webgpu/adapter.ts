// The GPU of tests: SwiftShader, which computes on the processor, the same everywhere. Chromium brings its own
// (test/runtimes/browser.ts); Node and Deno find it through Vulkan, by a variable that must be set before the process starts.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isQuickBuild, root } from '../runtimes/installed.js';

const FILES = ['/usr/lib/chromium/vk_swiftshader_icd.json', '/usr/share/vulkan/icd.d/vk_swiftshader_icd.json'];

/** The environment in which Vulkan has SwiftShader as its only driver (`npm run setup vulkan`). */
export function softwareGpu(): Record<string, string> {
  const file = process.env['CRESSET_SWIFTSHADER'] ?? FILES.find((path) => existsSync(path));
  return file === undefined ? {} : { VK_ICD_FILENAMES: file, VK_DRIVER_FILES: file };
}

/** The environment in which Vulkan has no driver. */
export const NO_GPU: Record<string, string> = { VK_ICD_FILENAMES: '/nowhere.json', VK_DRIVER_FILES: '/nowhere.json' };

/** Whether dist/ has the binary with a GPU. What ships has it; a quick build has it only if asked (scripts/build.mjs). */
export const withGpuBinary = (): boolean => !isQuickBuild() || existsSync(join(root, 'dist/cresset_webgpu_bg.wasm'));
