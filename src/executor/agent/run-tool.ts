/**
 * One tool call, from its arguments to what the model is told.
 *
 * Bounded: a call ends at its timeout, at the run's deadline or with the run's abort, and one that ignores its signal is
 * given up after a grace. What is given up is told as it is: nobody knows whether it took effect.
 */
import { cutText, type Json, jsonOf, messageOf } from '../../foreign.ts'
import type { CallId } from '../../kernel/ids.ts'
import type { CallIntent } from '../../kernel/regions/calls.ts'
import { tell } from '../../observer.ts'
import type { BackgroundWork, CallOutcome, RunPort } from '../executor.ts'
import { StillRunning } from './background.ts'
import { metaOf, type ToolCallPart } from './parts.ts'
import { Stage, type StopCause, Stopped } from './stage.ts'
import type { AgentTool } from './tool.ts'

export interface ToolLimits {
  /** For tools that declare none. */
  readonly toolTimeoutMs: number
  /** How long a call may take to end after its signal aborted. */
  readonly graceMs: number
}

/** A call that was requested, with its tool if it may be dispatched. */
export type PreparedCall =
  | { readonly type: 'ready'; readonly part: ToolCallPart; readonly tool: AgentTool; readonly args: unknown }
  | { readonly type: 'refused'; readonly part: ToolCallPart; readonly code: string; readonly problem: string }

/** Finds a call's tool and checks its arguments. */
export async function prepareCall(part: ToolCallPart, tools: readonly AgentTool[]): Promise<PreparedCall> {
  const refused = (code: string, problem: string): PreparedCall => ({ type: 'refused', part, code, problem })
  const tool = tools.find(({ name }) => name === part.name)
  if (tool === undefined) {
    const names = tools.map(({ name }) => name).join(', ')
    return refused(
      'unknown-tool',
      `There is no tool named ${part.name}. ${names === '' ? 'There are no tools.' : `The tools are: ${names}.`}`,
    )
  }
  const { invalid } = metaOf(part)
  if (invalid !== undefined) return refused('invalid-arguments', `The call was not made: ${invalid}.`)
  try {
    const parsed = await tool.parse(part.args)
    if (parsed.ok) return { type: 'ready', part, tool, args: parsed.args }
    return refused(
      'invalid-arguments',
      `The call was not made because its arguments do not fit the tool's schema:\n${parsed.problem}`,
    )
  } catch (error) {
    return refused(
      'invalid-arguments',
      `The call was not made because its arguments could not be checked: ${messageOf(error)}`,
    )
  }
}

/** Whether a call waits for a decision. What can't be found out does. */
export function waitsForApproval(call: PreparedCall): boolean {
  if (call.type === 'refused') return false
  try {
    return call.tool.needsApproval(call.args)
  } catch {
    return true
  }
}

/** What is recorded before the call is dispatched. A refused call has no effect, so it may be repeated. */
export function intentOf(call: PreparedCall, needsApproval: boolean): CallIntent {
  const callId = call.part.callId as CallId
  const policy = call.type === 'ready' ? call.tool.onLost : 'retry'
  return { callId, tool: call.part.name, policy, ...(needsApproval ? { needsApproval } : {}) }
}

/** What calls run in. */
export interface CallRun {
  readonly port: RunPort
  /** The run's abort, and the abort of the batch of calls. */
  readonly signal: AbortSignal
  readonly turn: number
  readonly limits: ToolLimits
  /** Files work that goes on behind its answer. */
  readonly begin: (still: StillRunning<unknown>, tool: AgentTool) => BackgroundWork
}

