import type { LifecyclePhase, MeerkatInput } from 'meerkat-ts/kernel'
import { expect, test } from 'vitest'
import type { LifecycleInput } from '../../../src/kernel/regions/lifecycle/input.ts'
import { attached, inputId, type Play, runId, SESSION } from '../support/play.ts'
import { lifecycleOf, livesAfter, tornDown } from '../support/truth-table.ts'
import { askSessions, type Table } from './ask.ts'

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const r = runId('r')
const EXAMPLES = {
  Initialize: { type: 'Initialize' },
  EnsureSessionWithExecutor: { type: 'EnsureSessionWithExecutor', sessionId: SESSION },
  Prepare: { type: 'Prepare', runId: runId('next'), at: 1 },
  DrainQueuedRun: { type: 'DrainQueuedRun', runId: runId('next'), at: 1 },
  Commit: { type: 'Commit', runId: r },
  Fail: { type: 'Fail', runId: r },
  CancelRun: { type: 'CancelRun', runId: r },
  RollbackRun: { type: 'RollbackRun', runId: r, cause: 'interrupted' },
  Retire: { type: 'Retire' },
  Reset: { type: 'Reset' },
  Recycle: { type: 'Recycle' },
  Recover: { type: 'Recover' },
  StopRuntimeExecutor: { type: 'StopRuntimeExecutor', reason: 'test' },
  RuntimeExecutorExited: { type: 'RuntimeExecutorExited' },
  Resume: { type: 'Resume' },
  Destroy: { type: 'Destroy' },
} as const
const TEAR_DOWN: MeerkatInput = { type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} }
const WORK: MeerkatInput = { type: 'AcceptInput', inputId: inputId('w'), at: 0 }

type Type = LifecycleInput['type']
type Row = Table<'row', Type, LifecyclePhase>['row']

const initializing: Row = {
  Initialize: 'idle',
  EnsureSessionWithExecutor: NO,
  Prepare: NO,
  DrainQueuedRun: NO,
  Commit: NO,
  Fail: NO,
  CancelRun: NO,
  RollbackRun: NO,
  Retire: NO,
  Reset: 'idle',
  Recycle: NO,
  Recover: 'idle',
  StopRuntimeExecutor: 'stopped',
  RuntimeExecutorExited: NO,
  Resume: NO,
  Destroy: 'destroyed',
}
const idle: Row = {
  Initialize: NO,
  EnsureSessionWithExecutor: 'attached',
  Prepare: 'running',
  DrainQueuedRun: NO,
  Commit: NO,
  Fail: NO,
  CancelRun: NO,
  RollbackRun: NO,
  Retire: 'retired',
  Reset: 'stays',
  Recycle: 'stays',
  Recover: 'stays',
  StopRuntimeExecutor: 'stopped',
  RuntimeExecutorExited: 'stopped',
  Resume: 'stays',
  Destroy: 'destroyed',
}
const running: Row = {
  Initialize: NO,
  EnsureSessionWithExecutor: 'stays',
  Prepare: NO,
  DrainQueuedRun: NO,
  Commit: FALSE,
  Fail: FALSE,
  CancelRun: FALSE,
  RollbackRun: 'attached',
  Retire: 'stays',
  Reset: NO,
  Recycle: NO,
  Recover: 'idle',
  StopRuntimeExecutor: 'stays',
  RuntimeExecutorExited: 'stopped',
  Resume: 'stays',
  Destroy: 'destroyed',
}
const expected: Table<LifecyclePhase, Type, LifecyclePhase> = {
  initializing,
  idle,
  attached: {
    Initialize: NO,
    EnsureSessionWithExecutor: 'stays',
    Prepare: 'running',
    DrainQueuedRun: NO,
    Commit: NO,
    Fail: NO,
    CancelRun: NO,
    RollbackRun: NO,
    Retire: 'retired',
    Reset: 'idle',
    Recycle: 'stays',
    Recover: 'idle',
    StopRuntimeExecutor: 'stays',
    RuntimeExecutorExited: 'stopped',
    Resume: 'stays',
    Destroy: 'destroyed',
  },
  running,
  retired: {
    Initialize: NO,
    EnsureSessionWithExecutor: 'stays',
    Prepare: NO,
    DrainQueuedRun: 'running',
    Commit: NO,
    Fail: NO,
    CancelRun: NO,
    RollbackRun: NO,
    Retire: 'stays',
    Reset: 'idle',
    Recycle: 'idle',
    Recover: 'stays',
    StopRuntimeExecutor: 'stopped',
    RuntimeExecutorExited: 'stopped',
    Resume: NO,
    Destroy: 'destroyed',
  },
  stopped: {
    Initialize: NO,
    EnsureSessionWithExecutor: NO,
    Prepare: NO,
    DrainQueuedRun: NO,
    Commit: NO,
    Fail: NO,
    CancelRun: NO,
    RollbackRun: NO,
    Retire: 'retired',
    Reset: NO,
    Recycle: NO,
    Recover: 'stays',
    StopRuntimeExecutor: 'stays',
    RuntimeExecutorExited: 'stays',
    Resume: 'idle',
    Destroy: 'destroyed',
  },
  destroyed: {
    Initialize: NO,
    EnsureSessionWithExecutor: NO,
    Prepare: NO,
    DrainQueuedRun: NO,
    Commit: NO,
    Fail: NO,
    CancelRun: NO,
    RollbackRun: NO,
    Retire: NO,
    Reset: NO,
    Recycle: NO,
    Recover: NO,
    StopRuntimeExecutor: NO,
    RuntimeExecutorExited: NO,
    Resume: NO,
    Destroy: 'stays',
  },
}

