/** Asks an executor for its tools. An executor is foreign code: its answer is checked, and it may give none. */
import { MeerkatError } from '../errors.ts'
import type { CoreExecutor, ToolSummary } from '../executor/executor.ts'
import { jsonOf, messageOf, unheard } from '../foreign.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { SessionOptions } from '../store/records.ts'

/**
 * The executor's tools for a session with these options, as a copy; none where it gives no answer. `unsupported`
 * where its answer can't be used.
 */
export function offeredTools(
  executor: CoreExecutor,
  options: SessionOptions,
  sessionId?: SessionId,
): readonly ToolSummary[] | undefined {
  if (executor.tools === undefined) return undefined
  const answer = askExecutor(executor, options, sessionId)
  if (answer === undefined) return undefined
  const json = jsonOf(answer)
  if ('problem' in json) throw notUnderstood(json.problem)
  if (!Array.isArray(json.value) || !json.value.every(isSummary)) throw notUnderstood('it gave no list of tools')
  return json.value
}

function askExecutor(executor: CoreExecutor, options: SessionOptions, sessionId: SessionId | undefined): unknown {
  try {
    const answer: unknown = executor.tools?.(options, sessionId)
    unheard(answer)
    return answer
  } catch (error) {
    throw notUnderstood(messageOf(error))
  }
}

function isSummary(value: unknown): value is ToolSummary {
  if (typeof value !== 'object' || value === null) return false
  const {
    name,
    policy,
    needsApproval,
    deferred = false,
    surface = '',
  }: Readonly<Record<string, unknown>> = { ...value }
  const isPolicy = policy === 'retry' || policy === 'ask' || policy === 'fail'
  const isMarked = typeof deferred === 'boolean' && typeof surface === 'string'
  return typeof name === 'string' && name !== '' && isPolicy && typeof needsApproval === 'boolean' && isMarked
}

function notUnderstood(why: string): MeerkatError {
  return new MeerkatError('unsupported', `the executor can't say which tools it has: ${why}`)
}
