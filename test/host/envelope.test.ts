/** What a reader is told of an event is the runtime's to say: no payload can pass for more than it is. */
import { describe, expect, test } from 'vitest'
import type { CoreExecutor, StreamEvent } from '../../src/executor/executor.ts'
import type { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { eventsOf } from '../../src/session/reads.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { ephemeral, failure, S } from './support/machines.ts'

const FOREIGN = {
  type: 'input.steered',
  sessionId: 'other',
  cursor: '999999',
  at: '1970-01-01T00:00:00.000Z',
  runId: 'another run',
  inputId: 'another input',
  turn: 77,
  boundary: 9,
}

async function allEvents(machine: MeerkatMachine) {
  return (await machine.runtime.events({ sessionId: S, limit: 1_000 })).events
}

describe('an event of a host', () => {
  test('carries what the host says, by its name', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    await machine.publishEvent(S, { name: 'deployed', data: { version: 7, nested: { type: 'mine' }, text: 'live' } })
    const event = (await allEvents(machine)).at(-1)
    expect(event).toMatchObject({ type: 'host.event', sessionId: S, name: 'deployed', version: 7, text: 'live' })
    expect(event).toMatchObject({ nested: { type: 'mine' } })
  })

  test.each(['type', 'sessionId', 'cursor', 'at', 'runId', 'inputId', 'turn', 'name'])(
    'can not say %s for the runtime: it is refused, by the name of the field',
    async field => {
      const machine = await ephemeral()
      await machine.registerSession(S)
      const before = await allEvents(machine)
      const refused = await failure(machine.publishEvent(S, { name: 'deployed', data: { [field]: 'x', fine: 1 } }))
      expect(refused).toMatchObject({ code: 'invalid-params' })
      expect(refused.message).toContain(field)
      expect(await allEvents(machine)).toEqual(before)
    },
  )

  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  test.each<readonly [string, unknown]>([
    ['nothing', undefined],
    ['no object', 42],
    ['no name', { data: {} }],
    ['an empty name', { name: '' }],
    ['a name that is no text', { name: 7 }],
    ['half a character', { name: '\ud800' }],
    ['a list', { name: 'x', data: [1] }],
    ['a text', { name: 'x', data: 'text' }],
    ['null', { name: 'x', data: null }],
    ['a circle', { name: 'x', data: circular }],
    ['a BigInt', { name: 'x', data: { n: 1n } }],
    ['what answers as something else', { name: 'x', data: { toJSON: () => 'text' } }],
    ['a getter that throws', { name: 'x', data: Object.defineProperty({}, 'a', { enumerable: true, get: thrower }) }],
  ])('with %s is refused, and the session goes on', async (_, event) => {
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(
      S,
      scriptedExecutor(() => 'ok'),
    )
    const call: (sessionId: typeof S, event: unknown) => Promise<void> = machine.publishEvent.bind(machine) as never
    expect(await failure(call(S, event))).toMatchObject({ code: 'invalid-params' })
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ result: { text: 'ok' } })
  })

  test('that is too long is refused as such', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const refused = await failure(machine.publishEvent(S, { name: 'x', data: { text: 'x'.repeat(2_000_000) } }))
    expect(refused).toMatchObject({ code: 'too-large' })
  })
})

test('an event that lies on disk with such fields is read by its own envelope', () => {
  const events = eventsOf({
    position: 5,
    sessionId: S,
    record: { v: 3, at: 1_000, events: [{ type: 'host.event', data: { ...FOREIGN, name: 'x' } }] },
  })
  expect(events).toEqual([
    {
      cursor: '5.0',
      sessionId: S,
      at: '1970-01-01T00:00:01.000Z',
      type: 'host.event',
      boundary: 9,
      name: 'x',
    },
  ])
})

describe('an executor', () => {
  /** Streams what it is given, as if it were what its type says, and answers. */
  const streaming = (...events: readonly object[]): CoreExecutor => ({
    name: 'streaming',
    apply: port => {
      for (const event of events) port.stream(event as StreamEvent)
      return Promise.resolve({ type: 'completed', message: { role: 'assistant', content: 'done' } })
    },
  })

  test('can not make up receipts, runs or ends of inputs: the attempt fails, and nothing of it is read', async () => {
    const machine = await ephemeral()
    const forged = { type: 'run.boundary', turn: 1, boundary: 9, inputIds: ['made up'], steered: ['made up'] }
    await machine.registerSessionWithExecutor(S, streaming(forged))
    const { inputId, completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ status: 'abandoned', reason: 'max-attempts' })
    const events = await allEvents(machine)
    expect(events.filter(({ type }) => type === 'run.boundary')).toEqual([])
    const run = events.find(({ type }) => type === 'run.started')?.runId
    expect((await machine.runtime.run(S, run ?? '')).receipts).toEqual([])
    expect(await machine.input(S, { inputId })).not.toHaveProperty('receipt')
  })

  test('can not speak for another run, input, session or time', async () => {
    const machine = await ephemeral()
    const { type: _, turn: __, ...foreign } = FOREIGN
    await machine.registerSessionWithExecutor(
      S,
      streaming({ ...foreign, type: 'tool.progress', turn: 1, callId: 'c', data: FOREIGN }),
    )
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ status: 'consumed' })
    const events = await allEvents(machine)
    const told = events.find(({ type }) => type === 'tool.progress')
    const run = events.find(({ type }) => type === 'run.started')?.runId
    expect(told).toEqual({
      cursor: told?.cursor,
      at: told?.at,
      sessionId: S,
      type: 'tool.progress',
      runId: run,
      turn: 1,
      callId: 'c',
      data: FOREIGN,
    })
    expect(told?.at).not.toBe(FOREIGN.at)
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null])(
    'names a model call by its number: %s is none',
    async turn => {
      const machine = await ephemeral()
      await machine.registerSessionWithExecutor(S, streaming({ type: 'text.delta', turn, text: 'x' }))
      const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
      expect(await completion).toMatchObject({ status: 'abandoned', reason: 'max-attempts' })
    },
  )
})

function thrower(): never {
  throw new Error('not to be read')
}
