/** A disk that fails, a file that is locked, and what is left behind: nothing. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { StoreFaults } from '../../src/store/faults.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { Claim, Store } from '../../src/store/store.ts'
import {
  codeOf,
  commit,
  commitMany,
  create,
  failure,
  inputId,
  record,
  sessionId,
  uuid,
} from '../../src/testing/store-contract/kit.ts'
import { freshPath, openStore } from './support/files.ts'

const S = sessionId('s')

/** Commits of growing size until the store refuses one; answers how many it took. */
async function fill(
  store: Store,
  claim: Claim,
): Promise<{ taken: number; error: Awaited<ReturnType<typeof failure>> }> {
  const events = [{ type: 'x', data: { text: 'y'.repeat(20_000) } }]
  for (let at = 2; ; at += 1) {
    const error = await failure(store.commit(commit(claim, at, { record: record(at, { events }) })))
    if (error !== undefined) return { taken: at - 2, error }
  }
}

async function expectFull(store: Store, path: string): Promise<void> {
  const { claim } = await create(store, 's')
  const { taken, error } = await fill(store, claim)
  expect(error).toMatchObject({ code: 'store-unavailable', retryable: true, details: { path } })
  expect(error?.message).toMatch(
    /is full; nothing was written: free some space|failed; nothing was written: check the disk/,
  )
  const { rows } = await store.load(S)
  expect(rows.map(row => row.record.at)).toEqual(Array.from({ length: taken + 1 }, (_, i) => i + 1))
  expect(
    await codeOf(store.commit(commit(claim, 0, { record: record(0, { events: [{ type: 'z'.repeat(90_000) }] }) }))),
  ).toBe('store-unavailable')
}

describe('a full disk', () => {
  test('fails the commit, keeps what was there, and goes on when there is space again', async () => {
    const path = freshPath()
    const store = await openStore(path, { maxPages: 100 })
    await expectFull(store, path)
    await store.close()
    const roomy = await openStore(path)
    const claim = await roomy.claim(S, 'owner-1')
    expect((await commitMany(roomy, claim, 1000, 50)).length).toBe(50)
    expect((await roomy.inspect()).filter(finding => finding.level === 'error')).toEqual([])
  })

  test.skipIf(!mayMount())('of a real file system (needs the right to mount one)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meerkat-disk-'))
    run('mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder)
    onTestFinished(() => {
      run('umount', folder)
      rmSync(folder, { recursive: true })
    })
    const path = join(folder, 'sessions.db')
    const store = await sqlite(path).open()
    await expectFull(store, path)
    run('mount', '-o', 'remount,size=8m', folder)
    const claim = await store.claim(S, 'owner-1')
    expect((await commitMany(store, claim, 1000, 50)).length).toBe(50)
    await store.close()
  })
})

describe('a file that another connection holds', () => {
  async function locked(lockTimeoutMs: number): Promise<{ store: Store; claim: Claim; other: DatabaseSync }> {
    const path = freshPath()
    const store = await openStore(path, { lockTimeoutMs })
    const { claim } = await create(store, 's')
    const other = new DatabaseSync(path)
    onTestFinished(() => other.close())
    other.exec('BEGIN EXCLUSIVE')
    return { store, claim, other }
  }

  test('is waited for, and the event loop goes on meanwhile', async () => {
    const { store, claim, other } = await locked(60_000)
    let answered = false
    const committed = store.commit(commit(claim, 2)).finally(() => {
      answered = true
    })
    const later = store.commit(commit(claim, 3))
    for (let turn = 0; turn < 200; turn += 1) await new Promise(resolve => setImmediate(resolve))
    expect(answered).toBe(false)
    expect((await store.load(S)).rows.length).toBe(1)
    other.exec('ROLLBACK')
    expect(await later).toBe((await committed) + 1)
  })

  test('keeps the order of all that waits, however much it is', async () => {
    const { store, claim, other } = await locked(60_000)
    const waiting = Array.from({ length: 2500 }, (_, i) => store.commit(commit(claim, i + 2)))
    for (let turn = 0; turn < 50; turn += 1) await new Promise(resolve => setImmediate(resolve))
    other.exec('ROLLBACK')
    expect(await Promise.all(waiting)).toEqual(waiting.map((_, i) => i + 2))
    expect((await store.row(2500))?.record.at).toBe(2500)
  })

  test('is given its whole time each time', async () => {
    const { store, claim, other } = await locked(60_000)
    const clock = performance.now.bind(performance)
    onTestFinished(() => void vi.restoreAllMocks())
    for (const at of [2, 3]) {
      // More time lies between the two waits than one of them may take.
      vi.spyOn(performance, 'now').mockImplementation(() => clock() + at * 1e6)
      const committed = store.commit(commit(claim, at))
      for (let turn = 0; turn < 50; turn += 1) await new Promise(resolve => setImmediate(resolve))
      other.exec('ROLLBACK')
      expect(await committed).toBe(at)
      other.exec('BEGIN EXCLUSIVE')
    }
  })

  test('fails the commits when it is not given back, and is no obstacle later', async () => {
    const { store, claim, other } = await locked(50)
    const [first, second] = await Promise.all([
      failure(store.commit(commit(claim, 2))),
      failure(store.commit(commit(claim, 3))),
    ])
    expect(first).toMatchObject({ code: 'store-unavailable', retryable: true })
    expect(first?.message).toContain('locked')
    expect(second).toMatchObject({ code: 'store-unavailable' })
    other.exec('ROLLBACK')
    await store.commit(commit(claim, 4))
    expect((await store.load(S)).rows.map(row => row.record.at)).toEqual([1, 4])
  })

  test('is waited for when a new one is set up', async () => {
    const path = freshPath()
    const other = new DatabaseSync(path)
    onTestFinished(() => other.close())
    other.exec('BEGIN EXCLUSIVE')
    expect(await failure(sqlite(path, { lockTimeoutMs: 30 }).open())).toMatchObject({ code: 'store-unavailable' })
    const opening = openStore(path)
    await new Promise(resolve => setImmediate(resolve))
    other.exec('ROLLBACK')
    expect(await (await opening).tail()).toBe(0)
  })
})

