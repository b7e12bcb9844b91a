import type { LifecyclePhase, MeerkatInput } from 'meerkat-ts/kernel'
import { expect, test } from 'vitest'
import type { LedgerInput } from '../../../src/kernel/regions/ledger/input.ts'
import { attached, inputId, type Play } from '../support/play.ts'
import { lifecycleOf, livesAfter, tornDown } from '../support/truth-table.ts'
import { askSessions, type Table } from './ask.ts'

type Type = LedgerInput['type'] | 'AcceptInput' | 'ResolveAdmissionIdempotency'
type Row = Table<'row', Type, LifecyclePhase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const waits = { inputId: inputId('waits') }
const accept = (id: string): MeerkatInput => ({ type: 'AcceptInput', inputId: inputId(id), at: 0 })
const EXAMPLES = {
  AcceptInput: { type: 'AcceptInput', inputId: inputId('new'), at: 1 },
  ResolveAdmissionIdempotency: {
    type: 'ResolveAdmissionIdempotency',
    inputId: inputId('new'),
    seen: { inputId: inputId('waits'), sameContent: true },
  },
  WithdrawInput: { type: 'WithdrawInput', ...waits },
  ChangeLane: { type: 'ChangeLane', ...waits, lane: 'steer' },
  PrioritizeInput: { type: 'PrioritizeInput', ...waits },
  DeferInputBehindBacklog: { type: 'DeferInputBehindBacklog', ...waits },
  DropQueued: { type: 'DropQueued', reason: 'cancelled' },
  GiveUpQueued: { type: 'GiveUpQueued', reason: 'cancelled' },
  DropEphemeral: { type: 'DropEphemeral' },
  WakeQueued: { type: 'WakeQueued' },
} as const

const never: Row = {
  AcceptInput: NO,
  ResolveAdmissionIdempotency: NO,
  WithdrawInput: NO,
  ChangeLane: NO,
  PrioritizeInput: NO,
  DeferInputBehindBacklog: NO,
  DropQueued: NO,
  GiveUpQueued: NO,
  DropEphemeral: NO,
  WakeQueued: NO,
}
const waiting: Row = {
  AcceptInput: 'stays',
  ResolveAdmissionIdempotency: 'stays',
  WithdrawInput: 'stays',
  ChangeLane: 'stays',
  PrioritizeInput: 'stays',
  DeferInputBehindBacklog: 'stays',
  DropQueued: 'stays',
  GiveUpQueued: 'stays',
  DropEphemeral: 'stays',
  WakeQueued: 'stays',
}
/** The input that is spoken of does not wait. */
const notWaiting: Row = {
  ...waiting,
  GiveUpQueued: FALSE,
  WithdrawInput: FALSE,
  ChangeLane: FALSE,
  PrioritizeInput: FALSE,
  DeferInputBehindBacklog: FALSE,
}

function answering(...ids: readonly string[]): Play {
  const play = attached()
  play.do(...ids.map(accept))
  play.prepare('r')
  return play
}
function retiring(): Play {
  const play = answering('head', 'waits')
  play.do({ type: 'Retire' })
  return play
}

test('every input in every phase', () => {
  const expected: Table<LifecyclePhase, Type, LifecyclePhase> = {
    initializing: never,
    idle: waiting,
    attached: waiting,
    running: waiting,
    retired: { ...waiting, AcceptInput: NO },
    stopped: { ...waiting, AcceptInput: NO },
    destroyed: { ...never, ResolveAdmissionIdempotency: 'stays' },
  }
  const sessions = livesAfter(accept('head'), accept('waits'))
  expect(askSessions({ phaseOf: lifecycleOf }, sessions, EXAMPLES)).toEqual(expected)
})

test('what is known, in a run, or too late is not admitted or moved', () => {
  const sessions = {
    'attached, nothing waits': attached(),
    'attached, the new one is known': (() => {
      const play = attached()
      play.do(accept('new'), accept('waits'))
      return play
    })(),
    'running, over the one that is spoken of': answering('waits'),
    'running, to be retired': retiring(),
    'idle, let go': tornDown(),
  }
  expect(askSessions({ phaseOf: lifecycleOf }, sessions, EXAMPLES)).toEqual({
    'attached, nothing waits': notWaiting,
    'attached, the new one is known': { ...waiting, AcceptInput: FALSE },
    'running, over the one that is spoken of': notWaiting,
    'running, to be retired': { ...waiting, AcceptInput: FALSE },
    'idle, let go': { ...notWaiting, AcceptInput: FALSE },
  } satisfies Table<keyof typeof sessions, Type, LifecyclePhase>)
})
