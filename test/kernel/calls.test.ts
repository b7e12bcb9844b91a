import type { CallPolicy, CallState, MeerkatState } from 'meerkat-ts/kernel'
import { canPrepare, runnable } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { mapGet } from '../../src/kernel/persistent-map.ts'
import { attached, callId, inputId, type Play, runId, SESSION } from './support/play.ts'

const stateOf = (state: MeerkatState, id: string): CallState | undefined => mapGet(state.calls.open, callId(id))?.state

/** A run whose one call is in flight. */
function calling(policy: CallPolicy, needsApproval = false): Play {
  const play = attached()
  play.accept('a')
  play.begin('r1')
  play.call('r1', 'c', policy, needsApproval)
  return play
}

/** A call of the work waits for a person, and the run gave way. */
function parked(): Play {
  const play = calling('ask', true)
  play.rollBack('r1', 'parked')
  return play
}

describe('a call', () => {
  test('is intended before it is dispatched, and its outcome recorded once', () => {
    const play = calling('ask')
    expect(play.said('CallChanged')).toEqual([{ type: 'CallChanged', callId: 'c', state: 'dispatched', tool: 'tool' }])
    play.outcome('r1', 'c')
    expect(stateOf(play.state, 'c')).toBe('succeeded')
    const again = {
      type: 'RecordCallOutcomes',
      runId: runId('r1'),
      outcomes: [{ callId: callId('c'), ok: true }],
      at: 9,
    } as const
    expect(play.refused(again).kind).toBe('guard-rejected')
    const intent = { callId: callId('c'), tool: 'tool', policy: 'ask' } as const
    expect(play.refused({ type: 'RecordCallIntents', runId: runId('r1'), calls: [intent], at: 9 }).kind).toBe(
      'guard-rejected',
    )
  })

  test('that nobody intended has no outcome and is not dispatched', () => {
    const play = calling('ask')
    const stray = { runId: runId('r1'), at: 9 }
    expect(
      play.refused({ type: 'RecordCallOutcomes', outcomes: [{ callId: callId('x'), ok: true }], ...stray }).kind,
    ).toBe('guard-rejected')
    expect(play.refused({ type: 'DispatchCalls', callIds: [callId('x')], ...stray }).kind).toBe('guard-rejected')
  })

  test('holds up the boundary until it has an outcome', () => {
    const play = calling('ask')
    expect(play.refused({ type: 'ToolCallsResolved', runId: runId('r1') }).kind).toBe('guard-rejected')
    play.outcome('r1', 'c', false)
    play.do({ type: 'ToolCallsResolved', runId: runId('r1') })
    expect(play.state.turn.phase).toBe('drainingBoundary')
  })

  test('in flight keeps a run from being committed', () => {
    const play = attached()
    play.accept('a')
    play.begin('r1')
    const intent = { callId: callId('c'), tool: 'tool', policy: 'ask' } as const
    play.do({ type: 'RecordCallIntents', runId: runId('r1'), calls: [intent], at: 9 })
    play.answer('r1')
    expect(play.refused({ type: 'Commit', runId: runId('r1') })).toMatchObject({ kind: 'guard-rejected' })
    play.outcome('r1', 'c')
    play.commit('r1')
    expect(play.state.calls.open.size).toBe(0)
  })

  test('in flight when its run is cut off is reported as unknown', () => {
    const play = calling('ask')
    play.do({ type: 'CancelNow', runId: runId('r1') }, { type: 'CancellationObserved', runId: runId('r1') })
    expect(play.do({ type: 'CancelRun', runId: runId('r1') })).toContainEqual({
      type: 'CallChanged',
      callId: 'c',
      state: 'unknown',
      tool: 'tool',
    })
    expect(play.state.calls.open.size).toBe(0)
  })
})

describe('a lost outcome', () => {
  const settled: Record<CallPolicy, CallState> = { retry: 'owed', ask: 'unknown', fail: 'failed' }
  for (const cause of ['attempt-failed', 'interrupted', 'crash'] as const) {
    test.each(Object.entries(settled) as [CallPolicy, CallState][])(
      `by ${cause} is settled by policy: %s → %s`,
      (policy, state) => {
        const play = calling(policy)
        if (cause === 'crash') play.do({ type: 'Recover' })
        else play.rollBack('r1', cause)
        expect(stateOf(play.state, 'c')).toBe(state)
        expect(play.said('CallChanged').at(-1)).toMatchObject({ callId: 'c', state })
        expect(canPrepare(play.state)).toBe(policy !== 'ask')
      },
    )
  }

  test('is settled for good where two processes ended with the call in flight', () => {
    const play = calling('retry')
    play.do({ type: 'Recover', mostCrashes: 2 }, { type: 'EnsureSessionWithExecutor', sessionId: SESSION })
    expect(mapGet(play.state.calls.open, callId('c'))).toMatchObject({ state: 'owed', crashes: 1 })
    play.begin('r2')
    play.do({ type: 'DispatchCalls', runId: runId('r2'), callIds: [callId('c')], at: 9 })
    play.do({ type: 'Recover', mostCrashes: 2 })
    expect(mapGet(play.state.calls.open, callId('c'))).toMatchObject({ state: 'failed', crashes: 2 })
    expect(play.said('CallChanged').at(-1)).toMatchObject({ state: 'failed', reason: 'crashed-process' })
  })

  test('of a process that went away in good order is no crash', () => {
    const play = calling('retry')
    play.rollBack('r1', 'interrupted')
    expect(mapGet(play.state.calls.open, callId('c'))).not.toHaveProperty('crashes')
  })

  test('that may be repeated is dispatched again by the next attempt', () => {
    const play = calling('retry')
    play.rollBack('r1', 'interrupted')
    play.begin('r2')
    play.do({ type: 'DispatchCalls', runId: runId('r2'), callIds: [callId('c')], at: 9 })
    play.outcome('r2', 'c')
    expect(stateOf(play.state, 'c')).toBe('succeeded')
  })

  test.each(['retry', 'succeeded', 'failed'] as const)(
    'that a person has to judge holds the work until they said: %s',
    resolution => {
      const play = calling('ask')
      play.rollBack('r1', 'interrupted')
      expect(runnable(play.state)).toBe(false)
      play.do({ type: 'ResolveCall', callId: callId('c'), resolution, at: 9 })
      expect(stateOf(play.state, 'c')).toBe(resolution === 'retry' ? 'owed' : resolution)
      expect(runnable(play.state)).toBe(true)
      expect(play.refused({ type: 'ResolveCall', callId: callId('c'), resolution, at: 9 }).kind).toBe('guard-rejected')
    },
  )
})

