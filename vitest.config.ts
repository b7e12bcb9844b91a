import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** A folder in memory with room for several databases, where there is one. */
function memoryFolder(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    return bavail * bsize > 4 * 2 ** 30 ? '/dev/shm' : undefined
  } catch {
    return undefined
  }
}

/** A number that differs from commit to commit: whose turn it is where a part of all cases is tried. */
function turn(): number {
  try {
    const head = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return Number.parseInt(head.slice(0, 8), 16)
  } catch {
    return 0
  }
}

/**
 * Files of a test are in memory unless TMPDIR says otherwise: what a test ends is a process, and what a process has written
 * outlives it wherever it is, while waiting for a disk took most of the time of the suites of stores.
 */
const temporary = process.env['TMPDIR'] ?? memoryFolder()

// Two workers: the suites start real processes and fsync real files, and more workers than cores only make each wait for the others.
const config: ViteUserConfig = defineConfig({
  // `meerkat-ts/…` in a test means the source, as tsconfig.json says: one copy of every module.
  resolve: { tsconfigPaths: true },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    env: {
      MEERKAT_TEST_TURN: process.env['MEERKAT_TEST_TURN'] ?? String(turn()),
      ...(temporary !== undefined && { TMPDIR: temporary }),
    },
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    reporters: ['default'],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
  },
})

export default config
