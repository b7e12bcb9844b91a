import {
  type CallId,
  type CommsRuntimeId,
  decodeState,
  encodeState,
  hearable,
  runnable,
  settlingSteps,
  takeOverSteps,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, inputId, kinds, registered, runId } from './support/play.ts'

/** What a process does first. */
const RECOVER = { type: 'Recover', mostCrashes: 2 }

describe('a session that is taken over', () => {
  test('completes a stop that was asked for before a run: what waits goes on waiting', () => {
    const play = attached()
    play.accept('a')
    play.do({ type: 'StopRuntimeExecutor', reason: 'asked' })
    play.do(...takeOverSteps(play.state))
    expect(play.phase).toBe('stopped')
    expect(play.entry('a')).toMatchObject({ status: 'queued', attempts: 0 })
    expect(takeOverSteps(play.state)).toEqual([])
  })

  test('completes a stop that was asked for during a run: the run has ended, what waits goes on waiting', () => {
    const play = attached()
    play.accept('a')
    play.begin('r')
    play.accept('b')
    play.do({ type: 'StopRuntimeExecutor', reason: 'asked' })
    play.do(...takeOverSteps(play.state))
    expect(play.phase).toBe('stopped')
    expect(play.terminal('a')).toEqual({ status: 'abandoned', reason: 'stopped' })
    expect(play.entry('b')).toMatchObject({ status: 'queued', attempts: 0 })
    expect(takeOverSteps(play.state)).toEqual([])
  })

  test('that was only served is idle, and keeps what waits', () => {
    const play = attached()
    play.accept('a')
    expect(takeOverSteps(play.state)).toEqual([RECOVER])
    play.do(...takeOverSteps(play.state))
    expect(play.phase).toBe('idle')
    expect(play.entry('a')).toMatchObject({ status: 'queued' })
  })

  test('that nobody served is owed nothing', () => {
    expect(takeOverSteps(registered().state)).toEqual([])
    expect(takeOverSteps(decodeState(encodeState(registered().state)))).toEqual([])
  })

  test('gives up what was not to outlast its owner, but for work that had begun', () => {
    const play = attached()
    const ephemeral = { durability: 'ephemeral' } as const
    play.accept('begun', ephemeral)
    play.begin('r')
    play.steer('joins')
    play.toolRound('r')
    play.accept('waits', ephemeral)
    play.accept('stays')
    expect(takeOverSteps(play.state)).toEqual([RECOVER, { type: 'DropEphemeral' }])
    play.do(...takeOverSteps(play.state))
    expect(play.terminal('waits')).toEqual({ status: 'abandoned', reason: 'owner-lost' })
    expect([play.terminal('begun'), play.terminal('joins')]).toEqual([undefined, undefined])
    expect([play.complete('r2'), play.complete('r3')]).toEqual([['begun', 'joins'], ['stays']])
    expect(takeOverSteps(play.state)).toEqual([])
  })

  test('and owes nothing else gives up ephemeral inputs all the same, also where it completes a stop', () => {
    const idle = registered()
    idle.accept('a', { durability: 'ephemeral' })
    expect(takeOverSteps(decodeState(encodeState(idle.state)))).toEqual([{ type: 'DropEphemeral' }])
    const stopping = attached()
    stopping.accept('a', { durability: 'ephemeral' })
    stopping.do({ type: 'StopRuntimeExecutor', reason: 'asked' })
    stopping.do(...takeOverSteps(stopping.state))
    expect(stopping.terminal('a')).toEqual({ status: 'abandoned', reason: 'owner-lost' })
  })

  test('that nobody served loses what its process was in the middle of', () => {
    const play = registered()
    play.do(
      { type: 'SetTurnToolOverlay', deny: ['shell'] },
      { type: 'AttachSessionIngress', commsRuntimeId: 'c' as CommsRuntimeId },
    )
    expect(takeOverSteps(play.state)).toEqual([RECOVER])
    play.do(...takeOverSteps(play.state))
    expect(play.state.visibility.overlay).toBeUndefined()
    expect(play.state.ingress).toEqual({ phase: 'unattached' })
    expect(takeOverSteps(play.state)).toEqual([])
  })
})

