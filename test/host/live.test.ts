/** Channels that clients hold of a host's sessions. */
import { ManualClock } from 'meerkat-ts/testing'
import { describe, expect, test } from 'vitest'
import type { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { LiveChannelId, SessionId } from '../../src/kernel/ids.ts'
import { ephemeral, failure, S, withModel } from './support/machines.ts'

const T = 't' as SessionId
const C = 'c' as LiveChannelId
const D = 'd' as LiveChannelId
const identity = { model: 'm', provider: 'p' }

async function opened(machine: MeerkatMachine, sessionId: SessionId = S, channelId: LiveChannelId = C) {
  await machine.registerSession(sessionId)
  const admission = await machine.live.resolveOpenAdmission(sessionId, channelId, identity)
  if (!admission.admitted) throw new Error(`not admitted: ${admission.rejection}`)
  machine.live.spend(admission.open)
  return admission
}

describe('a channel', () => {
  test('is one a session: a second is refused, and allowed after the first has closed', async () => {
    const machine = await ephemeral()
    await opened(machine)
    expect(machine.live.activeChannel(S)).toBe(C)
    const second = await machine.live.resolveOpenAdmission(S, D, identity)
    expect(second).toMatchObject({ admitted: false, rejection: 'AlreadyBound' })
    await machine.live.recordCloseClosed(S, C, 1)
    expect(machine.live.activeChannel(S)).toBeUndefined()
    expect(machine.live.channelStatus(S, C)).toEqual({ status: 'Closed' })
    expect(await machine.live.resolveOpenAdmission(S, D, identity)).toMatchObject({ admitted: true })
  })

  test('of one name closes each time with a higher number', async () => {
    const machine = await ephemeral()
    await opened(machine)
    await machine.live.recordCloseClosed(S, C, 1)
    await opened(machine)
    expect(await failure(machine.live.recordCloseClosed(S, C, 1))).toMatchObject({ code: 'rejected' })
    expect(await machine.live.recordCloseClosed(S, C, 2)).toMatchObject({ sequence: 2 })
  })

  test('that was not opened after all makes room', async () => {
    const machine = await ephemeral()
    const admission = await opened(machine)
    await machine.live.abandonOpenAdmission(S, C)
    expect(machine.live.activeChannel(S)).toBeUndefined()
    expect(await failure(() => machine.live.spend(admission.open))).toMatchObject({ code: 'rejected' })
    expect(await failure(machine.live.abandonOpenAdmission(S, C))).toMatchObject({ code: 'rejected' })
  })

  test('is not opened where its work would be given up', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    await machine.retire(S)
    const refused = await machine.live.resolveOpenAdmission(S, C, identity)
    expect(refused).toMatchObject({ admitted: false, rejection: 'LifecycleClosed' })
    expect(await failure(machine.live.resolveOpenAdmission(T, C, identity))).toMatchObject({ code: 'not-ready' })
  })

  test('needs a model that answers in it', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    expect(await failure(machine.live.resolveOpenAdmission(S, C))).toMatchObject({ code: 'invalid-params' })
  })

  test('is answered by the session’s own model where nobody names another, unless that does no realtime', async () => {
    const able = await withModel(true)
    expect(await able.channels.resolveOpenAdmission(S, C)).toMatchObject({
      admitted: true,
      boundLlmIdentity: { model: 'm', provider: 'p' },
    })
    const { channels } = await withModel(false)
    expect(await failure(channels.resolveOpenAdmission(S, C))).toMatchObject({
      code: 'invalid-params',
      details: { model: 'm' },
    })
    expect(await channels.resolveOpenAdmission(S, C, identity)).toMatchObject({ admitted: true })
  })

  test('has its commands, refreshes and statuses recorded', async () => {
    const machine = await ephemeral()
    await opened(machine)
    expect(await machine.live.recordCommandAccepted(S, C, 'SendInput', 1)).toMatchObject({ command: 'SendInput' })
    expect(await machine.live.recordRefreshQueued(S, C, 1)).toMatchObject({ status: 'Queued' })
    const ready = await machine.live.recordChannelStatus(S, C, { status: 'Ready' }, 1)
    machine.live.spend(ready.commit)
    expect(machine.live.channelStatus(S, C)).toEqual({ status: 'Ready' })
    expect(machine.live.isGenuine(S, ready)).toBe(true)
    const refused = await machine.live.recordCommandRejected(S, C, 'Interrupt', 'ChannelNotReady')
    expect(refused).toMatchObject({ rejection: 'ChannelNotReady', errorClass: 'InternalError' })
    const request = await machine.live.recordChannelRequestRejected(S, C, 'WebrtcAnswer', 'InvalidPayload')
    expect(request).toMatchObject({ errorClass: 'InvalidParams' })
  })

  test('of no session is refused by a machine all the same', async () => {
    const machine = await ephemeral()
    const refused = await machine.live.unbound.recordCommandRejected(C, 'SendInput', 'ChannelNotFound')
    expect(refused).toMatchObject({ channelId: C, errorClass: 'InvalidParams' })
    expect(await failure(machine.live.recordCommandAccepted(T, C, 'SendInput', 1))).toMatchObject({
      code: 'not-ready',
    })
  })

  test('goes with its registration, and its verdicts with it', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const admission = await machine.live.resolveOpenAdmission(S, C, identity)
    if (!admission.admitted) throw new Error('not admitted')
    await machine.unregisterSession(S)
    await opened(machine)
    expect(machine.live.isGenuine(S, admission)).toBe(false)
    expect(await failure(() => machine.live.spend(admission.open))).toMatchObject({ code: 'rejected' })
  })
})

