/** The lifecycle operations and the cancel, as one mutation each and what they are waited for. */

import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { InputId, RunId } from '../kernel/ids.ts'
import type { MeerkatInput, MeerkatState } from '../kernel/machine.ts'
import { isStopPending, stepsBefore } from '../kernel/owed.ts'
import { unsettledCallsOf } from '../kernel/regions/calls.ts'
import { unfinishedInputs } from '../kernel/regions/ledger-entries.ts'
import { phaseShown } from '../kernel/regions/lifecycle.ts'
import { unansweredIn } from '../loop/work.ts'
import type { MessageRecord } from '../store/records.ts'
import { type Clock, Deadline } from '../time.ts'
import type { ControlOperation, ControlReport } from './api.ts'
import type { LiveSession } from './live-session.ts'
import type { Mark } from './owned.ts'

const INPUTS: Readonly<Record<ControlOperation, MeerkatInput>> = {
  stop: { type: 'StopRuntimeExecutor', reason: 'requested' },
  resume: { type: 'Resume' },
  retire: { type: 'Retire' },
  reset: { type: 'Reset' },
  recycle: { type: 'Recycle' },
  destroy: { type: 'Destroy' },
}

/** Runs a lifecycle operation and reports what became of the session's inputs. */
export async function control(
  live: LiveSession,
  operation: ControlOperation,
  clock: Clock,
  graceMs: number,
  {
    ids,
    mark,
    said,
  }: {
    readonly ids: Ids
    readonly mark: Mark
    readonly said?: (effects: readonly MeerkatEffect[], before: MeerkatState) => void
  },
): Promise<ControlReport> {
  const abandonedBefore = live.abandoned
  const unfinishedBefore = live.state.ledger.entries.size
  const { effects, before } = await live.driver.mutate(tx => {
    mark(tx)
    const state = tx.state
    const input: MeerkatInput = operation === 'reset' ? { type: 'Reset', epochId: ids.epoch() } : INPUTS[operation]
    for (const step of stepsBefore(input, tx.state)) tx.step(step)
    const step = tx.step(input)
    if (operation === 'stop' && tx.state.run.phase === 'bound') tx.step({ type: 'InterruptCurrentRun' })
    return { effects: step, before: state }
  })
  said?.(effects, before)
  live.loop?.sync()
  if (operation === 'stop') await stopped(live, Deadline.in(clock, graceMs), clock)
  const unfinished = live.state.ledger.entries.size
  return {
    sessionId: live.id,
    phase: phaseShown(live.state),
    inputsAbandoned: live.abandoned - abandonedBefore,
    inputsPendingDrain: operation === 'retire' ? unfinished : 0,
    inputsTransferred: operation === 'recycle' ? unfinishedBefore : 0,
  }
}

/** A stop waits for the executor to leave: at most the grace it is given anyway. */
async function stopped(live: LiveSession, deadline: Deadline, clock: Clock): Promise<void> {
  while (isStopPending(live.state)) {
    if (deadline.passed) {
      throw new MeerkatError('not-ready', `session ${live.id} is still stopping; ask again`, {
        retryable: true,
        details: { phase: live.state.lifecycle.phase },
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

/** Cancels the named run, or the current one as the kernel sees it; never a successor. */
export async function cancel(
  live: LiveSession,
  params: { readonly runId?: string; readonly when?: 'now' | 'boundary'; readonly queue?: 'keep' | 'drop' },
  mark: Mark,
): Promise<{
  cancelled: boolean
  runId?: RunId
  alreadyEnded?: boolean
  dropped?: number
  endedInputs: readonly InputId[]
}> {
  const runId = params.runId as RunId | undefined
  const answer = await live.driver.mutate(tx => {
    mark(tx)
    const { run } = tx.state
    const type = params.when === 'boundary' ? 'CancelAfterBoundary' : 'InterruptCurrentRun'
    const result = tx.try({ type, ...(runId && { runId }) })
    const first = tx.parts.ended.length
    // Without a run that is meant or current, what waits for a person is what there is to cancel.
    if (!result.ok && runId === undefined) for (const work of parkedWork(tx.state)) endParked(tx, live, work)
    const before = tx.parts.ended.length
    const parked = before > first
    if (params.queue === 'drop') tx.step({ type: 'DropQueued', reason: 'cancelled' })
    const dropped = params.queue === 'drop' ? { dropped: tx.parts.ended.length - before } : {}
    const more = { ...dropped, endedInputs: tx.parts.ended.slice(first).map(({ id }) => id) }
    if (result.ok && run.phase === 'bound') return { cancelled: true, runId: run.runId, ...more }
    if (parked) return { cancelled: true, ...more }
    return { cancelled: false, ...(runId && { runId }), alreadyEnded: true, ...more }
  })
  live.loop?.sync()
  return answer
}

/** Work that has stopped until a person decides on a call of it. */
function parkedWork(state: MeerkatState): readonly InputId[] {
  if (state.calls.unsettled === 0) return []
  return unfinishedInputs(state.ledger).flatMap(({ id, status }) =>
    status === 'queued' && unsettledCallsOf(state.calls, id).length > 0 ? id : [],
  )
}

/** Ends parked work: its calls are never made, and what it came to stays in the transcript. */
function endParked(tx: Transaction, live: LiveSession, work: InputId): void {
  tx.step({ type: 'WithdrawInput', inputId: work })
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