describe('a retired session', () => {
  test('gives up the passive inputs that no work took along', () => {
    const play = attached()
    play.accept('a')
    play.begin('r')
    play.accept('p', { withoutWake: true })
    play.do({ type: 'Retire' })
    expect(settlingSteps(play.state)).toEqual([])
    play.answer('r')
    play.commit('r')
    expect(play.phase).toBe('retired')
    expect(play.entry('p')).toMatchObject({ status: 'queued' })
    expect(kinds(play.do(...settlingSteps(play.state)))).toContain('InputTerminated')
    expect(play.terminal('p')).toEqual({ status: 'abandoned', reason: 'retired' })
    expect(settlingSteps(play.state)).toEqual([])
  })

  test('that has work left is owed a run, not an end', () => {
    const play = attached()
    play.accept('a')
    play.accept('p', { withoutWake: true })
    play.do({ type: 'Retire' })
    expect(settlingSteps(play.state)).toEqual([])
    play.begin('r')
    play.do({ type: 'RollbackRun', runId: runId('r'), cause: 'attempt-failed' })
    expect(settlingSteps(play.state)).toEqual([])
  })
})

describe('work that waits for a decision', () => {
  test('leads the steers that come meanwhile, and is led there once', () => {
    const play = attached()
    play.accept('a')
    play.begin('r')
    const calls = [{ callId: 'c' as CallId, tool: 'deploy', policy: 'ask', needsApproval: true }] as const
    play.do(
      { type: 'LlmReturnedToolCalls', runId: runId('r'), toolCount: 1 },
      { type: 'RecordCallIntents', runId: runId('r'), calls, at: 1 },
      { type: 'RollbackRun', runId: runId('r'), cause: 'parked' },
    )
    expect(settlingSteps(play.state)).toEqual([])
    play.accept('s', { mode: 'steer' })
    play.do(...settlingSteps(play.state))
    expect(settlingSteps(play.state)).toEqual([])
    expect(runnable(play.state)).toBe(false)
    play.do({ type: 'DecideApproval', callId: 'c' as CallId, decision: 'allow', at: 2 })
    play.begin('r2')
    expect(play.state.run).toMatchObject({ contributors: ['a'] })
    expect(play.entry('s')).toMatchObject({ status: 'queued' })
  })
})

