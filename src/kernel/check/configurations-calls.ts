import type { MeerkatInput } from '../inputs.ts'
import { MOST_CALL_CRASHES } from '../owed.ts'
import {
  accept,
  attached,
  callsOf,
  cancelledTurn,
  dropQueued,
  interruption,
  laneOperations,
  rollbacks,
  runEnds,
  runId,
  serving,
  steer,
} from './alphabet.ts'
import { always, type Configuration } from './configuration.ts'

/** A turn that calls tools, and every end that it or its run can have. */
const callingTurn: readonly MeerkatInput[] = [
  ...serving,
  { type: 'StartConversationRun', runId },
  { type: 'PrimitiveApplied', runId },
  { type: 'LlmReturnedToolCalls', runId, toolCount: 1 },
  { type: 'ToolCallsResolved', runId },
  { type: 'BoundaryContinue', runId },
  { type: 'BoundaryComplete', runId },
  ...runEnds,
]

/** Ends of a turn that has calls in flight. */
const unhappyEnds: readonly MeerkatInput[] = [{ type: 'FatalFailure', runId, source: 'tool-error' }, ...cancelledTurn]

const callPolicies = (quick: boolean): Configuration => ({
  name: 'call-policies',
  about:
    'Tool calls of every policy in one turn, with and without approval, through crashes, parking, retries and giving up: one that repeats when lost, one that asks, one that needs approval and fails. Calls of one policy do not see each other, so one of each is enough.',
  prefix: attached,
  inputs: always([
    accept('a'),
    ...callingTurn,
    ...(quick ? [] : callsOf('retry')),
    ...callsOf('ask'),
    ...callsOf('approve'),
    ...(quick ? [] : unhappyEnds),
    ...rollbacks,
    { type: 'Recover', mostCrashes: MOST_CALL_CRASHES },
    { type: 'RuntimeExecutorExited' },
    { type: 'Resume' },
    { type: 'Retire' },
    { type: 'Reset' },
  ]),
})

const callOwners = (steered: boolean): Configuration => ({
  name: steered ? 'calls-and-steers' : 'calls-and-queue',
  about:
    'One call among several inputs: whose work it is when a steer joins, when its input waits, is superseded, withdrawn or dropped, and when the session retires, stops or is reset. No attempt is counted here: giving up is in `call-policies`.',
  prefix: attached,
  inputs: always([
    accept('a', { supersessionKey: 'k' }),
    steered ? steer : accept('b', { mode: 'supersede', supersessionKey: 'k' }),
    ...callingTurn,
    interruption,
    { type: 'RollbackRun', runId, cause: 'parked' },
    ...callsOf('ask'),
    ...laneOperations('a').slice(0, 2),
    ...dropQueued,
    { type: 'Retire' },
    { type: 'Reset' },
    { type: 'StopRuntimeExecutor', reason: 'asked' },
    { type: 'RuntimeExecutorExited' },
    { type: 'Resume' },
  ]),
})

const pendingCalls: Configuration = {
  name: 'pending-calls',
  about:
    'Work that waits for a decision, and a steer that it hears meanwhile: boundaries that pass the call by, parking and crashing before and after them, the decision at any time. One call and one steer: another steer is heard as the first one is.',
  prefix: attached,
  inputs: always([
    accept('a'),
    steer,
    ...callingTurn,
    interruption,
    { type: 'RollbackRun', runId, cause: 'parked' },
    ...callsOf('approve'),
    ...laneOperations('a').slice(0, 2),
    ...laneOperations('a').slice(3, 4),
    { type: 'Retire' },
    { type: 'Reset' },
  ]),
}

/** All of them; `quick` leaves out those that add no edge. */
export function callConfigurations(quick: boolean): readonly Configuration[] {
  return [callPolicies(quick), callOwners(false), ...(quick ? [] : [callOwners(true)]), pendingCalls]
}
