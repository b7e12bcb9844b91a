/**
 * The session-context watermark: when what the session knows last changed, as its readers are told.
 *
 * Enforces: it only rises, so whoever is told twice, late or out of order is told once. Everything that extends or edits
 * the conversation says so; the machine filters.
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
/** The last moment that a date can hold: nothing comes after one that is none. */
const LAST_TIME = 8_640_000_000_000_000

const NEVER: Context = { updatedAt: 0 }

export const context: ConditionSatellite<Sees, ContextInput, ContextEffect, 'context'> = {
  name: 'context',
  about: 'When the session’s context last changed, for readers that follow it: it only rises.',
  initial: NEVER,
  // The next process hears of the next change; the conversation itself is a fact.
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
