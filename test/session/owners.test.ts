/** Restarts, crashes and other owners: work goes on where the last one left it. */
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { createRuntime, type Runtime } from '../../src/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { codeOf, eventsOf, freshPath, freshStore, LONG_MS, STORES, start, typesOf, until } from './support.ts'

/** What lies on disk of a database now, as its next owner would find it after the death of this one. */
function crashed(path: string): string {
  const copy = freshPath()
  for (const ending of ['', '-wal']) if (existsSync(path + ending)) copyFileSync(path + ending, copy + ending)
  const db = new DatabaseSync(copy)
  db.exec('DELETE FROM owners')
  db.close()
  return copy
}

/** A runtime in the middle of a tool call, and what its death leaves. */
async function crashDuringCall(policy: 'retry' | 'ask' | 'fail') {
  const path = freshPath()
  const executor = scriptedExecutor()
  const runtime = await start({ store: sqlite(path), executor, abortGraceMs: 1 })
  await runtime.open({ sessionId: 's' })
  const { inputId } = await runtime.send('s', { content: 'work' })
  const run = await executor.next()
  await run.ask([{ id: 'c', policy, tool: 'pay', args: { amount: 3 } }], 'I will pay')
  const left = crashed(path)
  const next = scriptedExecutor()
  return { inputId, executor: next, runtime: await start({ store: sqlite(left), executor: next }) }
}

const rows = (path: string): unknown[] => {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    const tables = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all()
    return tables
      .map(({ name }) => String(name))
      .filter(name => name !== 'owners' && name !== 'sqlite_sequence')
      .map(name => [name, db.prepare(`SELECT * FROM ${name}`).all()])
  } finally {
    db.close()
  }
}

describe.each(STORES)('closing a runtime (%s)', kind => {
  test('mid-run interrupts it without counting the attempt, and the next one continues from its journal', async () => {
    const store = freshStore(kind)
    let inputId = ''
    for (let round = 1; round <= 5; round++) {
      const executor = scriptedExecutor()
      const runtime = await start({ store, executor, abortGraceMs: 1 })
      if (round === 1) {
        await runtime.open({ sessionId: 's' })
        inputId = (await runtime.send('s', { content: 'work' })).inputId
      }
      const run = await executor.next()
      expect(run.port.attempt).toBe(1)
      expect(run.port.turnsSoFar).toBe(round - 1)
      expect(run.port.calls().map(({ id, state }) => `${id} ${state}`)).toEqual(
        Array.from({ length: round - 1 }, (_, n) => `c${n + 1} succeeded`),
      )
      const spent = { inputTokens: 10 * (round - 1), outputTokens: round - 1, calls: round - 1 }
      expect(run.port.usageSoFar).toEqual(round === 1 ? undefined : spent)
      await run.ask([{ id: `c${round}` }], '', { inputTokens: 10, outputTokens: 1, calls: 1 })
      await run.outcome(`c${round}`, `output ${round}`)
      await run.boundary()
      if (round < 5) await runtime.close()
      else {
        run.answer('done')
        expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({
          status: 'consumed',
          result: { text: 'done' },
        })
        expect(await runtime.input('s', { inputId })).toMatchObject({ attempts: 1 })
        const { messages } = await runtime.history('s', {})
        expect(messages.map(({ role }) => role)).toEqual([
          'user',
          ...Array.from({ length: 5 }, () => ['assistant', 'tool']).flat(),
          'assistant',
        ])
        expect(typesOf(await eventsOf(runtime, 's'), 'run.').filter(type => type !== 'run.boundary')).toEqual([
          ...Array.from({ length: 4 }, () => ['run.started', 'run.interrupted']).flat(),
          'run.started',
          'run.completed',
        ])
      }
    }
  })

  test('during a call leaves it to its policy: what may be repeated keeps its call id', async () => {
    const store = freshStore(kind)
    const executor = scriptedExecutor()
    const before = await start({ store, executor, abortGraceMs: 1 })
    await before.open({ sessionId: 's' })
    const { inputId } = await before.send('s', { content: 'work' })
    await (await executor.next()).ask([{ id: 'c', policy: 'retry', tool: 'look' }])
    await before.close()
    const next = scriptedExecutor()
    const runtime = await start({ store, executor: next })
    const run = await next.next()
    expect(run.port.calls()).toMatchObject([{ id: 'c', state: 'owed', tool: 'look' }])
    await run.dispatch('c')
    await run.outcome('c', 'seen')
    await run.boundary()
    run.answer('done')
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed' })
  })

  test('ends who waits there, and answers nothing any more', async () => {
    const executor = scriptedExecutor()
    const runtime = await createRuntime({ store: freshStore(kind), executor, abortGraceMs: 1 })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'x' })
    const { cursor } = await runtime.events({ limit: 1_000 })
    const waiting = codeOf(runtime.wait('s', inputId, LONG_MS))
    const watching = codeOf(runtime.events({ after: cursor, waitMs: LONG_MS }))
    await runtime.close()
    await runtime.close()
    expect(await waiting).toBe('store-unavailable')
    expect([undefined, 'store-unavailable']).toContain(await watching)
    expect(await codeOf(runtime.send('s', { content: 'y' }))).toBe('store-unavailable')
  })

  test('keeps an approval waiting, and the decision of the next one counts', async () => {
    const store = freshStore(kind)
    const executor = scriptedExecutor()
    const before = await start({ store, executor })
    await before.open({ sessionId: 's' })
    const { inputId } = await before.send('s', { content: 'work' })
    const run = await executor.next()
    await run.ask([{ id: 'c', needsApproval: true, tool: 'pay', args: { amount: 3 } }])
    run.end({ type: 'parked' })
    await until(before, 's', 'run.parked')
    expect(await before.approvals('s')).toMatchObject([{ id: 'c', tool: 'pay', args: { amount: 3 }, inputId }])
    await before.close()
    const next = scriptedExecutor()
    const runtime = await start({ store, executor: next })
    expect(await runtime.approvals('s')).toMatchObject([{ id: 'c', tool: 'pay', args: { amount: 3 } }])
    expect(next.applied).toHaveLength(0)
    expect(await runtime.decide('s', 'c', { decision: 'allow' })).toMatchObject({ id: 'c' })
    expect(await codeOf(runtime.decide('s', 'c', { decision: 'deny' }))).toBe('rejected')
    const continued = await next.next()
    expect(continued.port.attempt).toBe(1)
    await continued.dispatch('c')
    await continued.outcome('c', 'paid')
    await continued.boundary()
    continued.answer('done')
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed' })
  })

  test('loses nobody’s refusal: what was denied is told to the model', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const { inputId } = await runtime.send('s', { content: 'work' })
    const run = await executor.next()
    await run.ask([{ id: 'c', needsApproval: true }])
    // The decision comes in the same moment as the end of the run.
    run.end({ type: 'parked' })
    await runtime.decide('s', 'c', { decision: 'deny', reason: 'too dear' })
    const continued = await executor.next()
    expect(continued.port.calls()).toMatchObject([{ id: 'c', state: 'failed' }])
    await continued.boundary()
    continued.answer('done')
    await runtime.wait('s', inputId, LONG_MS)
    const { messages } = await runtime.history('s', {})
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant'])
    expect(messages[2]?.content).toMatchObject([{ type: 'tool-result', callId: 'c', isError: true }])
  })
})

