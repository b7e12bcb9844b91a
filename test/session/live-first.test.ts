/** What a model says is heard at once, from memory; whoever comes back misses nothing and hears nothing twice. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import type { EventView } from '../../src/events.ts'
import type { Runtime } from '../../src/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { Store, StoreSource } from '../../src/store/store.ts'
import { serve } from '../../src/surfaces/server.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'
import { type ScriptedRun, scriptedExecutor } from '../../src/testing/scripted-executor.ts'
import { nextTurn } from '../../src/turns.ts'
import { openStream } from '../surfaces/support/sse.ts'
import { eventsOf, freshPath, freshStore, LONG_MS, STORES, start, typesOf } from './support.ts'

const WORDS = ['Once ', 'upon ', 'a ', 'time ', 'there ', 'was ', 'a ', 'meerkat.']
const STORY = WORDS.join('')

/** What a reader was told of texts, and of everything else in its order. */
function toldBy(events: readonly EventView[]): { readonly text: string; readonly others: readonly string[] } {
  const deltas = events.flatMap(event => (event.type === 'text.delta' ? event.text : []))
  return { text: deltas.join(''), others: events.map(({ type }) => type).filter(type => !type.endsWith('.delta')) }
}

/** A reader that goes on where it was. */
class Reader {
  readonly events: EventView[] = []
  readonly #runtime: Runtime
  after: string

  constructor(runtime: Runtime, after = '0') {
    this.#runtime = runtime
    this.after = after
  }

  /** Reads on until there is nothing more, or for the first event where there is none. */
  async read(waitMs = 0): Promise<string> {
    let text = ''
    for (let wait = waitMs; ; wait = 0) {
      const page = await this.#runtime.events({ sessionId: 's', after: this.after, waitMs: wait })
      this.after = page.cursor
      this.events.push(...page.events)
      text += toldBy(page.events).text
      if (page.events.length === 0 || waitMs > 0) return text
    }
  }
}

/** The source with stores that hint at a commit before they answer it. */
function lateAnswers(source: StoreSource): StoreSource {
  const late = (store: Store): Store =>
    new Proxy(store, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function') return value
        if (key !== 'commit') return (...given: unknown[]): unknown => Reflect.apply(value, target, given)
        return async (commit: Parameters<Store['commit']>[0]) => {
          const position = await target.commit(commit)
          await nextTurn()
          return position
        }
      },
    })
  return { name: source.name, open: async () => late(await source.open()) }
}