/** Carries a call out. Undefined if the runtime closes: what becomes of the call is decided by its policy then. */
export async function runCall(call: PreparedCall, run: CallRun): Promise<CallOutcome | undefined> {
  const callId = call.part.callId as CallId
  const { name } = call.part
  if (call.type === 'refused') return { callId, name, ok: false, code: call.code, output: call.problem }
  const { port, limits } = run
  const startedAt = port.clock.now()
  const limitMs = call.tool.timeoutMs ?? limits.toolTimeoutMs
  const stage = new Stage({ signal: run.signal, deadline: port.deadline }, limitMs)
  const ended = await settle(call, callId, stage, run)
  stage.end()
  if (stage.cause === 'closing' && ended.type !== 'value') return undefined
  const durationMs = port.clock.now() - startedAt
  const told =
    ended.type === 'value' && ended.value instanceof StillRunning
      ? answerOf(run.begin(ended.value, call.tool))
      : await outcomeOf(ended, call.tool, stage.cause, limitMs)
  const { sessionId, runId } = port
  const fact = { sessionId, runId, turn: run.turn, callId, tool: name, at: startedAt, durationMs, ok: told.ok }
  tell(port.observer, 'toolCalled', () => ({ ...fact, ...('code' in told && { code: told.code }) }))
  return { callId, name, durationMs, ...told }
}

/** What the model is told of work that goes on. */
function answerOf(background: BackgroundWork): Pick<CallOutcome, 'ok' | 'output' | 'background'> {
  const { operationId, title } = background
  const note = 'It runs in the background. Its result comes in a later message; go on without waiting for it.'
  return { ok: true, output: { status: 'running', operationId, title, note }, background }
}

type Ended =
  | { readonly type: 'value'; readonly value: unknown }
  | { readonly type: 'threw'; readonly error: unknown }
  | { readonly type: 'given-up' }

async function settle(
  { tool, args }: Extract<PreparedCall, { type: 'ready' }>,
  callId: CallId,
  stage: Stage,
  { port, turn, limits }: CallRun,
): Promise<Ended> {
  const { sessionId, runId } = port
  const progress = (data: unknown): void => port.stream({ type: 'tool.progress', turn, callId, data })
  const { signal, deadline } = stage
  // Never rejects, so that a call which was given up can end later without anyone waiting.
  const execute = async (): Promise<unknown> =>
    tool.execute(args, { callId, sessionId, runId, signal, deadline, progress })
  const work = execute().then(
    (value): Ended => ({ type: 'value', value }),
    (error: unknown): Ended => ({ type: 'threw', error }),
  )
  try {
    return await stage.race(work)
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
  }
  const graceMs = stage.cause === 'closing' ? 0 : limits.graceMs
  const { promise, resolve } = Promise.withResolvers<Ended>()
  const callOff = port.clock.after(graceMs, () => resolve({ type: 'given-up' }))
  const ended = await Promise.race([work, promise])
  callOff()
  return ended
}

type Told = Pick<CallOutcome, 'ok' | 'output' | 'code'>

async function outcomeOf(ended: Ended, tool: AgentTool, cause: StopCause | undefined, limitMs: number): Promise<Told> {
  if (ended.type === 'value') return resultOf(ended.value, tool)
  if (cause === undefined)
    return { ok: false, code: 'threw', output: ended.type === 'threw' ? messageOf(ended.error) : 'failed' }
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

async function resultOf(value: unknown, tool: AgentTool): Promise<Told> {
  const problem = await problemOf(value, tool)
  if (problem !== undefined) {
    return {
      ok: false,
      code: 'invalid-result',
      output: `The tool ran, but its result does not have its declared form:\n${problem}`,
    }
  }
  const json = jsonOf(value)
  if ('problem' in json) {
    return {
      ok: false,
      code: 'invalid-result',
      output: `The tool ran, but its result can't be written as JSON: ${json.problem}`,
    }
  }
  return { ok: true, output: bounded(json) }
}

async function problemOf(value: unknown, tool: AgentTool): Promise<string | undefined> {
  try {
    return await tool.checkOutput?.(value)
  } catch (error) {
    return messageOf(error)
  }
}

/** Longer results are cut: they would crowd the conversation out of the model's sight. */
const MAX_RESULT_CHARS = 256 * 1024

function bounded({ text, value }: Json): unknown {
  if (text.length <= MAX_RESULT_CHARS) return value
  const shown = cutText(typeof value === 'string' ? value : text, MAX_RESULT_CHARS)
  return `${shown}\n[truncated: ${MAX_RESULT_CHARS} of ${text.length} characters]`
}
