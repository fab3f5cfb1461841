import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // dist/ is loaded by Node itself, as a user's program would, not through Vite's transforms.
    server: { deps: { external: [/\/dist\//] } },
    pool: 'threads',
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