describe.each(STORES)('live first, on %s', kind => {
  async function talking() {
    const clock = manualClock()
    const store = freshStore(kind)
    const executor = scriptedExecutor()
    const runtime = await start({ store, executor, clock })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'Tell me a story.' })
    const run = await executor.next()
    return { clock, store, executor, runtime, inputId, run }
  }

  const ended = (runtime: Runtime, inputId: string) => runtime.wait('s', inputId, 600_000)

  test('a piece is heard the moment it is said, and nothing is written for it', { timeout: LONG_MS }, async () => {
    const { store, runtime, run, inputId } = await talking()
    const reader = new Reader(runtime)
    await reader.read()
    const watching = await store.open()
    const before = await watching.tail()
    for (const word of WORDS) {
      const heard = reader.read(60_000)
      run.stream(word)
      expect(await heard).toBe(word)
    }
    expect(await watching.tail()).toBe(before)
    await watching.close()
    run.answer(STORY)
    await ended(runtime, inputId)
    await reader.read()
    expect(toldBy(reader.events)).toEqual(toldBy(await eventsOf(runtime, 's')))
    expect(toldBy(reader.events).text).toBe(STORY)
  })

  test('a reader that comes back hears the rest, wherever it was and whenever it comes', {
    timeout: LONG_MS,
  }, async () => {
    const { clock, store, runtime, run, inputId } = await talking()
    const reader = new Reader(runtime)
    await reader.read()
    run.port.stream({ type: 'turn.started', turn: 1 })
    await reader.read()
    for (const [index, word] of WORDS.entries()) {
      run.stream(word)
      await reader.read()
      // What is committed meanwhile for other reasons changes nothing.
      if (index === 3) await runtime.update('s', { title: 'Stories' })
      if (index === 3) await reader.read()
    }
    clock.advance(1_250)
    await clock.idle()
    const elsewhere = await start({ store, clock, recover: false })
    const places = [...reader.events]

    const demandRest = async (who: Runtime, whole: readonly EventView[]): Promise<void> => {
      for (const [index, { cursor }] of places.entries()) {
        const seen = places.slice(0, index + 1)
        const rest = new Reader(who, cursor)
        await rest.read()
        expect(toldBy([...seen, ...rest.events])).toEqual(toldBy(whole))
      }
    }
    await demandRest(runtime, places)
    await demandRest(elsewhere, places)

    run.answer(STORY)
    await ended(runtime, inputId)
    await reader.read()
    expect(toldBy(reader.events).text).toBe(STORY)
    await demandRest(runtime, reader.events)
    await demandRest(elsewhere, reader.events)
    await runtime.evict()
    await demandRest(runtime, reader.events)
  })

  test('a reader in another process hears what was said, a second later', { timeout: LONG_MS }, async () => {
    const { clock, store, runtime, run, inputId } = await talking()
    const elsewhere = new Reader(await start({ store, clock, recover: false }))
    await elsewhere.read()
    for (const word of WORDS.slice(0, 4)) run.stream(word)
    clock.advance(1_250)
    await clock.idle()
    expect(await elsewhere.read()).toBe('Once upon a time ')
    expect(await elsewhere.read()).toBe('')
    for (const word of WORDS.slice(4)) run.stream(word)
    run.answer(STORY)
    await ended(runtime, inputId)
    await elsewhere.read()
    expect(toldBy(elsewhere.events)).toEqual(toldBy(await eventsOf(runtime, 's')))
  })

  test('an attempt that dies is told of before the next one begins anew', { timeout: LONG_MS }, async () => {
    const { executor, runtime, run, inputId } = await talking()
    const reader = new Reader(runtime)
    for (const word of WORDS.slice(0, 3)) run.stream(word)
    await reader.read()
    const inTheMiddle = reader.after
    run.throw(new Error('the model went away'))
    const again = await executor.next()
    for (const word of WORDS) again.stream(word)
    again.answer(STORY)
    await ended(runtime, inputId)
    const back = new Reader(runtime, inTheMiddle)
    for (const one of [reader, new Reader(runtime), back]) {
      await one.read()
      const at = one.events.findIndex(({ type }) => type === 'run.interrupted')
      expect(at).toBeGreaterThan(-1)
      expect(toldBy(one.events.slice(at)).text).toBe(STORY)
      expect(toldBy(one.events.slice(0, at)).text).toBe(one === back ? '' : 'Once upon a ')
    }
  })

  test('a reader that waits hears of every commit, though nothing is said and no time passes', {
    timeout: LONG_MS,
  }, async () => {
    const runtime = await start({
      store: lateAnswers(freshStore(kind)),
      executor: scriptedExecutor(() => 'Well.'),
      clock: manualClock(),
    })
    await runtime.open({ sessionId: 's' })
    const reader = new Reader(runtime)
    for (let turn = 1; turn <= 40; turn++) {
      void runtime.send('s', { content: 'How are you?' })
      while (typesOf(reader.events, 'run.completed').length < turn) await reader.read(60_000)
    }
    expect(toldBy(reader.events)).toEqual(toldBy(await eventsOf(runtime, 's')))
  })

  test('whoever reads slowly finds all of it in one piece, and keeps nobody waiting', {
    timeout: LONG_MS,
  }, async () => {
    const { runtime, run, inputId } = await talking()
    const [slow, quick] = [new Reader(runtime), new Reader(runtime)]
    for (const reader of [slow, quick]) await reader.read()
    let whole = ''
    for (let word = 0; word < 5_000; word++) {
      run.stream(`${word} `)
      whole += `${word} `
      if (word % 50 === 0) expect((await quick.read()).endsWith(`${word} `)).toBe(true)
    }
    const before = slow.events.length
    expect(await slow.read()).toBe(whole)
    expect(slow.events.length).toBe(before + 1)
    run.answer(whole)
    await ended(runtime, inputId)
    for (const reader of [slow, quick]) {
      await reader.read()
      expect(toldBy(reader.events).text).toBe(whole)
    }
  })

  test('thoughts, tools and answers of several calls come in their order', { timeout: LONG_MS }, async () => {
    const { runtime, run, inputId } = await talking()
    const live = new Reader(runtime)
    await think(run, live)
    await run.ask([{ id: 'c' }], 'I look. ')
    await run.outcome('c')
    await run.boundary()
    await live.read()
    run.port.stream({ type: 'text.delta', turn: 2, text: 'It is ' })
    await live.read()
    run.port.stream({ type: 'text.delta', turn: 2, text: 'there.' })
    run.answer('It is there.')
    await ended(runtime, inputId)
    await live.read()
    const written = await eventsOf(runtime, 's')
    expect(toldBy(live.events)).toEqual(toldBy(written))
    for (const type of ['reasoning.delta', 'reasoning.completed', 'text.delta', 'text.completed']) {
      const of = (events: readonly EventView[]) => events.flatMap(one => (one.type === type ? one['text'] : []))
      expect(of(live.events).join('')).toBe(of(written).join(''))
    }
  })

  async function think(run: ScriptedRun, live: Reader): Promise<void> {
    run.port.stream({ type: 'turn.started', turn: 1 })
    run.port.stream({ type: 'reasoning.delta', turn: 1, text: 'Where ' })
    await live.read()
    run.port.stream({ type: 'reasoning.delta', turn: 1, text: 'is it?' })
    run.port.stream({ type: 'reasoning.completed', turn: 1, text: 'Where is it?' })
    run.port.stream({ type: 'text.delta', turn: 1, text: 'I look. ' })
    await live.read()
  }
})

