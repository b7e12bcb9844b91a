/** What can be read of a session: history, events, runs, explanations, and sessions themselves. */
import { describe, expect, test } from 'vitest'
import type { EventView } from '../../src/events.ts'
import type { Runtime } from '../../src/index.ts'
import { manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { codeOf, eventsOf, failureOf, freshStore, LONG_MS, STORES, start, until } from './support.ts'

/** Sessions with a bit of everything in them. */
async function lived(kind: (typeof STORES)[number]) {
  const executor = scriptedExecutor(async run => {
    if (run.said === 'fail' && run.port.attempt === 1) throw new Error('once')
    for (const piece of ['thin', 'king ', run.said]) run.stream(piece)
    await run.ask([{ id: `${run.port.sessionId}-${run.port.runId}`, policy: 'retry' }], `thinking ${run.said}`)
    await run.outcome(`${run.port.sessionId}-${run.port.runId}`)
    await run.boundary()
    run.stream('ans')
    run.stream('wer')
    return { type: 'completed', message: { role: 'assistant', content: 'answer' }, turn: 2 }
  })
  const store = freshStore(kind)
  const runtime = await start({ store, executor })
  for (const sessionId of ['a', 'b']) {
    await runtime.open({ sessionId })
    for (const content of ['one', 'fail', 'three']) await runtime.send(sessionId, { content, waitMs: LONG_MS })
  }
  return { runtime, store, executor }
}

async function rest(runtime: Runtime, after: string, sessionId?: string): Promise<readonly EventView[]> {
  const all: EventView[] = []
  for (let from = after; ; ) {
    const { events, cursor } = await runtime.events({ after: from, limit: 3, ...(sessionId && { sessionId }) })
    if (events.length === 0) return all
    all.push(...events)
    from = cursor
  }
}

describe.each(STORES)('reading (%s)', kind => {
  test('events from any cursor on gives exactly the rest, of one session and of all', async () => {
    const { runtime } = await lived(kind)
    for (const sessionId of ['a', undefined]) {
      const all = await rest(runtime, '0', sessionId)
      expect(new Set(all.map(({ cursor }) => cursor)).size).toBe(all.length)
      for (const [index, { cursor }] of all.entries()) {
        expect(await rest(runtime, cursor, sessionId)).toEqual(all.slice(index + 1))
      }
    }
    expect(await codeOf(runtime.events({ after: 'nonsense' }))).toBe('invalid-params')
    expect(await codeOf(runtime.events({ sessionId: 'nobody' }))).toBe('session-not-found')
  })

  test('events waits for the first one, or for its time', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { cursor } = await runtime.events({ sessionId: 's' })
    expect(await runtime.events({ sessionId: 's', after: cursor, waitMs: 5 })).toEqual({ events: [], cursor })
    const waiting = runtime.events({ sessionId: 's', after: cursor, waitMs: LONG_MS })
    await runtime.send('s', { content: 'x' })
    expect((await waiting).events[0]).toMatchObject({ type: 'input.accepted', sessionId: 's' })
    ;(await executor.next()).answer('ok')
  })

  test('a session’s events begin where a send said', async () => {
    const { runtime } = await lived(kind)
    const sent = await runtime.send('a', { content: 'four', waitMs: LONG_MS })
    const events = await rest(runtime, sent.cursor, 'a')
    expect(events[0]).toMatchObject({ type: 'input.accepted', inputId: sent.inputId })
    expect(events.at(-1)).toBeDefined()
  })

  test('what was streamed of a turn is what it came to', async () => {
    const { runtime } = await lived(kind)
    const events = await eventsOf(runtime, 'a')
    const turns = Map.groupBy(
      events.filter(({ type }) => type.startsWith('text.')),
      ({ runId, turn }) => `${runId} ${turn}`,
    )
    expect(turns.size).toBe(6)
    for (const texts of turns.values()) {
      const deltas = texts.filter(({ type }) => type === 'text.delta').map(event => String(event['text']))
      const completed = texts.filter(({ type }) => type === 'text.completed').map(event => String(event['text']))
      expect([deltas.join('')]).toEqual(completed)
    }
  })

  test('history has committed messages only, and pages', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'one' })
    const run = await executor.next()
    await run.useTool({ id: 'c' })
    run.stream('half an ans')
    await until(runtime, 's', 'text.delta')
    expect(await runtime.history('s', {})).toEqual({ messages: [] })
    run.answer('half an answer')
    await runtime.wait('s', inputId, LONG_MS)
    const whole = await runtime.history('s', {})
    expect(whole.messages.map(({ index, role }) => [index, role])).toEqual([
      [0, 'user'],
      [1, 'assistant'],
      [2, 'tool'],
      [3, 'assistant'],
    ])
    expect(whole.messages[0]).toMatchObject({ content: 'one', inputIds: [inputId], runId: run.port.runId })
    const first = await runtime.history('s', { limit: 3 })
    expect(first.next).toBe(2)
    const second = await runtime.history('s', { limit: 3, after: 2 })
    expect(second.next).toBeUndefined()
    expect([...first.messages, ...second.messages]).toEqual(whole.messages)
  })

  test('runs pages them with how they ended, and each has dense receipts', async () => {
    const { runtime } = await lived(kind)
    const all = (await runtime.runs('a', {})).items
    expect(all.map(({ state }) => state)).toEqual(['completed', 'interrupted', 'completed', 'completed'])
    const paged: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await runtime.runs('a', { limit: 1, ...(after && { after }) })
      paged.push(...page.items.map(({ id }) => id))
      if (page.next === undefined) break
      after = page.next
    }
    expect(paged).toEqual(all.map(({ id }) => id))
    for (const { id, state } of all) {
      const { receipts } = await runtime.run('a', id)
      expect(receipts.map(({ boundary }) => boundary)).toEqual(state === 'completed' ? [1, 2] : [])
    }
    expect(await codeOf(runtime.run('b', all[0]?.id ?? ''))).toBe('run-not-found')
  })

  test('a fork continues the transcript up to where it was taken, and goes its own way', async () => {
    const { runtime } = await lived(kind)
    const fork = await runtime.fork('a', { atMessage: 4, newSessionId: 'c' })
    expect(fork).toMatchObject({ id: 'c', messages: 4, forkOf: { sessionId: 'a', messages: 4 } })
    const texts = async (session: string) =>
      (await runtime.history(session, { limit: 4 })).messages.map(({ role, content }) => [role, content])
    expect(await texts('c')).toEqual(await texts('a'))
    expect(await runtime.send('c', { content: 'mine', waitMs: LONG_MS })).toMatchObject({ status: 'consumed' })
    expect((await runtime.get('c')).messages).toBe(8)
    expect((await runtime.get('a')).messages).toBe(12)
    expect(await codeOf(runtime.fork('a', { newSessionId: 'b' }))).toBe('session-conflict')
  })

  test('explain names the one thing a session waits for', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const guards = async () => (await runtime.explain('s')).waitingFor.map(({ guard, owner }) => `${guard}: ${owner}`)
    expect(await guards()).toEqual(['work-waiting: caller'])
    await runtime.send('s', { content: 'x' })
    const run = await executor.next()
    expect(await guards()).toContain('no-run-current: executor')
    await run.ask([{ id: 'c', needsApproval: true }])
    run.end({ type: 'parked' })
    await until(runtime, 's', 'run.parked')
    expect(await guards()).toEqual(['calls-approved: operator'])
    await runtime.control('s', 'stop')
    expect(await guards()).toContain('not-stopped: operator')
  })
})

