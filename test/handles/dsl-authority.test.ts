import { describe, expect, test } from 'vitest'
import { CommsDrainHandle } from '../../src/handles/comms.ts'
import { DriverAuthority, HandleDslAuthority } from '../../src/handles/dsl-authority.ts'
import { InteractionStreamHandle } from '../../src/handles/interaction-stream.ts'
import { PeerInteractionHandle } from '../../src/handles/peer-interaction.ts'
import { SessionContextHandle } from '../../src/handles/session-context.ts'
import type { InputId, PeerId } from '../../src/kernel/ids.ts'
import { correlation, guardRejected, noTransition, SESSION, written } from './support.ts'

const X = correlation('x')

describe('the gate of a session’s handles', () => {
  test('closed, every change is refused and leaves the state untouched; reads go on', async () => {
    const { authority, gate, session } = await written()
    const { driver } = session
    const drain = new CommsDrainHandle(authority)
    const requests = new PeerInteractionHandle(authority)
    const streams = new InteractionStreamHandle(authority)
    const context = new SessionContextHandle(authority)
    await drain.spawnDrain('Timed')
    await requests.requestSent(X)
    const before = driver.state
    gate.close()
    const changes = [
      () => drain.stopDrain(),
      () => drain.ensureDrainRunning(),
      () => requests.requestTimedOut(X),
      () => streams.reserved(X),
      () => context.contextAdvanced(5),
      () => authority.applyInput({ type: 'DetachIngress' }),
      () => authority.applySignalAndSample({ type: 'EnsureDrainRunning' }, state => state),
    ]
    for (const change of changes) await expect(change()).rejects.toMatchObject(noTransition)
    expect(driver.state).toBe(before)
    expect(authority.closed).toBe(true)
    expect(authority.snapshotState()).toBe(before)
    expect([drain.state.phase, requests.outboundState(X), context.currentWatermarkMs()]).toEqual(['running', 'Sent', 0])
  })

  test('a change that waited for its turn when it closed is refused too, one that had begun is finished', async () => {
    const { authority, gate, hold } = await written()
    const requests = new PeerInteractionHandle(authority)
    const { begun, release } = hold()
    const first = requests.requestSent(X)
    await begun
    const second = requests.requestSent(correlation('y'))
    gate.close()
    release()
    await first
    await expect(second).rejects.toMatchObject(noTransition)
    expect(requests.outboundState(X)).toBe('Sent')
    expect(requests.outboundState(correlation('y'))).toBeUndefined()
  })

  test('of one registration is not another’s', async () => {
    const { authority, gate, session } = await written()
    gate.close()
    const next = new PeerInteractionHandle(HandleDslAuthority.fromShared(new DriverAuthority(session)))
    await next.requestSent(X)
    expect(new PeerInteractionHandle(authority).outboundState(X)).toBe('Sent')
  })
})

describe('the handles of one session', () => {
  test('see each other at once', async () => {
    const { authority } = await written()
    const [one, other] = [new PeerInteractionHandle(authority), new PeerInteractionHandle(authority)]
    await one.requestSent(X)
    expect(other.outboundState(X)).toBe('Sent')
    await other.responseTerminal(X, 'Completed')
    await expect(one.responseTerminal(X, 'Completed')).rejects.toMatchObject(guardRejected)
  })

  test('over a machine of its own see a change before its promise is', () => {
    const authority = HandleDslAuthority.ephemeral()
    const other = new PeerInteractionHandle(authority)
    void new PeerInteractionHandle(authority).requestSent(X)
    expect(other.outboundState(X)).toBe('Sent')
    expect(new PeerInteractionHandle(HandleDslAuthority.ephemeral()).outboundState(X)).toBeUndefined()
  })

  test('show nothing that is not durable', async () => {
    const { authority, hold } = await written()
    const requests = new PeerInteractionHandle(authority)
    const { begun, release } = hold()
    const sent = requests.requestSent(X)
    await begun
    expect(requests.outboundState(X)).toBeUndefined()
    release()
    await sent
    expect(requests.outboundState(X)).toBe('Sent')
  })

  test('change nothing where the store refuses, and may be asked again', async () => {
    const { authority, control } = await written()
    const requests = new PeerInteractionHandle(authority)
    control.onCommit = () => 'before'
    await expect(requests.requestSent(X)).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(requests.outboundState(X)).toBeUndefined()
    delete control.onCommit
    await requests.requestSent(X)
    expect(requests.outboundState(X)).toBe('Sent')
  })
})

describe.each(['ephemeral', 'written'] as const)('inputs applied together (%s)', kind => {
  const make = async (): Promise<HandleDslAuthority> =>
    kind === 'ephemeral' ? HandleDslAuthority.ephemeral(SESSION) : (await written()).authority

  test('are taken all or none', async () => {
    const authority = await make()
    const before = authority.snapshotState()
    const sent = { type: 'PeerRequestSent', correlationId: X } as const
    await expect(authority.applyInputs([sent, sent], () => {})).rejects.toMatchObject(guardRejected)
    expect(authority.snapshotState()).toBe(before)
  })

  test('answer what they said, sampled with the state they led to', async () => {
    const authority = await make()
    const sent = { type: 'PeerRequestSent', correlationId: X } as const
    const [said, size] = await authority.applyInputWithEffectsAndSample(sent, (effects, { interactions }) => [
      effects,
      interactions.outbound.size,
    ])
    expect([said, size]).toEqual([[{ type: 'PeerInteractionStateChanged', correlationId: X, state: 'Sent' }], 1])
    const step = await authority.applyInputWithTransition({ type: 'PeerRequestTimedOut', correlationId: X })
    expect(step.edge).toBe('interactions/PeerRequestTimedOut/ended')
  })

  test('that are refused say why, in a way callers can decide by', async () => {
    const authority = await make()
    await expect(authority.applyInput({ type: 'PeerRequestTimedOut', correlationId: X })).rejects.toMatchObject({
      ...guardRejected,
      isGuardRejected: true,
      context: 'meerkat/interactions/PeerRequestTimedOut',
    })
    await expect(authority.applyInput({ type: 'StopDrain' })).rejects.toMatchObject({
      ...noTransition,
      isGuardRejected: false,
    })
  })
})

test('an input that a session’s handles offer is one of the session’s', async () => {
  const { authority } = await written()
  await authority.applyInput({ type: 'AcceptInput', inputId: 'i' as InputId, at: 0 })
  expect(authority.snapshotState().ledger.entries.size).toBe(1)
})

test('peers are trusted freshly once this process has applied the newest', async () => {
  const { authority } = await written()
  expect(authority.peerProjectionFreshnessAuthority()).toEqual({ epoch: 0, fresh: true })
  const endpoint = { name: 'p', peerId: 'p' as PeerId, address: 'a', signingKey: 'k' }
  await authority.applyInput({ type: 'AddDirectPeerEndpoint', endpoint })
  expect(authority.peerProjectionFreshnessAuthority()).toEqual({ epoch: 1, fresh: false })
  await authority.applyInput({ type: 'PeerProjectionReconciled', epoch: 1 })
  expect(authority.peerProjectionFreshnessAuthority()).toEqual({ epoch: 1, fresh: true })
})
