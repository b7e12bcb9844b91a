/**
 * One tool call, from its arguments to what the model is told.
 *
 * Bounded: a call ends at its timeout, at the run's deadline or with the run's abort; a tool that ignores its signal is
 * given up after a grace. Of a call that was given up, the model is told that it may or may not have taken effect.
 */
import { defined } from '../../defined.ts'
import { messageOf } from '../../foreign.ts'
import type { CallId } from '../../kernel/ids.ts'
import type { CallIntent } from '../../kernel/regions/calls/input.ts'
import type { SurfacePin } from '../../kernel/tool-catalogue.ts'
import { carried, tell, within } from '../../observer.ts'
import { Progress } from '../../progress.ts'
import { failureCode } from '../../tools/failure.ts'
import type { BackgroundWork, CallOutcome, RunPort } from '../executor.ts'
import { type Answered, answerOf, askTool, type CodeOutcome, MAX_CHECK_MS } from './ask-tool.ts'
import type { LeftWork } from './background.ts'
import { metaOf, type ToolCallPart } from './parts.ts'
import { type ShownTool, surfaceGone, unknownTool } from './shown-tools.ts'
import { Stage, type StopCause, Stopped } from './stage.ts'
import { isStillRunning } from './still-running.ts'
import type { AgentTool, ParsedArgs } from './tool.ts'
import { resultOf } from './tool-result.ts'
import { ToolScope, type ToolWork } from './tool-scope.ts'

export interface ToolLimits {
  /** The limit of tools that declare none. */
  readonly toolTimeoutMs: number
  /** How long a call may take to end after its signal aborted. */
  readonly graceMs: number
}

/** A requested call, with its tool if it may be dispatched. */
export type PreparedCall =
  | (Pick<ShownTool, 'tool' | 'pin'> & {
      readonly type: 'ready'
      readonly part: ToolCallPart
      readonly args: unknown
    })
  | { readonly type: 'refused'; readonly part: ToolCallPart; readonly code: string; readonly problem: string }

type ReadyCall = Extract<PreparedCall, { type: 'ready' }>

/** The part of a port that bounds the questions that a tool is asked before its call. */
export type Preparing = Pick<RunPort, 'signal' | 'deadline' | 'sessionId' | 'runId'>

/** Finds the tool of a call and checks the arguments. */
export async function prepareCall(
  part: ToolCallPart,
  tools: readonly ShownTool[],
  run: Preparing,
  limits: ToolLimits,
): Promise<PreparedCall> {
  const refused = (code: string, problem: string): PreparedCall => ({ type: 'refused', part, code, problem })
  const { invalid, unseen } = metaOf(part)
  if (unseen !== undefined) return refused('unknown-tool', unseen)
  const shown = tools.find(({ name }) => name === part.name)
  if (shown === undefined) return refused('unknown-tool', unknownTool(part.name, tools))
  const { tool, pin } = shown
  if (invalid !== undefined) return refused('invalid-arguments', `The call was not made: ${invalid}.`)
  // A copy: a tool that changes its arguments must not change the record.
  const parse = (): ReturnType<AgentTool['parse']> => tool.parse(structuredClone(part.args))
  const answer = await askTool(workOf(part, run), { run, limitMs: checkLimit(tool, limits) }, parse)
  const parsed = answer.type === 'value' ? readParsed(answer.value) : { problem: unanswered(answer) }
  if ('args' in parsed) return { type: 'ready', part, tool, ...(pin && { pin }), args: parsed.args }
  if (answer.type === 'value' && parsed.problem !== undefined) {
    return refused(
      'invalid-arguments',
      `The call was not made because its arguments do not fit the tool's schema:\n${parsed.problem}`,
    )
  }
  return refused(
    'invalid-arguments',
    `The call was not made because its arguments could not be checked: ${parsed.problem ?? 'the tool gave no verdict'}`,
  )
}

/** The answer of a parser, whatever its form. */
function readParsed(answer: ParsedArgs): { readonly args: unknown } | { readonly problem: string | undefined } {
  try {
    if (answer.ok) return { args: answer.args }
    return { problem: messageOf(answer.problem) }
  } catch {
    return { problem: undefined }
  }
}

