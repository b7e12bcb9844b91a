/** What a session makes of what it is offered, while nobody or somebody serves it. Nothing is kept by a store. */
import type { PostAdmissionSignal } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { ephemeral, failure, S } from '../host/support/machines.ts'
import { attached, type Play } from '../kernel/support/play.ts'

const TERMINAL = { kind: 'peer-response-terminal', origin: 'peer' } as const

function busy(): Play {
  const play = attached()
  play.accept('current')
  play.begin('r1')
  return play
}

const signalOf = (play: Play): PostAdmissionSignal | undefined => play.said('PostAdmissionSignal').at(-1)?.signal

describe('driver_ephemeral', () => {
  // Oracle 4.
  test('a peer’s terminal response that came during a run has the next run', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    await machine.acceptInput(S, { content: 'prompt' })
    const first = await executor.next()
    const response = await machine.acceptInputWithCompletion(S, { content: 'response', ...TERMINAL })
    first.answer('first')
    const second = await executor.next()
    expect([first.said, second.said]).toEqual(['prompt', 'response'])
    second.answer('second')
    expect(await response.completion).toMatchObject({ status: 'consumed', result: { text: 'second' } })
  })

  // Oracle 8.
  test('a prompt of derived durability is refused by name and leaves nothing behind', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const refused = machine.acceptInput(S, { content: 'x', durability: 'derived', idempotencyKey: 'k' })
    expect(await failure(refused)).toMatchObject({
      code: 'rejected',
      details: { kind: 'admission', reason: 'external-derived-durability-forbidden' },
    })
    expect(machine.listActiveInputs(S)).toEqual([])
    expect(await failure(machine.input(S, { idempotencyKey: 'k' }))).toMatchObject({ code: 'input-not-found' })
  })

  // Oracle 13.
  test('a retired session is not ready for an input, and stores none', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    await machine.retire(S)
    expect(await failure(machine.acceptInput(S, { content: 'x', idempotencyKey: 'k' }))).toMatchObject({
      code: 'not-ready',
      details: { phase: 'retired' },
    })
    expect((await machine.runtime.inputs(S, {})).items).toEqual([])
    expect(await failure(machine.input(S, { idempotencyKey: 'k' }))).toMatchObject({ code: 'input-not-found' })
  })

  // Oracle 16.
  test('a recovery leaves what waits where it waits', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    for (const content of ['one', 'two']) await machine.acceptInput(S, { content })
    await machine.acceptInput(S, { content: 'steer', mode: 'steer' })
    const before = machine.listActiveInputs(S)
    expect(await machine.recover(S)).toEqual({ inputsRecovered: 3, inputsRequeued: 0, inputsAbandoned: 0 })
    expect(machine.listActiveInputs(S)).toEqual(before)
  })

  test('a recovery in the middle of a run has its input tried again', async () => {
    const machine = await ephemeral({ abortGraceMs: 20 })
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    const first = await executor.next()
    expect(await machine.recover(S)).toEqual({ inputsRecovered: 1, inputsRequeued: 1, inputsAbandoned: 0 })
    first.throw(new Error('its run is over'))
    const second = await executor.next()
    expect(second.port.attempt).toBe(2)
    second.answer('done')
    expect(await completion).toMatchObject({ status: 'consumed', result: { text: 'done' } })
  })

  // Oracle 17.
  test('an input is accepted and then queued, as observers hear it', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const { inputId } = await machine.acceptInput(S, { content: 'x' })
    const { events } = await machine.runtime.events({ sessionId: S, after: '0' })
    expect(events.filter(event => event.inputId === inputId).map(({ type }) => type)).toEqual([
      'input.accepted',
      'input.queued',
    ])
  })

  // Oracle 19.
  test('a terminal response may steer, and one without a sound correlation is refused', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    expect(await machine.acceptInput(S, { content: 'x', ...TERMINAL, mode: 'steer' })).toMatchObject({
      outcome: 'accepted',
    })
    const refused = machine.acceptInput(S, { content: 'x', ...TERMINAL, malformedTerminal: true })
    expect(await failure(refused)).toMatchObject({
      code: 'rejected',
      details: { reason: 'peer-response-terminal-invalid' },
    })
    expect(machine.listActiveInputs(S)).toHaveLength(1)
  })

  // Oracles 20 and 28.
  test('a terminal response says nothing in the conversation before its own turn, and its turn is run', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'it is done', ...TERMINAL })
    const run = await executor.next()
    expect((await machine.runtime.history(S, {})).messages).toEqual([])
    run.answer('noted')
    await completion
    const { messages } = await machine.runtime.history(S, {})
    expect(messages.map(({ role, content }) => [role, content])).toEqual([
      ['user', 'it is done'],
      ['assistant', 'noted'],
    ])
  })

  // Oracle 23. Signals are hints to a loop that looks at the state anyway, so none is kept: the state has to say it all.
  test('a busy session does at its end what the signals it was given ask for, in whatever order they came', () => {
    const steer = (play: Play) => play.steer('steer')
    const wake = (play: Play) => play.accept('response', TERMINAL)
    const none = (play: Play) => play.accept('prompt')
    for (const offers of [
      [none, wake, steer],
      [steer, wake, none],
      [wake, steer, none],
    ]) {
      const play = busy()
      const signals = offers.map(offer => {
        const said = play.said('PostAdmissionSignal').length
        offer(play)
        return play.said('PostAdmissionSignal').length === said ? 'None' : signalOf(play)
      })
      expect(new Set(signals)).toEqual(new Set(['None', 'RequestImmediateProcessing', 'WakeLoop']))
      play.toolRound('r1')
      expect(play.contributors).toEqual(['current', 'steer'])
    }
  })
})
