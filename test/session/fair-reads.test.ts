/** Whoever reads much keeps nobody waiting: others get their turns, and readers at one place share the work. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { createRuntime } from '../../src/index.ts'
import type { Store, StoreSource } from '../../src/store/store.ts'
import { serve } from '../../src/surfaces/server.ts'
import { withEvents } from './big.ts'
import { freshStore, STORES, start } from './support.ts'

const RECORDS = 200
const EVENTS = 20
const ALL = RECORDS * EVENTS

/** How often a timer of a millisecond fires meanwhile, and how long it had to wait at most, of the whole time. */
async function beside(work: () => Promise<unknown>): Promise<{ readonly fired: number; readonly longest: number }> {
  let [fired, longest, last] = [0, 0, performance.now()]
  const began = last
  const look = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(() => {
    fired++
    look()
  }, 1)
  await work()
  look()
  clearInterval(timer)
  return { fired, longest: longest / (performance.now() - began) }
}

/** A source whose stores count how much of the log was read of them. */
function counted(source: StoreSource): StoreSource & { readonly rows: () => number } {
  let rows = 0
  const count = (store: Store): Store =>
    new Proxy(store, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function') return value
        if (key !== 'read') return (...given: unknown[]): unknown => Reflect.apply(value, target, given)
        return async (query: Parameters<Store['read']>[0]) => {
          const found = await target.read(query)
          rows += found.length
          return found
        }
      },
    })
  return { name: source.name, open: async () => count(await source.open()), rows: () => rows }
}

describe.each(STORES)('on %s', kind => {
  test('a timer fires again and again while a program reads all events of a session', async () => {
    const store = freshStore(kind)
    await withEvents(store, 's', { records: RECORDS, events: EVENTS, chars: 1_000 })
    const runtime = await start({ store, recover: false })
    const session = await runtime.sessions.open('s')
    const readAll = async (): Promise<void> => {
      let seen = 0
      for await (const event of session.events()) {
        if (event.type === 'text.delta' && ++seen === ALL) break
      }
      expect(seen).toBe(ALL)
    }
    // The best of some: other processes may keep this one from running, the reading must not.
    const tries = [await beside(readAll), await beside(readAll), await beside(readAll)]
    expect(Math.max(...tries.map(({ fired }) => fired))).toBeGreaterThan(10)
    expect(Math.min(...tries.map(({ longest }) => longest))).toBeLessThan(0.34)
  }, 60_000)

  test('sixteen clients that catch up over HTTP read the log about once, and the server answers others meanwhile', async () => {
    const source = freshStore(kind)
    await withEvents(source, 's', { records: RECORDS, events: EVENTS, chars: 1_000 })
    const store = counted(source)
    const runtime = await createRuntime({ store, recover: false })
    onTestFinished(() => runtime.close())
    const server = await serve({ runtime, port: 0, log: () => {} })
    onTestFinished(() => server.close())
    let healthy = 0
    const over = new AbortController()
    const reading = Promise.all(Array.from({ length: 16 }, () => deltasOf(`${server.url}/v1/sessions/s/events`)))
    const asking = (async () => {
      while (!over.signal.aborted) if ((await fetch(`${server.url}/healthz`)).ok) healthy++
    })()
    expect(await reading).toEqual(Array.from({ length: 16 }, () => ALL))
    over.abort()
    await asking
    expect(healthy).toBeGreaterThan(10)
    expect(store.rows()).toBeLessThan(4 * RECORDS)
  }, 60_000)
})

/** How many deltas a stream brings, until there were all. */
async function deltasOf(url: string): Promise<number> {
  const leave = new AbortController()
  const response = await fetch(url, { signal: leave.signal })
  const decoder = new TextDecoder()
  let [count, rest] = [0, '']
  const chunks: AsyncIterable<Uint8Array<ArrayBuffer>> | null = response.body
  if (chunks === null) return 0
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    count += lines.filter(line => line === 'event: text.delta').length
    if (count >= ALL) break
  }
  leave.abort()
  return count
}

test('a reader that does not read makes nothing pile up', async () => {
  const source = freshStore('memory')
  await withEvents(source, 's', { records: RECORDS, events: EVENTS, chars: 1_000 })
  const store = counted(source)
  const runtime = await start({ store, recover: false })
  const server = await serve({ runtime, port: 0, log: () => {} })
  onTestFinished(() => server.close())
  const leave = new AbortController()
  const response = await fetch(`${server.url}/v1/sessions/s/events`, { signal: leave.signal })
  expect(response.ok).toBe(true)
  for (let round = 0; round < 50; round++) await fetch(`${server.url}/healthz`)
  expect(store.rows()).toBeLessThan(RECORDS)
  leave.abort()
})