/** Whether a call needs a decision. Where the tool gives no answer, it does. */
export async function waitsForApproval(call: PreparedCall, run: Preparing, limits: ToolLimits): Promise<boolean> {
  if (call.type === 'refused') return false
  const { tool, args, part } = call
  const bounds = { run, limitMs: checkLimit(tool, limits) }
  const answer = await askTool(workOf(part, run), bounds, () => tool.needsApproval(args))
  return answer.type !== 'value' || answer.value !== false
}

function checkLimit({ timeoutMs }: AgentTool, { toolTimeoutMs }: ToolLimits): number {
  return Math.min(timeoutMs ?? toolTimeoutMs, MAX_CHECK_MS)
}

function workOf({ callId, name }: ToolCallPart, { sessionId, runId }: Preparing): ToolWork {
  return { tool: name, callId: callId as CallId, sessionId, runId }
}

/** Why a question has no answer. */
function unanswered(answer: Exclude<Answered<unknown>, { type: 'value' }>): string {
  return answer.type === 'stopped' ? `it took too long (${answer.cause})` : messageOf(answer.error)
}

/** What is recorded before the call is dispatched. A refused call has no effect, so it may be repeated. */
export function intentOf(call: PreparedCall, needsApproval: boolean): CallIntent {
  const callId = call.part.callId as CallId
  const policy = call.type === 'ready' ? call.tool.onLost : 'retry'
  const intent: CallIntent = { callId, tool: call.part.name, policy }
  if (!needsApproval) return intent
  const approval = call.type === 'ready' ? call.tool.approval : undefined
  const expiry = approval && { afterMs: approval.expiresMs, decision: approval.onExpiry }
  return { ...intent, needsApproval, ...(expiry && { expiry }) }
}

/** What all calls of a run share. */
export interface CallRun {
  readonly port: RunPort
  /** Aborts with the run, and with the batch of calls. */
  readonly signal: AbortSignal
  readonly turn: number
  readonly limits: ToolLimits
  /** Registers work that goes on after the answer. */
  readonly begin: (left: LeftWork) => BackgroundWork
}

/** Performs a call. Undefined if the runtime closes: then the call's policy decides what becomes of it. */
export async function runCall(call: PreparedCall, run: CallRun): Promise<CallOutcome | undefined> {
  const callId = call.part.callId as CallId
  const { name } = call.part
  if (call.type === 'refused') return { callId, name, ok: false, code: call.code, output: call.problem }
  const { port, limits } = run
  const startedAt = port.clock.now()
  const since = port.clock.monotonic()
  const limitMs = call.tool.timeoutMs ?? limits.toolTimeoutMs
  const stage = new Stage({ signal: run.signal, deadline: port.deadline }, limitMs)
  const ended = await callTool(call, callId, stage, run)
  const { cause } = stage
  stage.end()
  if (cause === 'closing' && ended.type !== 'value') return undefined
  const result =
    ended.type === 'value'
      ? await answerFor(ended.value, call, run, () => stage.stop('cancelled'))
      : failureOf(ended, cause, limitMs)
  const durationMs = Math.round(port.clock.monotonic() - since)
  const { sessionId, runId } = port
  const fact = { sessionId, runId, turn: run.turn, callId, tool: name, at: startedAt, durationMs, ok: result.ok }
  tell(port.observer, 'toolCalled', () => ({ ...fact, ...defined({ code: result.code }) }))
  return { callId, name, durationMs, ...result }
}

type ToolResult = Pick<CallOutcome, 'ok' | 'output' | 'code' | 'background'>
type Ended = CodeOutcome<unknown> | Refused | { readonly type: 'given-up' }

async function answerFor(
  value: unknown,
  { tool, part }: ReadyCall,
  run: CallRun,
  stop: () => void,
): Promise<ToolResult> {
  if (isStillRunning(value)) return stillRunningResult(run.begin({ still: value, tool, stop }))
  if (tool.checkOutput !== undefined) {
    // The result of a call that ended is checked even where its run is being cancelled, but not for long.
    const bounds = { run: { signal: NEVER, deadline: run.port.deadline }, limitMs: checkLimit(tool, run.limits) }
    const answer = await askTool(workOf(part, run.port), bounds, () => tool.checkOutput?.(value))
    const problem = answer.type === 'value' ? answer.value : unanswered(answer)
    if (problem !== undefined) {
      const message = `The tool ran, but its result does not have its declared form:\n${messageOf(problem)}`
      return { ok: false, code: 'invalid-result', output: message }
    }
  }
  return resultOf(value)
}

