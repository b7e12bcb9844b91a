/** What a database goes through where it is used: kills in bad moments, files that may not grow, logs cut anywhere. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { codeOf, commit, create, failure, record, sessionId } from '../../src/testing/store-contract/kit.ts'
import { freshPath, openStore } from './support/files.ts'
import { type Answer, startWriter } from './support/writer.ts'

const [S, T] = [sessionId('s'), sessionId('t')]

/** What is there of a session is whole, from its first record on. Answers how many records that are. */
async function expectPrefix(store: Store, id: string): Promise<number> {
  const found = await store.session(sessionId(id))
  if (found === undefined) return 0
  const { rows } = await store.load(sessionId(id))
  expect(rows.map(row => row.record)).toEqual(rows.map((_, i) => record(i + 1)))
  expect(rows.length).toBeGreaterThan(0)
  return rows.length
}

async function expectSound(store: Store): Promise<void> {
  expect((await store.inspect()).filter(({ level }) => level === 'error')).toEqual([])
}

async function expectAnswered(store: Store, sessions: readonly string[], answers: readonly Answer[]): Promise<void> {
  for (const id of sessions) {
    const answered = answers.filter(({ session }) => session === id)
    expect(await expectPrefix(store, id)).toBeGreaterThanOrEqual(answered.length)
    for (const { position, at } of answered) expect((await store.row(position))?.record.at).toBe(at)
  }
  await expectSound(store)
}

describe('a process that is killed while it moves its log into the database', () => {
  test('loses nothing that was answered, whatever it was about to do', async () => {
    const path = freshPath()
    const all: Answer[] = []
    const sessions: string[] = []
    for (let round = 0; round < 6; round += 1) {
      const mine = [`a${round}`, `b${round}`]
      // One page: every commit empties the log, so a kill hardly ever comes while none is being emptied.
      const plan = { path, owner: `o${round}`, sessions: mine, commits: 1e6, checkpointPages: 1 + (round % 3) * 7 }
      const writer = startWriter(plan)
      await writer.answered(20 + round * 13)
      writer.child.kill('SIGKILL')
      expect((await writer.ended).signal).toBe('SIGKILL')
      all.push(...writer.answers)
      sessions.push(...mine)
      const store = await openStore(path)
      await expectAnswered(store, sessions, all)
      await store.close()
    }
  })
})

describe('a file that may not grow any more', () => {
  const plan = { owner: 'a', sessions: ['s', 't'], commits: 1e6 }

  // The log stops at its limit in the first, the database in the second: its log is emptied in time.
  test.for([1000, 20])('fails the commit; what was answered stays (log of %i pages)', async checkpointPages => {
    const path = freshPath()
    const writer = startWriter({ ...plan, path, checkpointPages, fileBlocks: 360 })
    const { code, stderr } = await writer.ended
    expect(code).toBe(1)
    expect(stderr).toContain('nothing was written: check the disk')
    expect(writer.answers.length).toBeGreaterThan(10)
    const store = await openStore(path)
    await expectAnswered(store, plan.sessions, writer.answers)
    for (const id of [S, T]) await store.commit(commit(await store.claim(id, 'b'), 1e9))
  })

  test('has room again when a session is removed', async () => {
    const store = await openStore(freshPath(), { maxPages: 150 })
    const [first, second] = [(await create(store, 's')).claim, (await create(store, 't')).claim]
    const events = [{ type: 'x', data: { text: 'y'.repeat(10_000) } }]
    const write = (claim: typeof first, at: number): Promise<unknown> =>
      store.commit(commit(claim, at, { record: record(at, { events }) }))
    for (let at = 2; at < 22; at += 1) await write(first, at)
    let taken = 1
    while ((await failure(write(second, taken + 1))) === undefined) taken += 1
    expect(await codeOf(write(second, taken + 1))).toBe('store-unavailable')
    await store.remove(first)
    for (let more = 1; more <= 15; more += 1) await write(second, taken + more)
    expect((await store.load(T)).rows.map(row => row.record.at)).toEqual(
      Array.from({ length: taken + 15 }, (_, i) => i + 1),
    )
    await expectSound(store)
  })
})

/** The frames of a write-ahead log: where each ends, and whether a transaction ends with it. */
function framesOf(wal: Buffer): { readonly end: number; readonly commits: boolean }[] {
  const [header, size] = [32, 24 + wal.readUInt32BE(8)]
  const count = Math.floor((wal.length - header) / size)
  return Array.from({ length: count }, (_, i) => {
    const start = header + i * size
    return { end: start + size, commits: wal.readUInt32BE(start + 4) !== 0 }
  })
}

describe('a write-ahead log that was harmed', () => {
  /** The files of a process that was killed right after a commit, and how many records they hold. */
  async function killed(): Promise<{ path: string; wal: Buffer; total: number }> {
    const path = freshPath()
    const plan = { path, owner: 'a', sessions: ['s'], commits: 60 }
    const writer = startWriter({ ...plan, crash: { point: 'afterCommit', flush: 40 } })
    expect((await writer.ended).signal).toBe('SIGKILL')
    return { path, wal: readFileSync(`${path}-wal`), total: writer.answers.length + 1 }
  }

  /** Opens a copy whose log is `wal`, and answers how many records it holds, all of them whole. */
  async function survivors(path: string, wal: Buffer): Promise<number> {
    const copy = freshPath()
    copyFileSync(path, copy)
    writeFileSync(`${copy}-wal`, wal)
    const store = await openStore(copy)
    const count = await expectPrefix(store, 's')
    expect((await store.read({ after: 0, limit: 1000 })).length).toBe(count)
    expect((await store.session(S))?.commits ?? 0).toBeGreaterThanOrEqual(count)
    await expectSound(store)
    const claim = count === 0 ? (await create(store, 's')).claim : await store.claim(S, 'b')
    await store.commit(commit(claim, 999))
    await store.close()
    return count
  }

  test('by a cut anywhere keeps every commit before the cut', async () => {
    const { path, wal, total } = await killed()
    const frames = framesOf(wal)
    const ends = frames.filter(({ commits }) => commits).map(({ end }) => end)
    expect(await survivors(path, wal)).toBe(total)
    const inside = frames.filter((_, i) => i % 11 === 0).map(({ end }) => end - 2000)
    const around = ends.filter((_, i) => i % 5 === 0).flatMap(end => [end - 1, end, end + 1])
    let before = 0
    for (const cut of [0, 1, 31, 32, 33, ...inside, ...around].toSorted((a, b) => a - b)) {
      const count = await survivors(path, wal.subarray(0, cut))
      const lost = ends.filter(end => end > cut).length
      expect([cut, count >= total - lost]).toEqual([cut, true])
      expect(count).toBeGreaterThanOrEqual(before)
      before = count
      if (lost > 0) expect(count).toBeLessThan(total)
    }
  })

  test('by a byte that changed keeps every commit before it', async () => {
    const { path, wal, total } = await killed()
    const frames = framesOf(wal)
    const ends = frames.filter(({ commits }) => commits).map(({ end }) => end)
    for (const { end } of frames.filter((_, i) => i % 13 === 5)) {
      for (const place of [end - 4096 - 20, end - 1500]) {
        const harmed = Buffer.from(wal)
        harmed[place] = (harmed[place] ?? 0) ^ 0x20
        const count = await survivors(path, harmed)
        expect(count).toBeLessThan(total)
        expect(count).toBeGreaterThanOrEqual(total - ends.filter(each => each >= end).length)
      }
    }
  })
})