describe('a flush that fails', () => {
  /** A store whose next flushes fail while `fault` is set. */
  async function faulty(): Promise<{ store: Store; path: string; set: (fault: StoreFaults) => void }> {
    const path = freshPath()
    let fault: StoreFaults = {}
    const faults: StoreFaults = { beforeCommit: () => fault.beforeCommit?.(), afterCommit: () => fault.afterCommit?.() }
    return { store: await openStore(path, { faults }), path, set: next => void (fault = next) }
  }

  const beforeCommit = (): never => {
    throw new Error('pulled the plug')
  }

  test('leaves nothing of any of its commits, and the next succeeds', async () => {
    const { store, set } = await faulty()
    const { claim } = await create(store, 's')
    const other = (await create(store, 't')).claim
    set({ beforeCommit })
    const failed = await Promise.all([
      failure(store.commit(commit(claim, 2, { opened: [inputId(uuid(1))] }))),
      failure(store.commit(commit(other, 2, { snapshot: 'lost' }))),
      failure(store.commit(commit(claim, 3))),
    ])
    for (const error of failed) expect(error).toMatchObject({ code: 'store-unavailable', retryable: true })
    expect(await store.tail()).toBe(2)
    expect(await store.locate(inputId(uuid(1)))).toBe(undefined)
    set({})
    await store.commit(commit(claim, 4, { opened: [inputId(uuid(1))] }))
    await store.commit(commit(other, 5))
    expect((await store.load(S)).rows.map(row => row.record.at)).toEqual([1, 4])
    expect((await store.load(sessionId('t'))).rows.map(row => row.record.at)).toEqual([1, 5])
  })

  test('takes back claims and births', async () => {
    const { store, set } = await faulty()
    const { claim } = await create(store, 's', { owner: 'a' })
    set({ beforeCommit })
    expect(await codeOf(create(store, 't', { owner: 'b' }))).toBe('store-unavailable')
    expect(await codeOf(store.claim(S, 'a'))).toBe('store-unavailable')
    set({})
    expect(await codeOf(store.commit(commit(claim, 2)))).toBe(undefined)
    expect((await create(store, 't', { owner: 'b' })).claim.token).toBe(1)
    expect((await store.claim(S, 'a')).token).toBe(claim.token + 1)
    expect(await codeOf(store.claim(sessionId('t'), 'a'))).toBe('not-owner')
  })

  test('that is durable but never answered is found by who looks again', async () => {
    const { store, set } = await faulty()
    const { claim } = await create(store, 's')
    set({ afterCommit: beforeCommit })
    expect(await codeOf(store.commit(commit(claim, 2)))).toBe('store-unavailable')
    set({})
    await store.commit(commit(claim, 3))
    expect((await store.load(S)).rows.map(row => row.record.at)).toEqual([1, 2, 3])
  })

  test('a broken write among many costs only itself', async () => {
    const { store, path } = await faulty()
    const { claim } = await create(store, 's')
    const keys = [{ key: 'k', inputId: inputId(uuid(1)), digest: 'd' }]
    const many = await Promise.all(
      Array.from({ length: 3000 }, (_, i) =>
        failure(store.commit(commit(claim, i + 2, i % 1000 === 0 ? { keys } : {}))),
      ),
    )
    expect(many.flatMap((error, i) => (error === undefined ? [] : [i]))).toEqual([1000, 2000])
    const { rows } = await store.load(S)
    expect(rows.length).toBe(2999)
    await store.close()
    const again = await openStore(path)
    expect((await again.read({ sessionId: S, after: 0, limit: 5000 })).length).toBe(2999)
    expect((await again.inspect()).filter(finding => finding.level === 'error')).toEqual([])
  })
})

function run(command: string, ...given: string[]): void {
  execFileSync(command, given)
}

function mayMount(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0
}