describe.each(STORES)('opening (%s)', kind => {
  test('again with equal or no options gives the session, with others a conflict', async () => {
    const store = freshStore(kind)
    const runtime = await start({ store })
    const options = { title: 't', labels: { b: '2', a: '1' } }
    const opened = await runtime.open({ sessionId: 's', ...options })
    expect(await runtime.open({ sessionId: 's' })).toEqual(opened)
    expect(await runtime.open({ sessionId: 's', labels: { a: '1', b: '2' }, title: 't' })).toEqual(opened)
    expect((await failureOf(runtime.open({ sessionId: 's', title: 'u' }))).code).toBe('session-conflict')
    await runtime.close()
    const next = await start({ store })
    expect(await next.open({ sessionId: 's', ...options })).toMatchObject(options)
  })

  test('at once by many makes one session', async () => {
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor(() => 'ok') })
    const opened = await Promise.all(Array.from({ length: 10 }, () => runtime.open({ sessionId: 's' })))
    expect(new Set(opened.map(({ createdAt }) => createdAt)).size).toBe(1)
    const sent = await Promise.all(opened.map((_, n) => runtime.send('s', { content: `${n}`, waitMs: LONG_MS })))
    expect(sent.every(({ status }) => status === 'consumed')).toBe(true)
  })

  test('lists sessions by phase and label, page by page', async () => {
    const runtime = await start({ store: freshStore(kind) })
    for (const sessionId of ['a', 'b', 'c'])
      await runtime.open({ sessionId, labels: { odd: String(sessionId !== 'b') } })
    await runtime.control('c', 'retire')
    const ids = async (params: Parameters<Runtime['list']>[0]) => (await runtime.list(params)).items.map(({ id }) => id)
    expect(await ids({ label: 'odd=true' })).toEqual(['a', 'c'])
    expect(await ids({ phase: 'retired' })).toEqual(['c'])
    expect(await ids({ limit: 2 })).toEqual(['a', 'b'])
    expect(await ids({ after: 'b' })).toEqual(['c'])
    expect(await codeOf(runtime.get('nobody'))).toBe('session-not-found')
  })
})

test('what is recorded is dated by when it happened, however long the session was open before', async () => {
  const clock = manualClock()
  const runtime = await start({ store: freshStore('memory'), executor: scriptedExecutor(() => 'ok'), clock })
  await runtime.open({ sessionId: 's' })
  clock.advance(60_000)
  const { inputId } = await runtime.send('s', { content: 'x', waitMs: LONG_MS })
  const { acceptedAt } = await runtime.input('s', { inputId })
  expect(Date.parse(acceptedAt)).toBe(clock.now())
  const accepted = (await eventsOf(runtime, 's')).find(({ type }) => type === 'input.accepted')
  expect(Date.parse(accepted?.at ?? '')).toBe(clock.now())
})
