import type { LifecyclePhase } from 'meerkat-ts/kernel'
import { expect, test } from 'vitest'
import type { EndingsInput } from '../../../src/kernel/regions/endings/input.ts'
import { inputId, registered } from '../support/play.ts'
import { lifecycleOf, livesAfter } from '../support/truth-table.ts'
import { askSessions, type Table } from './ask.ts'

const EXAMPLES = { EndGivenUp: { type: 'EndGivenUp', most: 1 } } as const

test('every input in every phase', () => {
  const sessions = {
    ...livesAfter(
      { type: 'AcceptInput', inputId: inputId('a'), at: 0 },
      { type: 'AcceptInput', inputId: inputId('b'), at: 0 },
      { type: 'GiveUpQueued', reason: 'cancelled' },
    ),
    'idle, nothing given up': registered(),
  }
  const expected: Table<keyof typeof sessions, EndingsInput['type'], LifecyclePhase> = {
    initializing: { EndGivenUp: 'no-matching-transition' },
    idle: { EndGivenUp: 'stays' },
    'idle, nothing given up': { EndGivenUp: 'guard-rejected' },
    attached: { EndGivenUp: 'stays' },
    running: { EndGivenUp: 'stays' },
    retired: { EndGivenUp: 'stays' },
    stopped: { EndGivenUp: 'stays' },
    destroyed: { EndGivenUp: 'stays' },
  }
  expect(askSessions({ phaseOf: lifecycleOf }, sessions, EXAMPLES)).toEqual(expected)
})
