/** Closes a run: turns the executor's output into kernel inputs, messages and a result. */

import { defined } from '../defined.ts'
import type { Transaction } from '../driver/transaction.ts'
import type { ApplyOutput } from '../executor/executor.ts'
import { messageOf } from '../foreign.ts'
import type { CallId, RunId } from '../kernel/ids.ts'
import { mapGet } from '../kernel/persistent-map.ts'
import type { Calls } from '../kernel/regions/calls/state.ts'
import { entryOf } from '../kernel/regions/ledger/state.ts'
import { cancelTakesAnswer } from '../kernel/regions/turn/rules.ts'
import type { MessageRecord, ResultRecord, UsageRecord } from '../store/records.ts'
import { messageText } from '../text.ts'
import { addUsage, UNMEASURED } from '../usage.ts'
import { passBoundary } from './boundary.ts'
import type { WorkJournal } from './work-journal.ts'

/** How `apply` ended: with an output, with an exception, or interrupted because the runtime closed. */
export type Ending =
  | ApplyOutput
  | { readonly type: 'threw'; readonly error: unknown }
  | { readonly type: 'interrupted' }

/** A run that is being closed, with its work. */
export interface Closing {
  readonly runId: RunId
  readonly work: WorkJournal
  /** What the work has cost so far, over all attempts, as far as executors reported it. */
  readonly usage: UsageRecord | undefined
  /** The part of it that the journal does not have yet. */
  readonly unrecorded: UsageRecord | undefined
  /** Whether text of this turn was streamed. */
  readonly streamed: (turn: number) => boolean
  readonly turn: number
  /** Admits the inputs that should join at the boundary, such as completions. Called before the boundary is passed. */
  readonly atBoundary: (tx: Transaction) => void
  /** The session's calls when the executor was called, to see whether one was decided since. */
  readonly callsBefore: Calls
}

/** `again`: steers joined, so the executor is called once more for the same run. */
export type CloseResult = 'over' | 'again'

/** Closes the run, or lets it go on, in one transaction. */
export function close(tx: Transaction, closing: Closing, ending: Ending): CloseResult {
  switch (ending.type) {
    case 'completed':
      return completed(tx, closing, ending)
    case 'failed':
      return failed(tx, closing, ending)
    case 'cancelled':
      return cancelled(tx, closing, ending.message)
    case 'parked':
      return parked(tx, closing, ending)
    case 'interrupted':
      tx.step({ type: 'RollbackRun', runId: closing.runId, cause: 'interrupted' })
      if (closing.work.isJournaled) closing.work.record(tx)
      return 'over'
    case 'threw':
      return attemptFailed(tx, closing, ending.error)
  }
}

/**
 * Parks the work until a person decides on a call. If a call was decided meanwhile the run goes on; if no call waits for a
 * decision the executor has parked without a reason, and its attempt failed.
 */
function parked(tx: Transaction, closing: Closing, { message }: Extract<ApplyOutput, { type: 'parked' }>): CloseResult {
  // A parked run passes no further boundary, so a cancel that waits for one takes effect here.
  if (cancelTakesAnswer(tx.state)) return cancelled(tx, closing, message)
  emitText(tx, closing, message)
  closing.work.record(tx, messages => messages.push(...answerSoFar(closing, message)))
  if (tx.try({ type: 'RollbackRun', runId: closing.runId, cause: 'parked' }).ok) return 'over'
  if (tx.state.calls !== closing.callsBefore) return 'again'
  return attemptFailed(
    tx,
    closing,
    new Error('the executor parked its run, though none of its calls waits for a decision'),
  )
}

/** The model's answer so far and its cost, as a journal message; none if there is neither. */
function answerSoFar({ unrecorded: usage }: Closing, message: MessageRecord | undefined): readonly MessageRecord[] {
  if (message === undefined && usage === undefined) return []
  return [{ ...(message ?? { role: 'assistant', content: [] }), ...(usage && { usage }) }]
}

type Completed = Extract<ApplyOutput, { type: 'completed' }>

function completed(tx: Transaction, closing: Closing, output: Completed): CloseResult {
  const { runId, work } = closing
  if (tx.state.turn.phase === 'callingLlm') tx.step({ type: 'LlmReturnedTerminal', runId })
  if (output.output !== undefined) {
    tx.step({ type: 'EnterExtraction', runId })
    tx.step({ type: 'ExtractionValidationPassed', runId })
  }
  // A host may have ended the turn already, through its turn handle.
  if (tx.state.turn.phase !== 'completed') {
    passBoundary(tx, closing.turn, closing.atBoundary, () => tx.step({ type: 'BoundaryComplete', runId }))
  }
  if (tx.state.turn.phase === 'cancelled') return cancelled(tx, closing, output.message)
  if (tx.state.turn.phase === 'callingLlm') {
    const { run } = tx.state
    emitText(tx, closing, output.message)
    work.record(tx, messages => {
      messages.push(...answerSoFar(closing, output.message))
      work.addInputs(run.phase === 'bound' ? run.contributors : [])
    })
    return 'again'
  }
  const { count, answer } = joinTranscript(tx, closing, output.message)
  emitText(tx, closing, output.message, answer)
  tx.stepWith(
    { outcome: 'completed', runId, ...defined({ message: answer, output: output.output }), ...usageOf(tx, closing) },
    { type: 'Commit', runId, messages: count },
  )
  return 'over'
}

