/** A sent input's own events: they end with the input, whatever its end. */
import { expect, test } from 'vitest'
import type { EventView } from '../../src/events.ts'
import type { CoreExecutor, SentInput } from '../../src/index.ts'
import { FINAL_INPUT_EVENTS } from '../../src/input-events.ts'
import { codeOf, freshStore, LONG_MS, start } from './support.ts'

/** Answers what it is told to: `fail`, `throw`, `hold` (until aborted), or an echo. */
const executor: CoreExecutor = {
  name: 'scripted',
  async apply({ inputs, signal }) {
    const said = inputs[0]?.content
    if (said === 'throw') throw new Error('as asked')
    if (said === 'fail') return { type: 'failed', source: 'internal', error: { code: 'asked', message: 'as asked' } }
    if (said === 'hold') {
      const { promise, resolve } = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => resolve(), { once: true })
      if (!signal.aborted) await promise
      return { type: 'cancelled' }
    }
    return { type: 'completed', message: { role: 'assistant', content: `heard ${JSON.stringify(said)}` } }
  },
}

async function collect(sent: SentInput, signal?: AbortSignal): Promise<readonly EventView[]> {
  const events: EventView[] = []
  for await (const event of sent.events(signal === undefined ? {} : { signal })) events.push(event)
  return events
}

const finals = (events: readonly EventView[]): readonly string[] =>
  events.map(({ type }) => type).filter(type => FINAL_INPUT_EVENTS.has(type))

for (const kind of ['memory', 'sqlite'] as const) {
  test.each([
    ['hello', 'input.consumed'],
    ['fail', 'input.consumed'],
    ['throw', 'input.abandoned'],
  ])(`${kind}: the iteration of "%s" ends with %s`, { timeout: LONG_MS }, async (content, final) => {
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('a')
    const sent = await session.send(content)
    const events = await collect(sent)
    expect(events[0]).toMatchObject({ type: 'input.accepted', inputId: sent.inputId })
    expect(finals(events)).toEqual([final])
    // Again, and after everything is over: the same.
    expect(await collect(sent)).toEqual(events)
  })
}

test('only the events of the input and its runs, each once', async () => {
  const runtime = await start({ store: freshStore('memory'), executor })
  const session = await runtime.sessions.open('a')
  const [one, two] = await Promise.all([session.send('one'), session.send('two')])
  const [ofOne, ofTwo] = await Promise.all([collect(one), collect(two)])
  const shared = new Set(ofOne.map(({ cursor }) => cursor)).intersection(new Set(ofTwo.map(({ cursor }) => cursor)))
  expect(shared.size).toBe(0)
  expect(ofOne.filter(({ type }) => type === 'run.completed')).toHaveLength(1)
  expect(ofTwo.map(({ type }) => type)).toContain('text.completed')
})

test('a withdrawn, a superseded and a cancelled input end their iterations', { timeout: LONG_MS }, async () => {
  const runtime = await start({ store: freshStore('memory'), executor })
  const session = await runtime.sessions.open('a')
  const held = await session.send('hold')
  const withdrawn = await session.send('later')
  const old = await session.send('v1', { mode: 'supersede', supersessionKey: 'k' })
  await session.send('v2', { mode: 'supersede', supersessionKey: 'k' })
  await runtime.withdraw('a', withdrawn.inputId)
  expect(finals(await collect(withdrawn))).toEqual(['input.withdrawn'])
  expect(finals(await collect(old))).toEqual(['input.superseded'])
  const ended = collect(held)
  await session.cancel({ when: 'now' })
  expect(finals(await ended)).toHaveLength(1)
})

test('a repeated send replays from where the first was accepted, also after a restart', async () => {
  const store = freshStore('sqlite')
  const first = await start({ store, executor })
  const sent = await (await first.sessions.open('a')).send('hello', { idempotencyKey: 'k' })
  const events = await collect(sent)
  await first.close()
  const second = await start({ store, executor })
  const session = await second.sessions.open('a')
  await session.send('something else').then(({ result }) => result)
  const repeated = await session.send('hello', { idempotencyKey: 'k' })
  expect(repeated.outcome).toBe('deduplicated')
  expect(await collect(repeated)).toEqual(events)
})

test('an input whose final event was pruned ends its iteration all the same', async () => {
  const runtime = await start({ store: freshStore('memory'), executor })
  const sent = await (await runtime.sessions.open('a')).send('hello')
  await sent.result
  const { events } = await runtime.events({ sessionId: 'a' })
  const last = events.at(-1)?.cursor ?? '0'
  const { SentInput: Sent } = await import('../../src/index.ts')
  const late = new Sent(runtime, 'a' as never, {
    outcome: 'accepted',
    inputId: sent.inputId,
    status: 'queued',
    cursor: last,
  })
  expect(await collect(late)).toEqual([])
})

test('a signal ends the iteration, and so does the end of the runtime or the session', {
  timeout: LONG_MS,
}, async () => {
  const runtime = await start({ store: freshStore('memory'), executor })
  const session = await runtime.sessions.open('a')
  const held = await session.send('hold')
  const leaving = new AbortController()
  const left = collect(held, leaving.signal)
  leaving.abort()
  expect(finals(await left)).toEqual([])
  const watched = collect(held)
  await runtime.control('a', 'destroy')
  expect(finals(await watched)).toEqual(['input.abandoned'])
  const other = await runtime.sessions.open('b')
  const waiting = codeOf(collect(await other.send('hold')))
  await runtime.close()
  expect(await waiting).toBe('store-unavailable')
})
