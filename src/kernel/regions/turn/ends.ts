/** How a turn ends before its answer, and what is refused for want of one: rows of the turn's region. */

import type { CoreEffect, CoreFacts, CoreRegion } from '../../core.ts'
import { rowsOf } from '../../region.ts'
import { isCurrentRun } from '../guards.ts'
import { RUNNING } from '../phases.ts'
import { failureOf } from './outcome.ts'
import { effect, fail, isFatal, limitReached, noRunBound, to, turnFailed } from './rules.ts'
import type { Turn, TurnPhase } from './state.ts'

/** Everything between a turn's begin and its end. */
export const UNFINISHED: readonly Exclude<TurnPhase, 'ready' | 'completed' | 'failed' | 'cancelled'>[] = [
  'applyingPrimitive',
  'callingLlm',
  'waitingForOps',
  'drainingBoundary',
  'extracting',
  'errorRecovery',
  'cancelling',
]

type Ends =
  | 'ExtractionFailed'
  | 'FatalFailure'
  | 'CancelNow'
  | 'CancellationObserved'
  | 'ForceCancelNoRun'
  | 'TurnLimitReached'
  | 'BudgetExhausted'
  | 'TimeBudgetExceeded'

const narrowed = rowsOf<CoreFacts, Turn, CoreEffect>()

export const turnEnds: Pick<CoreRegion<'turn', TurnPhase>['on'], Ends> = {
  ExtractionFailed: [
    narrowed({
      name: 'given-up',
      from: ['callingLlm', 'drainingBoundary', 'extracting'],
      during: RUNNING,
      when: [isCurrentRun],
      to: ['failed'],
      then: fail('structured-output-validation-failed', 'structured-output-invalid'),
      emit: [turnFailed],
    }),
  ],
  // Nothing runs, so there is nothing to cancel: who asks for certainty gets it.
  ForceCancelNoRun: [{ name: 'nothing-to-cancel', from: ['ready'], when: [noRunBound] }],
  FatalFailure: [
    narrowed({
      name: 'fatal',
      from: UNFINISHED,
      during: RUNNING,
      when: [isCurrentRun, isFatal],
      to: ['failed'],
      then: (slice, { source }) => {
        const { outcome, cause } = failureOf(source)
        return fail(outcome, cause)(slice)
      },
      emit: [turnFailed],
    }),
  ],
  CancelNow: [
    narrowed({
      name: 'cancel',
      from: UNFINISHED,
      during: RUNNING,
      when: [isCurrentRun],
      to: ['cancelling'],
      then: to('cancelling'),
    }),
  ],
  CancellationObserved: [
    narrowed({
      name: 'observed',
      from: ['cancelling'],
      during: RUNNING,
      when: [isCurrentRun],
      to: ['cancelled'],
      then: to('cancelled'),
      emit: [effect('TurnRunCancelled')],
    }),
  ],
  TurnLimitReached: [
    narrowed({
      name: 'limit',
      from: UNFINISHED,
      during: RUNNING,
      when: [isCurrentRun, limitReached],
      to: ['failed'],
      then: fail('failed', 'turn-limit-reached'),
      emit: [turnFailed],
    }),
  ],
  BudgetExhausted: [
    narrowed({
      name: 'budget',
      from: UNFINISHED,
      during: RUNNING,
      when: [isCurrentRun],
      to: ['failed'],
      then: fail('budget-exhausted', 'budget-exhausted'),
      emit: [turnFailed],
    }),
  ],
  TimeBudgetExceeded: [
    narrowed({
      name: 'time',
      from: UNFINISHED,
      during: RUNNING,
      when: [isCurrentRun],
      to: ['failed'],
      then: fail('time-budget-exceeded', 'time-budget-exceeded'),
      emit: [turnFailed],
    }),
  ],
}
