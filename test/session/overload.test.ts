/** A session that has as much to do as it may takes in nothing more, and says so. */
import { expect, test } from 'vitest'
import { createRuntime } from '../../src/index.ts'
import { MeerkatMachine } from '../../src/runtime.ts'
import { type ManualClock, manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { sessionId } from '../../src/testing/store-contract/kit.ts'
import { codeOf, failureOf, freshStore, LONG_MS, start } from './support.ts'

async function full(clock?: ManualClock) {
  const executor = scriptedExecutor()
  const runtime = await start({ store: freshStore('sqlite'), executor, maxQueuedInputs: 4, ...(clock && { clock }) })
  await runtime.open({ sessionId: 's' })
  await runtime.send('s', { content: 'first', idempotencyKey: 'k' })
  const run = await executor.next()
  await runtime.send('s', { content: 'replaced', mode: 'supersede', supersessionKey: 'status' })
  for (const content of ['third', 'fourth']) await runtime.send('s', { content })
  return { runtime, run }
}

test('an input too many is refused as overloaded, with the time after which to ask again; nothing of it is kept', async () => {
  const { runtime, run } = await full()
  for (const mode of ['queue', 'steer', 'supersede'] as const) {
    const refused = await failureOf(
      runtime.send('s', {
        content: 'fifth',
        mode,
        idempotencyKey: mode,
        ...(mode === 'supersede' && { supersessionKey: 'other' }),
      }),
    )
    expect(refused).toMatchObject({
      code: 'overloaded',
      retryable: true,
      details: { retryAfterMs: 1_000 },
    })
  }
  expect((await runtime.inputs('s', {})).items).toHaveLength(4)
  run.answer('done')
  expect(await runtime.send('s', { content: 'fifth', idempotencyKey: 'queue' })).toMatchObject({ outcome: 'accepted' })
})

test('what was sent before is answered, and what takes the place of a waiting input is taken in', async () => {
  const { runtime } = await full()
  expect(await runtime.send('s', { content: 'first', idempotencyKey: 'k' })).toMatchObject({ outcome: 'deduplicated' })
  const newer = await runtime.send('s', { content: 'newer', mode: 'supersede', supersessionKey: 'status' })
  expect(newer).toMatchObject({ outcome: 'accepted' })
  expect(await codeOf(runtime.send('s', { content: 'fifth' }))).toBe('overloaded')
})

test('a schedule waits until there is room, health says that it is overdue, and other sessions take inputs', async () => {
  const clock = manualClock()
  const { runtime, run } = await full(clock)
  await runtime.schedule('s', { content: 'tick', inMs: 1_000 })
  clock.advance(10_000)
  await clock.idle()
  expect((await runtime.inputs('s', {})).items).toHaveLength(4)
  expect(runtime.health()).toMatchObject({ schedules: { overdue: 1 } })
  await runtime.open({ sessionId: 'other' })
  expect(await runtime.send('other', { content: 'hello' })).toMatchObject({ outcome: 'accepted' })
  run.answer('done')
  const given = async (): Promise<number> => {
    clock.advance(1_000)
    await clock.idle()
    return (await runtime.inputs('s', {})).items.length
  }
  await expect.poll(given, { timeout: LONG_MS }).toBe(5)
  expect(runtime.health()).toMatchObject({ schedules: { overdue: 0 } })
  const closed = runtime.close()
  await clock.idle()
  clock.advance(1_000)
  await closed
})

test('ten thousand inputs wait in a session unless told otherwise', async () => {
  const runtime = await start({ store: freshStore('memory'), executor: scriptedExecutor() })
  await runtime.open({ sessionId: 's' })
  const sends = Array.from({ length: 10_001 }, (_, n) => codeOf(runtime.send('s', { content: `${n}` })))
  expect((await Promise.all(sends)).filter(code => code !== undefined)).toEqual(['overloaded'])
})

test('a host’s sessions have the same bound', async () => {
  await using machine = await MeerkatMachine.ephemeral({ maxQueuedInputs: 1 })
  await machine.registerSession(sessionId('s'))
  await machine.acceptInput(sessionId('s'), { content: 'first' })
  expect(await codeOf(machine.acceptInput(sessionId('s'), { content: 'second' }))).toBe('overloaded')
})

test.each([[0], [-1], [1.5], [Number.NaN], ['many'], [null]])('a bound that is none is refused: %j', async bound => {
  expect(await codeOf(createRuntime({ maxQueuedInputs: bound as never }))).toBe('invalid-params')
})
