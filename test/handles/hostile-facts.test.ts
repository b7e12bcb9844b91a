/** Handles told what can't be so: they refuse it, and what they hold stays usable. */
import { describe, expect, test } from 'vitest'
import { CommsDrainHandle } from '../../src/handles/comms.ts'
import { HandleDslAuthority } from '../../src/handles/dsl-authority.ts'
import { LiveAuthorities } from '../../src/handles/live-authorities.ts'
import { SessionContextHandle } from '../../src/handles/session-context.ts'
import { TurnStateHandle } from '../../src/handles/turn-state.ts'
import { standaloneBindings } from '../../src/host/bindings.ts'
import type { LiveChannelId, LiveToken, RunId } from '../../src/kernel/ids.ts'
import type { LiveStatus } from '../../src/kernel/regions/live/state.ts'
import { peerResponseTerminalContextKey, peerResponseTerminalFact, promptText } from '../../src/runtime.ts'
import { SESSION } from './support.ts'

const C = 'c' as LiveChannelId
const D = 'd' as LiveChannelId
const R = 'r' as RunId

async function channel() {
  const live = new LiveAuthorities(SESSION, HandleDslAuthority.ephemeral(SESSION))
  await live.resolveOpenAdmission(C, { provider: 'p', model: 'm' })
  return live
}

describe('a live channel', () => {
  test('keeps the admission of an answer that could not be recorded', async () => {
    const live = await channel()
    const token = 't' as LiveToken
    await live.recordWebrtcTokenIssued(C, { token, issuedAtMs: 1, ttlMs: 1_000 })
    const admission = await live.resolveWebrtcAnswerAdmission(C, { token, observedAtMs: 2 })
    for (const number of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(live.recordWebrtcAnswerAccepted(admission, number)).rejects.toThrow(
        /invalid-params|guard-rejected|whole number/,
      )
      expect(live.isGenuine(admission)).toBe(true)
    }
    expect(await live.recordWebrtcAnswerAccepted(admission, 1)).toMatchObject({ answered: true })
    await expect(live.recordWebrtcAnswerAccepted(admission, 2)).rejects.toMatchObject({ code: 'rejected' })
  })

  test('is degraded for a reason, and ready without one', async () => {
    const live = await channel()
    const wrong = [
      { status: 'Degraded' },
      { status: 'Ready', degradationReason: 'RateLimited' },
      { status: 'Idle', degradationDetail: 'slow' },
    ] as unknown as readonly LiveStatus[]
    for (const status of wrong) await expect(live.recordChannelStatus(C, status, 1)).rejects.toThrow(/isSoundStatus/)
    const degraded = { status: 'Degraded', degradationReason: 'RateLimited', degradationDetail: 'slow' } as const
    expect(await live.recordChannelStatus(C, degraded, 1)).toMatchObject(degraded)
    expect(await live.recordChannelStatus(C, { status: 'Ready' }, 2)).toMatchObject({ status: 'Ready' })
  })

  test('that closed stays closed, however many close after it', async () => {
    const live = await channel()
    await live.recordCloseClosed(C, 1)
    await expect(live.recordCloseClosed(C, 1)).rejects.toThrow(/invalid-params|guard-rejected|whole number/)
    await live.resolveOpenAdmission(D, { provider: 'p', model: 'm' })
    await live.recordCloseClosed(D, 1)
    await expect(live.recordCloseClosed(C, 1)).rejects.toThrow(/invalid-params|guard-rejected|whole number/)
    await expect(live.recordCloseClosed('never' as LiveChannelId, 1)).rejects.toThrow(
      /invalid-params|guard-rejected|whole number/,
    )
  })
})

describe('a drain', () => {
  test.each(['Timed', 'AttachedSession', 'PersistentHost'] as const)(
    'that ends in mode %s may be started again where its keeper says so, and not where it says otherwise',
    async mode => {
      const drain = new CommsDrainHandle(HandleDslAuthority.ephemeral())
      await drain.spawnDrain(mode)
      await drain.drainExitedRespawnable()
      expect(drain.state).toEqual({ phase: 'exitedRespawnable' })
      expect(await drain.ensureDrainRunning()).toBe(true)
      await drain.spawnDrain(mode)
      await drain.drainExitedClean()
      expect(drain.state).toEqual({ phase: 'stopped', exitAwaited: false })
    },
  )
})

