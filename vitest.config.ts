import { defineConfig, type ViteUserConfig } from 'vitest/config'

// Two workers: the suites start real processes and fsync real files, and more workers than cores only make each wait for the others.
const config: ViteUserConfig = defineConfig({
  // `meerkat-ts/…` in a test means the source, as tsconfig.json says: one copy of every module.
  resolve: { tsconfigPaths: true },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    reporters: ['default'],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
  },
})

export default config