describe('an approval', () => {
  test('gates: the call is neither dispatched nor done before somebody allowed it', () => {
    const play = calling('retry', true)
    expect(stateOf(play.state, 'c')).toBe('awaitingApproval')
    const dispatch = { type: 'DispatchCalls', runId: runId('r1'), callIds: [callId('c')], at: 9 } as const
    expect(play.refused(dispatch).kind).toBe('guard-rejected')
    play.do({ type: 'DecideApproval', callId: callId('c'), decision: 'allow', at: 9 })
    play.do(dispatch)
    play.outcome('r1', 'c')
    play.do({ type: 'ToolCallsResolved', runId: runId('r1') })
  })

  test('given is no outcome: the call that is owed holds up the boundary', () => {
    const play = calling('retry', true)
    play.do({ type: 'DecideApproval', callId: callId('c'), decision: 'allow', at: 9 })
    expect(stateOf(play.state, 'c')).toBe('owed')
    expect(play.refused({ type: 'ToolCallsResolved', runId: runId('r1') }).kind).toBe('guard-rejected')
  })

  test('denied is a failed call: the turn goes on', () => {
    const play = calling('retry', true)
    play.do({ type: 'DecideApproval', callId: callId('c'), decision: 'deny', at: 9 })
    play.do({ type: 'ToolCallsResolved', runId: runId('r1') })
    expect(stateOf(play.state, 'c')).toBe('failed')
    expect(play.refused({ type: 'DecideApproval', callId: callId('c'), decision: 'allow', at: 9 }).kind).toBe(
      'guard-rejected',
    )
  })

  test('parks the work: no attempt is counted, the session stays responsive, the decision sets it going', () => {
    const play = parked()
    expect(play.entry('a')).toMatchObject({ status: 'queued', attempts: 0 })
    expect(runnable(play.state)).toBe(false)
    play.steer('urgent')
    expect(play.complete('r2')).toEqual(['urgent'])
    play.do({ type: 'DecideApproval', callId: callId('c'), decision: 'allow', at: 9 })
    expect(play.begin('r3')).toEqual(['a'])
  })

  test('is the only reason to park', () => {
    const play = calling('ask')
    expect(play.refused({ type: 'RollbackRun', runId: runId('r1'), cause: 'parked' }).kind).toBe('guard-rejected')
  })
})

describe('calls end with their work', () => {
  test('when it is given up after its last attempt', () => {
    const play = calling('retry')
    play.rollBack('r1', 'attempt-failed')
    for (const run of ['r2', 'r3']) {
      play.begin(run)
      play.rollBack(run, 'attempt-failed')
    }
    expect(play.terminal('a')).toEqual({ status: 'abandoned', reason: 'max-attempts' })
    expect(play.state.calls.open.size).toBe(0)
  })

  test('when it is withdrawn, dropped or superseded while it waits for a person', () => {
    const withdrawn = parked()
    withdrawn.do({ type: 'WithdrawInput', inputId: inputId('a') })
    expect(withdrawn.state.calls.open.size).toBe(0)

    const dropped = parked()
    dropped.steer('s')
    dropped.begin('r2')
    dropped.do({ type: 'DropQueued', reason: 'cancelled' })
    expect(dropped.state.calls.open.size).toBe(0)

    const superseded = attached()
    superseded.accept('a', { supersessionKey: 'k' })
    superseded.begin('r1')
    superseded.call('r1', 'c', 'ask', true)
    superseded.rollBack('r1', 'parked')
    superseded.accept('b', { mode: 'supersede', supersessionKey: 'k' })
    expect(superseded.terminal('a')).toEqual({ status: 'superseded', by: 'b' })
    expect(superseded.state.calls.open.size).toBe(0)
    expect(superseded.complete('r2')).toEqual(['b'])
  })

  test('and no other run dispatches them', () => {
    const play = parked()
    play.steer('s')
    play.begin('r2')
    play.do({ type: 'DecideApproval', callId: callId('c'), decision: 'allow', at: 9 })
    expect(play.refused({ type: 'DispatchCalls', runId: runId('r2'), callIds: [callId('c')], at: 9 }).kind).toBe(
      'guard-rejected',
    )
  })
})
