import type { AgentRuntimeId, MeerkatInput, RuntimeEpochId, SessionId } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, kinds, type Play, registered, runId, SESSION } from './support/play.ts'

const epoch = (id: string): RuntimeEpochId => id as RuntimeEpochId
const RUNTIME = 'host-1' as AgentRuntimeId
const ENSURE: MeerkatInput = { type: 'EnsureSessionWithExecutor', sessionId: SESSION }
const BEGIN: MeerkatInput = { type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} }
const END: MeerkatInput = { type: 'UnregisterSession', sessionId: SESSION, binding: {} }
const LOOP: MeerkatInput = { type: 'RuntimeLoopStoppedForUnregister', sessionId: SESSION, forcedAbort: false }
const COMMS: MeerkatInput = { type: 'CommsDrainExitedForUnregister', sessionId: SESSION, forcedAbort: false }
const WAITERS: MeerkatInput = { type: 'CompletionWaitersResolvedForUnregister', sessionId: SESSION }
const REGISTER: MeerkatInput = { type: 'RegisterSession', sessionId: SESSION }

function draining(): Play {
  const play = attached()
  play.do(BEGIN)
  return play
}
function gone(): Play {
  const play = draining()
  play.do(LOOP, COMMS, WAITERS, END)
  return play
}

describe('the drain window', () => {
  test('opens with three requests and keeps the session until they are answered', () => {
    const play = attached()
    expect(kinds(play.do(BEGIN))).toEqual([
      'RequestRuntimeLoopStopForUnregister',
      'RequestCommsDrainExitForUnregister',
      'RequestCompletionWaiterResolutionForUnregister',
    ])
    expect(play.state.registration).toMatchObject({
      phase: 'draining',
      sessionId: SESSION,
      drain: { loop: 'open', comms: 'open', waiters: 'open' },
    })
    expect(play.refused(END)).toMatchObject({ kind: 'guard-rejected', reason: 'unmet: allObligationsClosed' })
  })

  test('opens once, and nothing claims the session meanwhile', () => {
    const play = draining()
    expect(play.refused(BEGIN).kind).toBe('no-matching-transition')
    expect(play.refused(ENSURE).kind).toBe('guard-rejected')
    expect(play.refused({ type: 'AcceptInput', inputId: 'a' as never, at: 1 }).kind).toBe('guard-rejected')
  })

  test('answers a registration with the obligations that are still open, ever fewer', () => {
    const play = draining()
    const open = (): readonly string[] =>
      play.do(REGISTER).flatMap(one => (one.type === 'SessionRegistrationRejected' ? one.open : []))
    expect(open()).toEqual(['loop', 'comms', 'waiters'])
    play.do(LOOP)
    expect(open()).toEqual(['comms', 'waiters'])
    play.do(COMMS)
    expect(open()).toEqual(['waiters'])
    play.do(WAITERS)
    expect(open()).toEqual([])
    expect(play.do(REGISTER)).toMatchObject([
      { type: 'SessionRegistrationRejected', reason: 'UnregisterTeardownInProgress' },
    ])
  })

  test.each([LOOP, COMMS, WAITERS])('takes each report once, and only while it is open: %j', report => {
    expect(attached().refused(report).kind).toBe('no-matching-transition')
    const play = draining()
    play.do(report)
    expect(play.refused(report).kind).toBe('guard-rejected')
  })

  test('remembers what was forced, and ends all the same', () => {
    const play = draining()
    play.do({ ...LOOP, forcedAbort: true }, { ...COMMS, forcedAbort: true }, WAITERS)
    expect(play.state.registration).toMatchObject({ drain: { loop: 'forced', comms: 'forced', waiters: 'closed' } })
    play.do(END)
    expect(play.state.registration.sessionId).toBeUndefined()
  })

  test('stays open when the executor exits in it', () => {
    const play = draining()
    play.do({ type: 'RuntimeExecutorExited' })
    expect(play.state.registration.phase).toBe('draining')
    play.do(LOOP, COMMS, WAITERS, END)
  })

  test('lets the run in flight commit: its inputs get the outcome they earned', () => {
    const play = attached()
    play.accept('a')
    play.accept('b')
    play.begin('r1')
    play.do(BEGIN)
    play.answer('r1')
    play.commit('r1')
    play.do(LOOP, COMMS, WAITERS, END)
    expect(play.terminal('a')).toEqual({ status: 'consumed' })
    expect(play.terminal('b')).toEqual({ status: 'abandoned', reason: 'unregistered' })
  })

  test('keeps the snapshot of a session that was retired or stopped, and deletes that of a live one', () => {
    expect(draining().state.registration).toMatchObject({ drain: { retainsSnapshot: false } })
    const retired = attached()
    retired.do({ type: 'Retire' }, BEGIN)
    expect(retired.state.registration).toMatchObject({ drain: { retainsSnapshot: true } })
  })
})

