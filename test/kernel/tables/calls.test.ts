import type { CallIntent, LifecyclePhase, MeerkatInput } from 'meerkat-ts/kernel'
import { expect, test } from 'vitest'
import type { CallsInput } from '../../../src/kernel/regions/calls/input.ts'
import { attached, callId, inputId, type Play, runId } from '../support/play.ts'
import { lifecycleOf, livesAfter } from '../support/truth-table.ts'
import { askSessions, type Table } from './ask.ts'

type Type = CallsInput['type']
type Row = Table<'row', Type, LifecyclePhase>['row']

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const r = runId('r')
const intent = (id: string, more: Partial<CallIntent> = {}): CallIntent => ({
  callId: callId(id),
  tool: 'tool',
  policy: 'ask',
  ...more,
})
const EXAMPLES = {
  RecordCallIntents: { type: 'RecordCallIntents', runId: r, calls: [intent('new')], at: 1 },
  DispatchCalls: { type: 'DispatchCalls', runId: r, callIds: [callId('owed')], at: 1 },
  RecordCallOutcomes: {
    type: 'RecordCallOutcomes',
    runId: r,
    outcomes: [{ callId: callId('flying'), ok: true }],
    at: 1,
  },
  ResolveCall: { type: 'ResolveCall', callId: callId('lost'), resolution: 'retry', at: 1 },
  DecideApproval: { type: 'DecideApproval', callId: callId('asked'), decision: 'allow', at: 1 },
} as const

const begun = (run: string): readonly MeerkatInput[] => [
  { type: 'Prepare', runId: runId(run), at: 0 },
  { type: 'StartConversationRun', runId: runId(run) },
  { type: 'PrimitiveApplied', runId: runId(run) },
]
const asked = (run: string, ...calls: readonly CallIntent[]): readonly MeerkatInput[] => [
  { type: 'RecordCallIntents', runId: runId(run), calls, at: 0 },
  { type: 'RollbackRun', runId: runId(run), cause: 'interrupted' },
]
/**
 * Two inputs wait to be gone on with: one has a call that is owed, and one behind it a call that is lost and one that
 * waits for approval.
 */
const WORK: readonly MeerkatInput[] = [
  { type: 'AcceptInput', inputId: inputId('parked'), at: 0 },
  ...begun('first'),
  ...asked('first', intent('lost'), intent('asked', { needsApproval: true })),
  { type: 'AcceptInput', inputId: inputId('work'), at: 0 },
  { type: 'DeferInputBehindBacklog', inputId: inputId('parked') },
  ...begun('second'),
  ...asked('second', intent('owed', { policy: 'retry' })),
]
const FLYING: MeerkatInput = { type: 'RecordCallIntents', runId: r, calls: [intent('flying')], at: 0 }

/** A run that goes on with the work, and has a call in flight. */
function running(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...WORK, ...begun('r'), FLYING, ...inputs)
  return play
}

const never: Row = {
  RecordCallIntents: NO,
  DispatchCalls: NO,
  RecordCallOutcomes: NO,
  ResolveCall: NO,
  DecideApproval: NO,
}
/** A person may settle what waits for one, whether or not a run goes on. */
const waiting: Row = { ...never, ResolveCall: 'stays', DecideApproval: 'stays' }
const working: Row = {
  RecordCallIntents: 'stays',
  DispatchCalls: 'stays',
  RecordCallOutcomes: 'stays',
  ResolveCall: 'stays',
  DecideApproval: 'stays',
}

test('every input in every phase', () => {
  const expected: Table<LifecyclePhase, Type, LifecyclePhase> = {
    initializing: never,
    idle: waiting,
    attached: waiting,
    running: working,
    retired: waiting,
    stopped: waiting,
    destroyed: never,
  }
  const sessions = { ...livesAfter(...WORK), running: running() }
  expect(askSessions({ phaseOf: lifecycleOf }, sessions, EXAMPLES)).toEqual(expected)
})

test('every input where a run does not work at the calls that are spoken of', () => {
  const { ResolveCall, DecideApproval, DispatchCalls, RecordCallOutcomes, RecordCallIntents } = EXAMPLES
  const elsewhere = attached()
  elsewhere.accept('i')
  elsewhere.begin('r')
  const sessions = {
    'attached, without calls': attached(),
    'running, not begun': livesAfter(...WORK).running,
    'running, being cancelled': running({ type: 'CancelNow', runId: r }),
    'running, at other work': elsewhere,
    'running, all done': running(RecordCallIntents, DispatchCalls, RecordCallOutcomes, ResolveCall, DecideApproval),
  }
  const unheardOf: Row = {
    RecordCallIntents: FALSE,
    DispatchCalls: FALSE,
    RecordCallOutcomes: FALSE,
    ResolveCall: FALSE,
    DecideApproval: FALSE,
  }
  expect(askSessions({ phaseOf: lifecycleOf }, sessions, EXAMPLES)).toEqual({
    'attached, without calls': { ...waiting, ResolveCall: FALSE, DecideApproval: FALSE },
    'running, not begun': { ...unheardOf, ResolveCall: 'stays', DecideApproval: 'stays' },
    'running, being cancelled': { ...working, RecordCallIntents: FALSE, DispatchCalls: FALSE },
    'running, at other work': { ...unheardOf, RecordCallIntents: 'stays' },
    'running, all done': unheardOf,
  } satisfies Table<keyof typeof sessions, Type, LifecyclePhase>)
})
