import type { AgentRuntimeId, MeerkatInput, RuntimeEpochId, SessionId } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, inputId, kinds, Play, registered, SESSION } from './support/play.ts'

const OTHER = 'other' as SessionId
const EPOCH = 'e' as RuntimeEpochId
const RUNTIME = 'host' as AgentRuntimeId
const STOP: MeerkatInput = { type: 'StopRuntimeExecutor', reason: 'asked' }
const EXITED: MeerkatInput = { type: 'RuntimeExecutorExited' }
const ENSURE: MeerkatInput = { type: 'EnsureSessionWithExecutor', sessionId: SESSION }
const BEGIN: MeerkatInput = { type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} }
const DURABILITY: MeerkatInput = { type: 'ResolveRuntimeOpsLifecycleDurability', sessionId: SESSION, binding: {} }
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
function destroyed(): Play {
  const play = registered()
  play.do({ type: 'Destroy' })
  return play
}
/** Stopped where it was placed, after a reset opened its fence. */
function halted(): Play {
  const play = placed()
  play.do({ type: 'Reset' }, STOP)
  return play
}
function draining(play = attached()): Play {
  play.do(BEGIN)
  return play
}
/** Drained to its end, so that nobody is registered any more. */
function gone(play: Play): Play {
  play.do(
    BEGIN,
    { type: 'RuntimeLoopStoppedForUnregister', sessionId: SESSION, forcedAbort: false },
    { type: 'CommsDrainExitedForUnregister', sessionId: SESSION, forcedAbort: false },
    { type: 'CompletionWaitersResolvedForUnregister', sessionId: SESSION },
    { type: 'UnregisterSession', sessionId: SESSION, binding: {} },
  )
  return play
}
function placed(): Play {
  const play = registered()
  play.do(place())
  return play
}

describe('the session tells the shell', () => {
  const notice = (name: string): object => ({ type: 'RuntimeNotice', notice: name })
  const stopFact = { type: 'RuntimeEffectFact', fact: 'StopRuntimeExecutor', reason: 'asked' }

  test.each([
    ['a reset', registered, { type: 'Reset' }, [notice('Reset')]],
    ['a recovery before anything', () => new Play(), { type: 'Recover' }, [notice('Recover')]],
    ['a recovery of what was served', attached, { type: 'Recover' }, [notice('Recover')]],
    ['a recovery of what nobody served', retired, { type: 'Recover' }, [notice('Recover')]],
    ['a stop', registered, STOP, [notice('Stop'), stopFact]],
    ['a stop that waits for the executor', attached, STOP, [notice('Stop'), stopFact]],
    ['a stop of what is stopped: nothing', stopped, STOP, []],
    ['an exit', attached, EXITED, [notice('Exit')]],
    ['an exit of what is stopped: nothing', stopped, EXITED, []],
    ['a resumption', stopped, { type: 'Resume' }, [notice('Resume')]],
    ['a resumption of what goes on: nothing', attached, { type: 'Resume' }, []],
    ['a recycling', attached, { type: 'Recycle' }, [{ type: 'InitiateRecycle' }]],
    ['a placement that retires', placed, { type: 'Retire' }, [{ type: 'RuntimeRetired', runtimeId: RUNTIME }]],
    ['a retirement without a placement: nothing', registered, { type: 'Retire' }, []],
  ] as const)('%s', (_, play, input, expected) => {
    expect(play().do(input)).toEqual(expected)
  })

  test('a recovery in a run', () => {
    expect(running().do({ type: 'Recover' })).toContainEqual(notice('Recover'))
  })

  test('that a placement retires after its run, and once more when asked again', () => {
    const play = placed()
    play.accept('a')
    play.prepare('r')
    const told = [{ type: 'RuntimeRetired', runtimeId: RUNTIME }]
    expect(play.do({ type: 'Retire' })).toEqual(told)
    play.answerAll('r')
    expect(play.phase).toBe('retired')
    expect(play.do({ type: 'Retire' })).toEqual(told)
  })
})