function failed(tx: Transaction, closing: Closing, output: Extract<ApplyOutput, { type: 'failed' }>): CloseResult {
  const { runId } = closing
  const { source, error, turns } = output
  if (tx.state.turn.phase !== 'failed') {
    if (source === 'max-turns-reached') {
      tx.step({ type: 'TurnLimitReached', runId, turns: turns?.made ?? 1, maxTurns: turns?.allowed ?? 1 })
    } else tx.step({ type: 'FatalFailure', runId, source: source === 'unknown' ? 'internal' : source })
  }
  const cause = tx.state.turn.phase === 'failed' ? tx.state.turn.cause : 'fatal-failure'
  emitText(tx, closing, output.message)
  const notice = `The turn failed (${error.code}): ${error.message}`
  const { count, answer } = joinTranscript(tx, closing, output.message, notice)
  tx.stepWith(
    { ...resultOf(tx, 'failed', closing, answer), error: { ...error, cause } },
    { type: 'Fail', runId, messages: count },
  )
  return 'over'
}

function cancelled(tx: Transaction, closing: Closing, message: MessageRecord | undefined): CloseResult {
  const { runId } = closing
  if (tx.state.turn.phase !== 'cancelled') {
    tx.step({ type: 'CancelNow', runId })
    tx.step({ type: 'CancellationObserved', runId })
  }
  emitText(tx, closing, message)
  const { count, answer } = joinTranscript(tx, closing, message, 'The turn was cancelled here.')
  tx.stepWith(resultOf(tx, 'cancelled', closing, answer), { type: 'CancelRun', runId, messages: count })
  return 'over'
}

/** The attempt failed. If it was the last one the work ends, and what it did so far joins the transcript. */
function attemptFailed(tx: Transaction, closing: Closing, thrown: unknown): CloseResult {
  const { runId, work } = closing
  const message = messageOf(thrown)
  const error = { code: 'executor-failed', message, cause: 'runtime-apply-failure' }
  const before = tx.parts.ended.length
  const usage = addUsage(closing.usage, UNMEASURED)
  tx.stepWith(
    { outcome: 'failed', runId, error, ...(usage && { usage }) },
    { type: 'RollbackRun', runId, cause: 'attempt-failed' },
  )
  tx.event({ type: 'notice', data: { code: 'attempt-failed', message } })
  if (tx.parts.ended.length > before) {
    const { count } = joinTranscript(tx, closing, undefined, `The turn failed: ${message}`)
    tx.step({ type: 'ExtendTranscript', messages: count })
  } else if (work.isJournaled) work.record(tx)
  return 'over'
}

/** Appends the work's messages, the answer and a notice about the end to the transcript. */
function joinTranscript(
  tx: Transaction,
  { work, runId }: Closing,
  message: MessageRecord | undefined,
  notice?: string,
): { readonly count: number; readonly answer: number | undefined } {
  const open = work.unanswered().map(
    ({ callId, name }): MessageRecord => ({
      role: 'tool',
      content: [{ type: 'tool-result', callId, name, output: unknownOutcome(tx, callId), isError: true }],
    }),
  )
  const said = message === undefined || messageText(message) === '' ? [] : [message]
  const messages = [
    ...work.messages,
    ...open,
    ...said,
    ...(notice === undefined ? [] : [{ role: 'notice', content: notice } satisfies MessageRecord]),
  ].map(one => ({ ...one, runId }))
  const first = tx.append(messages)
  if (work.isJournaled) tx.parts.drop.push(work.head)
  const answer = said.length === 0 ? undefined : first + work.messages.length + open.length
  return { count: messages.length, answer }
}

/** The transcript's result of a call that ended without a recorded outcome. */
function unknownOutcome({ state }: Transaction, callId: string): string {
  const call = mapGet(state.calls.open, callId as CallId)
  if (call?.state === 'awaitingApproval') return 'The call was not made: its run ended before it was decided.'
  const crashes = call?.crashes
  if (crashes === undefined) return 'The run ended before an outcome was known.'
  return `Its process ended ${crashes === 1 ? 'once' : `${crashes} times`} while it was in flight, and no outcome is known.`
}

function resultOf(
  tx: Transaction,
  outcome: ResultRecord['outcome'],
  closing: Closing,
  answer: number | undefined,
): ResultRecord {
  return { outcome, runId: closing.runId, ...defined({ message: answer }), ...usageOf(tx, closing) }
}

/** The cost of all attempts, marked as unmeasured if one of them ended without reporting its cost. */
function usageOf({ state: { run, ledger } }: Transaction, { usage }: Closing): Pick<ResultRecord, 'usage'> {
  const contributors = run.phase === 'bound' ? run.contributors : []
  const isUnreported = contributors.some(id => entryOf(ledger, id)?.unreported === true)
  const all = isUnreported ? addUsage(usage, UNMEASURED) : usage
  return all === undefined ? {} : { usage: all }
}

/** Emits the text of a model call as one event, and as one delta too if the executor streamed nothing. */
function emitText(tx: Transaction, closing: Closing, message: MessageRecord | undefined, index?: number): void {
  const text = messageText(message)
  if (text === '') return
  const { runId, turn } = closing
  const event = index === undefined ? { runId, turn, data: { text } } : { runId, turn, message: index }
  if (!closing.streamed(turn)) tx.event({ type: 'text.delta', ...event })
  tx.event({ type: 'text.completed', ...event })
}
