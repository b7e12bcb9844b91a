import { type CommsRuntimeId, decodeState, encodeState, settlingSteps, takeOverSteps } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, kinds, registered, runId } from './support/play.ts'

describe('a session that is taken over', () => {
  test.each(['before a run', 'during a run'])('completes a stop that was asked for %s', when => {
    const play = attached()
    play.accept('a')
    if (when === 'during a run') play.begin('r')
    play.do({ type: 'StopRuntimeExecutor', reason: 'asked' })
    play.do(...takeOverSteps(play.state))
    expect(play.phase).toBe('stopped')
    expect(play.terminal('a')).toEqual({ status: 'abandoned', reason: 'stopped' })
  })

  test('that was only served is idle, and keeps what waits', () => {
    const play = attached()
    play.accept('a')
    expect(takeOverSteps(play.state)).toEqual([{ type: 'Recover' }])
    play.do(...takeOverSteps(play.state))
    expect(play.phase).toBe('idle')
    expect(play.entry('a')).toMatchObject({ status: 'queued' })
  })

  test('that nobody served is owed nothing', () => {
    expect(takeOverSteps(registered().state)).toEqual([])
    expect(takeOverSteps(decodeState(encodeState(registered().state)))).toEqual([])
  })

  test('that nobody served loses what its process was in the middle of', () => {
    const play = registered()
    play.do(
      { type: 'SetTurnToolOverlay', deny: ['shell'] },
      { type: 'AttachSessionIngress', commsRuntimeId: 'c' as CommsRuntimeId },
    )
    expect(takeOverSteps(play.state)).toEqual([{ type: 'Recover' }])
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

test('a snapshot of a release that knew neither operations nor schedules has none', () => {
  const old =
    '{"v":1,"lifecycle":{"phase":"idle"},"registration":{"phase":"queuing","silentIntents":[],"merge":false,"sessionId":"s"}}'
  const { operations, schedules } = decodeState(old)
  expect(operations).toMatchObject({ active: 0, completions: 0, cursors: { agentApplied: 0 } })
  expect(schedules.entries.size).toBe(0)
})
