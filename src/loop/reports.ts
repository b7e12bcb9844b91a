/**
 * Checks what an executor reports during its run. A report becomes a kernel input and a record, so values that JSON can't
 * represent (an infinite number, a cycle) are refused: they would differ on disk from what is in memory. So is a field that
 * nothing reads.
 */
import type { BackgroundWork, CalledModel, CallOutcome, RunPort } from '../executor/executor.ts'
import { wellFormed } from '../foreign.ts'
import type { CallId } from '../kernel/ids.ts'
import type { CallIntent } from '../kernel/regions/calls/input.ts'
import { RECOVERABLE } from '../kernel/regions/turn/outcome.ts'
import type { LlmRetryFailureKind } from '../kernel/regions/turn/state.ts'
import { demandName, MAX_ID_CHARS } from '../names.ts'
import { isDuration } from '../time.ts'
import { abilitiesSaid } from './abilities.ts'
import { checkedMessage, checkedUsage, demandOnly, type Fields, fieldsOf, isCount, plain, unusable } from './answers.ts'

type Report<Name extends 'intend' | 'retrying' | 'fellBack' | 'invalidAnswer' | 'compact'> = Parameters<
  RunPort[Name]
>[0]

/** The tool calls that the model asks for, as a checked copy. */
export function checkedIntend(given: unknown): Report<'intend'> {
  const { turn, message, calls, usage } = reported(given, 'intends', ['turn', 'message', 'calls', 'usage'])
  const sound = checkedUsage(usage)
  return {
    turn: count(turn, 1, 'the turn of an intent'),
    message: checkedMessage(message),
    calls: list(calls, 'the calls of an intent').map(intent),
    ...(sound && { usage: sound }),
  }
}

function intent(given: unknown): CallIntent {
  const fields = reported(plain(given, 'call'), 'intends a call that is', CALL)
  const { callId, tool, policy, needsApproval, expiry } = fields
  if (policy !== 'retry' && policy !== 'ask' && policy !== 'fail') throw unusable('intends a call without a policy')
  if (needsApproval !== undefined && typeof needsApproval !== 'boolean')
    throw unusable('intends a call whose `needsApproval` is neither true nor false')
  if (expiry !== undefined && !isExpiry(reported(expiry, 'intends a call whose `expiry` is', ['afterMs', 'decision'])))
    throw unusable('intends a call whose `expiry` has no time or no decision')
  return { ...fields, callId: callIdOf(callId), tool: text(tool, 'the tool of a call'), policy }
}

function isExpiry({ afterMs, decision }: Fields): boolean {
  return isDuration(afterMs) && (decision === 'allow' || decision === 'deny')
}

/** The ids of calls that the executor is about to make. */
export function checkedCallIds(given: unknown): readonly CallId[] {
  return list(given, 'calls to dispatch').map(callIdOf)
}

/** The outcomes of calls, as a checked copy. */
export function checkedOutcomes(given: unknown): readonly CallOutcome[] {
  return list(plain(given, 'list of outcomes'), 'outcomes').map(outcome)
}

function outcome(given: unknown): CallOutcome {
  const fields = reported(given, 'told of a call whose outcome is', OUTCOME)
  const { callId, name, ok, output, code, durationMs, background } = fields
  if (typeof ok !== 'boolean') throw unusable('told of a call without saying whether it went well')
  if (background !== undefined) checkBackground(reported(background, 'told of background work that is', WORK))
  return {
    ...fields,
    callId: callIdOf(callId),
    name: text(name, 'the tool of an outcome'),
    ok,
    output: output ?? null,
    ...(code !== undefined && { code: text(code, 'the code of an outcome') }),
    ...(durationMs !== undefined && { durationMs: duration(durationMs, 'the duration of a call') }),
  }
}

function checkBackground({ operationId, tool, title, maxMs, resumable }: Fields): void {
  text(operationId, 'the id of background work')
  text(tool, 'the tool of background work')
  text(title, 'the title of background work')
  if (maxMs !== undefined) duration(maxMs, 'the time that background work may take')
  if (typeof resumable !== 'boolean') throw unusable('told of background work without saying whether it is resumable')
}