describe('the lifecycle refuses', () => {
  test.each([
    ['an executor for another session', attached, { ...ENSURE, sessionId: OTHER }],
    ['an executor for another session during a run', running, { ...ENSURE, sessionId: OTHER }],
    ['an executor while it drains', () => draining(registered()), ENSURE],
    ['an executor while it drains in retirement', () => draining(retired()), ENSURE],
    ['a recycling while it drains', draining, { type: 'Recycle' }],
    ['a recycling without a session', initialized, { type: 'Recycle' }],
    ['a resumption while it drains', () => draining(stopped()), { type: 'Resume' }],
    ['an input in a run after which it retires', retiring, { type: 'AcceptInput', inputId: inputId('b'), at: 9 }],
    [
      'a fact for the record in such a run',
      retiring,
      { type: 'AcceptInput', inputId: inputId('b'), at: 9, kind: 'operation', durability: 'derived', origin: 'system' },
    ],
  ] as const)('%s', (_, play, input) => {
    expect(play().refused(input).kind).toBe('guard-rejected')
  })

  test.each([
    ['an executor for a stopped session', stopped, ENSURE],
    ['a resumption of a retired session', retired, { type: 'Resume' }],
    ['an exit before there is anything', () => new Play(), EXITED],
    ['a retirement before there is anything', () => new Play(), { type: 'Retire' }],
    ['a retirement of what was destroyed', destroyed, { type: 'Retire' }],
    ['a stop of what was destroyed', destroyed, STOP],
    ['a registration of what was destroyed', destroyed, { type: 'RegisterSession', sessionId: SESSION }],
    ['another epoch of what was destroyed', destroyed, { type: 'RegisterSession', sessionId: SESSION, epochId: EPOCH }],
    ['a placement of what was stopped', halted, place()],
    ['another fence of what was stopped', halted, place({ fence: 2 })],
    ['a question about a snapshot of what was destroyed', destroyed, DURABILITY],
  ] as const)('%s, for there is no way', (_, play, input) => {
    expect(play().refused(input).kind).toBe('no-matching-transition')
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

  test('nothing: an executor that exits late ends what somebody else may have begun only if he is registered', () => {
    const play = gone(registered())
    expect(play.do(EXITED)).toEqual([])
    expect(play.phase).toBe('idle')
    const known = registered()
    known.do(EXITED)
    expect(known.phase).toBe('stopped')
  })
})

describe('registration and placement', () => {
  const drainRequests = [
    'RequestRuntimeLoopStopForUnregister',
    'RequestCommsDrainExitForUnregister',
    'RequestCompletionWaiterResolutionForUnregister',
  ]
  const unserved: MeerkatInput = { type: 'BeginUnregisterUnservedAttachment', sessionId: SESSION, binding: {} }

  test('a teardown asks for what it waits for, and keeps the snapshot of what may come back', () => {
    expect(kinds(retired().do(BEGIN))).toEqual(drainRequests)
    const kept = attached()
    expect(kinds(kept.do(unserved))).toEqual(drainRequests)
    expect(kept.do(DURABILITY)).toMatchObject([{ action: 'RetainSnapshot' }])
    expect(draining().do(DURABILITY)).toMatchObject([{ action: 'DeleteSnapshot' }])
  })

  test.each([
    ['a teardown', retired, BEGIN],
    ['a teardown of what nobody serves', attached, unserved],
    ['a question about its snapshot', attached, DURABILITY],
  ] as const)('%s is for this session, where it is', (_, play, input) => {
    expect(play().refused({ ...input, sessionId: OTHER }).kind).toBe('guard-rejected')
    expect(play().refused({ ...input, binding: { runtimeId: RUNTIME } }).kind).toBe('guard-rejected')
    play().do(input)
  })

  test('a teardown of what nobody serves needs an attachment', () => {
    expect(registered().refused(unserved).kind).toBe('no-matching-transition')
    expect(stopped().refused(unserved).kind).toBe('no-matching-transition')
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

  test('who registers before it is over is refused', () => {
    const play = draining(registered())
    const again: MeerkatInput = { type: 'RegisterSession', sessionId: SESSION }
    expect(play.do(again)).toMatchObject([{ type: 'SessionRegistrationRejected' }])
    expect(play.state.registration.phase).toBe('draining')
  })

  test('who registers after the drained window is refused nothing', () => {
    const play = gone(registered())
    expect(kinds(play.do({ type: 'RegisterSession', sessionId: SESSION }))).toEqual(['SessionRegistered'])
  })

  test.each([
    ['of another session', { sessionId: OTHER }],
    ['of another epoch', { epochId: EPOCH }],
    ['of another fence', { fence: 2 }],
  ] as const)('a placement %s does not replace this one', (_, more) => {
    expect(placed().refused(place(more)).kind).toBe('guard-rejected')
  })

  test('a placement stands, and is told, once; a reset opens its fence', () => {
    const play = placed()
    expect(play.do(place())).toEqual([])
    play.do({ type: 'Reset' })
    expect(play.do(place({ fence: 2 }))).toEqual([{ type: 'RuntimeBound', runtimeId: RUNTIME, fence: 2 }])
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
