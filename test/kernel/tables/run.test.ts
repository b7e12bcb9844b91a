import type { MeerkatInput, Run } from 'meerkat-ts/kernel'
import { expect, test } from 'vitest'
import type { RunInput } from '../../../src/kernel/regions/run/input.ts'
import { attached, type Play, runId } from '../support/play.ts'
import { askSessions, type Table } from './ask.ts'

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const EXAMPLES = {
  CancelAfterBoundary: { type: 'CancelAfterBoundary', runId: runId('r') },
  InterruptCurrentRun: { type: 'InterruptCurrentRun', runId: runId('r') },
} as const

function bound(run: string, ...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.accept('i')
  play.prepare(run)
  play.do(...inputs)
  return play
}
const sessions = {
  none: attached(),
  bound: bound('r'),
  'bound, another one': bound('other'),
  'bound, to end at its boundary': bound('r', EXAMPLES.CancelAfterBoundary),
  'bound, interrupted': bound('r', EXAMPLES.InterruptCurrentRun),
}

test('every input in every phase: a cancel reaches the run it names, however often', () => {
  const expected: Table<keyof typeof sessions, RunInput['type'], Run['phase']> = {
    none: { CancelAfterBoundary: NO, InterruptCurrentRun: NO },
    bound: { CancelAfterBoundary: 'stays', InterruptCurrentRun: 'stays' },
    'bound, another one': { CancelAfterBoundary: FALSE, InterruptCurrentRun: FALSE },
    'bound, to end at its boundary': { CancelAfterBoundary: 'stays', InterruptCurrentRun: 'stays' },
    'bound, interrupted': { CancelAfterBoundary: 'stays', InterruptCurrentRun: 'stays' },
  }
  expect(askSessions({ phaseOf: ({ run }) => run.phase }, sessions, EXAMPLES)).toEqual(expected)
})