describe('an unregistered session', () => {
  test('is served by nobody, and not torn down again', () => {
    const play = gone()
    expect(play.state.registration).toMatchObject({ phase: 'draining' })
    expect(play.refused(ENSURE).kind).toBe('guard-rejected')
    expect(play.refused(END).kind).toBe('guard-rejected')
  })

  test('may be registered anew, in an epoch of its own, and begins with nothing of the old one', () => {
    const play = gone()
    expect(play.do({ ...REGISTER, epochId: epoch('e2') })).toEqual([{ type: 'SessionRegistered', sessionId: SESSION }])
    expect(play.state.registration).toEqual({ phase: 'queuing', sessionId: SESSION, merge: false, silentIntents: [] })
    expect(play.state.binding).toEqual({ phase: 'unbound', epochId: 'e2' })
    expect(play.state.ledger.entries.size).toBe(0)
  })

  test('that was retired stays so when it is registered anew, until a reset', () => {
    const play = attached()
    play.do({ type: 'Retire' }, BEGIN, LOOP, COMMS, WAITERS, END)
    expect(play.do(REGISTER)).toEqual([{ type: 'SessionRegistered', sessionId: SESSION }])
    expect([play.phase, play.state.registration.phase]).toEqual(['retired', 'queuing'])
    play.do({ type: 'Reset' }, ENSURE)
    expect(play.phase).toBe('attached')
  })

  test('takes an executor exit that comes late without a change', () => {
    const play = gone()
    const before = play.state
    expect(play.do({ type: 'RuntimeExecutorExited' })).toEqual([])
    expect(play.state).toBe(before)
  })
})

describe('a registration', () => {
  test('may be repeated in its epoch, and names the conflict in another', () => {
    const play = registered({ epochId: epoch('e1') })
    const before = play.state
    expect(play.do({ ...REGISTER, epochId: epoch('e1') })).toEqual([])
    expect(play.do({ ...REGISTER, epochId: epoch('e2') })).toEqual([
      {
        type: 'SessionRegistrationRejected',
        reason: 'RuntimeEpochConflict',
        open: [],
        registeredEpoch: 'e1',
        attemptedEpoch: 'e2',
      },
    ])
    expect(play.state).toBe(before)
  })

  test('of another session does not take over one that owes work', () => {
    const play = attached()
    play.accept('a')
    expect(play.refused({ type: 'RegisterSession', sessionId: 'other' as SessionId }).kind).toBe('guard-rejected')
  })

  test('of another session leaves no binding or executor of the former one', () => {
    const play = registered()
    play.do({ type: 'PrepareBindings', sessionId: SESSION, runtimeId: RUNTIME, fence: 1, generation: 1 })
    const result = { type: 'RegisterSession', sessionId: 'other' as SessionId } as const
    // Whether this is refused or starts over, every invariant has to hold afterwards.
    try {
      play.do(result)
    } catch (error) {
      expect(String(error)).toContain('was refused')
    }
  })
})

describe('a binding', () => {
  const BIND = { type: 'PrepareBindings', sessionId: SESSION, runtimeId: RUNTIME, fence: 1, generation: 1 } as const

  test('is made once and repeated freely', () => {
    const play = registered()
    expect(play.do(BIND)).toEqual([{ type: 'RuntimeBound', runtimeId: 'host-1', fence: 1 }])
    expect(play.phase).toBe('attached')
    const before = play.state
    expect(play.do(BIND)).toEqual([])
    expect(play.state).toBe(before)
  })

  test('is not replaced while it stands, not even in part', () => {
    const play = registered()
    play.do(BIND)
    for (const other of [
      { ...BIND, fence: 2 },
      { ...BIND, runtimeId: 'host-2' as AgentRuntimeId },
      { ...BIND, generation: 2 },
    ]) {
      expect(play.refused(other).kind).toBe('guard-rejected')
    }
  })

  test('needs a generation or an epoch, and the registered epoch', () => {
    const play = registered({ epochId: epoch('e1') })
    const { generation: _, ...untyped } = BIND
    expect(play.refused(untyped).kind).toBe('guard-rejected')
    expect(play.refused({ ...untyped, epochId: epoch('e2') }).kind).toBe('guard-rejected')
    play.do({ ...untyped, epochId: epoch('e1') })
    expect(play.state.binding).toEqual({ phase: 'bound', runtimeId: 'host-1', fence: 1, epochId: 'e1' })
  })

  test('has its fence opened by a reset, so that the same host may bind anew', () => {
    const play = registered()
    play.do(BIND, { type: 'Reset' }, { ...BIND, fence: 2 })
    expect(play.state.binding).toMatchObject({ runtimeId: 'host-1', fence: 2 })
  })

  test('is a condition: it ends with recovery, recycling and destruction', () => {
    for (const type of ['Recover', 'Recycle', 'Destroy'] as const) {
      const play = registered()
      play.do(BIND)
      const said = play.do({ type })
      expect(play.state.binding.phase).toBe('unbound')
      if (type === 'Destroy') expect(said).toContainEqual({ type: 'RuntimeDestroyed', runtimeId: 'host-1' })
    }
  })

  test('has to be known exactly by whoever tears the session down', () => {
    const play = registered()
    play.do(BIND)
    expect(play.refused(BEGIN).kind).toBe('guard-rejected')
    play.do({ ...BEGIN, binding: { runtimeId: RUNTIME, fence: 1, generation: 1 } })
    expect(play.state.registration.phase).toBe('draining')
  })

  test('is refused while the session is let go, and for another session', () => {
    expect(draining().refused(BIND).kind).toBe('guard-rejected')
    expect(registered().refused({ ...BIND, sessionId: 'other' as SessionId }).kind).toBe('guard-rejected')
  })
})

test('a session without an id starts nothing', () => {
  const play = registered()
  expect(play.refused({ type: 'EnsureSessionWithExecutor', sessionId: 'other' as SessionId }).kind).toBe(
    'guard-rejected',
  )
  expect(play.refused({ type: 'Prepare', runId: runId('r'), at: 1 }).kind).toBe('guard-rejected')
})
