/** Writes share flushes, and processes and machines end in the middle of them: in memory and on a real SQLite file. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { Commit, Store } from '../../src/store/store.ts'
import { onSqlite, type SimulationReport, simulate, simulateMany } from '../../src/testing/index.ts'
import { LogTail } from '../../src/testing/sim/log-tail.ts'
import { Random } from '../../src/testing/sim/random.ts'
import { broken } from './broken.ts'

function freshFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'meerkat-sim-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'sim.db')
}

test('what a torn tail keeps is a beginning, whoever wrote it', async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const tail = new LogTail()
    const written: number[] = []
    for (let n = 0; n < 6; n++) void tail.join(n % 2 === 0 ? 'a' : 'b').then(() => written.push(n))
    const { kept, lost } = tail.tear(['a', 'b'], new Random(seed))
    await new Promise(setImmediate)
    expect(kept + lost).toBe(6)
    expect(written).toEqual([0, 1, 2, 3, 4, 5].slice(0, kept))
  }
})

test('one process that ends tears only its own', async () => {
  const tail = new LogTail()
  const written: number[] = []
  for (let n = 0; n < 6; n++) void tail.join(n % 2 === 0 ? 'a' : 'b').then(() => written.push(n))
  const { kept } = tail.tear(['a'], new Random(3))
  tail.flush('b')
  await new Promise(setImmediate)
  expect(written.toSorted((x, y) => x - y)).toEqual([...[0, 2, 4].slice(0, kept), 1, 3, 5].toSorted((x, y) => x - y))
  expect(tail.of('a') + tail.of('b')).toBe(0)
})

test('nothing that was acknowledged is in a tail that is torn', { timeout: 120_000 }, async () => {
  const tally = await simulateMany({ seeds: 30, from: 300, tornTails: true, owners: 3 })
  expect(tally['torn tail']).toBeGreaterThan(15)
  expect(tally['crash at power']).toBeGreaterThan(10)
})

test('a store that answers before it has written is found out', { timeout: 60_000 }, async () => {
  const behind = new Map<Store, Commit>()
  /** The newest commit is written with whatever is asked next: a kill in between loses it. */
  const writeBehind = (store: Store): Store =>
    new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        if (name === 'onCommit' || name === 'onLapse') return member.bind(target) as unknown
        return async (...args: unknown[]): Promise<unknown> => {
          const late = behind.get(store)
          behind.delete(store)
          if (late !== undefined) await target.commit(late)
          if (name !== 'commit') return (member as (...given: unknown[]) => unknown).apply(target, args)
          behind.set(store, args[0] as Commit)
          return (await target.tail()) + 1
        }
      },
    })
  const kill = (store: Store): void => {
    behind.delete(store)
    void store.close()
  }
  const rules = new Set<string>()
  for (let seed = 1; seed <= 20 && !rules.has('acknowledged-lost'); seed++) {
    const { violations } = await simulate({ seed, owners: 1, sabotage: writeBehind, kill, faults: { kill: 0.1 } })
    for (const { rule } of violations) rules.add(rule)
  }
  expect([...rules]).toContain('acknowledged-lost')
})

test('on a real SQLite file, killed without a last flush: nothing goes wrong, and seeds repeat themselves', {
  timeout: 120_000,
}, async () => {
  const play = (seed: number): Promise<SimulationReport> =>
    simulate({ seed, steps: 100, tornTails: true, ...onSqlite(freshFile()) })
  let torn = 0
  for (let seed = 1; seed <= 5; seed++) {
    const { violations, tally } = await play(seed)
    expect(violations).toEqual([])
    torn += tally['torn tail'] ?? 0
  }
  expect(torn).toBeGreaterThan(3)
  expect((await play(4)).hash).toBe((await play(4)).hash)
})

test('on a real SQLite file, closed when the lease of a process that was killed is over', {
  timeout: 60_000,
}, async () => {
  for (const seed of [11, 12]) {
    const { violations } = await simulate({ seed, steps: 100, store: clock => sqlite(freshFile(), { clock }) })
    expect(violations).toEqual([])
  }
})

test('on a real SQLite file a broken store is found out too', async () => {
  const sabotage = broken(() => ({ key: async () => undefined }))
  const rules: string[] = []
  for (let seed = 1; seed <= 10 && rules.length === 0; seed++) {
    const { violations } = await simulate({ seed, steps: 60, sabotage, ...onSqlite(freshFile()) })
    rules.push(...violations.map(({ rule }) => rule))
  }
  expect(rules).toContain('fault')
})
