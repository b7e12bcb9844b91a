/** The binding of a host's session to a provider's realtime transport: who speaks for it, and when it is made. */
import { describe, expect, test } from 'vitest'
import type { SessionId } from '../../src/kernel/ids.ts'
import { ABLE, answering, ephemeral, failure, S, served, withModel } from './support/machines.ts'

const T = 't' as SessionId

describe('a binding', () => {
  test('is made, stands, and is let go of', async () => {
    const { machine } = await served()
    const { realtime } = machine
    expect(realtime.realtimeAttachmentStatus(S)).toBe('Unattached')
    await realtime.projectRealtimeAttachmentIntent(S, true)
    expect(realtime.realtimeAttachmentStatus(S)).toBe('IntentPresentUnbound')
    const authority = await realtime.attachLive(S)
    expect(authority).toMatchObject({ sessionId: S, authorityEpoch: 1 })
    expect(realtime.realtimeAttachmentStatus(S)).toBe('BindingNotReady')
    await realtime.publishRealtimeAttachmentSignal(authority, 'BindingReady')
    expect(realtime.realtimeAttachmentStatus(S)).toBe('BindingReady')
    expect(realtime.realtimeChannelState(S)).toEqual({ state: 'Ready' })
    await realtime.detachLive(S)
    expect(realtime.realtimeAttachmentStatus(S)).toBe('IntentPresentUnbound')
    await realtime.projectRealtimeAttachmentIntent(S, false)
    expect(realtime.realtimeAttachmentStatus(S)).toBe('Unattached')
  })

  test('needs a session, and somebody who serves it', async () => {
    const machine = await ephemeral()
    expect(await failure(machine.realtime.attachLive(T))).toMatchObject({
      code: 'not-ready',
      details: { phase: 'destroyed' },
    })
    await machine.registerSession(S)
    for (const bind of [machine.realtime.attachLive(S), machine.realtime.replaceRealtimeAttachment(S)]) {
      expect(await failure(bind)).toMatchObject({ code: 'not-ready', details: { phase: 'idle' } })
    }
  })

  test('publishes its own states and no other', async () => {
    const { machine } = await served()
    const authority = await machine.realtime.attachLive(S)
    for (const status of ['Unattached', 'IntentPresentUnbound', 'ReattachRequired'] as const) {
      const refused = await failure(machine.realtime.publishRealtimeAttachmentSignal(authority, status))
      expect(refused).toMatchObject({ code: 'rejected', details: { status } })
    }
    expect(machine.realtime.realtimeAttachmentStatus(S)).toBe('BindingNotReady')
  })
})

