import { defineConfig } from 'vitest/config';
import { BUILDS, WEBGPU } from './test/builds.js';
import { softwareGpu, withGpuBinary } from './test/webgpu/adapter.js';
import type { InitOptions } from './ts/runtime/load.js';

declare module 'vitest' {
  interface ProvidedContext {
    build: InitOptions;
  }
}

// Here, since a worker's variables are a copy that drivers do not see.
Object.assign(process.env, softwareGpu());

export default defineConfig({
  test: {
    // dist/ is loaded by Node itself, as a user's program would, not through Vite's transforms.
    server: { deps: { external: [/\/dist\//] } },
    pool: 'threads',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      { extends: true, test: { name: 'default', include: ['test/**/*.test.ts'] } },
      ...Object.entries(BUILDS).map(([name, build]) => ({
        extends: true as const,
        test: { name, include: ['test/conformance/*.test.ts'], setupFiles: ['test/init.ts'], provide: { build } },
      })),
      ...(withGpuBinary()
        ? [{
            extends: true as const,
            test: {
              name: 'webgpu', testTimeout: 600_000, setupFiles: ['test/init.ts'], provide: { build: WEBGPU },
              include: ['ops', 'modules', 'optim'].map((suite) => `test/conformance/${suite}.test.ts`),
            },
          }]
        : []),
    ],
  },
});
