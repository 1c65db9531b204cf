import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const databaseSetup = ['./test/support/postgres-server.ts'];

export default defineConfig({
  // Tests import the package by its name and get its source; what was built and packed is tested by test/examples.
  resolve: { alias: [{ find: /^keepsake$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) }] },
  // Node 20 knows no decorators: esbuild lowers them for every target but esnext.
  esbuild: { target: 'es2022' },
  test: {
    reporters: ['default', './scripts/summary-reporter.mjs'],
    projects: [
      {
        extends: true,
        // Long beside what they take: on a busy machine a test that computes may be ten times as slow.
        test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/property/**/*.test.ts'], testTimeout: 30_000 },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: ['test/types/**/*.test.ts'],
          typecheck: { enabled: true, tsconfig: './test/types/tsconfig.json', include: ['test/types/**/*.test-d.ts'] },
        },
      },
      {
        extends: true,
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          globalSetup: databaseSetup,
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          include: ['test/postgres/**/*.test.ts'],
          globalSetup: databaseSetup,
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'examples',
          include: ['test/examples/**/*.test.ts'],
          globalSetup: databaseSetup,
          // They pack, install and compile whole projects: one after the other, and after everything else.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