describe('after a crash in the middle of a tool call', () => {
  test.each([
    ['retry', undefined],
    ['succeeded', 'The receipt is 7.'],
    ['failed', undefined],
  ] as const)('with policy ask it waits for a person, who says %s', async (resolution, output) => {
    const { runtime, executor, inputId } = await crashDuringCall('ask')
    expect(await runtime.calls('s', { state: 'unknown' })).toMatchObject([
      { id: 'c', tool: 'pay', policy: 'ask', args: { amount: 3 }, inputId },
    ])
    expect((await runtime.explain('s')).waitingFor).toMatchObject([
      { guard: 'calls-resolved', owner: 'operator', inputId },
    ])
    expect(executor.applied).toHaveLength(0)
    expect(await runtime.resolveCall('s', 'c', { resolution, ...(output && { output }) })).toMatchObject({
      id: 'c',
      state: expect.stringMatching(resolution === 'retry' ? 'owed' : resolution) as string,
    })
    const run = await executor.next()
    expect(run.port.attempt).toBe(2)
    expect(run.said).toBe('work')
    if (resolution === 'retry') {
      await run.dispatch('c')
      await run.outcome('c', 'paid')
    } else {
      expect(run.port.journal().at(-1)).toMatchObject({ role: 'tool' })
      if (output) expect(JSON.stringify(run.port.journal().at(-1))).toContain(output)
    }
    await run.boundary()
    run.answer('done')
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed', result: { text: 'done' } })
    expect(await runtime.audit('s')).toMatchObject({ ok: true })
    const { messages } = await runtime.history('s', {})
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant'])
  })

  test('with policy fail it has failed, and the model goes on from there', async () => {
    const { runtime, executor, inputId } = await crashDuringCall('fail')
    const run = await executor.next()
    expect(run.port.calls()).toMatchObject([{ id: 'c', state: 'failed' }])
    await run.boundary()
    run.answer('could not pay')
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed' })
    const { messages } = await runtime.history('s', {})
    expect(messages.filter(({ role }) => role === 'tool')).toMatchObject([
      { content: [{ type: 'tool-result', callId: 'c', isError: true }] },
    ])
  })

  test('with policy retry it is dispatched again under its id', async () => {
    const { runtime, executor, inputId } = await crashDuringCall('retry')
    const run = await executor.next()
    expect(run.port.calls()).toMatchObject([{ id: 'c', state: 'owed' }])
    await run.dispatch('c')
    await run.outcome('c', 'paid')
    await run.boundary()
    run.answer('done')
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed' })
    const started = (await eventsOf(runtime, 's')).filter(({ type }) => type === 'tool.started')
    expect(started.map(event => event['callId'])).toEqual(['c', 'c'])
  })
})