describe('a run over work that waits for a decision', () => {
  const r2 = runId('r2')

  /** The work has parked, a steer waits behind it. */
  function pending() {
    const play = attached()
    play.accept('a')
    play.begin('r')
    const calls = [{ callId: 'c' as CallId, tool: 'deploy', policy: 'ask', needsApproval: true }] as const
    play.do(
      { type: 'LlmReturnedToolCalls', runId: runId('r'), toolCount: 1 },
      { type: 'RecordCallIntents', runId: runId('r'), calls, at: 1 },
      { type: 'RollbackRun', runId: runId('r'), cause: 'parked' },
    )
    expect(hearable(play.state)).toBe(false)
    play.accept('s', { mode: 'steer' })
    play.do(...settlingSteps(play.state))
    return play
  }

  test('hears the steers behind it at a boundary that passes the call by, once', () => {
    const play = pending()
    expect(hearable(play.state)).toBe(true)
    play.begin('r2')
    play.do(
      { type: 'LlmReturnedToolCalls', runId: r2, toolCount: 1 },
      { type: 'ToolCallsResolved', runId: r2 },
      { type: 'BoundaryContinue', runId: r2 },
    )
    expect(play.state.run).toMatchObject({ contributors: ['a', 's'], boundary: 1 })
    play.do({ type: 'RollbackRun', runId: r2, cause: 'parked' })
    expect(hearable(play.state)).toBe(false)
    expect(play.entry('s')).toMatchObject({ status: 'carried', carrier: 'a' })
  })

  test.each(['interrupted', 'attempt-failed', 'recovered'] as const)('is owed again after it ended %s', cause => {
    const play = pending()
    play.begin('r2')
    play.do(
      { type: 'LlmReturnedToolCalls', runId: r2, toolCount: 1 },
      { type: 'ToolCallsResolved', runId: r2 },
      { type: 'BoundaryContinue', runId: r2 },
      { type: 'RollbackRun', runId: r2, cause },
    )
    expect(hearable(play.state)).toBe(true)
    expect(runnable(play.state)).toBe(false)
  })

  test('is owed again to a steer that joined where the turn would have ended', () => {
    const play = pending()
    play.begin('r2')
    play.do(
      { type: 'LlmReturnedToolCalls', runId: r2, toolCount: 1 },
      { type: 'ToolCallsResolved', runId: r2 },
      { type: 'BoundaryComplete', runId: r2 },
    )
    expect([play.state.turn.phase, play.contributors]).toEqual(['callingLlm', ['a', 's']])
    play.do({ type: 'RollbackRun', runId: r2, cause: 'interrupted' })
    expect(hearable(play.state)).toBe(true)
  })

  test('leaves nothing in flight behind a boundary', () => {
    const play = pending()
    play.begin('r2')
    const more = [{ callId: 'd' as CallId, tool: 'look', policy: 'ask' }] as const
    play.do(
      { type: 'LlmReturnedToolCalls', runId: r2, toolCount: 2 },
      { type: 'RecordCallIntents', runId: r2, calls: more, at: 2 },
    )
    expect(play.refused({ type: 'ToolCallsResolved', runId: r2 }).kind).toBe('guard-rejected')
  })
})

describe('passive inputs that nothing else will take along', () => {
  test('start a turn once they are woken, but for silent ones', () => {
    const play = attached({ silentIntents: ['ping'] })
    play.accept('ping', { kind: 'peer-request', origin: 'peer', intent: 'ping' })
    play.do({ type: 'WakeQueued' })
    expect(play.state.ledger.waking).toBe(0)
    for (const id of ['p', 'q']) play.accept(id, { withoutWake: true })
    play.do({ type: 'WakeQueued' })
    expect([play.complete('r1'), play.complete('r2'), play.complete('r3')]).toEqual([['ping'], ['p'], ['q']])
  })

  test('start one after the run that took them gave them back', () => {
    const play = attached()
    play.accept('p', { withoutWake: true })
    play.accept('a')
    expect(play.begin('r1')).toEqual(['p'])
    play.do({ type: 'WakeQueued' })
    play.rollBack('r1', 'attempt-failed')
    play.do({ type: 'WithdrawInput', inputId: inputId('a') })
    expect(play.complete('r2')).toEqual(['p'])
  })

  test('are left alone where all may start one', () => {
    const play = attached()
    play.accept('a')
    const before = play.state
    play.do({ type: 'WakeQueued' }, { type: 'DropEphemeral' })
    expect(play.state).toBe(before)
  })
})

test('a destroyed session has nothing to wake or to give up', () => {
  const play = registered()
  play.do({ type: 'Destroy' })
  for (const type of ['WakeQueued', 'DropEphemeral'] as const)
    expect(play.refused({ type }).kind).toBe('no-matching-transition')
})

test('a snapshot of a release that knew neither operations nor schedules has none', () => {
  const old =
    '{"v":1,"lifecycle":{"phase":"idle"},"registration":{"phase":"queuing","silentIntents":[],"merge":false,"sessionId":"s"}}'
  const { operations, schedules } = decodeState(old)
  expect(operations).toMatchObject({ active: 0, completions: 0, cursors: { agentApplied: 0 } })
  expect(schedules.entries.size).toBe(0)
})
