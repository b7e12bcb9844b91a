/**
 * The session-context watermark: when the session's context last changed, for readers that follow it.
 *
 * Enforces: it only rises, so repeated, late and reordered reports have no effect. All code that extends or edits the
 * conversation reports it; the machine filters.
 */

import type { ConditionSatellite } from '../../core.ts'
import { resetTo } from '../lifetimes.ts'
import { SERVED } from '../phases.ts'
import type { ContextEffect } from './effect.ts'
import type { ContextInput } from './input.ts'
import type { Sees } from './sees.ts'
import type { Context } from './state.ts'

function isLater({ context: slice }: Sees, { updatedAt }: ContextInput): boolean {
  return updatedAt > slice.updatedAt && updatedAt <= LAST_TIME
}
/** The last moment that a `Date` can represent; a later one is refused, because no watermark could follow it. */
const LAST_TIME = 8_640_000_000_000_000

const NEVER: Context = { updatedAt: 0 }

export const context: ConditionSatellite<Sees, ContextInput, ContextEffect, 'context'> = {
  name: 'context',
  about: 'When the session’s context last changed, for readers that follow it: it only rises.',
  initial: NEVER,
  // Nothing is lost with it: the conversation itself is a fact, and the next process gets the next change.
  condition: { atRest: () => true },
  phaseOf: state => state.lifecycle.phase,
  phases: SERVED,
  on: {
    AdvanceSessionContext: [
      {
        name: 'advanced',
        from: SERVED,
        when: [isLater],
        then: (_, { updatedAt }) => ({ updatedAt }),
        emit: [(_, { updatedAt }) => ({ type: 'SessionContextAdvanced', updatedAt })],
      },
    ],
  },
  lives: { process: resetTo(NEVER) },
  follow: {},
  invariants: [],
}
