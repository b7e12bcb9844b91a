/** The lifecycle operations and the cancel: one mutation each, and then a wait for what it leads to. */

import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import type { InputId, RunId, SessionId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { isStopPending, parkedWork } from '../kernel/owed.ts'
import { type CallEntry, unsettledCallsOf } from '../kernel/regions/calls/state.ts'
import { givenUpInputs } from '../kernel/regions/endings/table.ts'
import { phaseShown } from '../kernel/regions/lifecycle/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { unansweredIn } from '../loop/work-journal.ts'
import type { LetterId } from '../store/mail.ts'
import type { MessageRecord } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { type Clock, Deadline } from '../time.ts'
import type { ControlOperation } from './api.ts'
import { endGivenUp } from './background.ts'
import { change, stepInOrder } from './change.ts'
import type { Core } from './core.ts'
import type { LiveSession } from './live-session.ts'
import { rowsOf } from './log-pages.ts'
import { eventsOf } from './reads.ts'
import type { ControlReport } from './views.ts'

const INPUTS: Readonly<Record<ControlOperation, MeerkatInput>> = {
  stop: { type: 'StopRuntimeExecutor', reason: 'requested' },
  resume: { type: 'Resume' },
  retire: { type: 'Retire' },
  reset: { type: 'Reset' },
  recycle: { type: 'Recycle' },
  destroy: { type: 'Destroy' },
}

/** How long a stop waits for the run to leave, beyond the grace that the run has, ms. */
const MORE_MS = 2_000

/** Performs a lifecycle operation and reports what became of the session's inputs. */
export async function control(
  core: Core,
  live: LiveSession,
  operation: ControlOperation,
  letter?: LetterId,
): Promise<ControlReport> {
  const { ids, clock, abortGraceMs } = core
  const abandonedBefore = live.abandoned
  const unfinishedBefore = live.state.ledger.entries.size
  const { told } = await change(core, live, tx => {
    tx.performs(letter)
    const input: MeerkatInput = operation === 'reset' ? { type: 'Reset', epochId: ids.epoch() } : INPUTS[operation]
    const effects = stepInOrder(tx, input)
    if (operation === 'stop' && tx.state.run.phase === 'bound') tx.step({ type: 'InterruptCurrentRun' })
    return effects
  })
  await endGivenUp(live.driver, () => live.closed)
  if (operation === 'stop') await untilStopped(live, Deadline.in(clock, abortGraceMs + MORE_MS), clock)
  await told
  const unfinished = live.state.ledger.entries.size
  return {
    sessionId: live.id,
    phase: phaseShown(live.state.lifecycle),
    inputsAbandoned: live.abandoned - abandonedBefore,
    inputsPendingDrain: operation === 'retire' || operation === 'stop' ? unfinished : 0,
    inputsTransferred: operation === 'recycle' ? unfinishedBefore : 0,
  }
}

/** Waits for the run that a stop cancels, within the grace that the run has anyway. */
async function untilStopped(live: LiveSession, deadline: Deadline, clock: Clock): Promise<void> {
  while (isStopPending(live.state)) {
    if (deadline.passed) {
      throw new MeerkatError('not-ready', `session ${live.id} is still stopping; ask again`, {
        retryable: true,
        details: { phase: phaseShown(live.state.lifecycle) },
      })
    }
    await new Promise<void>(resolve => {
      const off = live.onCommit(() => {
        off()
        cancelTimer()
        resolve()
      })
      const cancelTimer = clock.after(deadline.remainingMs, () => {
        off()
        resolve()
      })
    })
  }
}

/** What to cancel, and when. */
export interface CancelRequest {
  readonly runId?: string
  /**
   * Runs that left work waiting for a person, where no run was current: resolved by the process that asks another
   * one.
   */
  readonly parked?: readonly string[]
  readonly when?: 'now' | 'boundary'
  readonly queue?: 'keep' | 'drop'
  /** Fails with the kernel's refusal where there is nothing to cancel. */
  readonly demand?: boolean
}

export interface CancelAnswer {
  readonly cancelled: boolean
  readonly runId?: RunId
  readonly alreadyEnded?: boolean
  readonly dropped?: number
  readonly endedInputs: readonly InputId[]
}

/**
 * Cancels the named run, or the one that is current for the kernel; never a later one. A run that parked is cancelled
 * by ending the work that it left.
 */
export async function cancel(
  live: LiveSession,
  store: Store,
  { runId: named, parked, when, queue, demand }: CancelRequest,
  letter: LetterId | undefined,
): Promise<CancelAnswer> {
  const runId = named as RunId | undefined
  const isUnnamed = runId === undefined && parked === undefined
  const meant = isUnnamed ? undefined : await parkedBy(live, store, runId === undefined ? (parked ?? []) : [runId])
  const answer = await live.driver.mutate(tx => {
    tx.performs(letter)
    const { run } = tx.state
    const type = when === 'boundary' ? 'CancelAfterBoundary' : 'InterruptCurrentRun'
    const input: MeerkatInput = { type, ...(runId && { runId }) }
    const isHit = parked === undefined && tx.try(input).ok
    const first = tx.parts.ended.length
    // No run was hit: then the cancel means the work that waits for a person.
    if (!isHit) endParked(tx, live, meant)
    const before = tx.parts.ended.length
    if (demand === true && !isHit && before === first) tx.step(input)
    const givenUp = queue === 'drop' ? dropQueued(tx, live) : []
    const dropped = queue === 'drop' ? { dropped: tx.parts.ended.length - before + givenUp.length } : {}
    const ended = { ...dropped, endedInputs: [...tx.parts.ended.slice(first).map(({ id }) => id), ...givenUp] }
    const hit = isHit && run.phase === 'bound' ? run.runId : runId
    const cancelled = isHit || before > first
    return { cancelled, ...(hit && { runId: hit }), ...(!cancelled && { alreadyEnded: true }), ...ended }
  })
  live.loop.sync()
  await endGivenUp(live.driver, () => live.closed)
  return answer
}

/** Withdraws queued inputs. Answers those that are given up with them and end in a later commit. */
function dropQueued(tx: Transaction, live: LiveSession): readonly InputId[] {
  for (const work of parkedWork(tx.state)) sayCancelled(tx, live, work)
  const before = tx.state.endings
  stepInOrder(tx, DROP)
  return tx.state.endings === before ? [] : givenUpInputs({ groups: tx.state.endings.groups.slice(-1) })
}

const DROP: MeerkatInput = { type: 'DropQueued', reason: 'cancelled' }

/** The run that held an input last. */
export async function lastRunOf(store: Store, sessionId: SessionId, inputId: InputId): Promise<RunId | undefined> {
  const place = await store.locate(inputId)
  let found: RunId | undefined
  for await (const row of rowsOf(store, { sessionId, after: (place?.first ?? 1) - 1 })) {
    const staged = eventsOf(row).find(event => event.type === 'input.staged' && event.inputId === inputId)
    found = staged?.runId ?? found
  }
  return found
}

/** The parked work that these runs left, with the calls that it waits for. */
async function parkedBy(live: LiveSession, store: Store, runIds: readonly string[]): Promise<readonly Parked[]> {
  const { state } = live
  const found: Parked[] = []
  for (const work of parkedWork(state)) {
    const calls = unsettledCallsOf(state.calls, work)
    const runs = await runsSince(store, live.id, { work, calls })
    if (runs.some(runId => runIds.includes(runId))) found.push({ work, calls })
  }
  return found
}

/**
 * The runs that belong to parked work: the one that made these calls, and those that heard steers while the calls
 * waited.
 */
async function runsSince(store: Store, sessionId: SessionId, { work, calls }: Parked): Promise<readonly RunId[]> {
  const place = await store.locate(work)
  const waiting = new Set<unknown>(calls.map(({ id }) => id))
  let last: RunId | undefined
  const found: RunId[] = []
  for await (const row of rowsOf(store, { sessionId, after: (place?.first ?? 1) - 1 })) {
    for (const event of eventsOf(row)) {
      const isStaged = event.type === 'input.staged' && event.inputId === work
      if (isStaged) last = event.runId
      const isAsked = isStaged ? found.length > 0 : found.length === 0 && waiting.has(event['callId'])
      if (isAsked && last !== undefined) found.push(last)
    }
  }
  // Without events of the calls (retention may drop them) the input's last run is the answer.
  return found.length > 0 || last === undefined ? found : [last]
}

interface Parked {
  readonly work: InputId
  readonly calls: readonly CallEntry[]
}

/** Whether the work is parked on the same calls as before: if it went on and parked again, it waits for others. */
function isSame({ work, calls }: Parked, state: MeerkatState, found: InputId): boolean {
  return work === found && unsettledCallsOf(state.calls, found).some(call => calls.includes(call))
}

/** Ends the named parked work; without names, all of it. */
function endParked(tx: Transaction, live: LiveSession, meant: readonly Parked[] | undefined): void {
  for (const work of parkedWork(tx.state)) {
    if (meant !== undefined && !meant.some(one => isSame(one, tx.state, work))) continue
    sayCancelled(tx, live, work)
    tx.step({ type: 'WithdrawInput', inputId: work })
  }
}

/**
 * Keeps what cancelled work had said in the transcript, with an answer to each open call that the call was not made.
 */
export function sayCancelled(tx: Transaction, live: LiveSession, work: InputId): void {
  const journal = live.journal.flatMap(entry => (entry.work === work ? [entry.message] : []))
  const open = unansweredIn(journal).map(
    ({ callId, name }): MessageRecord => ({
      role: 'tool',
      content: [
        { type: 'tool-result', callId, name, output: 'The call was not made: it was cancelled.', isError: true },
      ],
    }),
  )
  const messages = [...journal, ...open, { role: 'notice' as const, content: 'The turn was cancelled here.' }]
  tx.append(messages)
  tx.step({ type: 'ExtendTranscript', messages: messages.length })
}
