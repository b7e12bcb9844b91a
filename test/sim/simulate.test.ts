/** The simulator: it repeats itself exactly, finds nothing in what we ship, and finds what is broken on purpose. */
import { describe, expect, test } from 'vitest'
import type { Commit, Store } from '../../src/store/store.ts'
import {
  reportText,
  type SimulationOptions,
  type SimulationReport,
  simulate,
  simulateMany,
} from '../../src/testing/index.ts'
import { broken } from './broken.ts'

test('the same seed gives the same simulation, and another one another', async () => {
  const hashes = async () => {
    const reports = await Promise.all([31, 32, 33, 34].map(seed => simulate({ seed })))
    return reports.map(({ hash }) => hash)
  }
  const first = await hashes()
  expect(await hashes()).toEqual(first)
  expect(new Set(first).size).toBe(4)
})

test('nothing goes wrong in two hundred simulations, in which everything happens', { timeout: 120_000 }, async () => {
  const tally = await simulateMany({ seeds: 200 })
  const happened = Object.keys(tally)
  for (const what of [
    'accepted',
    'deduplicated',
    'cancel',
    'pause',
    'jump',
    'drain',
    'effect ask',
    'effect retry',
    'hold',
    'fail-after',
    'fail-before',
  ]) {
    expect(happened).toContain(what)
  }
  for (const point of [
    'driver.staged',
    'driver.committed',
    'driver.published',
    'loop.dispatch',
    'session.loaded',
    'session.acknowledge',
  ]) {
    expect(happened).toContain(`crash at ${point}`)
  }
})

test('three owners at once, and a store that fails all the time', { timeout: 60_000 }, async () => {
  await simulateMany({
    seeds: 30,
    from: 5_000,
    owners: 3,
    clients: 6,
    faults: { failBefore: 0.15, failAfter: 0.15, pause: 0.05 },
  })
})

/** The first report of some seeds in which something went wrong. */
async function firstFailure(options: Omit<SimulationOptions, 'seed'>): Promise<SimulationReport | undefined> {
  for (let seed = 1; seed <= 40; seed++) {
    const report = await simulate({ ...options, seed })
    if (!report.ok) return report
  }
  return undefined
}

describe('it notices', () => {
  test('a store that forgets keys', async () => {
    const sabotage = broken(() => ({ key: async () => undefined }))
    const found = await firstFailure({ sabotage })
    expect(found?.violations.map(({ rule }) => rule)).toContain('fault')
  })

  test('a store that loses the outcome of every third input', async () => {
    let commits = 0
    const sabotage = broken(store => ({
      commit: async (commit: Commit) => {
        const { ended, ...record } = commit.record
        return store.commit(ended !== undefined && ++commits % 3 === 0 ? { ...commit, record } : commit)
      },
    }))
    const found = await firstFailure({ sabotage })
    expect(found?.violations.map(({ rule }) => rule)).toContain('never-ended')
  })

  test('a tool that claims to be safe and is called again within its run', async () => {
    const found = await firstFailure({
      tools: () =>
        ['retry', 'ask', 'fail', 'approved'].map(name => ({
          name,
          description: name,
          inputSchema: { type: 'object' },
          onLost: 'fail' as const,
          parse: async (args: unknown) => ({ ok: true as const, args }),
          needsApproval: () => false,
          mayNeedApproval: false,
          execute: async () => 'done',
        })),
      sabotage: store => withoutIntents(store),
    })
    expect(found?.violations.map(({ rule }) => rule)).toContain('effect-unannounced')
  })
})

/** Writes everything but that a call started. */
function withoutIntents(store: Store): Store {
  const sabotage = broken(inner => ({
    commit: async commit => {
      const events = commit.record.events?.filter(({ type }) => type !== 'tool.started')
      return inner.commit({ ...commit, record: { ...commit.record, ...(events && { events }) } })
    },
  }))
  return sabotage(store)
}

test('a failure says what is wrong, shows the last steps, and how to see them again', async () => {
  const sabotage = broken(() => ({ key: async () => undefined }))
  const report = await firstFailure({ sabotage })
  if (report === undefined) throw new Error('nothing went wrong')
  const text = reportText(report)
  expect(text).toContain(`simulate({ seed: ${report.seed} }) with the same sabotage`)
  // No command could give the sabotage again.
  expect(text).not.toContain('npm run sim')
  expect(report.trace.length).toBeGreaterThan(20)
  expect(report.trace.length).toBeLessThanOrEqual(60)
  expect(text).toContain(report.trace.at(-1))
  await expect(simulateMany({ seeds: 1, from: report.seed, sabotage })).rejects.toThrow(text.slice(0, 60))
})

test('an executor of your own is run as well', async () => {
  let runs = 0
  const report = await simulate({
    seed: 7,
    executor: () => ({
      name: 'mine',
      apply: async port => {
        runs++
        return { type: 'completed', message: { role: 'assistant', content: `answer to ${port.runId}` } }
      },
    }),
  })
  expect(report.violations).toEqual([])
  expect(runs).toBeGreaterThan(5)
})
