/** Two releases side by side on one PostgreSQL, while the older one is replaced under load. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createRuntime, version } from '../../src/index.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import { checkHistory } from '../crash/check-history.ts'
import { freshSchema, postgresServer, rawly } from '../support/postgres.ts'
import { Feed } from './feed.ts'
import { Member } from './members.ts'
import { type NextRelease, nextRelease } from './release.ts'

const LEASE_MS = 1_500
const SESSIONS = Array.from({ length: 12 }, (_, n) => `s${n + 1}`)
const PER_SECOND = 25

interface Scene {
  readonly older: Member
  readonly newer: Member
  readonly next: NextRelease
  readonly feed: Feed
  /** The steps that the schema went through. */
  readonly steps: () => Promise<readonly number[]>
  /** What is wrong with the history, once nothing is owed. */
  readonly faults: () => Promise<readonly string[]>
}

/** A member of each release on one schema; the older one runs and has opened the sessions. */
async function scene(change: { readonly shutsOut: boolean }): Promise<Scene> {
  const dir = mkdtempSync(join(tmpdir(), 'meerkat-upgrade-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const url = (await postgresServer()).url()
  const schema = freshSchema()
  const effects = join(dir, 'effects')
  appendFileSync(effects, '')
  const next = nextRelease(join(dir, 'release'), change)
  const plan = { url, schema, leaseMs: LEASE_MS, effects }
  const [older, newer] = [new Member(plan), new Member(plan, next.folder)]
  onTestFinished(async () => void (await Promise.all([older.end(), newer.end()])))
  await older.start()
  const feed = new Feed({ members: [older, newer], sessions: SESSIONS, seed: Date.now() % 1e6, leaseMs: LEASE_MS })
  await feed.open()
  return {
    older,
    newer,
    next,
    feed,
    steps: async () =>
      (await rawly(url, schema, 'SELECT version FROM migrations ORDER BY version')).map(row => Number(row['version'])),
    faults: () => judge(change.shutsOut, { url, schema, feed, effects }),
  }
}

/** Where the older release is shut out, so is this process: it looks as that of the next release would. */
async function judge(
  shutOut: boolean,
  { url, schema, feed, effects }: { url: string; schema: string; feed: Feed; effects: string },
): Promise<readonly string[]> {
  if (shutOut) await rawly(url, schema, 'UPDATE migrations SET min_reader = 1')
  const store = postgres(url, { schema, leaseMs: LEASE_MS })
  {
    await using reader = await createRuntime({ store, recover: false })
    await feed.calm(reader)
  }
  const found = await checkHistory({ store, effects, sessions: SESSIONS, accepted: feed.accepted })
  expect(found.tally.inputs).toBe(feed.accepted.size)
  return [...feed.faults, ...found.faults]
}

test('sessions go to a newer release and back under load, and nothing is lost or doubled', {
  timeout: 60_000,
}, async () => {
  const { older, newer, next, feed, faults, steps } = await scene({ shutsOut: false })
  const holds = async (member: Member): Promise<string> => {
    const { held, version: runs } = await member.report()
    expect(held).toBeGreaterThan(0)
    return runs
  }
  const fed = feed.run(9, PER_SECOND)
  // The older one serves while the database is upgraded, and goes on.
  await newer.start()
  expect((await steps()).at(-1)).toBe(next.step)
  await vi.waitFor(async () => expect((await older.report()).held).toBeGreaterThan(0), { timeout: 5_000 })
  await older.drain()
  await vi.waitFor(async () => expect(await holds(newer)).toBe(next.version), { timeout: 5_000 })
  // Rolled back: the older release is started on the newer schema and takes everything over.
  await older.start()
  await newer.drain()
  await vi.waitFor(async () => expect(await holds(older)).toBe(version), { timeout: 5_000 })
  await newer.start()
  older.signal('SIGKILL')
  await fed
  expect(feed.accepted.size).toBe(9 * PER_SECOND)
  expect(await faults()).toEqual([])
})

test('a newer release that shuts the older one out ends its claims and finishes its work', {
  timeout: 60_000,
}, async () => {
  const { older, newer, next, feed, faults, steps } = await scene({ shutsOut: true })
  const fed = feed.run(5, PER_SECOND)
  await vi.waitFor(async () => expect((await older.report()).held).toBeGreaterThan(0), { timeout: 5_000 })
  await newer.start()
  expect((await steps()).at(-1)).toBe(next.step)
  // Until the older one has noticed, the newer one may still answer for it.
  const content = JSON.stringify({ name: 'late', tools: [], failures: 0 })
  const answers: unknown[] = []
  const refused = async (): Promise<unknown> => {
    answers.push(
      await older.ask({ type: 'send', session: 's1', key: 'late', content }).catch((error: unknown) => error),
    )
    return answers.at(-1)
  }
  await vi.waitFor(async () => expect(await refused()).toMatchObject({ code: 'unsupported' }), { timeout: 5_000 })
  expect(String(await refused())).toContain(`needs a release that knows version ${next.step}`)
  await vi.waitFor(async () => expect((await older.report()).held).toBe(0), { timeout: 5_000 })
  await fed
  expect(feed.accepted.size).toBe(5 * PER_SECOND)
  for (const answer of answers) if (typeof answer === 'string') feed.accepted.set('late', answer)
  // It ends in good order, and can't come back.
  await older.drain()
  await expect(older.start()).rejects.toThrow('upgrade meerkat-ts')
  expect(await faults()).toEqual([])
})
