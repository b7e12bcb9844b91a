/** What an input asks for holds for a run that it joins: the form of the answer, and how long the run may take. */
import { describe, expect, test } from 'vitest'
import { manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { eventsOf, freshStore, STORES, start } from './support.ts'
import { looking, modelsById } from './support-models.ts'

const form = (name: string) => ({
  type: 'object',
  properties: { [name]: { type: 'number' } },
  required: [name],
  additionalProperties: false,
})

/** A run whose tool call lasts until `go`, and what its model was asked for after that. */
async function asking(kind: (typeof STORES)[number], answers: readonly string[]) {
  const begun = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const look = looking(() => {
    begun.resolve()
    return go.promise
  })
  const forms: unknown[] = []
  const said = [...answers]
  const { executor } = modelsById(
    {
      'm/default': (_, { responseFormat }) => {
        const schema: unknown = responseFormat?.type === 'json' ? responseFormat.schema : undefined
        forms.push(schema)
        return forms.length === 1 ? { call: 'look' } : { say: said.shift() ?? '' }
      },
    },
    { tools: [look] },
  )
  const runtime = await start({ store: freshStore(kind), executor })
  const session = await runtime.sessions.open('s')
  return { runtime, session, forms, begun: begun.promise, go: () => go.resolve() }
}

describe.each(STORES)('the form that a steer asks for (%s)', kind => {
  test('is what the model is asked for from then on, and what the answer is held to', async () => {
    const { session, forms, begun, go } = await asking(kind, ['no number', '{"a":1}'])
    const head = await session.send('look')
    await begun
    const steer = await session.steer('as data', { outputSchema: form('a') })
    go()
    expect(await steer.result).toMatchObject({ outcome: 'completed', output: { a: 1 } })
    expect(await head.result).toMatchObject({ outcome: 'completed', output: { a: 1 } })
    expect(forms).toEqual([undefined, form('a'), form('a')])
  })

  test('has the say over an older one, which observers are told; a steer without one leaves it', async () => {
    const { runtime, session, forms, begun, go } = await asking(kind, ['{"b":2}'])
    await session.send('look', { outputSchema: form('a') })
    await begun
    await session.steer('as data', { outputSchema: form('b') })
    const last = await session.steer('and quick')
    go()
    expect(await last.result).toMatchObject({ outcome: 'completed', output: { b: 2 } })
    expect(forms).toEqual([form('a'), form('b')])
    const codes = (await eventsOf(runtime, 's')).map(event => event['code'])
    expect(codes.filter(code => code === 'output-schema-replaced')).toHaveLength(1)
  })
})

describe.each(STORES)('the time that a steer gives (%s)', kind => {
  test.each([
    ['nearer', 30_000, 30_000],
    ['farther', 900_000, 540_000],
  ])('counts from its joining where it is %s than that of the run', async (_, given, left) => {
    const clock = manualClock()
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor, clock, abortGraceMs: 100 })
    const session = await runtime.sessions.open('s')
    const head = await session.send('one', { maxRunMs: 600_000 })
    const run = await executor.next()
    await run.ask([{ id: 'c' }])
    await run.outcome('c')
    clock.advance(60_000)
    await session.steer('two', { maxRunMs: given })
    await run.boundary()
    expect(run.port.deadline.remainingMs).toBe(left)
    clock.advance(left - 1)
    expect(run.port.signal.aborted).toBe(false)
    clock.advance(1)
    expect(run.port.signal.reason).toBe('deadline')
    await clock.waiting(100)
    clock.advance(100)
    expect(await head.result).toMatchObject({ outcome: 'failed', error: { code: 'deadline-exceeded' } })
  })

  test('holds where it joins at the end, and the executor is called again', async () => {
    const clock = manualClock()
    const executor = scriptedExecutor()
    const runtime = await start({ store: freshStore(kind), executor, clock })
    const session = await runtime.sessions.open('s')
    await session.send('one')
    const run = await executor.next()
    const steer = await session.steer('two', { maxRunMs: 30_000, outputSchema: form('a') })
    run.answer('so far')
    const again = await executor.next()
    expect(again.port.deadline.remainingMs).toBe(30_000)
    expect(again.port.outputSchema).toEqual(form('a'))
    again.answer('all')
    expect(await steer.result).toMatchObject({ outcome: 'completed' })
  })
})
