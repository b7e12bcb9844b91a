import { describe, expect, test } from 'vitest'
import { CommsDrainHandle, PeerCommsHandle } from '../../src/handles/comms.ts'
import { HandleDslAuthority } from '../../src/handles/dsl-authority.ts'
import type { PeerId } from '../../src/kernel/ids.ts'
import type { PeerEnvelope } from '../../src/kernel/regions/comms/input.ts'
import { correlation, guardRejected, noTransition, SESSION } from './support.ts'

describe('the drain, as its keeper sees it', () => {
  test('is asked for until one runs', async () => {
    const drain = new CommsDrainHandle(HandleDslAuthority.ephemeral())
    expect(await drain.ensureDrainRunning()).toBe(true)
    await drain.spawnDrain('AttachedSession')
    expect(await drain.ensureDrainRunning()).toBe(false)
    await expect(drain.spawnDrain('Timed')).rejects.toMatchObject(noTransition)
    expect(drain.state).toEqual({ phase: 'running', mode: 'AttachedSession' })
  })

  // Oracle 22 of the handles.
  test('that was a host and failed may be started again by itself; the second word of it is refused', async () => {
    const drain = new CommsDrainHandle(HandleDslAuthority.ephemeral())
    await drain.spawnDrain('PersistentHost')
    expect(await drain.notifyDrainExited('Failed')).toBe(true)
    expect(drain.state.phase).toBe('exitedRespawnable')
    await expect(drain.notifyDrainExited('Failed')).rejects.toMatchObject(noTransition)
    await drain.spawnDrain('PersistentHost')
    expect(await drain.notifyDrainExited('Dismissed')).toBe(false)
    await expect(drain.notifyDrainExited('Dismissed')).rejects.toMatchObject(guardRejected)
  })

  test('that is told to stop says that it has', async () => {
    const drain = new CommsDrainHandle(HandleDslAuthority.ephemeral())
    await drain.spawnDrain('Timed')
    await drain.stopDrain()
    await expect(drain.stopDrain()).rejects.toMatchObject(noTransition)
    expect(await drain.notifyDrainExited('Aborted')).toBe(false)
    await drain.spawnDrain('PersistentHost')
    await drain.drainExitedRespawnable()
    expect(drain.state.phase).toBe('exitedRespawnable')
    await drain.spawnDrain('PersistentHost')
    await drain.drainExitedClean()
    expect(drain.state.phase).toBe('stopped')
  })
})

describe('what comes from peers', () => {
  const classify = (peers: PeerCommsHandle, envelope: PeerEnvelope) =>
    peers.classifyExternalEnvelope({ itemId: correlation('item'), fromPeer: 'p', fromPeerId: 'p' as PeerId, envelope })

  test('is judged, and changes nothing by it', async () => {
    const authority = HandleDslAuthority.ephemeral()
    const peers = new PeerCommsHandle(authority)
    const before = authority.snapshotState()
    expect(await classify(peers, { kind: 'Message' })).toMatchObject({ class: 'ActionableMessage', fromPeerId: 'p' })
    expect(await peers.classifyPlainEvent('timer')).toMatchObject({ class: 'PlainEvent', actionable: true })
    await peers.setPeerIngressContext(true)
    expect(authority.snapshotState()).toBe(before)
  })

  test('without a row is refused, so that it is dropped', async () => {
    const peers = new PeerCommsHandle(HandleDslAuthority.ephemeral())
    const nameless = { kind: 'Request', intent: 'mob.peer_added', intentClass: 'MobPeerAdded' } as const
    await expect(classify(peers, nameless)).rejects.toMatchObject(guardRejected)
  })

  // Oracle 20 of the handles.
  test('a stranger’s request is dropped, its word as a supervisor is not', async () => {
    const peers = new PeerCommsHandle(HandleDslAuthority.ephemeral())
    const stranger = { kind: 'External', trusted: false, queuedWork: false, queue: 'open' } as const
    const request = await classify(peers, { kind: 'Request', intent: 'i', intentClass: 'Other' })
    expect(await peers.resolvePeerIngressReceive({ ...stranger, auth: request.auth })).toMatchObject({
      outcome: 'DroppedUntrustedSender',
    })
    const bridge = await classify(peers, {
      kind: 'Request',
      intent: 'supervisor.bridge',
      intentClass: 'SupervisorBridge',
    })
    expect(await peers.resolvePeerIngressReceive({ ...stranger, auth: bridge.auth })).toMatchObject({
      outcome: 'Admitted',
      diagnostic: 'UntrustedAtAdmission',
    })
  })

  test('is delivered when the last of it is taken out', async () => {
    const authority = HandleDslAuthority.ephemeral(SESSION)
    const peers = new PeerCommsHandle(authority)
    const known = { kind: 'External', auth: 'Required' } as const
    await peers.resolvePeerIngressReceive({ ...known, trusted: true, queuedWork: false, queue: 'open' })
    await peers.resolvePeerIngressDequeue({ ...known, queuedWork: false })
    expect(authority.snapshotState().comms.newest).toBe('Delivered')
  })
})
