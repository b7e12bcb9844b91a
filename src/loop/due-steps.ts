/** What is due after every change, whoever made it: the executor is attached, the next run starts, a stop completes. */

import type { Transaction } from '../driver/transaction.ts'
import type { Ids } from '../ids.ts'
import type { RunId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { settlingSteps } from '../kernel/owed.ts'
import { unsettledCallsOf } from '../kernel/regions/calls/state.ts'
import { hearable, runnable } from '../kernel/runnable.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { SessionRecord } from '../store/records.ts'
import { syncModel } from './models.ts'
import { passTools } from './offered.ts'

/** Validations of a structured answer after the first one. */
const EXTRACTION_RETRIES = 2

/**
 * The registration that a session begins with, and begins anew with once somebody was registered and left: it is there
 * for whoever asks next.
 */
export function registrationOf({ id, options }: SessionRecord, ids: Ids): MeerkatInput {
  const { merge, silentIntents } = options
  const more = { ...(merge === true && { merge: true }), ...(silentIntents && { silentIntents }) }
  return { type: 'RegisterSession', sessionId: id, epochId: ids.epoch(), ...more }
}

/** Registers a session anew that somebody has left, and has its options and its machine name the same model. */
export function ensureRegistered(tx: Transaction, session: SessionRecord, ids: Ids): void {
  const { lifecycle, registration } = tx.state
  if (registration.sessionId === undefined && lifecycle.phase !== 'destroyed') tx.step(registrationOf(session, ids))
  syncModel(tx, session)
}

/** Who performs the runs that start here. */
export interface Performer {
  /** Whether it hears steers of work that waits for a person. */
  readonly hearsWhileParked: () => boolean
}

/** Brings the staged state to where nothing is due. Level-triggered: it looks at the state, never at what changed. */
export function takeDueSteps(tx: Transaction, performer: Performer | undefined, ids: Ids): void {
  advanceContext(tx)
  if (performer !== undefined && wantsExecutor(tx.state) && tx.state.registration.sessionId !== undefined) {
    tx.step({ type: 'EnsureSessionWithExecutor', sessionId: tx.state.registration.sessionId })
  }
  if (stopIsDue(tx.state)) {
    tx.step({ type: 'RuntimeExecutorExited' })
    tx.needsCommit()
  }
  for (const step of settlingSteps(tx.state)) {
    tx.step(step)
    tx.needsCommit()
  }
  if (performer === undefined) return
  if (runnable(tx.state)) startRun(tx, ids.run())
  else if (hearable(tx.state) && performer.hearsWhileParked()) passPending(tx, startRun(tx, ids.run()))
}

/** What the session knows has grown, in its transcript or in the journal of the work in hand. Each time is news. */
function advanceContext(tx: Transaction): void {
  const { messages, put } = tx.parts
  if (messages.length === 0 && put.length === 0) return
  tx.try({ type: 'AdvanceSessionContext', updatedAt: Math.max(tx.at, tx.state.context.updatedAt + 1) })
}

function startRun(tx: Transaction, runId: RunId): RunId {
  passTools(tx, 0)
  tx.step({ type: tx.state.lifecycle.phase === 'retired' ? 'DrainQueuedRun' : 'Prepare', runId, at: tx.at })
  tx.step({ type: 'StartConversationRun', runId, maxExtractions: EXTRACTION_RETRIES })
  tx.step({ type: 'PrimitiveApplied', runId })
  tx.needsCommit()
  return runId
}

/** Takes in the steers that wait, at a boundary which passes by the calls that nobody has decided on. */
function passPending(tx: Transaction, runId: RunId): void {
  const { run, calls } = tx.state
  const [head] = run.phase === 'bound' ? run.contributors : []
  const toolCount = head === undefined ? 0 : unsettledCallsOf(calls, head).length
  tx.step({ type: 'LlmReturnedToolCalls', runId, toolCount })
  tx.step({ type: 'ToolCallsResolved', runId })
  tx.step({ type: 'BoundaryContinue', runId })
  passTools(tx, 0)
}

/** However it came to be where it is: a placement, for one, makes it attached before anybody serves it. */
function wantsExecutor({ lifecycle, registration }: MeerkatState): boolean {
  if (registration.phase === 'draining') return false
  if (lifecycle.phase === 'idle') return true
  if (registration.phase === 'active') return false
  return lifecycle.phase === 'retired' || (lifecycle.phase === 'attached' && !lifecycle.stopDeferred)
}

function stopIsDue({ lifecycle }: MeerkatState): boolean {
  return lifecycle.phase === 'attached' && lifecycle.stopDeferred
}
