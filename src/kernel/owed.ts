/**
 * Steps that follow from the state alone, without a request. The runtime gives them to the kernel as inputs of their own
 * rather than as a part of other steps, so that the log has them: a replay of an older log then ends exactly what its
 * records end.
 */
import { hasSameFacts } from './encode.ts'
import type { InputId } from './ids.ts'
import type { MeerkatInput } from './inputs.ts'
import { meerkat } from './machine.ts'
import { mapValues } from './persistent-map.ts'
import { bindingSeen } from './regions/binding/table.ts'
import { unsettledCallsOf } from './regions/calls/state.ts'
import { findInOrder } from './regions/lane.ts'
import { drainsAfterRetire } from './regions/ledger/runs.ts'
import { type AbandonReason, byAcceptance, entryOf, ephemeralInputs } from './regions/ledger/state.ts'
import { openObligations } from './regions/registration/table.ts'
import type { MeerkatFacts, MeerkatState } from './state.ts'

/**
 * The first steps of a process that takes a session over from a dead owner: end the owner's conditions, the operations and
 * ephemeral inputs that died with it, and complete a stop that it was asked for, which also ends the run in progress.
 */
export function takeOverSteps(state: MeerkatState): readonly MeerkatInput[] {
  const left = isStopPending(state) ? meerkat.step(state, EXITED) : undefined
  const from = left?.ok === true ? left.state : state
  const recovered = meerkat.step(from, RECOVER)
  // The machine is asked instead of a list here, because each region knows which of its facts a recovery changes.
  if (!recovered.ok) return NONE
  return [
    ...(from === state ? NONE : [EXITED]),
    ...(hasSameFacts(recovered.state, from) ? NONE : [RECOVER]),
    ...(ephemeralInputs(recovered.state.ledger).length === 0 ? NONE : [DROP]),
  ]
}

/** After this many processes have ended while a call was in flight, the call counts as the cause and is not repeated. */
export const MOST_CALL_CRASHES = 2
const RECOVER: MeerkatInput = { type: 'Recover', mostCrashes: MOST_CALL_CRASHES }
const DROP: MeerkatInput = { type: 'DropEphemeral' }
const EXITED: MeerkatInput = { type: 'RuntimeExecutorExited' }

/**
 * Completes a teardown whose process died: nothing that it waited for exists any more. Taken after the conditions of that
 * process have ended.
 */
export function teardownSteps(state: MeerkatFacts): readonly MeerkatInput[] {
  const { registration, binding } = state
  if (registration.phase !== 'draining' || registration.sessionId === undefined) return NONE
  const { sessionId } = registration
  const words = { loop: 'RuntimeLoopStoppedForUnregister', comms: 'CommsDrainExitedForUnregister' } as const
  const closed = openObligations(state).map(
    (name): MeerkatInput =>
      name === 'waiters'
        ? { type: 'CompletionWaitersResolvedForUnregister', sessionId }
        : { type: words[name], sessionId, forcedAbort: true },
  )
  return [...closed, { type: 'UnregisterSession', sessionId, binding: bindingSeen(binding) }]
}

/** Whether a stop waits for the executor to leave. */
export function isStopPending({ lifecycle }: MeerkatFacts): boolean {
  return (lifecycle.phase === 'attached' || lifecycle.phase === 'running') && lifecycle.stopDeferred
}

/** Most abandoned inputs that end in one step, and so in one commit; further ones end in later steps. */
export const MOST_ENDS = 512

/**
 * Steps before a requested input. Before `Retire` and `Recycle` of a served session, passive inputs become ones that may
 * start a turn, because no later input will take them along. Before an input that abandons a long queue, `GiveUpQueued`
 * records that decision once; the ends follow in later steps.
 */
