/** What becomes of an input: its attempts, its order among others, and its one end. */
import { describe, expect, test } from 'vitest'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { eventsOf, freshStore, LONG_MS, STORES, start, typesOf, until } from './support.ts'

const FINAL = ['consumed', 'superseded', 'coalesced', 'abandoned', 'withdrawn'].map(end => `input.${end}`)
const isFinal = (type: string): boolean => FINAL.includes(type)

describe.each(STORES)('an input (%s)', kind => {
  test('is answered, and the answer is the waiter’s and the history’s', async () => {
    const runtime = await start({ store: freshStore(kind), executor: scriptedExecutor(run => `re: ${run.said}`) })
    const session = await runtime.sessions.open('s')
    const sent = await session.send('hello')
    expect(await sent.result).toMatchObject({ status: 'consumed', outcome: 'completed', text: 're: hello' })
    expect((await session.history()).map(({ role, content }) => [role, content])).toEqual([
      ['user', 'hello'],
      ['assistant', 're: hello'],
    ])
    expect(await runtime.input('s', { inputId: sent.inputId })).toMatchObject({
      status: 'consumed',
      attempts: 1,
      result: { outcome: 'completed', text: 're: hello' },
    })
  })

  test('that fails once is tried again, and its waiter hears the answer of the second attempt', async () => {
    const executor = scriptedExecutor(run => {
      if (run.port.attempt === 1) throw new Error('no luck')
      return `attempt ${run.port.attempt}`
    })
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const answer = await runtime.send('s', { content: 'x', waitMs: LONG_MS })
    expect(answer).toMatchObject({ status: 'consumed', result: { outcome: 'completed', text: 'attempt 2' } })
    expect(typesOf(await eventsOf(runtime, 's'), 'run.')).toEqual([
      'run.started',
      'run.interrupted',
      'run.started',
      'run.boundary',
      'run.completed',
    ])
    const told = await eventsOf(runtime, 's')
    expect(told.find(({ type }) => type === 'run.interrupted')).toMatchObject({ cause: 'attempt-failed' })
    const { inputId } = answer
    expect(
      typesOf(
        told.filter(event => event.inputId === inputId),
        'input.',
      ).filter(isFinal),
    ).toEqual(['input.consumed'])
  })

  test('is given up after three attempts, and only then does its waiter hear of it', async () => {
    const executor = scriptedExecutor(() => {
      throw new Error('broken')
    })
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'x' })
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({
      status: 'abandoned',
      reason: 'max-attempts',
      result: { outcome: 'failed', error: { code: 'executor-failed', message: 'broken' } },
    })
    expect(executor.applied).toHaveLength(3)
    expect(await runtime.input('s', { inputId })).toMatchObject({ status: 'abandoned', attempts: 3 })
    const told = await eventsOf(runtime, 's')
    const tried = ['run.started', 'run.interrupted']
    expect(typesOf(told, 'run.')).toEqual([...tried, ...tried, 'run.started', 'run.failed'])
    expect(typesOf(told, 'input.').filter(isFinal)).toEqual(['input.abandoned'])
    const roles = (await runtime.history('s', {})).messages.map(({ role }) => role)
    expect(roles).toEqual(['user', 'notice'])
  })

  test('that fails waits behind the backlog: a healthy one is answered while it burns its attempts', async () => {
    const ran: string[] = []
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    const session = await runtime.sessions.open('s')
    const head = await session.send('bad')
    const healthy = await session.send('good')
    for (let run = 0; run < 4; run++) {
      const one = await executor.next()
      ran.push(`${one.said} ${one.port.attempt}`)
      if (one.said === 'bad') one.throw(new Error('again'))
      else one.answer('fine')
    }
    expect(await head.result).toMatchObject({ status: 'abandoned', reason: 'max-attempts' })
    expect(await healthy.result).toMatchObject({ status: 'consumed', text: 'fine' })
    expect(ran).toEqual(['bad 1', 'good 1', 'bad 2', 'bad 3'])
  })

  test('fails for good where the executor says so, in one attempt', async () => {
    const executor = scriptedExecutor(() => ({
      type: 'failed' as const,
      source: 'llm' as const,
      error: { code: 'bad-request', message: 'no such model' },
    }))
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    expect(await runtime.send('s', { content: 'x', waitMs: LONG_MS })).toMatchObject({
      status: 'consumed',
      result: { outcome: 'failed', error: { code: 'bad-request', cause: 'llm-failure' } },
    })
    expect(executor.applied).toHaveLength(1)
  })

  test('waits its turn: one run at a time, in the order of acceptance, each in a run of its own', async () => {
    let current = 0
    let most = 0
    const order: string[] = []
    const executor = scriptedExecutor(async run => {
      most = Math.max(most, ++current)
      order.push(run.said)
      await run.useTool({ id: `${run.said}-call`, policy: 'retry' })
      current--
      return run.said
    })
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const names = Array.from({ length: 12 }, (_, index) => `p${index}`)
    const sent = await Promise.all(names.map(content => runtime.send('s', { content })))
    await Promise.all(sent.map(({ inputId }) => runtime.wait('s', inputId, LONG_MS)))
    expect(order).toEqual(names)
    expect(most).toBe(1)
    const { items } = await runtime.runs('s', {})
    expect(items.map(run => run.inputIds)).toEqual(sent.map(({ inputId }) => [inputId]))
  })

  test('shares a run with those that wait beside it where the session merges', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's', merge: true })
    const first = await runtime.send('s', { content: 'one' })
    const [second, third] = await Promise.all([
      runtime.send('s', { content: 'two' }),
      runtime.send('s', { content: 'three' }),
    ])
    ;(await executor.next()).answer('first')
    const merged = await executor.next()
    expect(merged.said).toBe('two\nthree')
    merged.answer('both')
    for (const { inputId } of [second, third]) {
      expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed', result: { text: 'both' } })
    }
    expect((await runtime.input('s', { inputId: first.inputId })).status).toBe('consumed')
  })

  test('that nobody runs stays queued, and is answered by the next runtime with an executor', async () => {
    const store = freshStore(kind)
    const without = await start({ store })
    await without.open({ sessionId: 's' })
    const { inputId, status } = await without.send('s', { content: 'later' })
    expect(status).toBe('queued')
    expect(await without.explain('s')).toMatchObject({
      runnable: false,
      waitingFor: [{ guard: 'executor-attached', owner: 'host' }],
    })
    await without.close()
    const runtime = await start({ store, executor: scriptedExecutor(() => 'now') })
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed', result: { text: 'now' } })
  })

  test('can be watched for a while: the time bounds only the watching', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId, status } = await runtime.send('s', { content: 'x', waitMs: 5 })
    expect(status).toBe('staged')
    const run = await executor.next()
    expect((await runtime.wait('s', inputId, 1)).status).toBe('staged')
    run.answer('done')
    expect((await runtime.wait('s', inputId, LONG_MS)).status).toBe('consumed')
  })

  test('is listed by status, page by page, oldest first', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const sent = await Promise.all(['a', 'b', 'c', 'd'].map(content => runtime.send('s', { content })))
    ;(await executor.next()).answer('1')
    await until(runtime, 's', 'input.consumed')
    const queued = await runtime.inputs('s', { status: 'queued' })
    expect(queued.items.map(({ id }) => id)).toEqual(sent.slice(2).map(({ inputId }) => inputId))
    const pages: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await runtime.inputs('s', { limit: 3, ...(after && { after }) })
      pages.push(...page.items.map(({ id }) => id))
      if (page.next === undefined) break
      after = page.next
    }
    expect(pages).toEqual(sent.map(({ inputId }) => inputId))
    for (let run = 0; run < 3; run++) (await executor.next()).answer('x')
  })
})
