/** Verdicts on a live channel: whose word they are, and what they allow once. */
import { describe, expect, test } from 'vitest'
import { HandleDslAuthority } from '../../src/handles/dsl-authority.ts'
import { LiveAuthorities, LiveRejections } from '../../src/handles/live-authorities.ts'
import type { LiveChannelId, LiveToken } from '../../src/kernel/ids.ts'
import { S } from '../host/support/machines.ts'
import { SESSION, written } from './support.ts'

const C = 'c' as LiveChannelId
const D = 'd' as LiveChannelId
const identity = { model: 'm', provider: 'p' }
const token = 'digest' as LiveToken
const guardRejected: unknown = expect.objectContaining({ name: 'DslTransitionError', kind: 'guard-rejected' })

function session() {
  const authority = HandleDslAuthority.ephemeral(S)
  return { authority, live: new LiveAuthorities(S, authority) }
}
async function opened() {
  const { live, authority } = session()
  const admission = await live.resolveOpenAdmission(C, identity)
  if (!admission.admitted) throw new Error(`not admitted: ${admission.rejection}`)
  return { live, authority, admission }
}
async function answerable() {
  const { live } = await opened()
  await live.recordWebrtcTokenIssued(C, { token, issuedAtMs: 1000, ttlMs: 60_000 })
  return { live, admission: await live.resolveWebrtcAnswerAdmission(C, { token, observedAtMs: 2000 }) }
}

describe('a verdict', () => {
  test('is the machine’s own word, and a copy of it is none', async () => {
    const { live, admission } = await opened()
    expect(admission).toMatchObject({ admitted: true, boundLlmIdentity: identity, sequence: 1, sessionId: S })
    expect(live.isGenuine(admission)).toBe(true)
    expect(live.isGenuine({ ...admission })).toBe(false)
    expect(Object.isFrozen(admission)).toBe(true)
  })

  test('of another session is not its own', async () => {
    const { admission } = await opened()
    const { live: other } = session()
    expect(other.isGenuine(admission)).toBe(false)
    expect(() => other.spend(admission.open)).toThrow('channel c')
  })

  test('that refuses carries nothing to act on', async () => {
    const { live } = await opened()
    const refused = await live.resolveOpenAdmission(D, identity)
    expect(refused).toMatchObject({ admitted: false, rejection: 'AlreadyBound', sequence: 2 })
    expect(refused).not.toHaveProperty('open')
  })

  test('is there once for each observation, in its order', async () => {
    const { live } = await opened()
    expect(await live.recordRefreshQueued(C, 1)).toMatchObject({ status: 'Queued', sequence: 1 })
    await expect(live.recordRefreshQueued(C, 1)).rejects.toEqual(guardRejected)
    expect(await live.recordCommandAccepted(C, 'Interrupt', 4)).toMatchObject({
      command: 'Interrupt',
      commandAcceptanceSequence: 4,
    })
    await expect(live.recordCommandAccepted(C, 'Interrupt', 3)).rejects.toEqual(guardRejected)
  })
})

