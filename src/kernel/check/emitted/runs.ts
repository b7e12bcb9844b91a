/** When the effects of a run and of its turn are emitted. */
import type { TurnPhase } from '../../regions/turn/state.ts'
import type { MeerkatState } from '../../state.ts'
import { given, once, type Rules, type Stepped } from './rule.ts'

/** Whether the step moved the turn into this phase. */
const turnEnters =
  (phase: TurnPhase) =>
  ({ before, after }: Stepped): boolean =>
    before.turn.phase !== phase && after.turn.phase === phase
const isTurnIn = ({ turn }: MeerkatState): { readonly runId?: never } | object =>
  turn.phase === 'ready' ? {} : { runId: turn.facts.runId }

const turnIs = (phase: TurnPhase) => (step: Stepped) => once(turnEnters(phase)(step), () => isTurnIn(step.after))

export const turnRules: Rules<
  'TurnRunStarted' | 'TurnCheckCompaction' | 'TurnRunCompleted' | 'TurnRunFailed' | 'TurnRunCancelled'
> = {
  TurnRunStarted: {
    when: 'exactly when a turn begins',
    expected: step =>
      once(step.before.turn.phase === 'ready' && step.after.turn.phase !== 'ready', () => isTurnIn(step.after)),
  },
  TurnCheckCompaction: { when: 'exactly when the model is to be asked', expected: turnIs('callingLlm') },
  TurnRunCompleted: { when: 'exactly when a turn completes', expected: turnIs('completed') },
  TurnRunCancelled: { when: 'exactly when a turn is cancelled', expected: turnIs('cancelled') },
  TurnRunFailed: {
    when: 'exactly when a turn fails, with its cause',
    expected: step =>
      once(turnEnters('failed')(step), () => ({
        ...isTurnIn(step.after),
        ...(step.after.turn.phase === 'failed' && { cause: step.after.turn.cause }),
      })),
  },
}

const ENDS_OF_RUN: Readonly<Record<string, 'completed' | 'failed' | 'cancelled' | 'rolled-back'>> = {
  Commit: 'completed',
  Fail: 'failed',
  CancelRun: 'cancelled',
  RuntimeExecutorExited: 'cancelled',
  Destroy: 'cancelled',
  UnregisterSession: 'cancelled',
  RollbackRun: 'rolled-back',
  Recover: 'rolled-back',
}
/** The run that the step ended in this way, if it did. */
function runEnded({ before, input, after }: Stepped, end: string) {
  const isOver = before.run.phase === 'bound' && after.run.phase === 'none' && ENDS_OF_RUN[input.type] === end
  return isOver ? before.run : undefined
}
const ranTo =
  (end: string) =>
  (step: Stepped): readonly object[] => {
    const run = runEnded(step, end)
    return run === undefined ? [] : [{ runId: run.runId }]
  }
/** The kind of cancel that was pending before and after the step. */
function cancelling({ before, after }: Stepped): readonly [string, string] {
  return [
    before.run.phase === 'bound' ? before.run.cancel : 'none',
    after.run.phase === 'bound' ? after.run.cancel : 'none',
  ]
}
const runOf = ({ run }: MeerkatState): object => (run.phase === 'bound' ? { runId: run.runId } : {})

export const runRules: Rules<
  | 'SubmitRunPrimitive'
  | 'BoundaryApplied'
  | 'RequestCancellationAtBoundary'
  | 'WakeInterrupt'
  | 'BoundaryCancelAlreadyPending'
  | 'RunCompleted'
  | 'RunFailed'
  | 'RunCancelled'
  | 'RunRolledBack'
> = {
  SubmitRunPrimitive: {
    when: 'exactly when a run is bound, with its inputs',
    expected: ({ before, after }) =>
      before.run.phase === 'none' && after.run.phase === 'bound'
        ? [{ runId: after.run.runId, contributors: after.run.contributors }]
        : [],
  },
  BoundaryApplied: {
    when: 'exactly when a boundary is passed, with the steers that joined at it',
    expected: ({ before, after }) => {
      if (before.run.phase === 'none' || after.run.phase === 'none') return []
      const { runId, boundary, contributors } = after.run
      const steered = contributors.slice(before.run.contributors.length)
      return once(boundary > before.run.boundary, () => ({ runId, boundary, contributors, steered }))
    },
  },
  RequestCancellationAtBoundary: {
    when: 'exactly when the run is asked to end at its boundary',
    expected: step => {
      const [was, is] = cancelling(step)
      return once(was === 'none' && is === 'boundary', () => runOf(step.after))
    },
  },
  WakeInterrupt: {
    when: 'exactly when the run is asked to end now',
    expected: step => {
      const [was, is] = cancelling(step)
      return once(was !== 'now' && is === 'now', () => runOf(step.after))
    },
  },
  BoundaryCancelAlreadyPending: {
    when: 'when a run is asked once more to end at its boundary',
    expected: step =>
      once(step.input.type === 'CancelAfterBoundary' && cancelling(step)[0] !== 'none', () => runOf(step.after)),
  },
  RunCompleted: { when: 'exactly when a run ends with an answer', expected: ranTo('completed') },
  RunCancelled: {
    when: 'exactly when a run is cancelled, or ends with its session or executor',
    expected: ranTo('cancelled'),
  },
  RunFailed: {
    when: 'exactly when a run fails, as its turn did',
    expected: step => {
      const ended = runEnded(step, 'failed')
      const { turn: failed } = step.before
      if (ended === undefined || failed.phase !== 'failed') return []
      return [{ runId: ended.runId, outcome: failed.outcome, cause: failed.cause }]
    },
  },
  RunRolledBack: {
    when: 'exactly when an attempt ends without an end of its work, with the reason',
    expected: step => {
      const ended = runEnded(step, 'rolled-back')
      const cause = given(step, 'RollbackRun')?.cause ?? 'recovered'
      return ended === undefined ? [] : [{ runId: ended.runId, cause }]
    },
  },
}