describe('the watermark of what a session knows', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 60, Number.MAX_VALUE])(
    'does not move to %s, and goes on',
    async at => {
      const context = new SessionContextHandle(HandleDslAuthority.ephemeral())
      await context.contextAdvanced(5)
      expect(await context.contextAdvanced(at).catch(() => false)).toBe(false)
      expect(context.currentWatermarkMs()).toBe(5)
      expect(await context.contextAdvanced(6)).toBe(true)
    },
  )
})

describe('the turn of an agent that stands alone', () => {
  test('can be started, shows what it was started with, and ends', async () => {
    const { turnState } = standaloneBindings(SESSION)
    expect(turnState.snapshot()).toMatchObject({ loopState: 'completed', visionEnabled: false, pendingOpRefs: [] })
    await turnState.startConversationRun(R, {
      contentShape: 'empty',
      visionEnabled: true,
      imageToolResultsEnabled: true,
    })
    expect(turnState.snapshot()).toMatchObject({
      activeRunId: R,
      loopState: 'callingLlm',
      admittedContentShape: 'empty',
      visionEnabled: true,
      imageToolResultsEnabled: true,
    })
    await turnState.primitiveApplied(R)
    await turnState.registerPendingOps(R, ['a'], ['a', 'b'])
    expect(turnState.snapshot()).toMatchObject({
      loopState: 'waitingForOps',
      pendingOpRefs: ['a', 'b'],
      barrierOperationIds: ['a'],
    })
    await turnState.opsBarrierSatisfied(R, ['a'])
    expect(turnState.snapshot().pendingOpRefs).toEqual([])
    await turnState.toolCallsResolved(R)
    expect(turnState.snapshot().loopState).toBe('drainingEvents')
    await turnState.boundaryComplete(R)
    expect(await turnState.acknowledgeTerminal(R)).toBe('completed')
    await turnState.startConversationRun('next' as RunId)
    expect(turnState.snapshot()).toMatchObject({ admittedContentShape: 'conversation', visionEnabled: false })
  })

  test('says of every kind of turn what it was started with', async () => {
    const turn = TurnStateHandle.standalone()
    await turn.startImmediateAppend(R)
    expect(turn.snapshot().admittedContentShape).toBe('immediate-append')
    await turn.primitiveApplied(R)
    await turn.acknowledgeTerminal(R)
    await turn.startImmediateContext('next' as RunId)
    expect(turn.snapshot().admittedContentShape).toBe('immediate-context')
  })
})

describe('a terminal response of a peer', () => {
  const ID = '0197f1c0-0000-7000-8000-00000000000a'
  const fact = (correlationId: string, payload?: unknown) =>
    peerResponseTerminalFact({
      routeIdentity: 'route',
      displayIdentity: 'Anna',
      correlationId,
      status: 'Completed',
      ...(payload !== undefined && { payload }),
    })

  test.each([
    ID,
    ID.toUpperCase(),
    `{${ID}}`,
    `urn:uuid:${ID}`,
    `URN:UUID:${ID.toUpperCase()}`,
    ID.replaceAll('-', ''),
    `{${ID.replaceAll('-', '')}}`,
  ])('is known by its correlation, written as %s', id => {
    expect(fact(id).correlationId).toBe(ID)
    expect(peerResponseTerminalContextKey(fact(id))).toBe(`peer_response_terminal:route:${ID}`)
  })

  test.each(['', ' ', 'x', ID.slice(1), `{${ID}`, `${ID}}`, `urn:${ID}`, `${ID}-`, `{{${ID}}}`])(
    'is refused with the correlation "%s"',
    id => {
      expect(() => fact(id)).toThrow(expect.objectContaining({ name: 'PeerResponseTerminalFactError' }))
    },
  )

  test('is put into words whatever came with it', () => {
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    const payloads: readonly unknown[] = [circular, 7n, () => 1, Symbol('s'), { toJSON: thrower }, { n: { deep: 7n } }]
    for (const payload of payloads) {
      const text = promptText({ type: 'ResponseTerminal', fact: fact(ID, payload) })
      expect(text).toContain('"unreadable"')
      expect(promptText({ type: 'Request', peerId: 'p', requestId: 'r', intent: 'i', payload })).toContain(
        '"unreadable"',
      )
    }
    expect(promptText({ type: 'ResponseTerminal', fact: fact(ID, { half: '\ud800' }) })).toContain('\ufffd')
  })
})

function thrower(): never {
  throw new Error('not to be read')
}
