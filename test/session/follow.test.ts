/** A feed of events: it stays at its place, is woken by what comes, and holds nothing once it is closed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime, type Runtime } from '../../src/index.ts'
import { memory } from '../../src/store/memory.ts'

/** A runtime, and how many listeners its store has. */
async function listened(): Promise<{ readonly runtime: Runtime; readonly listeners: () => number }> {
  let listeners = 0
  const source = memory()
  const counting: typeof source = {
    ...source,
    async open(...given) {
      const store = await source.open(...given)
      const onCommit = store.onCommit.bind(store)
      store.onCommit = listener => {
        const off = onCommit(listener)
        listeners++
        return () => {
          listeners--
          off()
        }
      }
      return store
    },
  }
  const runtime = await createRuntime({ store: counting, executor: echo() })
  onTestFinished(() => runtime.close())
  return { runtime, listeners: () => listeners }
}

const within = <T>(work: Promise<T>): Promise<T | 'late'> =>
  Promise.race([work, sleep(10_000, 'late' as const, { ref: false })])

describe('a feed', () => {
  test('gives every event once and in order, whenever it is asked', async () => {
    const { runtime } = await listened()
    const session = await runtime.sessions.open('a')
    const feed = await runtime.follow({ sessionId: 'a', limit: 3 })
    const cursors: string[] = []
    for (let turn = 0; turn < 5; turn++) {
      const sent = await session.send(`${turn}`)
      await sent.result
      for (;;) {
        const page = await feed.next()
        cursors.push(...(page?.events ?? []).map(({ cursor }) => cursor))
        if (page?.events.some(({ type }) => type === 'input.consumed') === true) break
      }
    }
    feed.close()
    const { events } = await runtime.events({ sessionId: 'a', limit: 1000 })
    expect(cursors).toEqual(events.map(({ cursor }) => cursor).slice(0, cursors.length))
    expect(cursors.length).toBeGreaterThan(20)
  })

  test('gives an empty page when nothing came for as long as was said, and goes on', async () => {
    const { runtime } = await listened()
    const session = await runtime.sessions.open('a')
    const { cursor } = await runtime.events({ sessionId: 'a', limit: 1000 })
    const feed = await runtime.follow({ sessionId: 'a', after: cursor }, { idleMs: 20 })
    expect(await feed.next()).toEqual({ events: [], cursor })
    expect(await feed.next()).toEqual({ events: [], cursor })
    await session.send('hello')
    let page = await feed.next()
    while (page?.events.length === 0) page = await feed.next()
    expect(page?.events[0]).toMatchObject({ type: 'input.accepted' })
    feed.close()
  })

  test.each(['closed', 'aborted', 'aborted before'] as const)('that is %s ends, and listens no more', async how => {
    const { runtime, listeners } = await listened()
    await runtime.sessions.open('a')
    const before = listeners()
    const abort = new AbortController()
    if (how === 'aborted before') abort.abort()
    const { cursor } = await runtime.events({ sessionId: 'a', limit: 1000 })
    const feed = await runtime.follow({ sessionId: 'a', after: cursor }, { signal: abort.signal })
    const waiting = feed.next()
    if (how === 'closed') feed.close()
    else abort.abort()
    expect(await within(waiting)).toBeUndefined()
    expect(await feed.next()).toBeUndefined()
    expect(listeners()).toBe(before)
  })

  test('of a session that is gone fails with its name, also in the middle', async () => {
    const { runtime, listeners } = await listened()
    const before = listeners()
    await expect(runtime.follow({ sessionId: 'none' })).rejects.toMatchObject({ code: 'session-not-found' })
    await expect(runtime.follow({ after: 'nonsense' })).rejects.toMatchObject({ code: 'invalid-params' })
    await runtime.sessions.open('a')
    const { cursor } = await runtime.events({ sessionId: 'a', limit: 1000 })
    const feed = await runtime.follow({ sessionId: 'a', after: cursor }, { idleMs: 20 })
    await runtime.control('a', 'destroy')
    await runtime.prune({ destroyedAfterMs: 0 })
    const gone = async (): Promise<unknown> => {
      for (let page = await feed.next(); page !== undefined; page = await feed.next()) continue
      return 'ended'
    }
    expect(await within(gone().catch((error: unknown) => error))).toMatchObject({ code: 'session-not-found' })
    expect(await feed.next()).toBeUndefined()
    expect(listeners()).toBe(before)
  })

  test('that is asked again before it has answered gives each page to one, and the end to all', async () => {
    const { runtime } = await listened()
    const session = await runtime.sessions.open('a')
    const { cursor } = await runtime.events({ sessionId: 'a', limit: 1000 })
    const feed = await runtime.follow({ sessionId: 'a', after: cursor, limit: 1 })
    const asked = [feed.next(), feed.next(), feed.next()]
    await (await session.send('hi')).result
    const pages = await within(Promise.all(asked))
    const { events } = await runtime.events({ sessionId: 'a', after: cursor, limit: 3 })
    expect(pages === 'late' ? pages : pages.flatMap(page => page?.events ?? [])).toEqual(events)
    const { cursor: last } = await runtime.events({ sessionId: 'a', limit: 1000 })
    const idle = await runtime.follow({ sessionId: 'a', after: last })
    const ends = [idle.next(), idle.next()]
    idle.close()
    expect(await within(Promise.all(ends))).toEqual([undefined, undefined])
    feed.close()
  })

  test('ends with its runtime', async () => {
    const { runtime } = await listened()
    await runtime.sessions.open('a')
    const { cursor } = await runtime.events({ sessionId: 'a', limit: 1000 })
    const feed = await runtime.follow({ sessionId: 'a', after: cursor })
    const waiting = feed.next().catch((error: unknown) => error)
    await runtime.close()
    expect(await within(waiting)).toMatchObject({ code: 'store-unavailable' })
  })

  test.each([{ idleMs: -1 }, { idleMs: '1' }, { signal: {} }, { often: 1 }])('refuses %o', async options => {
    const { runtime } = await listened()
    await expect(runtime.follow({}, options as never)).rejects.toMatchObject({ code: 'invalid-params' })
  })
})
