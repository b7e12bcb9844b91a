import type { AgentRuntimeId, MeerkatInput, RuntimeEpochId, SessionId } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, inputId, Play, registered, SESSION } from './support/play.ts'

const OTHER = 'other' as SessionId
const EPOCH = 'e' as RuntimeEpochId
const RUNTIME = 'host' as AgentRuntimeId
const STOP: MeerkatInput = { type: 'StopRuntimeExecutor', reason: 'asked' }
const EXITED: MeerkatInput = { type: 'RuntimeExecutorExited' }
const ENSURE: MeerkatInput = { type: 'EnsureSessionWithExecutor', sessionId: SESSION }
const BEGIN: MeerkatInput = { type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} }
const place = (more: Partial<Extract<MeerkatInput, { readonly type: 'PrepareBindings' }>> = {}): MeerkatInput => ({
  type: 'PrepareBindings',
  sessionId: SESSION,
  runtimeId: RUNTIME,
  fence: 1,
  generation: 1,
  ...more,
})

/** A session with a run whose turn has not begun. */
function running(): Play {
  const play = attached()
  play.accept('a')
  play.prepare('r')
  return play
}
function initialized(): Play {
  const play = new Play()
  play.do({ type: 'Initialize' })
  return play
}
function retiring(): Play {
  const play = running()
  play.do({ type: 'Retire' })
  return play
}
function retired(): Play {
  const play = registered()
  play.do({ type: 'Retire' })
  return play
}
function stopped(): Play {
  const play = registered()
  play.do(STOP)
  return play
}
function draining(play = attached()): Play {
  play.do(BEGIN)
  return play
}
function placed(): Play {
  const play = registered()
  play.do(place())
  return play
}

describe('the lifecycle refuses', () => {
  test.each([
    ['an executor for another session', attached, { ...ENSURE, sessionId: OTHER }],
    ['an executor while it drains', () => draining(registered()), ENSURE],
    ['an executor while it drains in retirement', () => draining(retired()), ENSURE],
    ['a recycling without a session', initialized, { type: 'Recycle' }],
    [
      'a fact for the record in such a run',
      retiring,
      { type: 'AcceptInput', inputId: inputId('b'), at: 9, kind: 'operation', durability: 'derived', origin: 'system' },
    ],
  ] as const)('%s', (_, play, input) => {
    expect(play().refused(input).kind).toBe('guard-rejected')
  })

  test('an executor anew withdraws a stop that was asked for', () => {
    const play = attached()
    play.do(STOP)
    expect(play.state.lifecycle).toEqual({ phase: 'attached', stopDeferred: true })
    play.do(ENSURE)
    expect(play.state.lifecycle).toEqual({ phase: 'attached', stopDeferred: false })
  })

  test('nothing: a recycling keeps an executor, and leaves none where there was none', () => {
    const served = attached()
    served.do(STOP, { type: 'Recycle' })
    expect(served.state.lifecycle).toEqual({ phase: 'attached', stopDeferred: false })
    const host = placed()
    host.do({ type: 'Recycle' })
    expect(host.phase).toBe('idle')
  })
})

describe('registration and placement', () => {
  test('a teardown is for this session, where it is', () => {
    expect(retired().refused({ ...BEGIN, sessionId: OTHER }).kind).toBe('guard-rejected')
    expect(retired().refused({ ...BEGIN, binding: { runtimeId: RUNTIME } }).kind).toBe('guard-rejected')
    retired().do(BEGIN)
  })

  test('silent intents are of the session that is named, while it is alive', () => {
    const set: MeerkatInput = { type: 'SetSilentIntents', sessionId: SESSION, intents: ['hush'] }
    expect(registered().refused({ ...set, sessionId: OTHER }).kind).toBe('guard-rejected')
    expect(stopped().refused(set).kind).toBe('no-matching-transition')
    const play = attached()
    play.do(set, STOP)
    expect(play.state.registration).toMatchObject({ phase: 'active', silentIntents: [] })
  })

  test('a recovery and a destruction end the attachment', () => {
    const play = attached()
    play.do({ type: 'Recover' })
    expect(play.state.registration.phase).toBe('queuing')
    const torn = draining()
    torn.do({ type: 'Destroy' })
    expect(torn.state.registration).toMatchObject({ phase: 'queuing', sessionId: SESSION })
  })

  test.each([
    ['of another session', { sessionId: OTHER }],
    ['of another epoch', { epochId: EPOCH }],
  ] as const)('a placement %s does not replace this one', (_, more) => {
    expect(placed().refused(place(more)).kind).toBe('guard-rejected')
  })

  test('a resumption gives the placement up', () => {
    const play = placed()
    play.do(STOP)
    if (play.phase !== 'stopped') play.do(EXITED)
    play.do({ type: 'Resume' })
    expect(play.state.binding.phase).toBe('unbound')
  })

  test('routed work reaches the placement that it names, or none', () => {
    const work = {
      type: 'Ingest',
      sessionId: SESSION,
      runtimeId: RUNTIME,
      fence: 1,
      generation: 1,
      workId: 'w',
      origin: 'external',
    } as unknown as Extract<MeerkatInput, { readonly type: 'Ingest' }>
    expect(placed().do(work)).toEqual([
      { type: 'ResolveAdmission', runtimeId: RUNTIME, workId: 'w', origin: work.origin },
    ])
    expect(placed().refused({ ...work, sessionId: OTHER }).kind).toBe('guard-rejected')
    expect(placed().refused({ ...work, fence: 2 }).kind).toBe('guard-rejected')
    const leaving = placed()
    leaving.do({
      type: 'BeginUnregisterSession',
      sessionId: SESSION,
      binding: { runtimeId: RUNTIME, fence: 1, generation: 1 },
    })
    expect(leaving.refused(work).kind).toBe('guard-rejected')
    const old = placed()
    old.do({ type: 'Retire' })
    expect(old.refused(work).kind).toBe('no-matching-transition')
  })
})
