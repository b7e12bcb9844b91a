/** Rows of the region `turn` that end a turn before its answer. */

import type { CoreEffect, CoreFacts, CoreRegion } from '../../core.ts'
import { rowsOf } from '../../region.ts'
import { isCurrentRun } from '../guards.ts'
import { RUNNING } from '../phases.ts'
import type { TurnInput } from './input.ts'
import { effect, failing, isFatal, limitReached, noRunBound, to } from './rules.ts'
import type { Turn, TurnPhase } from './state.ts'

/** The phases between a turn's start and its end. */
export const UNFINISHED: readonly Exclude<TurnPhase, 'ready' | 'completed' | 'failed' | 'cancelled'>[] = [
  'applyingPrimitive',
  'callingLlm',
  'waitingForOps',
  'drainingBoundary',
  'extracting',
  'errorRecovery',
  'cancelling',
]

type Fatal = Extract<TurnInput, { readonly type: 'FatalFailure' }>
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
      when: [isCurrentRun],
      ...failing(() => 'structured-output-validation-failed'),
    }),
  ],
  // No run is bound, so there is nothing to cancel; the input is accepted, so that the caller knows that.
  ForceCancelNoRun: [{ name: 'nothing-to-cancel', from: ['ready'], when: [noRunBound] }],
  FatalFailure: [
    narrowed({
      name: 'fatal',
      from: UNFINISHED,
      when: [isCurrentRun, isFatal],
      ...failing(({ source }: Fatal) => source),
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
      when: [isCurrentRun, limitReached],
      ...failing(() => 'max-turns-reached'),
    }),
  ],
  BudgetExhausted: [
    narrowed({
      name: 'budget',
      from: UNFINISHED,
      when: [isCurrentRun],
      ...failing(() => 'token-budget-exceeded'),
    }),
  ],
  TimeBudgetExceeded: [
    narrowed({
      name: 'time',
      from: UNFINISHED,
      when: [isCurrentRun],
      ...failing(() => 'time-budget-exceeded'),
    }),
  ],
}