describe('two runtimes on one file', () => {
  test('the second has the owner do what it is asked, reads the session, and takes over when it is let go', async () => {
    const path = freshPath()
    const executor = scriptedExecutor(run => `first: ${run.said}`)
    const first = await start({ store: sqlite(path), executor })
    const second = await start({ store: sqlite(path), executor: scriptedExecutor(run => `second: ${run.said}`) })
    await first.open({ sessionId: 's' })
    await first.send('s', { content: 'x', waitMs: LONG_MS })
    expect(await second.send('s', { content: 'y', waitMs: LONG_MS })).toMatchObject({ result: { text: 'first: y' } })
    expect((await second.get('s')).phase).not.toBe('running')
    expect((await second.history('s', {})).messages).toHaveLength(4)
    expect(await second.explain('s')).toMatchObject({ runnable: false })
    await first.close()
    expect(await second.send('s', { content: 'y', waitMs: LONG_MS })).toMatchObject({ result: { text: 'second: y' } })
  })

  test('the second watches an input of the first to its end', async () => {
    const path = freshPath()
    const executor = scriptedExecutor()
    const first = await start({ store: sqlite(path), executor })
    const second = await start({ store: sqlite(path), executor: scriptedExecutor() })
    await first.open({ sessionId: 's' })
    const { inputId } = await first.send('s', { content: 'x' })
    const waiting = second.wait('s', inputId, LONG_MS)
    ;(await executor.next()).answer('seen from afar')
    expect(await waiting).toMatchObject({ status: 'consumed', result: { text: 'seen from afar' } })
  })

  test('a dead owner’s work is found without anybody asking', async () => {
    const clock = manualClock()
    const path = freshPath()
    const first = await start({ store: sqlite(path), executor: scriptedExecutor(), abortGraceMs: 1 })
    await first.open({ sessionId: 's' })
    const { inputId } = await first.send('s', { content: 'x' })
    const executor = scriptedExecutor(() => 'found')
    const second = await start({ store: sqlite(path), executor, clock, recoverEveryMs: 1_000 })
    expect(executor.applied).toHaveLength(0)
    await first.close()
    clock.advance(1_000)
    expect(await second.wait('s', inputId, LONG_MS)).toMatchObject({ status: 'consumed', result: { text: 'found' } })
  })
})

describe.each(STORES)('letting idle sessions go (%s)', kind => {
  test('forgets nothing: they are loaded when asked for', async () => {
    const executor = scriptedExecutor(run => `${run.said}!`)
    const runtime = await start({ store: freshStore(kind), executor })
    const ids = Array.from({ length: 20 }, (_, n) => `s${n}`)
    await Promise.all(ids.map(sessionId => runtime.open({ sessionId })))
    for (let round = 0; round < 3; round++) {
      await Promise.all(ids.map(id => runtime.send(id, { content: `${round}`, waitMs: LONG_MS })))
      await manualClock().idle()
      await runtime.evict()
      expect(runtime.health().sessions.loaded).toBe(0)
    }
    for (const id of ids) expect((await runtime.get(id)).messages).toBe(6)
  })

  test('never takes a session from under a request', async () => {
    const executor = scriptedExecutor(() => 'ok')
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    const sends: Promise<unknown>[] = []
    for (let n = 0; n < 30; n++) {
      sends.push(runtime.send('s', { content: `${n}`, idempotencyKey: `${n}`, waitMs: LONG_MS }))
      await runtime.evict()
    }
    await expect(Promise.all(sends)).resolves.toHaveLength(30)
    expect((await runtime.get('s')).messages).toBe(60)
  })

  test('keeps those that owe something', async () => {
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor })
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: 'x' })
    const run = await executor.next()
    await runtime.evict()
    expect(runtime.health().sessions.loaded).toBe(1)
    run.answer('ok')
    await until(runtime, 's', 'input.consumed')
  })
})

test('loading a session changes no byte of it', async () => {
  const path = freshPath()
  const touch = async (act: (runtime: Runtime) => Promise<unknown>): Promise<void> => {
    await using runtime = await createRuntime({ store: sqlite(path), executor: scriptedExecutor(() => 'ok') })
    await act(runtime)
  }
  await touch(async runtime => {
    await runtime.open({ sessionId: 's', system: 'Be brief.' })
    for (const content of ['a', 'b']) await runtime.send('s', { content, waitMs: LONG_MS })
  })
  const before = rows(path)
  await touch(async runtime => {
    await runtime.open({ sessionId: 's' })
    await runtime.cancel('s', {})
    await runtime.explain('s')
    await runtime.history('s', {})
    await runtime.evict()
    await runtime.cancel('s', { when: 'boundary' })
  })
  const claims = (all: unknown[]): string =>
    JSON.stringify(all, (key, value: unknown) => (key === 'token' || key === 'owner' || key === 'claim' ? 0 : value))
  expect(claims(rows(path))).toBe(claims(before))
  expect(readFileSync(path).length).toBeGreaterThan(0)
})
