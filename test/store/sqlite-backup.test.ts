/** Looking at a live database, and copying it, while another process writes. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime } from '../../src/index.ts'
import { backupSqlite, sqlite } from '../../src/store/sqlite/index.ts'
import { codeOf, commit, create, failure, sessionId } from '../../src/testing/store-contract/kit.ts'
import { freshPath, openStore, rawly } from './support/files.ts'
import { startWriter } from './support/writer.ts'

const S = sessionId('s')

describe('a store that was opened read-only', () => {
  test('reads what a living owner writes, and hears of it', async () => {
    const path = freshPath()
    const writer = await openStore(path)
    const { claim } = await create(writer, 's')
    const reader = await sqlite(path, { readOnly: true }).open()
    const heard = new Promise<void>(resolve => reader.onCommit(() => resolve()))
    await writer.commit(commit(claim, 2))
    await heard
    expect((await reader.read({ sessionId: S, after: 0, limit: 9 })).map(({ record }) => record.at)).toEqual([1, 2])
    expect((await reader.load(S)).rows).toHaveLength(2)
    await reader.close()
  })

  test('refuses everything that would write, and leaves no trace', async () => {
    const path = freshPath()
    const writer = await openStore(path)
    const { claim } = await create(writer, 's')
    const reader = await sqlite(path, { readOnly: true }).open()
    const writes = [
      reader.claim(S, 'b'),
      reader.commit(commit(claim, 2)),
      create(reader, 't'),
      reader.release(claim),
      reader.mail.post({ id: 'l' as never, sessionId: S, body: '{}' }, 1_000),
      reader.mail.answer('l' as never, '{}'),
      reader.mail.recall('l' as never),
      reader.amend(claim, []),
      reader.remove(claim),
      reader.compact(),
    ]
    expect(await Promise.all(writes.map(codeOf))).toEqual(writes.map(() => 'unsupported'))
    await reader.close()
    expect(await writer.commit(commit(claim, 2))).toBeGreaterThan(0)
  })

  test('creates and migrates nothing', async () => {
    const path = freshPath()
    expect(await codeOf(sqlite(path, { readOnly: true }).open())).toBe('store-unavailable')
    expect(existsSync(path)).toBe(false)
    await (await openStore(path)).close()
    rawly(path, `UPDATE meta SET value = 1 WHERE key = 'schema_version'`)
    expect(await codeOf(sqlite(path, { readOnly: true }).open())).toBe('unsupported')
  })
})

describe('a backup', () => {
  test('made while a process writes is whole, and belongs to nobody', async () => {
    const path = freshPath()
    const target = `${path}.copy`
    const writer = startWriter({ path, owner: 'a', sessions: ['s', 't'], commits: 1e6 })
    await writer.answered(20)
    await backupSqlite(path, target)
    const known = writer.answers.length
    writer.child.kill('SIGKILL')
    await writer.ended
    expect(known).toBeGreaterThan(0)
    const store = await openStore(target)
    expect((await store.inspect()).filter(({ level }) => level === 'error')).toEqual([])
    for (const id of ['s', 't']) {
      const rows = await store.read({ sessionId: sessionId(id), after: 0, limit: 1e6 })
      expect(rows.map(({ record }) => record.at)).toEqual(Array.from({ length: rows.length }, (_, at) => at + 1))
      const claim = await store.claim(sessionId(id), 'b')
      await store.commit(commit(claim, 1e9))
    }
  })

  test('is restored by opening it: what was owed is done', async () => {
    const path = freshPath()
    const first = await createRuntime({ store: sqlite(path) })
    await first.open({ sessionId: 's' })
    const { inputId } = await first.send('s', { content: 'hello' })
    await backupSqlite(path, `${path}.copy`)
    await first.close()
    const second = await createRuntime({ store: sqlite(`${path}.copy`), executor: echo() })
    expect(await second.wait('s', inputId, 10_000)).toMatchObject({ status: 'consumed' })
    await second.close()
  })

  test('overwrites nothing, and leaves nothing half made', async () => {
    const path = freshPath()
    await (await openStore(path)).close()
    await backupSqlite(path, `${path}.copy`)
    expect(await codeOf(backupSqlite(path, `${path}.copy`))).toBe('conflict')
    expect(await codeOf(backupSqlite(`${path}.none`, `${path}.copy2`))).toBe('store-unavailable')
    writeFileSync(`${path}.notes`, 'no database at all\n'.repeat(500))
    expect(await codeOf(backupSqlite(`${path}.notes`, `${path}.copy2`))).toBe('store-unavailable')
    const untellable = (): never => {
      throw new Error('the terminal is gone')
    }
    const large = await openStore(path)
    const { claim } = await create(large, 's')
    const blobs = [0, 1].map(i => ({ digest: `d${i}`, data: new Uint8Array(4_000_000) }))
    await large.commit(commit(claim, 2, { blobs }))
    const error = await failure(backupSqlite(path, `${path}.copy2`, { onProgress: untellable }))
    expect(error?.message).toContain('the terminal is gone')
    expect(readdirSync(dirname(path)).filter(name => /part|copy2/.test(name))).toEqual([])
    const left: number[] = []
    await backupSqlite(path, `${path}.copy2`, { onProgress: ({ remainingPages }) => void left.push(remainingPages) })
    expect(left.length).toBeGreaterThan(0)
    expect(left).toEqual(left.toSorted((a, b) => b - a))
    expect((await (await openStore(`${path}.copy2`)).blob('d1'))?.length).toBe(4_000_000)
  })
})
