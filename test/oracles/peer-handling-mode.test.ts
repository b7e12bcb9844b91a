/** What comes from peers: how soon it is handled, and that it says what its sender rendered. */
import type { MeerkatEffect } from 'meerkat-ts/kernel'
import { blockPrefixText } from 'meerkat-ts/runtime'
import { describe, expect, test } from 'vitest'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { ephemeral, S } from '../host/support/machines.ts'
import { attached, type Play } from '../kernel/support/play.ts'

const MESSAGE = { kind: 'peer-message', origin: 'peer' } as const
const REQUEST = { kind: 'peer-request', origin: 'peer' } as const
const TERMINAL = { kind: 'peer-response-terminal', origin: 'peer' } as const
const PROGRESS = { kind: 'peer-response-progress', origin: 'peer' } as const

const IMMEDIATE: MeerkatEffect = { type: 'PostAdmissionSignal', signal: 'RequestImmediateProcessing' }

function busy(): Play {
  const play = attached()
  play.accept('current')
  play.begin('r1')
  return play
}

describe('peer_handling_mode and regression_comms_runtime', () => {
  // Oracles 25 and 35.
  test.each([
    ['message', MESSAGE],
    ['terminal response', TERMINAL],
  ])('a %s that steers is handled at once: it joins the run there is, or starts one', (_, kind) => {
    const running = busy()
    expect(running.accept('steer', { ...kind, mode: 'steer' })).toEqual([
      { type: 'InputAccepted', inputId: 'steer', lane: 'steer' },
      IMMEDIATE,
    ])
    running.toolRound('r1')
    expect(running.contributors).toEqual(['current', 'steer'])

    const idle = attached()
    idle.accept('waits')
    expect(idle.accept('steer', { ...kind, mode: 'steer' })).toContainEqual(IMMEDIATE)
    expect(idle.prepare('r1')).toEqual(['steer'])
  })

  // Oracle 26.
  test('a message without a mode waits for a run of its own', () => {
    const play = busy()
    play.accept('message', MESSAGE)
    play.toolRound('r1')
    expect(play.contributors).toEqual(['current'])
    play.answer('r1')
    play.commit('r1')
    expect(play.prepare('r2')).toEqual(['message'])
  })

  // Oracle 29.
  test('progress of a response starts nothing: it waits, and the newest stands for the others', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const offer = (content: string) =>
      machine.acceptInput(S, { content, ...PROGRESS, durability: 'ephemeral', supersessionKey: 'request' })
    const first = await offer('half')
    const second = await offer('most')
    expect(machine.listActiveInputs(S)).toMatchObject([{ id: second.inputId, status: 'queued', lane: 'steer' }])
    expect(await machine.input(S, { inputId: first.inputId })).toMatchObject({
      status: 'coalesced',
      by: second.inputId,
    })
    expect(machine.runtimeState(S)).toBe('attached')
    expect(executor.applied).toEqual([])
  })

  // Oracle 31.
  test('a response that comes after the turn wakes the session again', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor(run => `re: ${run.said}`)
    await machine.registerSessionWithExecutor(S, executor)
    await (await machine.acceptInputWithCompletion(S, { content: 'prompt' })).completion
    const response = await machine.acceptInputWithCompletion(S, { content: 'response', ...TERMINAL })
    expect(await response.completion).toMatchObject({ status: 'consumed', result: { text: 're: response' } })
  })

  // Oracle 32.
  test('two requests that undo each other are two requests', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    for (const intent of ['mob.peer_added', 'mob.peer_retired']) {
      expect(await machine.acceptInput(S, { content: intent, ...REQUEST, intent })).toMatchObject({
        outcome: 'accepted',
      })
    }
    expect(machine.listActiveInputs(S).map(({ status }) => status)).toEqual(['queued', 'queued'])
  })

  // Oracle 34.
  test('what a peer’s word was rendered to reaches the executor and the conversation unchanged, blocks and all', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const content = [
      { type: 'text' as const, text: blockPrefixText({ type: 'Message', peerId: 'ada' }) ?? '' },
      { type: 'text' as const, text: ' look at\n\tthis ' },
      { type: 'file' as const, mediaType: 'text/plain', data: 'aGVsbG8=' },
    ]
    const { completion } = await machine.acceptInputWithCompletion(S, { content, ...MESSAGE })
    const run = await executor.next()
    expect(run.port.inputs).toMatchObject([{ kind: 'peer-message', content }])
    run.answer('seen')
    await completion
    expect((await machine.runtime.history(S, {})).messages[0]).toMatchObject({ role: 'user', content })
  })
})