/** The number of the model call that a boundary ends. */
export function checkedTurn(given: unknown): number {
  return count(reported(given, 'reported', ['turn'])['turn'], 1, 'the turn of a report')
}

export function checkedRetrying(given: unknown): Report<'retrying'> {
  const { turn, attempt, maxRetries, delayMs, kind, message } = reported(given, 'retries', RETRY)
  if (!isFailureKind(kind)) throw unusable('retries for an unknown reason')
  return {
    turn: count(turn, 1, 'the turn of a retry'),
    attempt: count(attempt, 1, 'the attempt of a retry'),
    maxRetries: count(maxRetries, 0, 'the retries allowed'),
    delayMs: duration(delayMs, 'the delay of a retry'),
    kind,
    message: text(message, 'the message of a retry'),
  }
}

const isFailureKind = (kind: unknown): kind is LlmRetryFailureKind => RECOVERABLE.some(known => known === kind)

export function checkedFallback(given: unknown): Report<'fellBack'> {
  const { turn, attempt, model, code, capabilities: said } = reported(given, 'fell back with', FALLBACK)
  const capabilities = abilitiesSaid(said)
  demandName(model, 'the model that answered', MAX_ID_CHARS)
  return {
    turn: count(turn, 1, 'the turn of a fallback'),
    attempt: count(attempt, 1, 'the attempt of a fallback'),
    model: text(model, 'the model that answered'),
    ...(capabilities && { capabilities }),
    code: text(code, 'the reason of a fallback'),
  }
}

/** The model of a request, as a copy. */
export function checkedCalled(given: unknown): CalledModel {
  if (given === undefined) return {}
  const { id, capabilities: said } = reported(given, 'asks a model that is', ['id', 'capabilities'])
  if (id !== undefined) demandName(id, 'the model of a request', MAX_ID_CHARS)
  const capabilities = abilitiesSaid(said)
  return { ...(id !== undefined && { id: text(id, 'the model of a request') }), ...(capabilities && { capabilities }) }
}

export function checkedAttempt(given: unknown): number {
  return count(given, 1, 'the attempt of a retry')
}

export function checkedInvalidAnswer(given: unknown): Report<'invalidAnswer'> {
  const { turn, error } = reported(given, 'reported', ['turn', 'error'])
  return { turn: count(turn, 1, 'the turn of a report'), error: text(error, 'the error of a report') }
}

export function checkedCompact(given: unknown): Report<'compact'> {
  const { summary, covers } = reported(given, 'compacts', ['summary', 'covers'])
  return { summary: text(summary, 'a summary'), covers: count(covers, 0, 'what a summary covers') }
}

const CALL: readonly (keyof CallIntent)[] = ['callId', 'tool', 'policy', 'needsApproval', 'expiry']
const OUTCOME: readonly (keyof CallOutcome)[] = ['callId', 'name', 'ok', 'output', 'code', 'durationMs', 'background']
const WORK: readonly (keyof BackgroundWork)[] = ['operationId', 'tool', 'title', 'handle', 'maxMs', 'resumable']
const RETRY: readonly (keyof Report<'retrying'>)[] = ['turn', 'attempt', 'maxRetries', 'delayMs', 'kind', 'message']
const FALLBACK: readonly (keyof Report<'fellBack'>)[] = ['turn', 'attempt', 'model', 'capabilities', 'code']

function reported(given: unknown, what: string, known: readonly string[]): Fields {
  const fields = fieldsOf(given, what)
  demandOnly(fields, known, 'a report')
  return fields
}

function count(value: unknown, least: number, what: string): number {
  if (isCount(value, least)) return value
  throw unusable(`reported ${what} as no whole number from ${least} on`)
}

function duration(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw unusable(`reported ${what} as no number of milliseconds`)
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string') return wellFormed(value)
  throw unusable(`reported ${what} as no text`)
}

function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw unusable(`reported ${what} as no list`)
}

function callIdOf(value: unknown): CallId {
  if (typeof value === 'string' && value !== '' && value.isWellFormed()) return value as CallId
  throw unusable('spoke of a call by something that is no id')
}