const NEVER: AbortSignal = new AbortController().signal

/** What the model is told of work that goes on. */
function stillRunningResult(background: BackgroundWork): ToolResult {
  const { operationId, title } = background
  const note = 'It runs in the background. Its result comes in a later message; go on without waiting for it.'
  return { ok: true, output: { status: 'running', operationId, title, note }, background }
}

async function callTool(
  { tool, pin, args, part }: ReadyCall,
  callId: CallId,
  stage: Stage,
  { port, turn, limits }: CallRun,
): Promise<Ended> {
  const { sessionId, runId } = port
  const progress = new Progress(port.clock, data => port.stream({ type: 'tool.progress', turn, callId, data }))
  const { signal, deadline } = stage
  const context = { callId, sessionId, runId, signal, deadline, progress: progress.report }
  const scope = new ToolScope(workOf(part, port))
  const call = { kind: 'tool', sessionId, runId, turn, callId, tool: part.name, at: port.clock.now() } as const
  let refusal: Refused | undefined
  const refused = (problem: string): void => {
    refusal = { type: 'refused', problem }
  }
  const execute = (): unknown => {
    const { traceparent } = carried(port.observer)
    const call = (): unknown => tool.execute(args, { ...context, ...defined({ traceparent }) })
    return pin === undefined ? call() : throughSurface(port, pin, call, refused)
  }
  const work: Promise<Ended> = answerOf(scope, () => within(port.observer, call, execute))
  try {
    const ended = await stage.race(work)
    // After a stray error ended the call, what still runs of it has no purpose.
    if (ended.type === 'stray') stage.stop('cancelled')
    return refusal ?? ended
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
    const graceMs = stage.cause === 'closing' ? 0 : limits.graceMs
    const { promise, resolve } = Promise.withResolvers<Ended>()
    const callOff = port.clock.after(graceMs, () => resolve({ type: 'given-up' }))
    return await Promise.race([work, promise]).finally(callOff)
  } finally {
    scope.end()
    progress.end()
  }
}

/** A call that its tool surface refused, as the model is told. */
type Refused = { readonly type: 'refused'; readonly problem: string }

async function throughSurface(
  port: RunPort,
  pin: SurfacePin,
  call: () => unknown,
  refused: (problem: string) => void,
): Promise<unknown> {
  const answer = await port.throughSurface(pin, call)
  if ('value' in answer) return answer.value
  refused(surfaceGone(pin.surfaceId, answer.refused))
  return undefined
}

function failureOf(
  ended: Exclude<Ended, { type: 'value' }>,
  cause: StopCause | undefined,
  limitMs: number,
): ToolResult {
  if (ended.type === 'refused') return { ok: false, code: 'tool-unavailable', output: ended.problem }
  if (ended.type === 'stray') {
    const where = 'The tool threw outside of its call, in a timer or in a promise that nothing waited for'
    const output = `${where}: ${messageOf(ended.error)}\nWhether the call took effect is unknown.`
    return { ok: false, code: 'stray-error', output }
  }
  if (cause === undefined) {
    if (ended.type !== 'threw') return { ok: false, code: 'threw', output: 'failed' }
    return { ok: false, code: failureCode(ended.error) ?? 'threw', output: messageOf(ended.error) }
  }
  const why = WHY[cause](limitMs)
  const how = ended.type === 'threw' ? `It stopped (${messageOf(ended.error)})` : 'It did not react and was given up'
  const code = cause === 'timeout' || cause === 'deadline' ? 'timeout' : 'cancelled'
  return { ok: false, code, output: `${why} ${how}; whether it took effect is unknown.` }
}

const WHY: Readonly<Record<StopCause, (limitMs: number) => string>> = {
  timeout: limitMs => `The call did not end within ${limitMs} ms.`,
  deadline: () => 'The call did not end before the deadline of the run.',
  cancelled: () => 'The run was cancelled during the call.',
  closing: () => 'The runtime closed during the call.',
  superseded: () => 'The run was replaced during the call.',
}
