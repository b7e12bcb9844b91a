/** Several processes on one file: writing side by side, dying, taking over. */

import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Owners } from '../../src/store/sqlite/owners.ts'
import type { Store } from '../../src/store/store.ts'
import { codeOf, commit, create, failure, record, sessionId } from '../../src/testing/store-contract/kit.ts'
import { systemClock } from '../../src/time.ts'
import { freshPath, openStore, rawly, rawRows } from './support/files.ts'
import { type Answer, startWriter } from './support/writer.ts'

const S = sessionId('s')

/** Every answered commit is there, at its place, with its session's log whole. */
async function expectAnswered(store: Store, sessions: readonly string[], answers: readonly Answer[]): Promise<number> {
  let rowsInAll = 0
  for (const session of sessions) {
    const { rows } = await store.load(sessionId(session))
    rowsInAll += rows.length
    expect(rows.map(row => row.record)).toEqual(rows.map((_, i) => record(i + 1)))
    for (const answer of answers.filter(given => given.session === session)) {
      expect(rows[answer.at - 1]?.position).toBe(answer.position)
    }
  }
  expect((await store.inspect()).filter(finding => finding.level === 'error')).toEqual([])
  return rowsInAll
}

describe('a process that is killed', () => {
  const sessions = ['s', 't', 'u']
  const points = (['beforeCommit', 'afterCommit'] as const).flatMap(point =>
    [2, 3, 17].map(flush => ({ point, flush })),
  )

  test.for(points)('at $point of flush $flush keeps what was answered', async crash => {
    const path = freshPath()
    const writer = startWriter({ path, owner: 'a', sessions, commits: 40, crash })
    expect((await writer.ended).signal).toBe('SIGKILL')
    const existing = rawRows(path, 'SELECT id FROM sessions').map(row => String(row['id']))
    const store = await openStore(path)
    const rows = await expectAnswered(store, existing, writer.answers)
    // A flush that was durable before the end holds one commit of each session that nobody was told of.
    if (crash.point === 'beforeCommit') expect(rows).toBe(writer.answers.length)
    else expect(rows).toBe(writer.answers.length + sessions.length)
    for (const id of existing) {
      const claim = await store.claim(sessionId(id), 'b')
      await store.commit(commit(claim, 999))
    }
  })

  test('at any moment keeps what was answered, and its sessions are free at once', async () => {
    const path = freshPath()
    for (let round = 0; round < 4; round += 1) {
      const mine = sessions.map(id => `${id}${round}`)
      const writer = startWriter({ path, owner: `a${round}`, sessions: mine, commits: 1e6 })
      await writer.answered(50 + round * 37)
      writer.child.kill('SIGKILL')
      expect((await writer.ended).signal).toBe('SIGKILL')
      const store = await openStore(path)
      await expectAnswered(store, mine, writer.answers)
      for (const id of mine) expect(await codeOf(store.claim(sessionId(id), 'b'))).toBe(undefined)
      await store.close()
    }
    expect(rawRows(path, 'SELECT * FROM owners')).toEqual([])
  })
})

describe('processes side by side', () => {
  test('write different sessions of one file', async () => {
    const path = freshPath()
    const plans = [0, 1, 2].map(i => ({ path, owner: `o${i}`, sessions: [`a${i}`, `b${i}`, `c${i}`], commits: 150 }))
    const writers = plans.map(startWriter)
    for (const writer of writers) expect(await writer.ended).toMatchObject({ code: 0, stderr: '' })
    const answers = writers.flatMap(writer => writer.answers)
    expect(answers.length).toBe(3 * 3 * 151)
    expect(new Set(answers.map(answer => answer.position)).size).toBe(answers.length)
    const store = await openStore(path)
    expect(
      await expectAnswered(
        store,
        plans.flatMap(plan => plan.sessions),
        answers,
      ),
    ).toBe(answers.length)
  })

  test('respect each other while they live', async () => {
    const path = freshPath()
    const writer = startWriter({ path, owner: 'a', sessions: ['s'], commits: 3, stay: true })
    await writer.done
    const store = await openStore(path)
    const refused = await failure(store.claim(S, 'b'))
    expect(refused).toMatchObject({
      code: 'not-owner',
      retryable: true,
      details: { owner: 'a', pid: writer.child.pid },
    })
    expect(refused?.message).toContain(`process ${writer.child.pid}`)
    expect((await store.load(S)).rows.length).toBe(4)

    writer.child.kill('SIGKILL')
    await writer.ended
    expect((await store.claim(S, 'b')).token).toBe(2)
  })

  test('a process that ended well leaves its sessions free', async () => {
    const path = freshPath()
    const writer = startWriter({ path, owner: 'a', sessions: ['s'], commits: 3 })
    expect(await writer.ended).toMatchObject({ code: 0 })
    const store = await openStore(path)
    expect((await store.claim(S, 'b')).token).toBe(2)
  })
})

describe('signs of life', () => {
  /** A session held by a living process, whose row in `owners` is then changed. */
  async function heldWith(set: string): Promise<Store> {
    const path = freshPath()
    const store = await openStore(path)
    const writer = startWriter({ path, owner: 'a', sessions: ['s'], commits: 0, stay: true })
    await writer.done
    rawly(path, `UPDATE owners SET ${set}`)
    return store
  }
  const now = Date.now()

  test.for([
    ['a fresh heartbeat', 'heartbeat = heartbeat', 'not-owner'],
    ['a heartbeat older than 30 s', `heartbeat = ${now - 31_000}`, undefined],
    [
      'a process id that was given to another process',
      'started = started + 1',
      process.platform === 'linux' ? undefined : 'not-owner',
    ],
    ['a process that is gone', 'pid = 2147483646', undefined],
    [
      'a fresh heartbeat on another host, whose processes are out of sight',
      `host = 'elsewhere', pid = 2147483646`,
      'not-owner',
    ],
    ['a stale heartbeat on another host', `host = 'elsewhere', heartbeat = ${now - 31_000}`, undefined],
  ] as const)('%s', async ([, set, code]) => {
    expect(await codeOf((await heldWith(set)).claim(S, 'b'))).toBe(code)
  })

  test('owners of dead processes are forgotten when a new one comes', async () => {
    const path = freshPath()
    const store = await openStore(path)
    await create(store, 's', { owner: 'a' })
    rawly(path, `INSERT INTO owners (owner, pid, host, started, heartbeat) VALUES ('old', 1, 'gone', 0, 0)`)
    await create(await openStore(path), 't', { owner: 'b' })
    expect(rawRows(path, 'SELECT owner FROM owners').map(row => row['owner'])).toEqual(['a', 'b'])
  })

  test('a heartbeat brings back an owner that was forgotten while it was suspended', async () => {
    const path = freshPath()
    const store = await openStore(path)
    await create(store, 's', { owner: 'a' })
    const db = new DatabaseSync(path)
    onTestFinished(() => db.close())
    const owners = new Owners(db, systemClock, 30_000)
    const n = owners.register('b', () => {})
    db.exec('DELETE FROM owners')
    owners.beat()
    expect(owners.all()).toMatchObject([{ n, owner: 'b', pid: process.pid }])
    expect(owners.all().map(row => owners.isAlive(row))).toEqual([true])
    owners.leave()
    expect(owners.all()).toEqual([])
  })
})

test('commits of another process are heard of', async () => {
  const path = freshPath()
  const store = await openStore(path)
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = store.onCommit(() => resolve())
  const writer = startWriter({ path, owner: 'a', sessions: ['s'], commits: 3, stay: true })
  await promise
  stop()
  await writer.done
  expect(await store.tail()).toBe(4)
})