test('every input in every phase', () => {
  expect(askSessions({ phaseOf: lifecycleOf }, livesAfter(WORK), EXAMPLES)).toEqual(expected)
})

function asking(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.accept('w')
  play.begin('r')
  play.do(...inputs)
  return play
}
function stopping(): Play {
  const play = asking()
  play.do({ type: 'StopRuntimeExecutor', reason: 'test' })
  play.answer('r')
  return play
}
function retiring(): Play {
  const play = asking()
  play.do({ type: 'Retire' })
  play.answer('r')
  return play
}
function answered(): Play {
  const play = asking()
  play.answer('r')
  return play
}

test('a run ends by its outcome, and where it came from or is asked to', () => {
  const sessions = {
    'running, answered': answered(),
    'running, failed': asking({ type: 'FatalFailure', runId: r, source: 'llm' }),
    'running, cancelled': asking({ type: 'CancelNow', runId: r }, { type: 'CancellationObserved', runId: r }),
    'running, to be stopped': stopping(),
    'running, to be retired': retiring(),
  }
  expect(askSessions({ phaseOf: lifecycleOf }, sessions, EXAMPLES)).toEqual({
    'running, answered': { ...running, Commit: 'attached' },
    'running, failed': { ...running, Fail: 'attached' },
    'running, cancelled': { ...running, CancelRun: 'attached' },
    'running, to be stopped': { ...running, Commit: 'attached' },
    'running, to be retired': { ...running, Commit: 'retired', RollbackRun: 'retired', Recover: 'retired' },
  } satisfies Table<keyof typeof sessions, Type, LifecyclePhase>)
})

test('nobody takes up a session that is torn down or was let go, and a late exit changes nothing', () => {
  const lives = livesAfter(WORK)
  for (const play of [lives.attached, lives.stopped]) play.do(TEAR_DOWN)
  const sessions = {
    'attached, being torn down': lives.attached,
    'stopped, being torn down': lives.stopped,
    'idle, let go': tornDown(),
  }
  expect(askSessions({ phaseOf: lifecycleOf }, sessions, EXAMPLES)).toEqual({
    // What waits may still be answered.
    'attached, being torn down': { ...expected.attached, EnsureSessionWithExecutor: FALSE, Recycle: FALSE },
    'stopped, being torn down': { ...expected.stopped, Resume: FALSE },
    'idle, let go': {
      ...idle,
      EnsureSessionWithExecutor: FALSE,
      Prepare: FALSE,
      Recycle: FALSE,
      RuntimeExecutorExited: 'stays',
    },
  } satisfies Table<keyof typeof sessions, Type, LifecyclePhase>)
})
