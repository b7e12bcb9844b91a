/**
 * The run: one attempt to answer the inputs it holds.
 *
 * Enforces: at most one run is bound; a cancel names its run and can't affect another; boundaries are dense from 1. The
 * turn within the run belongs to the region `turn`.
 */

import type { CoreEffect, CoreFacts, CoreRegion } from '../../core.ts'
import type { InputId, RunId } from '../../ids.ts'
import { rowsOf } from '../../region.ts'
import { entryOf } from '../ledger/state.ts'
import { resetTo } from '../lifetimes.ts'
import { runInWords } from './key.ts'
import type { Run } from './state.ts'

type Bound = Extract<Run, { phase: 'bound' }>

function isNamedRun(state: CoreFacts, input: { readonly runId?: RunId }): boolean {
  return state.run.phase === 'bound' && (input.runId === undefined || input.runId === state.run.runId)
}
function isCancelling(state: CoreFacts): boolean {
  return state.run.phase === 'bound' && state.run.cancel !== 'none'
}
function notInterrupted(state: CoreFacts): boolean {
  return state.run.phase === 'bound' && state.run.cancel !== 'now'
}

function cancelAtBoundary(slice: Bound, { keepsAnswer }: { readonly keepsAnswer?: true }): Run {
  return { ...slice, cancel: 'boundary', ...(keepsAnswer && { keepsAnswer }) }
}
function cancelNow(slice: Bound): Run {
  const { keepsAnswer: _, ...rest } = slice
  return { ...rest, cancel: 'now' }
}

const onRun =
  (type: 'RequestCancellationAtBoundary' | 'WakeInterrupt' | 'BoundaryCancelAlreadyPending') =>
  (after: CoreFacts): readonly CoreEffect[] =>
    after.run.phase === 'bound' ? [{ type, runId: after.run.runId }] : []

function bindRun(
  _: Run,
  input: { readonly runId: RunId; readonly at: number },
  state: CoreFacts,
  contributors: readonly InputId[],
): Run {
  const head = contributors[0]
  const progressed = head !== undefined && entryOf(state.ledger, head)?.progressed === true
  return {
    phase: 'bound',
    runId: input.runId,
    contributors,
    boundary: 0,
    progressed,
    cancel: 'none',
    startedAt: input.at,
  }
}

function submitPrimitive(
  _: CoreFacts,
  { runId }: { readonly runId: RunId },
  __: CoreFacts,
  contributors: readonly InputId[],
): CoreEffect {
  return { type: 'SubmitRunPrimitive', runId, contributors }
}

function passBoundary(slice: Run, _: unknown, __: CoreFacts, joined: readonly InputId[]): Run {
  if (slice.phase !== 'bound') return slice
  const contributors = joined.length === 0 ? slice.contributors : [...slice.contributors, ...joined]
  return { ...slice, boundary: slice.boundary + 1, progressed: true, contributors }
}

function receipt(after: CoreFacts, _: unknown, __: CoreFacts, steered: readonly InputId[]): readonly CoreEffect[] {
  if (after.run.phase !== 'bound') return []
  const { runId, boundary, contributors } = after.run
  return [{ type: 'BoundaryApplied', runId, boundary, contributors, steered }]
}

const NONE: Run = { phase: 'none' }
const GONE = resetTo<Run, Run['phase']>(NONE, ['bound'])

const boundOf = (state: CoreFacts): Bound | undefined => (state.run.phase === 'bound' ? state.run : undefined)

function completed(_: CoreFacts, input: { readonly runId: RunId }): CoreEffect {
  return { type: 'RunCompleted', runId: input.runId }
}
function failed(_: CoreFacts, input: { readonly runId: RunId }, before: CoreFacts): readonly CoreEffect[] {
  const { turn } = before
  return turn.phase === 'failed'
    ? [{ type: 'RunFailed', runId: input.runId, outcome: turn.outcome, cause: turn.cause }]
    : []
}
function rolledBack(
  _: CoreFacts,
  input: { readonly type: string; readonly cause?: 'attempt-failed' | 'recovered' | 'interrupted' | 'parked' },
  before: CoreFacts,
): readonly CoreEffect[] {
  const bound = boundOf(before)
  return bound === undefined ? [] : [{ type: 'RunRolledBack', runId: bound.runId, cause: input.cause ?? 'recovered' }]
}
/** The effects of a run that is cancelled, or that ends with its service. */
function cutOff(_: CoreFacts, __: unknown, before: CoreFacts): readonly CoreEffect[] {
  const bound = boundOf(before)
  return bound === undefined ? [] : [{ type: 'RunCancelled', runId: bound.runId }]
}

const narrowed = rowsOf<CoreFacts, Run, CoreEffect>()

export const run: CoreRegion<'run', Run['phase']> = {
  name: 'run',
  about: 'The one attempt in progress: its inputs, its boundaries, and a cancel that can only hit it.',
  initial: NONE,
  key: runInWords,
  phaseOf: state => state.run.phase,
  phases: ['none', 'bound'],
  on: {
    CancelAfterBoundary: [
      {
        name: 'pending',
        from: ['bound'],
        when: [isNamedRun, isCancelling],
        emit: [onRun('BoundaryCancelAlreadyPending')],
      },
      narrowed({
        name: 'requested',
        from: ['bound'],
        when: [isNamedRun],
        then: cancelAtBoundary,
        emit: [onRun('RequestCancellationAtBoundary')],
      }),
    ],
    InterruptCurrentRun: [
      narrowed({
        name: 'interrupt',
        from: ['bound'],
        when: [isNamedRun, notInterrupted],
        then: cancelNow,
        emit: [onRun('WakeInterrupt')],
      }),
      { name: 'again', from: ['bound'], when: [isNamedRun] },
    ],
  },
  lives: { run: { ...GONE, emit: [cutOff] } },
  follow: {
    Prepare: { moves: { none: ['bound'] }, then: bindRun, emit: [submitPrimitive] },
    DrainQueuedRun: { moves: { none: ['bound'] }, then: bindRun, emit: [submitPrimitive] },
    BoundaryContinue: { then: passBoundary, emit: [receipt] },
    BoundaryComplete: { then: passBoundary, emit: [receipt] },
    RecordCallIntents: {
      then: slice => (slice.phase === 'bound' && !slice.progressed ? { ...slice, progressed: true } : slice),
    },
    Commit: { ...GONE, emit: [completed] },
    Fail: { ...GONE, emit: [failed] },
    RollbackRun: { ...GONE, emit: [rolledBack] },
    Recover: { ...GONE, emit: [rolledBack] },
  },
  invariants: [
    {
      id: 'run-has-contributors',
      text: 'a bound run answers at least one input',
      holds: ({ run: r }) => r.phase === 'none' || r.contributors.length > 0,
    },
    {
      id: 'contributors-are-distinct',
      text: 'no input contributes to a run twice',
      holds: ({ run: r }) => r.phase === 'none' || new Set(r.contributors).size === r.contributors.length,
    },
  ],
}
