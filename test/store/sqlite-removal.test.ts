/** A session whose log is damaged can still be removed, whole, and nobody walks its rows in circles. */
import { createRuntime } from 'meerkat-ts'
import { sqlite } from 'meerkat-ts/store/sqlite'
import { describe, expect, test } from 'vitest'
import { echo } from '../../src/executor/echo.ts'
import { commitMany, create, failure, sessionId } from '../../src/testing/store-contract/kit.ts'
import { freshPath, openStore, rawly, rawRows } from './support/files.ts'

const [S, T, U] = [sessionId('s'), sessionId('t'), sessionId('u')]

/** Sessions `s` and `t` of a hundred records each, in one after the other's rows, with one row of `t` harmed. */
async function harmed(set: string): Promise<string> {
  const path = freshPath()
  const store = await openStore(path)
  for (const id of ['s', 't']) await commitMany(store, (await create(store, id)).claim, 2, 99)
  await store.close()
  rawly(path, `UPDATE log SET ${set} WHERE position = 150`)
  return path
}

const harms = ['prev = 190', 'prev = 150', 'prev = 4', 'session = 77', `body = '{'`]

describe('a session with a damaged log', () => {
  test.for(harms)('%s: is removed whole, and the next session starts with nothing', async set => {
    const path = await harmed(set)
    const store = await openStore(path)
    await store.remove(await store.claim(T, 'owner-2'))
    const before = (await store.load(S)).rows.length
    const { claim } = await create(store, 'u')
    await commitMany(store, claim, 2, 3)

    const own = (await store.load(U)).rows.map(row => row.position)
    expect(own.length).toBe(4)
    expect((await store.read({ sessionId: U, after: 0, limit: 1000 })).map(row => row.position)).toEqual(own)
    expect((await store.index(U)).refs.every(({ first }) => own.includes(first))).toBe(true)
    expect((await store.load(S)).rows.length).toBe(before)
    await store.close()
    const orphans = 'SELECT 1 FROM log WHERE session NOT IN (SELECT n FROM sessions) AND session <> 77'
    expect(rawRows(path, orphans)).toEqual([])
    expect(rawRows(path, 'SELECT 1 FROM refs WHERE session NOT IN (SELECT n FROM sessions)')).toEqual([])
  })

  test.for(['prev = 190', 'prev = 150'])('%s: its index is refused by name instead of walked for ever', async set => {
    const store = await openStore(await harmed(set))
    expect(await failure(store.index(T))).toMatchObject({ code: 'internal', details: { sessionId: 't', record: 150 } })
    expect((await store.load(S)).rows.length).toBe(100)
  })
})

describe('a large session', () => {
  const large = async (path: string) => {
    const store = await openStore(path)
    const { claim } = await create(store, 't')
    for (let at = 2; at < 2_000; at += 500) await commitMany(store, claim, at, 500)
    return { store, claim }
  }

  test('is removed in parts, and what others write meanwhile waits for one part alone', async () => {
    const { store, claim } = await large(freshPath())
    const { claim: neighbour } = await create(store, 's')
    const order: string[] = []
    const removed = store.remove(claim).then(() => order.push('removed'))
    const written = commitMany(store, neighbour, 2, 3).then(() => order.push('written'))
    await Promise.all([removed, written])
    expect(order).toEqual(['written', 'removed'])
    expect(await store.session(T)).toBeUndefined()
    expect((await store.inspect()).filter(({ level }) => level === 'error')).toEqual([])
  })

  test('whose removal is cut short is nobody’s to run, and the next runtime removes the rest', async () => {
    const path = freshPath()
    const { store, claim } = await large(path)
    const removing = store.remove(claim).catch((error: unknown) => error)
    // The first part is on disk when the neighbour that was written with it is.
    await create(store, 's')
    expect((await store.session(T))?.phase).toBe('initializing')
    await store.close()
    expect(await removing).toMatchObject({ code: 'store-unavailable' })

    const left = 'SELECT 1 FROM log WHERE session IN (SELECT n FROM sessions WHERE id = ?)'
    expect(rawRows(path, left.replace('?', "'t'")).length).toBeGreaterThan(0)
    await using runtime = await createRuntime({ store: sqlite(path), executor: echo() })
    await expect.poll(() => rawRows(path, left.replace('?', "'t'")).length).toBe(0)
    expect((await runtime.list()).items.map(({ id }) => id)).toEqual(['s'])
    expect(await failure(runtime.send('t', { content: 'hello' }))).toMatchObject({ code: 'session-not-found' })
  })
})

test('a file made smaller keeps every record, while others are written', async () => {
  const path = freshPath()
  const store = await openStore(path)
  const { claim: writer } = await create(store, 's')
  const { claim: removed } = await create(store, 't')
  for (const claim of [writer, removed]) await commitMany(store, claim, 2, 400)
  const pages = () => Number(rawRows(path, 'PRAGMA page_count')[0]?.['page_count'])
  const before = pages()
  await store.remove(removed)
  await Promise.all([store.compact(), commitMany(store, writer, 500, 20)])
  expect((await store.load(S)).rows.length).toBe(421)
  await store.compact()
  await store.close()
  expect(pages()).toBeLessThan(before)
  expect((await (await openStore(path)).inspect()).filter(({ level }) => level === 'error')).toEqual([])
})
