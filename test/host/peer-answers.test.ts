/** What a peer answers ends the request that it answers, with the input that says it; observers hear how both stand. */
import { describe, expect, test } from 'vitest'
import type { HostInput } from '../../src/host/admission.ts'
import type { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { InputId, McpServerId, PeerCorrelationId } from '../../src/kernel/ids.ts'
import { ephemeral, S } from './support/machines.ts'

const ID = '0190b6a4-5f3e-7c11-9a9e-0123456789ab' as PeerCorrelationId
const half: HostInput = { peer: { type: 'ResponseProgress', peerId: 'ada', requestId: ID, phase: 'Accepted' } }
const answer = (status: 'Completed' | 'Failed' | 'Cancelled'): HostInput => ({
  peer: { type: 'ResponseTerminal', routeIdentity: 'r', displayIdentity: 'Ada', correlationId: ID, status },
})

async function asking() {
  const machine = await ephemeral()
  await machine.registerSession(S)
  const bindings = await machine.prepareBindings(S)
  const ended: string[] = []
  bindings.peerInteraction.installCleanupObserver({ onPeerInteractionCleanup: id => ended.push(id) })
  return { machine, ...bindings, ended }
}

async function told(machine: MeerkatMachine, family: string): Promise<readonly object[]> {
  const { events } = await machine.runtime.events({ sessionId: S, after: '0', limit: 1_000 })
  return events.filter(({ type }) => type.startsWith(family)).map(({ type, state, error }) => ({ type, state, error }))
}

describe('an answer', () => {
  test.each(['Completed', 'Failed', 'Cancelled'] as const)(
    '%s ends the request that the session has sent, once, in the step that takes it in',
    async status => {
      const { machine, peerInteraction, sessionAdmission, ended } = await asking()
      await peerInteraction.requestSent(ID)
      await machine.acceptInput(S, half)
      expect(peerInteraction.outboundState(ID)).toBe('AcceptedProgress')
      await machine.acceptInput(S, answer(status))
      expect(peerInteraction.outboundState(ID)).toBeUndefined()
      const id = '0197f1c0-0000-7000-8000-00000000000a' as InputId
      await sessionAdmission.acceptWithCompletion(id, answer(status))
      expect(ended).toEqual([ID])
      const states = ['Sent', 'AcceptedProgress', status === 'Completed' ? 'Completed' : 'Failed']
      expect(await told(machine, 'peer.')).toEqual(states.map(state => ({ type: 'peer.request-changed', state })))
    },
  )

  test('that a handle brings ends it, too', async () => {
    const { peerInteraction, sessionAdmission, ended } = await asking()
    await peerInteraction.requestSent(ID)
    await sessionAdmission.acceptWithCompletion('0197f1c0-0000-7000-8000-00000000000b' as InputId, answer('Failed'))
    expect(peerInteraction.outboundState(ID)).toBeUndefined()
    expect(ended).toEqual([ID])
  })

  test('to a request that nobody knows of is taken in all the same', async () => {
    const { machine, ended } = await asking()
    expect(await machine.acceptInput(S, answer('Completed'))).toMatchObject({ outcome: 'accepted' })
    expect([ended, await told(machine, 'peer.')]).toEqual([[], []])
  })

  test('that the session owes is told of when it is asked for and when it is given', async () => {
    const { machine, peerInteraction } = await asking()
    await peerInteraction.requestReceived(ID)
    await peerInteraction.responseReplied(ID)
    const states = ['Received', 'Replied']
    expect(await told(machine, 'peer.')).toEqual(states.map(state => ({ type: 'peer.answer-changed', state })))
  })
})

describe('a request that a peer makes', () => {
  const ask = (requestId: string): HostInput => ({
    peer: { type: 'Request', peerId: 'ada', requestId, intent: 'review' },
  })

  test('is owed an answer from the step that takes it in, in its lane, until that is given', async () => {
    const { machine, peerInteraction } = await asking()
    await machine.acceptInput(S, { ...ask(ID), mode: 'steer', idempotencyKey: 'once' })
    expect(peerInteraction.inboundHandlingMode(ID)).toBe('steer')
    expect(await machine.acceptInput(S, { ...ask(ID), mode: 'steer', idempotencyKey: 'once' })).toMatchObject({
      outcome: 'deduplicated',
    })
    // Who says it twice is answered once.
    await machine.acceptInput(S, ask(ID))
    await peerInteraction.responseReplied(ID)
    expect(peerInteraction.inboundState(ID)).toBeUndefined()
    const states = ['Received', 'Replied']
    expect(await told(machine, 'peer.')).toEqual(states.map(state => ({ type: 'peer.answer-changed', state })))
  })

  test('is owed one whoever delivers it, also when it is silenced, and when its host said so before', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S, { silentIntents: ['review'] })
    const { peerInteraction, sessionAdmission } = await machine.prepareBindings(S)
    await sessionAdmission.acceptWithCompletion('0197f1c0-0000-7000-8000-00000000000c' as InputId, ask('handed'))
    expect(peerInteraction.inboundHandlingMode('handed' as PeerCorrelationId)).toBe('queue')
    await peerInteraction.requestReceived(ID, 'steer')
    await machine.acceptInput(S, ask(ID))
    expect(peerInteraction.inboundHandlingMode(ID)).toBe('steer')
  })

  test('that is refused is owed none, and a peer that nobody answers fills nothing', async () => {
    const { machine, peerInteraction } = await asking()
    const refused = machine.acceptInput(S, { ...ask('refused'), mode: 'supersede' })
    await expect(refused).rejects.toMatchObject({ code: 'rejected' })
    expect(peerInteraction.inboundState('refused' as PeerCorrelationId)).toBeUndefined()
    for (let n = 0; n <= 1_000; n++) await machine.acceptInput(S, ask(`r${n}`))
    expect(peerInteraction.inboundState('r999' as PeerCorrelationId)).toBe('Received')
    expect(peerInteraction.inboundState('r1000' as PeerCorrelationId)).toBeUndefined()
    await peerInteraction.responseReplied('r5' as PeerCorrelationId)
    await machine.acceptInput(S, ask('next'))
    expect(peerInteraction.inboundState('next' as PeerCorrelationId)).toBe('Received')
  })
})

test('what becomes of a subscription to a message is told', async () => {
  const { machine, interactionStream: streams } = await asking()
  await streams.reserved(ID)
  await streams.attached(ID)
  await streams.completed(ID)
  await streams.reserved(ID)
  await streams.abandoned(ID, 'SendFailed')
  const states = ['Reserved', 'Attached', 'Completed', 'Reserved', 'Abandoned']
  expect(await told(machine, 'peer.')).toEqual(states.map(state => ({ type: 'peer.stream-changed', state })))
})

test('how a tool server stands is told, with why it failed', async () => {
  const { machine, mcpServerLifecycle: servers } = await asking()
  const files = 'files' as McpServerId
  await servers.applyConnectPending(files)
  await servers.applyFailed(files, 'no such host')
  await servers.applyReload(files)
  await servers.applyConnected(files)
  expect(await told(machine, 'mcp.')).toEqual([
    { type: 'mcp.server-changed', state: 'PendingConnect' },
    { type: 'mcp.server-changed', state: 'Failed', error: 'no such host' },
    { type: 'mcp.reload-wanted' },
    { type: 'mcp.server-changed', state: 'PendingConnect' },
    { type: 'mcp.server-changed', state: 'Connected' },
  ])
})