describe('what a verdict allows', () => {
  test('is done once: opening', async () => {
    const { live, admission } = await opened()
    live.spend(admission.open)
    expect(() => live.spend(admission.open)).toThrow('used up')
  })

  test('is done with the thing itself, not with one like it', async () => {
    const { live, admission } = await opened()
    expect(() => live.spend({ ...admission.open })).toThrow('not from its session')
    live.spend(admission.open)
  })

  test('ends with what it was for: opening what was given up', async () => {
    const { live, admission } = await opened()
    await live.abandonOpenAdmission(C)
    expect(() => live.spend(admission.open)).toThrow('overtaken')
    const again = await live.resolveOpenAdmission(C, identity)
    expect(() => live.spend(admission.open)).toThrow('overtaken')
    if (again.admitted) live.spend(again.open)
    expect(again.admitted).toBe(true)
  })

  test('ends where another process takes the session over', async () => {
    const { authority, session: owned } = await written()
    const live = new LiveAuthorities(SESSION, authority)
    const admission = await live.resolveOpenAdmission(C, identity)
    await owned.driver.mutate(tx => tx.step({ type: 'Recover' }))
    expect(() => admission.admitted && live.spend(admission.open)).toThrow('channel c')
  })

  test('is overtaken by a later word: an old status is never shown after a new one', async () => {
    const { live } = await opened()
    const ready = await live.recordChannelStatus(C, { status: 'Ready' }, 1)
    const degraded = await live.recordChannelStatus(C, { status: 'Degraded', degradationReason: 'RateLimited' }, 2)
    expect(degraded).toMatchObject({ status: 'Degraded', degradationReason: 'RateLimited', sequence: 2 })
    expect(() => live.spend(ready.commit)).toThrow('overtaken')
    live.spend(degraded.commit)
    expect(() => live.spend(degraded.commit)).toThrow('used up')
  })

  test('closes a channel once, and then nothing of it can be opened or shown', async () => {
    const { live, admission } = await opened()
    const status = await live.recordChannelStatus(C, { status: 'Closing' }, 1)
    const closed = await live.recordCloseClosed(C, 1)
    expect(closed).toMatchObject({ status: 'Closed', closeObservationSequence: 1 })
    expect(() => live.spend(admission.open)).toThrow('overtaken')
    expect(() => live.spend(status.commit)).toThrow('overtaken')
    live.spend(closed.commit)
    expect(() => live.spend(closed.commit)).toThrow('used up')
  })
})

describe('an answer to an offer', () => {
  test('is given once for its admission', async () => {
    const { live, admission } = await answerable()
    expect(admission).toMatchObject({ accepted: true, channelId: C })
    expect(await live.recordWebrtcAnswerAccepted(admission, 1)).toMatchObject({ answered: true, sequence: 1 })
    await expect(live.recordWebrtcAnswerAccepted(admission, 2)).rejects.toMatchObject({ code: 'rejected' })
  })

  test('is not given without one', async () => {
    const { live, admission } = await answerable()
    await expect(live.recordWebrtcAnswerAccepted({ ...admission }, 1)).rejects.toMatchObject({ code: 'rejected' })
    const refused = await live.resolveWebrtcAnswerAdmission(C, { token, observedAtMs: 2000 })
    expect(refused).toMatchObject({ accepted: false, rejection: 'TokenAlreadyConsumed', errorClass: 'InvalidParams' })
    await expect(live.recordWebrtcAnswerAccepted(refused, 1)).rejects.toMatchObject({ code: 'rejected' })
  })
})

describe('a refusal of what a client asked for', () => {
  test('says whose fault it is', async () => {
    const { live } = session()
    const command = (reason: Parameters<typeof live.rejections.recordCommandRejected>[2]) =>
      live.rejections.recordCommandRejected(C, 'SendInput', reason)
    expect(await command('ChannelNotFound')).toMatchObject({ errorClass: 'InvalidParams', sequence: 1 })
    expect(await command('NoAdapter')).toMatchObject({ errorClass: 'InvalidParams' })
    expect(await command('ChannelNotReady')).toMatchObject({ errorClass: 'InternalError' })
    expect(await command('UnsupportedCommand')).toMatchObject({ errorClass: 'InternalError', sequence: 4 })
    const request = await live.rejections.recordChannelRequestRejected(C, 'Status', 'ChannelNotFound')
    expect(request).toMatchObject({ request: 'Status', errorClass: 'InvalidParams' })
    expect(live.isGenuine(request)).toBe(true)
  })

  test('for a channel of no session is a machine’s word, too', async () => {
    const unbound = LiveRejections.unbound()
    const said = await unbound.recordChannelRequestRejected(C, 'Close', 'InternalHostError')
    expect(said).toMatchObject({ channelId: C, errorClass: 'InternalError', sequence: 1 })
    expect(unbound.isGenuine(said)).toBe(true)
    expect(session().live.isGenuine(said)).toBe(false)
  })
})