test('a stream of server-sent events that is cut goes on behind the last one that arrived', {
  timeout: LONG_MS,
}, async () => {
  const executor = scriptedExecutor()
  const runtime = await start({ store: freshStore('sqlite'), executor })
  await using server = await serve({ runtime, port: 0 })
  await runtime.open({ sessionId: 's' })
  const { inputId } = await runtime.send('s', { content: 'Tell me a story.' })
  const run = await executor.next()
  let last: string | undefined
  let text = ''
  const hear = async (whole: string): Promise<void> => {
    const stream = await openStream(
      `${server.url}/v1/sessions/s/events`,
      last === undefined ? {} : { 'last-event-id': last },
    )
    while (text !== whole) {
      const { id, event, data = '' } = (await stream.next()) ?? {}
      last = id ?? last
      if (event === 'text.delta') text += (JSON.parse(data) as { readonly text: string }).text
    }
    stream.leave()
  }
  for (const [index, word] of WORDS.entries()) {
    run.stream(word)
    // What is said while nobody listens is told when somebody comes back.
    if (index % 2 === 1) await hear(WORDS.slice(0, index + 1).join(''))
  }
  const cutAt = last
  run.answer(STORY)
  await runtime.wait('s', inputId, 10_000)
  const rest = new Reader(runtime, cutAt)
  await rest.read()
  expect(toldBy(rest.events)).toMatchObject({ text: '' })
  expect(typesOf(rest.events, 'text.')).toEqual(['text.completed'])
})

test('a process that is killed leaves its readers nothing to miss', { timeout: 60_000 }, async () => {
  const path = freshPath()
  const child = fork(join(import.meta.dirname, 'talker.ts'), [path], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [told] = (await once(child, 'message')) as [{ readonly after: string; readonly text: string }]
  // Somebody else reads beside it what it keeps for others.
  const elsewhere = new Reader(await start({ store: sqlite(path), recover: false }))
  while (!toldBy(elsewhere.events).text.startsWith('Once upon a time ')) await elsewhere.read(10_000)
  child.kill('SIGKILL')
  await once(child, 'exit')

  const runtime = await start({ store: sqlite(path), executor: scriptedExecutor(() => STORY) })
  const back = new Reader(runtime, told.after)
  const fresh = new Reader(runtime)
  for (const reader of [back, fresh, elsewhere]) {
    while (!typesOf(reader.events, 'run.').includes('run.completed')) await reader.read(10_000)
    const at = reader.events.findIndex(({ type }) => type === 'run.interrupted')
    expect(toldBy(reader.events.slice(at)).text).toBe(STORY)
    const heard = (reader === back ? told.text : '') + toldBy(reader.events.slice(0, at)).text
    expect(heard).toMatch(/^Once upon a time (?:… )*$/)
  }
  expect(await runtime.audit('s')).toMatchObject({ ok: true })
})

test('a database after a chat holds its text about once', { timeout: LONG_MS }, async () => {
  const path = freshPath()
  const clock = manualClock()
  let text = 0
  const executor = scriptedExecutor(async run => {
    let whole = ''
    run.port.stream({ type: 'turn.started', turn: 1 })
    for (let word = 0; word < 3_000; word++) {
      const piece = `${run.port.inputs[0]?.id.slice(-4)}${word} `
      run.stream(piece)
      whole += piece
      if (word % 50 !== 0) continue
      clock.advance(1_000)
      await clock.idle(2)
    }
    run.port.stream({ type: 'turn.ended', turn: 1, finish: 'stop' })
    text += whole.length
    return whole
  })
  const runtime = await start({ store: sqlite(path), executor, clock })
  for (const sessionId of ['a', 'b', 'c', 'd']) {
    await runtime.open({ sessionId })
    for (let turn = 0; turn < 5; turn++) {
      const { inputId } = await runtime.send(sessionId, { content: 'Tell me a story.' })
      await runtime.wait(sessionId, inputId, 600_000)
    }
  }
  await runtime.close()
  const db = new DatabaseSync(path)
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  expect(statSync(path).size / text).toBeLessThan(1.5)
})
