/** `maxConcurrentRuns`: how many runs a process performs at once, in all and for each tenant. */
import { expect, test } from 'vitest'
import type { CoreExecutor } from '../../src/executor/executor.ts'
import { createRuntime, type Runtime } from '../../src/index.ts'
import { manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { codeOf, freshStore, LONG_MS, start, until } from './support.ts'

/** Counts who is at work; each run waits until the test lets it end. */
class Floor {
  most = 0
  readonly order: string[] = []
  readonly #open = new Map<string, () => void>()
  readonly #mostOf = new Map<string, number>()

  get working(): readonly string[] {
    return [...this.#open.keys()]
  }

  readonly executor: CoreExecutor = scriptedExecutor(async ({ port }) => {
    const { sessionId } = port
    this.order.push(sessionId)
    const over = Promise.withResolvers<void>()
    this.#open.set(sessionId, over.resolve)
    this.most = Math.max(this.most, this.#open.size)
    const tenant = port.session.labels?.['tenant'] ?? ''
    const same = this.working.filter(id => id.startsWith(tenant)).length
    this.#mostOf.set(tenant, Math.max(this.#mostOf.get(tenant) ?? 0, same))
    port.signal.addEventListener('abort', () => over.resolve())
    await over.promise
    this.#open.delete(sessionId)
    return 'done'
  })

  mostOf(tenant: string): number {
    return this.#mostOf.get(tenant) ?? 0
  }

  end(sessionId: string): void {
    this.#open.get(sessionId)?.()
  }

  async endAll(until: () => boolean): Promise<void> {
    await expect
      .poll(
        () => {
          for (const id of this.working) this.end(id)
          return until()
        },
        { timeout: LONG_MS, interval: 2 },
      )
      .toBe(true)
  }
}

async function sendAll(runtime: Runtime, ids: readonly string[], times = 1) {
  for (const id of ids) await runtime.open({ sessionId: id, labels: { tenant: id.slice(0, 1) } })
  const sent: { readonly sessionId: string; readonly inputId: string }[] = []
  for (let time = 0; time < times; time++)
    for (const id of ids)
      sent.push({ sessionId: id, inputId: (await runtime.send(id, { content: `${time}` })).inputId })
  return sent
}

const names = (prefix: string, count: number): readonly string[] => Array.from({ length: count }, (_, n) => prefix + n)

test('no more run at once than may, all run, and the oldest first', async () => {
  const floor = new Floor()
  const runtime = await start({ store: freshStore('memory'), executor: floor.executor, maxConcurrentRuns: 3 })
  const ids = names('s', 40)
  const sent = await sendAll(runtime, ids)
  await expect.poll(() => floor.working.length).toBe(3)
  expect(runtime.health()).toMatchObject({ status: 'ok', loops: { performing: 3, waiting: 37, limit: 3 } })
  await floor.endAll(() => floor.order.length === 40)
  for (const { sessionId, inputId } of sent) {
    floor.end(sessionId)
    expect(await runtime.wait(sessionId, inputId, LONG_MS)).toMatchObject({ result: { text: 'done' } })
  }
  expect(floor.most).toBe(3)
  expect(floor.order).toEqual(ids)
  expect(runtime.health()).toMatchObject({ loops: { performing: 0, waiting: 0 } })
})

test('a session with much to do lets the others have their turn in between', async () => {
  const floor = new Floor()
  const runtime = await start({ store: freshStore('memory'), executor: floor.executor, maxConcurrentRuns: 1 })
  await sendAll(runtime, ['busy'], 20)
  await sendAll(runtime, ['quiet', 'calm'])
  await floor.endAll(() => floor.order.includes('quiet') && floor.order.includes('calm'))
  expect(floor.order.indexOf('calm')).toBeLessThan(4)
  await floor.endAll(() => floor.order.length === 22)
})

test('no tenant runs more at once than it may, and none keeps another waiting', async () => {
  const floor = new Floor()
  const maxConcurrentRuns = { total: 6, perLabel: { tenant: 2 } }
  const runtime = await start({ store: freshStore('memory'), executor: floor.executor, maxConcurrentRuns })
  await sendAll(runtime, [...names('a', 20), ...names('b', 3), ...names('c', 3)])
  await expect.poll(() => [...floor.working].sort()).toEqual(['a0', 'a1', 'b0', 'b1', 'c0', 'c1'])
  await floor.endAll(() => floor.order.length === 26)
  expect([floor.mostOf('a'), floor.mostOf('b'), floor.mostOf('c'), floor.most]).toEqual([2, 2, 2, 6])
})

test('a run that waits uses up none of its time, and says what it waits for', async () => {
  const clock = manualClock()
  const floor = new Floor()
  const runtime = await start({ store: freshStore('memory'), executor: floor.executor, maxConcurrentRuns: 1, clock })
  const sent = await sendAll(runtime, ['first'])
  await clock.idle()
  await runtime.open({ sessionId: 'second' })
  const { inputId } = await runtime.send('second', { content: 'x', maxRunMs: 60_000 })
  await clock.idle()
  clock.advance(10 * 60_000)
  await clock.idle()
  expect(await runtime.explain('second')).toMatchObject({
    waitingFor: [{ guard: 'run-slot', owner: 'operator', sinceMs: 600_000 }],
  })
  expect(runtime.health()).toMatchObject({ status: 'ok', loops: { waiting: 1, overdue: 0 } })
  floor.end('first')
  await clock.idle()
  expect(floor.working).toEqual(['second'])
  clock.advance(59_000)
  floor.end('second')
  await clock.idle()
  expect(await runtime.wait('second', inputId, 0)).toMatchObject({ result: { outcome: 'completed' } })
  expect(await runtime.wait('first', sent[0]?.inputId ?? '', 0)).toMatchObject({ result: { outcome: 'completed' } })
})

test.each(['now', 'boundary'] as const)(
  'a run that waits can be cancelled (%s), and its executor hears nothing of it',
  async when => {
    const floor = new Floor()
    const runtime = await start({ store: freshStore('memory'), executor: floor.executor, maxConcurrentRuns: 1 })
    const [, second, third] = await sendAll(runtime, ['first', 'second', 'third'])
    await expect.poll(() => floor.working).toEqual(['first'])
    expect(await runtime.cancel('second', { when })).toMatchObject({ cancelled: true })
    expect(await runtime.wait('second', second?.inputId ?? '', LONG_MS)).toMatchObject({
      result: { outcome: 'cancelled' },
    })
    floor.end('first')
    await expect.poll(() => floor.working).toEqual(['third'])
    floor.end('third')
    expect(await runtime.wait('third', third?.inputId ?? '', LONG_MS)).toMatchObject({ result: { text: 'done' } })
    expect(floor.order).toEqual(['first', 'third'])
  },
)

test('runs that wait are given back by a drain and a close, and others go on with them', async () => {
  const floor = new Floor()
  const store = freshStore('sqlite')
  const one = await start({ store, executor: floor.executor, maxConcurrentRuns: 1 })
  const sent = await sendAll(one, ['first', 'second', 'third'])
  await expect.poll(() => floor.working).toEqual(['first'])
  const drained = one.drain(LONG_MS)
  floor.end('first')
  await drained
  const two = await start({ store, executor: scriptedExecutor(() => 'two') })
  const texts = await Promise.all(
    sent.map(async ({ sessionId, inputId }) => (await two.wait(sessionId, inputId, LONG_MS)).result?.text),
  )
  expect(texts).toEqual(['done', 'two', 'two'])
  expect(await until(two, 'second', 'input.consumed')).toMatchObject({ type: 'input.consumed' })
})

test.each(
  [
    0,
    -1,
    1.5,
    Number.NaN,
    'many',
    null,
    [],
    { total: 0 },
    { perLabel: { tenant: 0 } },
    { perLabel: 3 },
    { most: 3 },
  ].map(limits => ({ limits })),
)('a limit that is none is refused: $limits', async ({ limits }) => {
  expect(await codeOf(createRuntime({ maxConcurrentRuns: limits as never }))).toBe('invalid-params')
})
