/**
 * Steps that follow from the state alone: nobody decides on them, but somebody has to take them, and to commit what they
 * say. They are given as inputs rather than done in passing, so that the log holds them and a replay of an older log
 * never ends anything that its records don't.
 */
import { hasSameFacts } from './encode.ts'
import type { InputId } from './ids.ts'
import { type MeerkatFacts, type MeerkatInput, type MeerkatState, meerkat } from './machine.ts'
import { bindingSeen } from './regions/binding.ts'
import { unsettledCallsOf } from './regions/calls-entries.ts'
import { findInOrder } from './regions/lane.ts'
import { entryOf, ephemeralInputs, unfinishedInputs } from './regions/ledger-entries.ts'
import { openObligations } from './regions/registration.ts'

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

/**
 * What goes before an input that is asked for. Whoever serves a session that retires is to be done with all that waits;
 * one that is recycled begins anew with all of it.
 */
export function stepsBefore({ type }: MeerkatInput, state: MeerkatState): readonly MeerkatInput[] {
  if ((type !== 'Retire' && type !== 'Recycle') || state.registration.phase !== 'active') return NONE
  return meerkat.step(state, WAKE).ok ? WAKING : NONE
}

const WAKE: MeerkatInput = { type: 'WakeQueued' }
const WAKING: readonly MeerkatInput[] = [WAKE]

/**
 * What is to be done after any step. A retired session that has answered everything gives up the passive inputs that no
 * work was left to take along: nothing more is admitted that could. Steers are kept for the work that waits for a person:
 * they join it once that is decided, rather than pass it by with a turn that knows nothing of it.
 */
export function settlingSteps(state: MeerkatFacts): readonly MeerkatInput[] {
  const { lifecycle, ledger, calls } = state
  const parked = calls.unsettled > 0 && ledger.steer.slots.size > 0 ? leaderOfSteers(state) : undefined
  if (parked !== undefined) {
    return [
      { type: 'ChangeLane', inputId: parked, lane: 'steer' },
      { type: 'PrioritizeInput', inputId: parked },
    ]
  }
  return lifecycle.phase === 'retired' && ledger.waking === 0 && ledger.entries.size > 0 ? SETTLING : NONE
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
  return unfinishedInputs(state.ledger).flatMap(({ id, status }) =>
    status === 'queued' && unsettledCallsOf(state.calls, id).length > 0 ? id : [],
  )
}

const SETTLING: readonly MeerkatInput[] = [{ type: 'Retire' }]
const NONE: readonly MeerkatInput[] = []
