/** An import is checked whole before anything is written, and what dies in the middle leaves nothing. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { importSession } from '../../src/session/transfer/import.ts'
import { linesIn } from '../../src/session/transfer/lines.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { Store } from '../../src/store/store.ts'
import { codeOf, freshPath, freshStore, LONG_MS, STORES, start } from './support.ts'
import { counter, dyingAt, filled, imported, linesOf } from './transfers.ts'

describe('an import', () => {
  test('nothing is written before the last line has vouched for all of it', { timeout: LONG_MS }, async () => {
    const [from, to] = [freshStore('memory'), freshStore('memory')]
    await filled(from)
    const lines = await linesOf(from)
    const store = await to.open()
    const untouched = dyingAt(dyingAt(store, 'create'), 'commit')
    for (const cut of [lines.slice(0, -1), lines.with(-2, (lines.at(-2) ?? '').replace('"at":', '"at": '))]) {
      expect(await codeOf(importSession(untouched, cut, { owner: 'importer' }))).toBe('invalid-params')
    }
    await store.close()
  })

  test('while it is written nobody sees it, and whoever names it is told to wait', { timeout: LONG_MS }, async () => {
    const [from, to] = [freshStore('memory'), freshStore('memory')]
    await filled(from)
    const lines = await linesOf(from)
    const runtime = await start({ store: to })
    const store = await to.open()
    const seen: unknown[] = []
    const watched: Store = new Proxy(store, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function') return value
        return async (...given: unknown[]): Promise<unknown> => {
          if (key === 'commit') {
            seen.push((await runtime.list()).items.length, await codeOf(runtime.get('s')))
            seen.push(await codeOf(runtime.history('s', {})), await codeOf(runtime.send('s', { content: 'hello' })))
          }
          return Reflect.apply(value, target, given)
        }
      },
    })
    await importSession(watched, lines, { owner: 'importer' })
    await store.close()
    expect(new Set(seen)).toEqual(new Set([0, 'not-ready']))
    expect((await runtime.list()).items.map(({ id }) => id)).toEqual(['s'])
  })

  test('a process that is killed in the middle: the next start finds nothing', { timeout: LONG_MS }, async () => {
    const [from, path] = [freshStore('memory'), freshPath()]
    await filled(from, 'x'.repeat(2_000_000))
    const lines = await linesOf(from)
    const file = `${path}.export`
    writeFileSync(file, `${lines.join('\n')}\n`)
    const spools = join(dirname(path), 'spools')
    mkdirSync(spools)
    const killed = spawnSync(process.execPath, [join(import.meta.dirname, 'import-main.ts'), path, file], {
      env: { ...process.env, TMPDIR: spools },
    })
    expect(killed.signal).toBe('SIGKILL')
    expect(readdirSync(spools)).toEqual([])
    const left = await sqlite(path).open()
    expect((await left.sessions({ limit: 10 })).map(({ phase }) => phase)).toEqual(['initializing'])
    const { executor, runs } = counter()
    const runtime = await start({ store: sqlite(path), executor })
    await expect.poll(async () => left.sessions({ limit: 10 })).toEqual([])
    expect(await codeOf(runtime.get('s'))).toBe('session-not-found')
    expect(runs).toEqual([])
    expect(await imported(sqlite(path), lines)).toMatchObject({ sessionId: 's', unfinished: 1 })
    await left.close()
  })

  test('what an import left that died goes with the next import, of whatever', { timeout: LONG_MS }, async () => {
    const [from, to] = [freshStore('memory'), freshStore('sqlite')]
    await filled(from)
    const lines = await linesOf(from)
    const store = await to.open()
    const dying = dyingAt(dyingAt(store, 'commit'), 'remove')
    await expect(importSession(dying, lines, { owner: 'dead' })).rejects.toThrow('the process died')
    expect((await store.sessions({ limit: 10 })).map(({ id }) => id)).toEqual(['s'])
    await store.close()
    expect(await imported(to, lines, 't')).toMatchObject({ sessionId: 't', unfinished: 1 })
    const after = await to.open()
    expect((await after.sessions({ limit: 10 })).map(({ id }) => id)).toEqual(['t'])
    await after.close()
  })

  test.each(STORES)(
    'two imports of one session into %s at once: one of them is it',
    { timeout: LONG_MS },
    async kind => {
      const [from, to] = [freshStore('memory'), freshStore(kind)]
      await filled(from)
      const lines = await linesOf(from)
      const stores = [await to.open(), await to.open(), await to.open()]
      const imports = stores.map((store, index) => importSession(store, lines, { owner: `importer ${index}` }))
      const outcomes = await Promise.allSettled(imports)
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: REFUSED })
      }
      for (const store of stores) await store.close()
      const runtime = await start({ store: to })
      expect((await runtime.history('s', {})).messages).toHaveLength(6)
      expect(await runtime.get('s')).toMatchObject({ unfinished: 1 })
    },
  )
})

const REFUSED: unknown = expect.stringMatching(/^(session-conflict|conflict|not-owner)$/)

test('an export is read line by line, whatever its texts hold and however its bytes come', async () => {
  const source = freshStore('memory')
  await filled(source, 'one\u2028two\u2029three\r😀')
  const lines = await linesOf(source)
  const bytes = Buffer.from(lines.map(line => `${line}\r\n`).join(''))
  const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(i * 7, i * 7 + 7))
  expect(await Array.fromAsync(linesIn(Readable.from(pieces)))).toEqual(lines)
})
