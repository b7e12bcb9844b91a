import type { DrainExitReason, DrainMode, MeerkatInput } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { DrainInput } from '../../src/kernel/regions/drain/input.ts'
import { attached, kinds, type Play, registered, SESSION } from './support/play.ts'
import { lifecycleOf, livesAfter, type TruthTable, tornDown, truths } from './support/truth-table.ts'

const spawn = (mode: DrainMode): MeerkatInput => ({ type: 'SpawnDrain', mode })
const exited = (reason: DrainExitReason): MeerkatInput => ({ type: 'NotifyDrainExited', reason })

function served(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}

const EXAMPLES = {
  EnsureDrainRunning: { type: 'EnsureDrainRunning' },
  SpawnDrain: { type: 'SpawnDrain', mode: 'Timed' },
  StopDrain: { type: 'StopDrain' },
  NotifyDrainExited: { type: 'NotifyDrainExited', reason: 'Dismissed' },
  SetPeerIngressContext: { type: 'SetPeerIngressContext', keepAlive: true },
} as const

describe('a comms drain', () => {
  test('does in each of its phases what the table says', () => {
    type Phase = 'inactive' | 'running' | 'stopped' | 'exitedRespawnable'
    const expected: TruthTable<Phase, DrainInput['type']> = {
      inactive: {
        EnsureDrainRunning: 'stays',
        SpawnDrain: 'running',
        StopDrain: 'no-matching-transition',
        NotifyDrainExited: 'no-matching-transition',
        SetPeerIngressContext: 'stays',
      },
      running: {
        EnsureDrainRunning: 'stays',
        SpawnDrain: 'no-matching-transition',
        StopDrain: 'stopped',
        NotifyDrainExited: 'stopped',
        SetPeerIngressContext: 'stays',
      },
      // It exited, and said so.
      stopped: {
        EnsureDrainRunning: 'stays',
        SpawnDrain: 'running',
        StopDrain: 'no-matching-transition',
        NotifyDrainExited: 'guard-rejected',
        SetPeerIngressContext: 'stays',
      },
      exitedRespawnable: {
        EnsureDrainRunning: 'stays',
        SpawnDrain: 'running',
        StopDrain: 'no-matching-transition',
        NotifyDrainExited: 'no-matching-transition',
        SetPeerIngressContext: 'stays',
      },
    }
    const sessions = {
      inactive: served(),
      running: served(spawn('Timed')),
      stopped: served(spawn('Timed'), exited('IdleTimeout')),
      exitedRespawnable: served(spawn('PersistentHost'), exited('Failed')),
    }
    expect(truths<Phase, DrainInput['type']>(({ drain }) => drain.phase, sessions, EXAMPLES)).toEqual(expected)
  })

  test('is asked for while an executor serves, is kept while a session lives, and dies with it', () => {
    const kept = {
      EnsureDrainRunning: 'no-matching-transition',
      SpawnDrain: 'no-matching-transition',
      StopDrain: 'stays',
      NotifyDrainExited: 'stays',
      SetPeerIngressContext: 'stays',
    } as const
    const gone = {
      EnsureDrainRunning: 'no-matching-transition',
      SpawnDrain: 'no-matching-transition',
      StopDrain: 'no-matching-transition',
      NotifyDrainExited: 'no-matching-transition',
      SetPeerIngressContext: 'no-matching-transition',
    } as const
    expect(truths(lifecycleOf, livesAfter(spawn('Timed')), EXAMPLES)).toEqual({
      initializing: gone,
      idle: kept,
      attached: { ...kept, EnsureDrainRunning: 'stays' },
      running: { ...kept, EnsureDrainRunning: 'stays' },
      retired: kept,
      stopped: kept,
      destroyed: gone,
    } satisfies TruthTable<string, DrainInput['type']>)
  })

  // Oracle 22.
  const modes: readonly DrainMode[] = ['Timed', 'AttachedSession', 'PersistentHost']
  const reasons: readonly DrainExitReason[] = ['IdleTimeout', 'Dismissed', 'Failed', 'Aborted', 'SessionShutdown']
  test.each(modes.flatMap(mode => reasons.map(reason => [mode, reason] as const)))(
    'of mode %s that ends by %s may be started again by itself only if it was a host that failed',
    (mode, reason) => {
      const respawnable = mode === 'PersistentHost' && reason === 'Failed'
      const play = served(spawn(mode))
      expect(play.do(exited(reason))).toEqual([{ type: 'DrainExited', reason, respawnable }])
      expect(play.state.drain.phase).toBe(respawnable ? 'exitedRespawnable' : 'stopped')
      play.refused(exited(reason))
    },
  )

  test('that was told to stop says once that it has', () => {
    const play = served(spawn('PersistentHost'), { type: 'StopDrain' })
    expect(play.do(exited('Failed'))).toEqual([{ type: 'DrainExited', reason: 'Failed', respawnable: false }])
    expect(play.refused(exited('Failed')).kind).toBe('guard-rejected')
  })

  test('is asked for without a state of its own: whoever starts it says in which mode', () => {
    const play = served()
    expect(play.do({ type: 'EnsureDrainRunning' })).toEqual([{ type: 'SpawnDrainTask' }])
    expect(play.state.drain.phase).toBe('inactive')
    expect(play.do(spawn('AttachedSession'))).toEqual([{ type: 'SpawnDrainTask', mode: 'AttachedSession' }])
    expect(play.state.drain).toEqual({ phase: 'running', mode: 'AttachedSession' })
    expect(play.refused(spawn('Timed')).kind).toBe('no-matching-transition')
  })

  test('that exits after its session was torn down is not news', () => {
    const play = tornDown(spawn('Timed'))
    expect(play.state.drain.phase).toBe('inactive')
    expect(play.do(exited('Aborted'), exited('Aborted'))).toEqual([])
    expect(play.refused(spawn('Timed')).kind).toBe('guard-rejected')
    play.do({ type: 'Retire' })
    expect(play.do(exited('Aborted'))).toEqual([])
    expect(registered().refused(exited('Aborted')).kind).toBe('guard-rejected')
  })

  test('does not outlive its process', () => {
    const play = served(spawn('PersistentHost'))
    play.do({ type: 'Recover' })
    expect(play.state.drain.phase).toBe('inactive')
    play.do({ type: 'EnsureSessionWithExecutor', sessionId: SESSION })
    expect(kinds(play.do(spawn('PersistentHost')))).toEqual(['SpawnDrainTask'])
  })
})
