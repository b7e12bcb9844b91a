import type { LifecyclePhase, MeerkatInput, SessionId } from 'meerkat-ts/kernel'
import { expect, test } from 'vitest'
import type { RegistrationInput } from '../../../src/kernel/regions/registration/input.ts'
import type { Registration } from '../../../src/kernel/regions/registration/state.ts'
import { attached, type Play, registered, SESSION } from '../support/play.ts'
import { lifecycleOf, livesAfter, tornDown } from '../support/truth-table.ts'
import { askSessions, type Table } from './ask.ts'

type Phase = Registration['phase']
type Type = RegistrationInput['type']
type Row = Table<'row', Type, Phase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const here = { sessionId: SESSION }
const EXAMPLES = {
  RegisterSession: { type: 'RegisterSession', sessionId: 'another' as SessionId },
  SetSilentIntents: { type: 'SetSilentIntents', ...here, intents: ['ping'] },
  BeginUnregisterSession: { type: 'BeginUnregisterSession', ...here, binding: {} },
  RuntimeLoopStoppedForUnregister: { type: 'RuntimeLoopStoppedForUnregister', ...here, forcedAbort: false },
  CommsDrainExitedForUnregister: { type: 'CommsDrainExitedForUnregister', ...here, forcedAbort: false },
  CompletionWaitersResolvedForUnregister: { type: 'CompletionWaitersResolvedForUnregister', ...here },
  UnregisterSession: { type: 'UnregisterSession', ...here, binding: {} },
} as const
const phaseOf = ({ registration }: { readonly registration: Registration }): Phase => registration.phase

const never: Row = {
  RegisterSession: NO,
  SetSilentIntents: NO,
  BeginUnregisterSession: NO,
  RuntimeLoopStoppedForUnregister: NO,
  CommsDrainExitedForUnregister: NO,
  CompletionWaitersResolvedForUnregister: NO,
  UnregisterSession: NO,
}
const queuing: Row = {
  ...never,
  RegisterSession: 'stays',
  SetSilentIntents: 'stays',
  BeginUnregisterSession: 'draining',
}
const draining: Row = {
  RegisterSession: 'stays',
  SetSilentIntents: 'stays',
  BeginUnregisterSession: NO,
  RuntimeLoopStoppedForUnregister: 'stays',
  CommsDrainExitedForUnregister: 'stays',
  CompletionWaitersResolvedForUnregister: 'stays',
  UnregisterSession: FALSE,
}

function served(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}
const {
  BeginUnregisterSession: begin,
  RuntimeLoopStoppedForUnregister: loop,
  CommsDrainExitedForUnregister: comms,
  CompletionWaitersResolvedForUnregister: waiters,
} = EXAMPLES

test('every input in every phase: each report closes its obligation once, and only then the session is let go', () => {
  const sessions = {
    queuing: registered(),
    active: attached(),
    draining: served(begin),
    'draining, without a loop': served(begin, loop),
    'draining, without comms': served(begin, comms),
    'draining, without waiters': served(begin, waiters),
    'draining, all done': served(begin, loop, comms, waiters),
    'draining, let go': tornDown(),
  }
  const loopClosed = { RuntimeLoopStoppedForUnregister: FALSE } as const
  const commsClosed = { CommsDrainExitedForUnregister: FALSE } as const
  const waitersClosed = { CompletionWaitersResolvedForUnregister: FALSE } as const
  const allClosed = { ...loopClosed, ...commsClosed, ...waitersClosed }
  const expected: Table<keyof typeof sessions, Type, Phase> = {
    queuing,
    active: queuing,
    draining,
    'draining, without a loop': { ...draining, ...loopClosed },
    'draining, without comms': { ...draining, ...commsClosed },
    'draining, without waiters': { ...draining, ...waitersClosed },
    'draining, all done': { ...draining, ...allClosed, UnregisterSession: 'stays' },
    'draining, let go': {
      ...draining,
      ...allClosed,
      RegisterSession: 'queuing',
      SetSilentIntents: FALSE,
    },
  }
  expect(askSessions({ phaseOf }, sessions, EXAMPLES)).toEqual(expected)
})

test('every input in every phase of the session', () => {
  const expected: Table<LifecyclePhase, Type, Phase> = {
    initializing: never,
    idle: queuing,
    attached: queuing,
    running: { ...queuing, RegisterSession: FALSE },
    retired: { ...queuing, RegisterSession: FALSE },
    stopped: { ...queuing, RegisterSession: FALSE, SetSilentIntents: NO },
    destroyed: never,
  }
  expect(askSessions({ phaseOf, rowOf: lifecycleOf }, livesAfter(), EXAMPLES)).toEqual(expected)
})

test('every input in every phase of the session while it is torn down', () => {
  const { initializing: _, destroyed: __, ...sessions } = livesAfter()
  for (const play of Object.values(sessions)) play.do(begin)
  const expected: Table<keyof typeof sessions, Type, Phase> = {
    idle: draining,
    attached: draining,
    running: draining,
    retired: draining,
    stopped: { ...draining, SetSilentIntents: NO },
  }
  expect(askSessions({ phaseOf, rowOf: lifecycleOf }, sessions, EXAMPLES)).toEqual(expected)
})
