/** Files beside the log: kept once, shown by digest, given whole to whoever answers. */
import { describe, expect, test } from 'vitest'
import type { ContextMessage, CoreExecutor } from '../../src/executor/executor.ts'
import { digestOf } from '../../src/store/blobs.ts'
import type { Content } from '../../src/store/records.ts'
import type { Store, StoreSource } from '../../src/store/store.ts'
import { failureOf, freshStore, LONG_MS, STORES, start } from './support.ts'

const BYTES = Buffer.from(Array.from({ length: 6_000 }, (_, index) => (index * 7) % 251))
const DATA = BYTES.toString('base64')
const DIGEST = digestOf(BYTES)
const FILE: Content = [
  { type: 'text', text: 'look' },
  { type: 'file', mediaType: 'image/png', data: DATA, filename: 'a.png' },
]
const REFERENCE = { type: 'file', mediaType: 'image/png', blob: DIGEST, bytes: 6_000, filename: 'a.png' }

/** Answers, and notes what it was shown. */
function viewer() {
  const shown: { inputs: unknown[]; journal: ContextMessage[]; context: ContextMessage[] }[] = []
  const executor: CoreExecutor = {
    name: 'viewer',
    apply: async port => {
      shown.push({
        inputs: port.inputs.map(({ content }) => content),
        journal: [...port.journal()],
        context: [...(await port.context())],
      })
      return { type: 'completed', message: { role: 'assistant', content: 'seen' } }
    },
  }
  return { executor, shown }
}

/** The store, with the bytes of every file replaced by what `spoil` makes of them. */
function spoiled(source: StoreSource, spoil: (data: Uint8Array | undefined) => Uint8Array | undefined): StoreSource {
  return {
    name: source.name,
    open: async () => {
      const store = await source.open()
      return new Proxy<Store>(store, {
        get: (target, name) => {
          if (name === 'blob') return async (digest: string) => spoil(await target.blob(digest))
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
      })
    },
  }
}

describe.each(STORES)('files on %s', kind => {
  test('are shown by digest and given whole to the executor', { timeout: LONG_MS }, async () => {
    const { executor, shown } = viewer()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: FILE, waitMs: 10_000 })
    expect(shown[0]?.inputs).toEqual([FILE])
    expect(shown[0]?.journal).toEqual([{ role: 'user', content: FILE }])
    expect((await runtime.input('s', { inputId })).content).toEqual([FILE[0], REFERENCE])
    const { messages } = await runtime.history('s', {})
    expect(messages[0]?.content).toEqual([FILE[0], REFERENCE])
    expect(await runtime.blob('s', DIGEST)).toEqual({ digest: DIGEST, bytes: 6_000, data: DATA })
    await runtime.send('s', { content: 'and now?', waitMs: 10_000 })
    expect(shown[1]?.context[0]?.content).toEqual(FILE)
  })

  test('outlive the process that took them in', { timeout: LONG_MS }, async () => {
    const store = freshStore(kind)
    const first = await start({ store })
    await first.open({ sessionId: 's' })
    await first.send('s', { content: FILE })
    await first.close()
    const { executor, shown } = viewer()
    const second = await start({ store, executor })
    const { items } = await second.inputs('s', {})
    await second.wait('s', items[0]?.id ?? '', 10_000)
    expect(shown[0]?.inputs).toEqual([FILE])
  })

  test('are kept once for a session and its forks', { timeout: LONG_MS }, async () => {
    const store = freshStore(kind)
    const { executor, shown } = viewer()
    const runtime = await start({ store, executor })
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: FILE, waitMs: 10_000 })
    await runtime.send('s', { content: FILE, waitMs: 10_000 })
    await runtime.fork('s', { newSessionId: 'f' })
    expect(await runtime.blob('f', DIGEST)).toMatchObject({ data: DATA })
    await runtime.send('f', { content: 'go on', waitMs: 10_000 })
    expect(shown[2]?.context[0]?.content).toEqual(FILE)
    const looking = await store.open()
    const { rows } = await looking.load('s' as never)
    expect(JSON.stringify(rows)).not.toContain(DATA.slice(0, 200))
    await looking.close()
  })

  test('that are no long base64 stay where they are', { timeout: LONG_MS }, async () => {
    const runtime = await start({ store: freshStore(kind) })
    await runtime.open({ sessionId: 's' })
    const address = `https://example.org/${'x'.repeat(5_000)}`
    const content: Content = [
      { type: 'file', mediaType: 'image/png', data: address },
      { type: 'file', mediaType: 'image/png', data: 'AAAA' },
    ]
    const { inputId } = await runtime.send('s', { content })
    expect((await runtime.input('s', { inputId })).content).toEqual(content)
    expect(await failureOf(runtime.blob('s', DIGEST))).toMatchObject({ code: 'not-found', details: { digest: DIGEST } })
  })

  test.each([
    ['damaged', (data: Uint8Array | undefined) => data?.slice(1), 'does not match'],
    ['missing', () => undefined, 'missing'],
  ])('that are %s fail their run and nothing else', { timeout: LONG_MS }, async (_, spoil, why) => {
    const { executor } = viewer()
    const store = freshStore(kind)
    const admitting = await start({ store })
    await admitting.open({ sessionId: 's' })
    const { inputId } = await admitting.send('s', { content: FILE })
    await admitting.close()
    const runtime = await start({ store: spoiled(store, spoil), executor })
    const { result } = await runtime.wait('s', inputId, 10_000)
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'file-unreadable' } })
    expect(result?.error?.message).toContain(DIGEST)
    expect(result?.error?.message).toContain(why)
    expect(await failureOf(runtime.blob('s', DIGEST))).toMatchObject({ code: 'internal', details: { blob: DIGEST } })
    await runtime.open({ sessionId: 'other' })
    const other = await runtime.send('other', { content: 'hello', waitMs: 10_000 })
    expect(other.result?.text).toBe('seen')
  })
})
