/** Steps that are due after every mutation: the executor is attached, the next run starts, a stop completes. */

import type { Transaction } from '../driver/transaction.ts'
import type { Ids } from '../ids.ts'
import type { RunId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { settlingSteps } from '../kernel/owed.ts'
import { unsettledCallsOf } from '../kernel/regions/calls/state.ts'
import { hearable, runnable } from '../kernel/runnable.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { SessionRecord } from '../store/records.ts'
import { endSwitch, type Journals, syncModel } from './models.ts'
import { commitTools } from './offered.ts'

/** Most repeated validations of a structured answer. */
const EXTRACTION_RETRIES = 2

/**
 * The registration of a new session. The same input registers it again after a host has unregistered it, so that the next
 * caller finds it served.
 */
export function registrationOf({ id, options }: SessionRecord, ids: Ids): MeerkatInput {
  const { merge, silentIntents } = options
  const more = { ...(merge === true && { merge: true }), ...(silentIntents && { silentIntents }) }
  return { type: 'RegisterSession', sessionId: id, epochId: ids.epoch(), ...more }
}

/**
 * Registers a session again that a host has unregistered, brings options and kernel to the same model, and ends a switch whose
 * turns are over.
 */
export function ensureRegistered(tx: Transaction, session: SessionRecord, journals: Journals, ids: Ids): void {
  const { lifecycle, registration } = tx.state
  if (registration.sessionId === undefined && lifecycle.phase !== 'destroyed') tx.step(registrationOf(session, ids))
  syncModel(tx, session)
  endSwitch(tx, journals)
}

/** The executor that performs the session's runs, as far as starting them depends on it. */
export interface Performer {
  /** Whether it takes steers while its work is parked. */
  readonly hearsWhileParked: () => boolean
}

/** Takes steps until none is due. Level-triggered: it looks at the staged state, never at what changed. */
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
  else if (hearable(tx.state) && performer.hearsWhileParked()) joinWaitingSteers(tx, startRun(tx, ids.run()))
}

/** Advances the context watermark when the transcript or a journal has grown. It rises each time, also within a millisecond. */
function advanceContext(tx: Transaction): void {
  const { messages, put } = tx.parts
  if (messages.length === 0 && put.length === 0) return
  tx.try({ type: 'AdvanceSessionContext', updatedAt: Math.max(tx.at, tx.state.context.updatedAt + 1) })
}

function startRun(tx: Transaction, runId: RunId): RunId {
  commitTools(tx, 0)
  tx.step({ type: tx.state.lifecycle.phase === 'retired' ? 'DrainQueuedRun' : 'Prepare', runId, at: tx.at })
  tx.step({ type: 'StartConversationRun', runId, maxExtractions: EXTRACTION_RETRIES })
  tx.step({ type: 'PrimitiveApplied', runId })
  tx.needsCommit()
  return runId
}

/** Lets waiting steers join parked work: passes a boundary although some of its calls wait for a decision. */
function joinWaitingSteers(tx: Transaction, runId: RunId): void {
  const { run, calls } = tx.state
  const [head] = run.phase === 'bound' ? run.contributors : []
  const toolCount = head === undefined ? 0 : unsettledCallsOf(calls, head).length
  tx.step({ type: 'LlmReturnedToolCalls', runId, toolCount })
  tx.step({ type: 'ToolCallsResolved', runId })
  tx.step({ type: 'BoundaryContinue', runId })
  commitTools(tx, 0)
}

/** By phase, not by what led there: a placement, for example, makes a session attached before an executor serves it. */
function wantsExecutor({ lifecycle, registration }: MeerkatState): boolean {
  if (registration.phase === 'draining') return false
  if (lifecycle.phase === 'idle') return true
  if (registration.phase === 'active') return false
  return lifecycle.phase === 'retired' || (lifecycle.phase === 'attached' && !lifecycle.stopDeferred)
}

function stopIsDue({ lifecycle }: MeerkatState): boolean {
  return lifecycle.phase === 'attached' && lifecycle.stopDeferred
}