describe('whoever speaks for a binding', () => {
  test('is heard until the binding is replaced or gone', async () => {
    const { machine } = await served()
    const { realtime } = machine
    const first = await realtime.attachLive(S)
    expect(realtime.currentRealtimeAttachmentAuthority(S)).toBe(first)
    const second = await realtime.replaceRealtimeAttachment(S)
    expect(realtime.realtimeAttachmentStatus(S)).toBe('ReplacementPending')
    expect(await failure(realtime.publishRealtimeAttachmentSignal(first, 'BindingReady'))).toMatchObject({
      code: 'rejected',
      details: { kind: 'guard-rejected' },
    })
    await realtime.requireRealtimeAttachmentReattachForAuthority(second)
    expect(realtime.realtimeAttachmentStatus(S)).toBe('ReattachRequired')
    expect(await failure(realtime.requireRealtimeAttachmentReattachForAuthority(second))).toMatchObject({
      code: 'rejected',
    })
    expect(await failure(() => realtime.currentRealtimeAttachmentAuthority(S))).toMatchObject({ code: 'not-ready' })
  })

  test('shows the authority itself: a copy with the same numbers is refused', async () => {
    const { machine } = await served()
    const authority = await machine.realtime.attachLive(S)
    const copy = machine.realtime.publishRealtimeAttachmentSignal({ ...authority }, 'BindingReady')
    expect(await failure(copy)).toMatchObject({ code: 'rejected' })
    await machine.realtime.publishRealtimeAttachmentSignal(authority, 'BindingReady')
  })

  test('is not heard in a later registration, nor after a recovery, though the numbers begin again', async () => {
    const { machine } = await served()
    const { realtime } = machine
    const old = await realtime.attachLive(S)
    await machine.recover(S)
    const recovered = await realtime.attachLive(S)
    expect(recovered.authorityEpoch).toBe(old.authorityEpoch)
    expect(await failure(realtime.publishRealtimeAttachmentSignal(old, 'BindingReady'))).toMatchObject({
      code: 'rejected',
    })
    await machine.unregisterSession(S)
    await machine.registerSessionWithExecutor(S, answering())
    const fresh = await realtime.attachLive(S)
    expect(fresh.authorityEpoch).toBe(recovered.authorityEpoch)
    for (const stale of [old, recovered]) {
      expect(await failure(realtime.publishRealtimeAttachmentSignal(stale, 'BindingReady'))).toMatchObject({
        code: 'rejected',
      })
    }
    await realtime.publishRealtimeAttachmentSignal(fresh, 'BindingReady')
    expect(realtime.realtimeAttachmentStatus(S)).toBe('BindingReady')
  })

  test('is not heard where recovery and another binding come in the same breath', async () => {
    const { machine } = await served()
    const { realtime } = machine
    const old = await realtime.attachLive(S)
    const [, fresh, late] = await Promise.allSettled([
      machine.recover(S),
      realtime.attachLive(S),
      realtime.publishRealtimeAttachmentSignal(old, 'BindingReady'),
    ])
    expect([fresh.status, late.status]).toEqual(['fulfilled', 'rejected'])
    expect(realtime.realtimeAttachmentStatus(S)).toBe('BindingNotReady')
  })

  test('stays heard after a binding that was refused', async () => {
    const { machine } = await served()
    const { realtime } = machine
    const authority = await realtime.attachLive(S)
    await realtime.beginLiveTopologyReconfigure(authority)
    expect(await failure(realtime.attachLive(S))).toMatchObject({ code: 'rejected' })
    await realtime.abortLiveTopologyBeforeDetach(S)
    await realtime.publishRealtimeAttachmentSignal(authority, 'BindingReady')
    expect(realtime.realtimeAttachmentStatus(S)).toBe('BindingReady')
  })

  test('may be asked for by many at once: the last binding alone has a voice', async () => {
    const { machine } = await served()
    const { realtime } = machine
    const all = await Promise.all([1, 2, 3].map(() => realtime.replaceRealtimeAttachment(S)))
    const heard = await Promise.allSettled(
      all.map(one => realtime.publishRealtimeAttachmentSignal(one, 'BindingReady')),
    )
    expect(heard.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
    expect(realtime.currentRealtimeAttachmentAuthority(S)).toBe(all[2])
  })
})

describe('attempts to connect again', () => {
  test('are counted while another binding is due, and shown', async () => {
    const { machine } = await served()
    const { realtime } = machine
    expect(await failure(realtime.beginRealtimeReconnectCycle(S))).toMatchObject({ code: 'rejected' })
    await realtime.requireRealtimeAttachmentReattach(S)
    await realtime.beginRealtimeReconnectCycle(S, { nextRetryAtMs: 5, deadlineAtMs: 100 })
    await realtime.scheduleRealtimeReconnectRetry(S, 10)
    expect(realtime.realtimeChannelState(S)).toEqual({
      state: 'Reconnecting',
      attemptCount: 2,
      nextRetryAtMs: 10,
      deadlineAtMs: 100,
    })
    await realtime.exhaustRealtimeReconnectCycle(S)
    expect(realtime.realtimeChannelState(S)).toEqual({ state: 'Error', reason: 'ReconnectAttemptsExhausted' })
    await realtime.clearRealtimeReconnectProgress(S)
    expect(realtime.realtimeChannelState(S)).toEqual({ state: 'Reconnecting', attemptCount: 0 })
    await realtime.attachLive(S)
    expect(realtime.realtimeChannelState(S)).toEqual({ state: 'Opening' })
  })
})

describe('a change of model under a binding', () => {
  test('goes its way from the binding to none and over its steps', async () => {
    const { machine } = await served()
    const { realtime } = machine
    const authority = await realtime.attachLive(S)
    await realtime.beginLiveTopologyReconfigure(authority)
    expect(await realtime.markLiveTopologyDetached(S)).toBe(true)
    expect(realtime.realtimeAttachmentStatus(S)).toBe('Unattached')
    expect(await failure(realtime.completeLiveTopology(S))).toMatchObject({ code: 'rejected' })
    await realtime.applyLiveTopologyIdentity(S)
    await realtime.applyLiveTopologyVisibility(S)
    await realtime.completeLiveTopology(S)
    expect(realtime.liveTopologyPhase(S)).toBe('idle')
    expect((await realtime.attachLive(S)).authorityEpoch).toBeGreaterThan(authority.authorityEpoch)
  })

  test('that fails behind its detach makes another binding due', async () => {
    const { machine } = await served()
    const { realtime } = machine
    await realtime.beginLiveTopologyReconfigure(await realtime.attachLive(S))
    await realtime.markLiveTopologyDetached(S)
    await realtime.failLiveTopologyAfterDetach(S)
    expect(realtime.realtimeAttachmentStatus(S)).toBe('ReattachRequired')
  })

  test('waits for the turn to stand still', async () => {
    const machine = await ephemeral()
    const calling = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    await machine.registerSessionWithExecutor(S, {
      name: 'calling',
      apply: async () => {
        calling.resolve()
        await gate.promise
        return { type: 'completed', turn: 1, message: { role: 'assistant', content: 'done' } }
      },
    })
    const { realtime } = machine
    await realtime.beginLiveTopologyReconfigure(await realtime.attachLive(S))
    const sent = await machine.acceptInputWithCompletion(S, { content: 'go' })
    await calling.promise
    expect(await realtime.markLiveTopologyDetached(S)).toBe(false)
    gate.resolve()
    await sent.completion
    expect(await realtime.markLiveTopologyDetached(S)).toBe(true)
  })
})

describe('a model', () => {
  test('that is known to do without realtime is not bound', async () => {
    const { attachments } = await withModel(false)
    expect(await failure(attachments.attachLive(S))).toMatchObject({
      code: 'rejected',
      details: { operation: 'attachLive', model: 'm' },
    })
    expect(await failure(attachments.replaceRealtimeAttachment(S))).toMatchObject({
      details: { operation: 'replaceRealtimeAttachment' },
    })
  })

  test('of which nothing is known is bound if somebody asks, and left alone else', async () => {
    const { attachments } = await withModel()
    await attachments.followModel(S)
    expect(attachments.realtimeAttachmentStatus(S)).toBe('Unattached')
    await attachments.attachLive(S)
    await attachments.followModel(S)
    expect(attachments.realtimeAttachmentStatus(S)).toBe('BindingNotReady')
  })

  test('that is known to do realtime is bound by itself, once, and let go of with the next that does not', async () => {
    const { attachments, authority } = await withModel(true)
    await attachments.followModel(S)
    const bound = attachments.currentRealtimeAttachmentAuthority(S)
    await attachments.followModel(S)
    expect(attachments.currentRealtimeAttachmentAuthority(S)).toBe(bound)
    const identity = { model: 'm', provider: 'p' }
    await authority.applyInput({
      type: 'ReconfigureSessionLlmIdentity',
      previous: { identity, surface: ABLE },
      identity: { ...identity, model: 'n' },
      surface: { ...ABLE, realtime: false },
    })
    await attachments.followModel(S)
    expect(attachments.realtimeAttachmentStatus(S)).toBe('Unattached')
  })
})
