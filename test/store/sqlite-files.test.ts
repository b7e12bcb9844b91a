/** Files that aren't what the store expects: newer, foreign, damaged, out of reach. */
import { closeSync, mkdirSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { digestOf as digestOfBytes } from '../../src/store/blobs.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { Store } from '../../src/store/store.ts'
import {
  codeOf,
  commit,
  commitMany,
  create,
  failure,
  inputId,
  record,
  sessionId,
} from '../../src/testing/store-contract/kit.ts'
import { digestOf, freshPath, openStore, rawly, rawRows } from './support/files.ts'
import { startWriter } from './support/writer.ts'

const [S, T] = [sessionId('s'), sessionId('t')]

describe('a file that the store refuses stays as it was', () => {
  test('one of a newer release', async () => {
    const path = freshPath()
    await (await openStore(path)).close()
    rawly(path, `UPDATE meta SET value = 99 WHERE key = 'schema_version'`)
    const before = digestOf(path)
    const error = await failure(sqlite(path).open())
    expect(error).toMatchObject({ code: 'unsupported', details: { found: 99, supported: 4 } })
    expect(error?.message).toContain('upgrade')
    expect(digestOf(path)).toBe(before)
  })

  test('the database of another program', async () => {
    const path = freshPath()
    rawly(path, 'CREATE TABLE meta (key, value)')
    const before = digestOf(path)
    expect(await failure(sqlite(path).open())).toMatchObject({ code: 'store-unavailable', retryable: false })
    expect(digestOf(path)).toBe(before)
  })

  test('a file that is no database', async () => {
    const path = freshPath()
    writeFileSync(path, 'these are my notes, not a database\n'.repeat(200))
    const before = digestOf(path)
    const error = await failure(sqlite(path).open())
    expect(error).toMatchObject({ code: 'store-unavailable', retryable: false, details: { path } })
    expect(error?.message).toContain('not an SQLite database')
    expect(digestOf(path)).toBe(before)
  })
})

describe('places that can not hold a database', () => {
  test('a folder is created when absent', async () => {
    const path = join(dirname(freshPath()), 'a', 'b', 'sessions.db')
    const store = await openStore(path)
    expect(await store.tail()).toBe(0)
  })

  test('a file where a folder should be', async () => {
    const path = freshPath()
    writeFileSync(path, '')
    const error = await failure(sqlite(join(path, 'sessions.db')).open())
    expect(error).toMatchObject({ code: 'store-unavailable', details: { path } })
    expect(error?.message).toContain(path)
  })

  test('a folder where the file should be', async () => {
    const path = freshPath()
    mkdirSync(path)
    expect(await failure(sqlite(path).open())).toMatchObject({ code: 'store-unavailable', details: { path } })
  })

  test.skipIf(process.platform !== 'linux')('a folder that nobody may write to', async () => {
    for (const path of ['/proc/meerkat/sessions.db', '/proc/sessions.db']) {
      expect(await codeOf(sqlite(path).open())).toBe('store-unavailable')
    }
  })

  test('no path at all', () => {
    expect(() => sqlite('')).toThrow('memory()')
    expect(() => sqlite(':memory:')).toThrow('memory()')
  })

  test('a file that may only be read', async () => {
    const path = freshPath()
    await create(await openStore(path), 's')
    // The connection itself is read-only, which works for root too; the store sees what a read-only file gives.
    const driver = (file: string): DatabaseSync => new DatabaseSync(file, { readOnly: true })
    const store = await openStore(path, { driver })
    expect((await store.load(S)).rows.length).toBe(1)
    const error = await failure(store.claim(S, 'owner-1'))
    expect(error).toMatchObject({ code: 'store-unavailable', details: { path } })
    expect(error?.message).toContain('read-only; nothing was written: give this user write permission')
  })
})

/** Two sessions with 100 records each, closed. */
async function twoSessions(path: string): Promise<void> {
  const store = await openStore(path)
  for (const id of ['s', 't']) {
    const { claim } = await create(store, id, { options: { labels: { id } } })
    await commitMany(store, claim, 2, 99)
  }
  await store.close()
}

async function troubles(store: Store): Promise<string[]> {
  return (await store.inspect()).filter(({ level }) => level === 'error').map(({ text }) => text)
}

describe('a damaged record', () => {
  const harms: Readonly<Record<string, { readonly set: string; readonly code: string }>> = {
    'of which one byte changed': { set: `body = replace(body, '"at":50', '"at":51')`, code: 'internal' },
    'that is cut off': { set: 'body = substr(body, 1, 8)', code: 'internal' },
    'that is no JSON': { set: `body = '{"v":1,', crc = ${crc32('{"v":1,')}`, code: 'internal' },
    'without a version': { set: `body = '{}', crc = ${crc32('{}')}`, code: 'internal' },
    'that is null': { set: `body = 'null', crc = ${crc32('null')}`, code: 'internal' },
    'of a newer release': { set: `body = '{"v":4}', crc = ${crc32('{"v":4}')}`, code: 'unsupported' },
  }

  test.for(Object.entries(harms))('%s is named, and the rest is readable', async ([, { set, code }]) => {
    const path = freshPath()
    await twoSessions(path)
    rawly(path, `UPDATE log SET ${set} WHERE position = 50`)
    const store = await openStore(path)
    const named = { code, details: { sessionId: 's', record: 50 } }
    expect(await failure(store.load(S))).toMatchObject(named)
    expect(await failure(store.row(50))).toMatchObject(named)
    expect((await store.load(T)).rows.length).toBe(100)

    const before = await store.read({ after: 45, limit: 100 })
    expect(before.map(row => row.position)).toEqual([46, 47, 48, 49])
    expect(await failure(store.read({ sessionId: S, after: 49, limit: 100 }))).toMatchObject(named)
    expect((await store.read({ after: 50, limit: 1000 })).length).toBe(150)
    expect((await store.readBack({ sessionId: S, limit: 1000 })).length).toBe(50)

    const position = await store.commit(commit(await store.claim(S, 'owner-2'), 101))
    expect((await store.row(position))?.record.at).toBe(101)
    const errors = (await store.inspect()).filter(finding => finding.level === 'error')
    expect(errors.map(finding => finding.text)).toEqual([expect.stringContaining('record 50 of session s')])
  })

  test('a chain that leads astray is named', async () => {
    for (const [set, position] of [
      ['prev = 60', 50],
      ['prev = 150', 50],
      ['session = 2', 50],
    ] as const) {
      const path = freshPath()
      await twoSessions(path)
      rawly(path, `UPDATE log SET ${set} WHERE position = ${position}`)
      const store = await openStore(path)
      expect(await failure(store.load(S))).toMatchObject({ code: 'internal', details: { sessionId: 's', record: 50 } })
      expect((await store.load(T)).rows.length).toBe(100)
    }
  })

  test('a head that speaks of a row which is not there is found', async () => {
    const path = freshPath()
    await twoSessions(path)
    rawly(path, 'UPDATE heads SET last = 100000 WHERE session = 1')
    const store = await openStore(path)
    expect(await failure(store.load(S))).toMatchObject({ code: 'internal', details: { sessionId: 's' } })
    expect((await store.inspect()).filter(finding => finding.level === 'error').length).toBe(1)
  })

  test('a damaged birth certificate does not hide other sessions', async () => {
    const path = freshPath()
    await twoSessions(path)
    rawly(path, `UPDATE sessions SET body = '{{{' WHERE id = 's'`)
    const store = await openStore(path)
    const list = await store.sessions({ limit: 9 })
    expect(list.map(session => [session.id, session.unreadable])).toEqual([
      ['s', true],
      ['t', undefined],
    ])
    expect((await store.sessions({ limit: 9, label: { key: 'id' } })).map(session => session.id)).toEqual(['t'])
    expect(await failure(store.session(S))).toMatchObject({ code: 'internal', details: { sessionId: 's' } })
    expect(await codeOf(store.load(S))).toBe('internal')
    expect((await store.read({ sessionId: S, after: 0, limit: 1000 })).length).toBe(100)
    expect((await store.load(T)).rows.length).toBe(100)
    expect(await troubles(store)).toEqual([expect.stringContaining('birth certificate of session s')])
  })

  test('a damaged journal is named, and all else is readable', async () => {
    const path = freshPath()
    const store = await openStore(path)
    const journal = { put: [0, 1].map(index => ({ work: inputId('i'), index, message: { role: 'user' as const } })) }
    for (const id of ['s', 't']) await store.commit(commit((await create(store, id)).claim, 2, { journal }))
    await store.close()
    rawly(path, `UPDATE journal SET body = replace(body, 'user', 'usex') WHERE session = 1 AND idx = 1`)
    const again = await openStore(path)
    const error = await failure(again.load(S))
    expect(error).toMatchObject({ code: 'internal', details: { sessionId: 's' } })
    expect(error?.message).toContain('the journal of session s')
    expect((await again.read({ sessionId: S, after: 0, limit: 9 })).length).toBe(2)
    expect((await again.session(S))?.messages).toBe(0)
    expect((await again.load(T)).journal.length).toBe(2)
    expect(await troubles(again)).toEqual([expect.stringContaining('journal of session s')])
  })

  test('a damaged file is found, with who speaks of it', async () => {
    const path = freshPath()
    const store = await openStore(path)
    const data = new TextEncoder().encode('a picture')
    const blob = { digest: digestOfBytes(data), data }
    for (const id of ['s', 't']) await store.commit(commit((await create(store, id)).claim, 2, { blobs: [blob] }))
    expect(await troubles(store)).toEqual([])
    rawly(path, `UPDATE blobs SET data = CAST('a pictury' AS BLOB)`)
    expect(await troubles(store)).toEqual([expect.stringContaining(`file ${blob.digest} of session s, t`)])
    expect((await store.load(S)).rows.length).toBe(2)
  })

  test('a damaged snapshot only costs the time it would have saved', async () => {
    const path = freshPath()
    const store = await openStore(path)
    const { claim } = await create(store, 's')
    await store.commit(commit(claim, 2, { snapshot: 'state' }))
    await store.commit(commit(claim, 3))
    await store.close()
    rawly(path, `UPDATE snapshots SET body = 'stats'`)
    const loaded = await (await openStore(path)).load(S)
    expect(loaded.snapshot).toBe(undefined)
    expect(loaded.rows.length).toBe(3)
    const found = await (await openStore(path)).inspect()
    expect(found.filter(({ level }) => level === 'error')).toEqual([])
    expect(found.filter(({ text }) => text.includes('snapshot')).map(({ level }) => level)).toEqual(['warning'])
  })

  test('a damaged page costs the sessions on it, and no other', async () => {
    const path = freshPath()
    const store = await openStore(path)
    const first = await create(store, 's')
    await commitMany(store, first.claim, 2, 500)
    const second = await create(store, 't')
    await commitMany(store, second.claim, 2, 500)
    await store.close()
    const leaves = rawRows(path, `SELECT pgoffset FROM dbstat WHERE name = 'log' AND pagetype = 'leaf' ORDER BY path`)
    const file = openSync(path, 'r+')
    writeSync(file, Buffer.alloc(4096, 0xee), 0, 4096, Number(leaves[1]?.['pgoffset']))
    closeSync(file)
    const again = await openStore(path)
    expect(await failure(again.load(S))).toMatchObject({ code: 'internal', details: { sessionId: 's' } })
    expect((await again.load(T)).rows.length).toBe(501)
    expect(await codeOf(again.commit(commit(await again.claim(T, 'owner-2'), 600)))).toBe(undefined)
    expect((await again.inspect()).some(finding => finding.level === 'error')).toBe(true)
  })
})

describe('a write-ahead log that lost its end', () => {
  test('opens at the last commit that is whole', async () => {
    const path = freshPath()
    // Only a process that was killed leaves one.
    const plan = { path, owner: 'a', sessions: ['s'], commits: 60 }
    const writer = startWriter({ ...plan, crash: { point: 'afterCommit', flush: 40 } })
    expect((await writer.ended).signal).toBe('SIGKILL')
    truncateSync(`${path}-wal`, Math.floor(readFileSync(`${path}-wal`).length / 2))
    const store = await openStore(path)
    const { rows } = await store.load(S)
    expect(rows.map(row => row.record)).toEqual(rows.map((_, i) => record(i + 1)))
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.length).toBeLessThan(writer.answers.length)
    expect((await store.inspect()).filter(finding => finding.level === 'error')).toEqual([])
    await store.commit(commit(await store.claim(S, 'b'), 99))
    expect((await store.load(S)).rows.length).toBe(rows.length + 1)
  })
})