describe('a token', () => {
  test('admits one connection', async () => {
    const machine = await ephemeral()
    await opened(machine)
    const { token, authority } = await machine.live.issueWebsocketToken(S, C)
    expect(authority).toMatchObject({ sessionId: S, channelId: C, sequence: 1 })
    expect(JSON.stringify(authority)).not.toContain(token)
    const admit = () => machine.live.resolveWebsocketTokenAdmission(S, C, token)
    expect(await admit()).toMatchObject({ accepted: true })
    expect(await admit()).toMatchObject({
      accepted: false,
      rejection: 'TokenAlreadyConsumed',
      errorClass: 'InvalidToken',
    })
  })

  test('is good for a minute', async () => {
    const clock = new ManualClock()
    const machine = await ephemeral({ clock })
    await opened(machine)
    const first = await machine.live.issueWebsocketToken(S, C)
    expect(first.authority.expiresAtMs).toBe(clock.now() + 60_000)
    const second = await machine.live.issueWebsocketToken(S, C)
    expect(second.token).not.toBe(first.token)
    clock.advance(60_000)
    expect(await machine.live.resolveWebsocketTokenAdmission(S, C, first.token)).toMatchObject({ accepted: true })
    clock.advance(1)
    const late = await machine.live.resolveWebsocketTokenAdmission(S, C, second.token)
    expect(late).toMatchObject({ accepted: false, rejection: 'TokenExpired' })
  })

  test('that is shown in the wrong place stays good for its owner', async () => {
    const machine = await ephemeral()
    await opened(machine)
    await opened(machine, T, D)
    const { token } = await machine.live.issueWebrtcToken(S, C)
    const { live } = machine
    expect(await live.resolveWebrtcAnswerAdmission(S, D, token)).toMatchObject({ rejection: 'TokenChannelMismatch' })
    expect(await live.resolveWebrtcAnswerAdmission(T, D, token)).toMatchObject({ rejection: 'TokenNotFound' })
    expect(await live.resolveWebsocketTokenAdmission(S, C, token)).toMatchObject({ rejection: 'TokenNotFound' })
    expect(await live.resolveWebrtcAnswerAdmission(S, C, `${token}x`)).toMatchObject({ rejection: 'TokenNotFound' })
    const admission = await live.resolveWebrtcAnswerAdmission(S, C, token)
    expect(admission).toMatchObject({ accepted: true })
    expect(await live.recordWebrtcAnswerAccepted(admission, 1)).toMatchObject({ answered: true })
    expect(await failure(live.recordWebrtcAnswerAccepted(admission, 2))).toMatchObject({ code: 'rejected' })
  })

  test('goes with its channel', async () => {
    const machine = await ephemeral()
    await opened(machine)
    const { token } = await machine.live.issueWebsocketToken(S, C)
    await machine.live.recordCloseClosed(S, C, 1)
    const admit = () => machine.live.resolveWebsocketTokenAdmission(S, C, token)
    expect(await admit()).toMatchObject({ accepted: false, rejection: 'ChannelNotBound' })
    await opened(machine)
    expect(await admit()).toMatchObject({ accepted: false, rejection: 'TokenNotFound' })
    await machine.live.recordCloseClosed(S, C, 2)
    expect(await failure(machine.live.issueWebsocketToken(S, C))).toMatchObject({ code: 'rejected' })
  })
})