export function stepsBefore(input: MeerkatInput, state: MeerkatState): readonly MeerkatInput[] {
  const { type } = input
  const wakes = (type === 'Retire' || type === 'Recycle') && state.registration.phase === 'active'
  const woken = wakes ? meerkat.step(state, WAKE) : undefined
  return woken?.ok === true ? [WAKE, ...decisionBefore(input, woken.state)] : decisionBefore(input, state)
}

const WAKE: MeerkatInput = { type: 'WakeQueued' }

/** `GiveUpQueued`, if the input would end more than `MOST_ENDS` waiting inputs. */
function decisionBefore(input: MeerkatInput, state: MeerkatFacts): readonly MeerkatInput[] {
  const { queue, steer } = state.ledger
  if (queue.slots.size + steer.slots.size <= MOST_ENDS) return NONE
  const reason = reasonOf(input, state)
  return reason === undefined ? NONE : [{ type: 'GiveUpQueued', reason }]
}

/** The reason for which the input abandons waiting inputs; undefined if it does not. */
function reasonOf({ type }: MeerkatInput, state: MeerkatFacts): AbandonReason | undefined {
  switch (type) {
    case 'DropQueued':
      return 'cancelled'
    case 'Reset':
      return 'reset'
    case 'Destroy':
      return 'destroyed'
    case 'UnregisterSession':
      return 'unregistered'
    case 'Retire':
      return drainsAfterRetire(state) ? undefined : 'retired'
    default:
      return undefined
  }
}

/**
 * Steps that are due after any step:
 * - some of the abandoned inputs end;
 * - a retired session that has answered everything abandons its passive inputs: no further input will be admitted that
 *   could take them along;
 * - parked work moves to the head of the steers, so that waiting steers join it once a person has decided, instead of
 *   starting a turn of their own that knows nothing of it.
 */
export function settlingSteps(state: MeerkatFacts): readonly MeerkatInput[] {
  const { lifecycle, ledger, calls, endings } = state
  const ends = endings.groups.length > 0 ? END_GIVEN_UP : NONE
  const parked = calls.unsettled > 0 && ledger.steer.slots.size > 0 ? leaderOfSteers(state) : undefined
  if (parked !== undefined) {
    return [
      ...ends,
      { type: 'ChangeLane', inputId: parked, lane: 'steer' },
      { type: 'PrioritizeInput', inputId: parked },
    ]
  }
  const isLeftOver = lifecycle.phase === 'retired' && ledger.waking === 0 && ledger.entries.size > 0
  return isLeftOver ? [...ends, ...decisionBefore(RETIRE, state), RETIRE] : ends
}

/** The parked work that callers' steers should join; undefined if work leads them already. Completions don't wait for it. */
function leaderOfSteers(state: MeerkatFacts): InputId | undefined {
  const { ledger } = state
  const first = findInOrder(ledger.steer, () => true)
  if (first !== undefined && entryOf(ledger, first)?.progressed === true) return undefined
  const steer = findInOrder(ledger.steer, id => {
    const entry = entryOf(ledger, id)
    return entry?.kind === 'prompt' && entry.wake
  })
  return steer === undefined ? undefined : parkedWork(state).find(id => entryOf(ledger, id)?.lane === 'queue')
}

/** Work that has stopped until a person decides on a call of it, in order of acceptance. */
export function parkedWork(state: MeerkatFacts): readonly InputId[] {
  if (state.calls.unsettled === 0) return []
  const works = new Set(mapValues(state.calls.open).map(({ work }) => work))
  return [...works]
    .filter(id => unsettledCallsOf(state.calls, id).length > 0)
    .flatMap(id => entryOf(state.ledger, id) ?? [])
    .filter(({ status }) => status === 'queued')
    .toSorted(byAcceptance)
    .map(({ id }) => id)
}

const RETIRE: MeerkatInput = { type: 'Retire' }
const END_GIVEN_UP: readonly MeerkatInput[] = [{ type: 'EndGivenUp', most: MOST_ENDS }]
const NONE: readonly MeerkatInput[] = []
