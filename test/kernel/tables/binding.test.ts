import type { AgentRuntimeId, LifecyclePhase, MeerkatInput } from 'meerkat-ts/kernel'
import { expect, test } from 'vitest'
import type { BindingInput } from '../../../src/kernel/regions/binding/input.ts'
import type { Binding } from '../../../src/kernel/regions/binding/state.ts'
import { attached, SESSION } from '../support/play.ts'
import { lifecycleOf, livesAfter, tornDown } from '../support/truth-table.ts'
import { askSessions, type Table } from './ask.ts'

type Type = BindingInput['type']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const placed = { sessionId: SESSION, runtimeId: 'host' as AgentRuntimeId, fence: 1, generation: 1 }
const EXAMPLES = {
  PrepareBindings: { type: 'PrepareBindings', ...placed },
  Ingest: { type: 'Ingest', ...placed, workId: 'w', origin: 'Rpc' },
} as const
const phaseOf = ({ binding }: { readonly binding: Binding }): Binding['phase'] => binding.phase
const after = (...inputs: readonly MeerkatInput[]) => {
  const play = attached()
  play.do(...inputs)
  return play
}

test('every input in every phase: a placement is bound once, and work is routed to exactly that one', () => {
  const elsewhere: MeerkatInput = { ...EXAMPLES.PrepareBindings, runtimeId: 'elsewhere' as AgentRuntimeId }
  const sessions = {
    unbound: attached(),
    'unbound, let go': tornDown(),
    bound: after(EXAMPLES.PrepareBindings),
    'bound, elsewhere': after(elsewhere),
    'bound, by an older fence': after({ ...EXAMPLES.PrepareBindings, fence: 0 }),
  }
  const expected: Table<keyof typeof sessions, Type, Binding['phase']> = {
    unbound: { PrepareBindings: 'bound', Ingest: NO },
    'unbound, let go': { PrepareBindings: FALSE, Ingest: NO },
    bound: { PrepareBindings: 'stays', Ingest: 'stays' },
    'bound, elsewhere': { PrepareBindings: FALSE, Ingest: FALSE },
    'bound, by an older fence': { PrepareBindings: FALSE, Ingest: FALSE },
  }
  expect(askSessions({ phaseOf }, sessions, EXAMPLES)).toEqual(expected)
})

test('an unbound session in every phase of its life', () => {
  const expected: Table<LifecyclePhase, Type, Binding['phase']> = {
    initializing: { PrepareBindings: NO, Ingest: NO },
    idle: { PrepareBindings: 'bound', Ingest: NO },
    attached: { PrepareBindings: 'bound', Ingest: NO },
    running: { PrepareBindings: 'bound', Ingest: NO },
    retired: { PrepareBindings: 'bound', Ingest: NO },
    stopped: { PrepareBindings: NO, Ingest: NO },
    destroyed: { PrepareBindings: NO, Ingest: NO },
  }
  expect(askSessions({ phaseOf, rowOf: lifecycleOf }, livesAfter(), EXAMPLES)).toEqual(expected)
})

test('a session that was bound in every phase of its life', () => {
  // Only a reset leaves a session idle and bound, and opens its fence again.
  const sessions = { ...livesAfter(EXAMPLES.PrepareBindings), idle: after(EXAMPLES.PrepareBindings, { type: 'Reset' }) }
  const expected: Table<LifecyclePhase, Type, Binding['phase']> = {
    initializing: { PrepareBindings: NO, Ingest: NO },
    idle: { PrepareBindings: 'stays', Ingest: FALSE },
    attached: { PrepareBindings: 'stays', Ingest: 'stays' },
    running: { PrepareBindings: 'stays', Ingest: 'stays' },
    retired: { PrepareBindings: 'stays', Ingest: NO },
    stopped: { PrepareBindings: NO, Ingest: NO },
    destroyed: { PrepareBindings: NO, Ingest: NO },
  }
  expect(askSessions({ phaseOf, rowOf: lifecycleOf }, sessions, EXAMPLES)).toEqual(expected)
})
