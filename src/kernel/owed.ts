/**
 * Steps that follow from the state alone: nobody decides on them, but somebody has to take them, and to commit what they
 * say. They are given as inputs rather than done in passing, so that the log holds them and a replay of an older log
 * never ends anything that its records don't.
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
 * What a process has to do before anything else that takes a session over from one that is gone: end the conditions of
 * the former owner, end the operations and the ephemeral inputs that died with it, and complete a stop that it was asked
 * for, which takes the run along that went on.
 */
export function takeOverSteps(state: MeerkatState): readonly MeerkatInput[] {
  const left = isStopPending(state) ? meerkat.step(state, EXITED) : undefined
  const from = left?.ok === true ? left.state : state
  const recovered = meerkat.step(from, RECOVER)
  // Asked of the regions rather than listed here: each knows what of it a process was in the middle of.
  if (!recovered.ok) return NONE
  return [
    ...(from === state ? NONE : [EXITED]),
    ...(hasSameFacts(recovered.state, from) ? NONE : [RECOVER]),
    ...(ephemeralInputs(recovered.state.ledger).length === 0 ? NONE : [DROP]),
  ]
}

/** Processes that may end while one call is in flight, before the call counts as what ends them. */
export const MOST_CALL_CRASHES = 2
const RECOVER: MeerkatInput = { type: 'Recover', mostCrashes: MOST_CALL_CRASHES }
const DROP: MeerkatInput = { type: 'DropEphemeral' }
const EXITED: MeerkatInput = { type: 'RuntimeExecutorExited' }

/**
 * The end of a teardown that a process began and did not live to complete: nothing of what it waited for is left. Taken
 * after the conditions of that process have ended.
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

/** Whether a stop was asked for and the executor has not left. Once it has, the session may be revived at once. */
export function isStopPending({ lifecycle }: MeerkatFacts): boolean {
  return (lifecycle.phase === 'attached' || lifecycle.phase === 'running') && lifecycle.stopDeferred
}

/** Inputs that end by one step, and in one commit, at most; where more are given up the rest follows by and by. */
export const MOST_ENDS = 512

/**
 * What goes before an input that is asked for. Whoever serves a session that retires is to be done with all that waits;
 * one that is recycled begins anew with all of it. What ends all that waits only decides on it where that is much.
 */
export function stepsBefore(input: MeerkatInput, state: MeerkatState): readonly MeerkatInput[] {
  const { type } = input
  const wakes = (type === 'Retire' || type === 'Recycle') && state.registration.phase === 'active'
  const woken = wakes ? meerkat.step(state, WAKE) : undefined
  return woken?.ok === true ? [WAKE, ...givingUp(input, woken.state)] : givingUp(input, state)
}

const WAKE: MeerkatInput = { type: 'WakeQueued' }

/** The decision on all that waits, where the input would end more than one step may. */
function givingUp(input: MeerkatInput, state: MeerkatFacts): readonly MeerkatInput[] {
  const { queue, steer } = state.ledger
  if (queue.slots.size + steer.slots.size <= MOST_ENDS) return NONE
  const reason = reasonOf(input, state)
  return reason === undefined ? NONE : [{ type: 'GiveUpQueued', reason }]
}

/** Why the input gives up what waits, if it does. */
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
 * What is to be done after any step. Some of what was given up ends. A retired session that has answered everything gives
 * up the passive inputs that no work was left to take along: nothing more is admitted that could. Steers are kept for the
 * work that waits for a person: they join it once that is decided, rather than pass it by with a turn that knows nothing
 * of it.
 */
export function settlingSteps(state: MeerkatFacts): readonly MeerkatInput[] {
  const { lifecycle, ledger, calls, endings } = state
  const ends = endings.groups.length > 0 ? ENDING : NONE
  const parked = calls.unsettled > 0 && ledger.steer.slots.size > 0 ? leaderOfSteers(state) : undefined
  if (parked !== undefined) {
    return [
      ...ends,
      { type: 'ChangeLane', inputId: parked, lane: 'steer' },
      { type: 'PrioritizeInput', inputId: parked },
    ]
  }
  const isLeftOver = lifecycle.phase === 'retired' && ledger.waking === 0 && ledger.entries.size > 0
  return isLeftOver ? [...ends, ...givingUp(RETIRE, state), RETIRE] : ends
}

/** The parked work that steers of callers are to join, unless some leads them. What is told between turns waits for nobody. */
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
const ENDING: readonly MeerkatInput[] = [{ type: 'EndGivenUp', most: MOST_ENDS }]
const NONE: readonly MeerkatInput[] = []
