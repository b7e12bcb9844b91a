/**
 * A model call with its retries.
 *
 * A retry is a new turn, so that the deltas of one turn are always the text of one answer. A retry is announced before
 * its wait, never begins past the deadline, and waits as long as the provider asks.
 */
import type { RunPort } from '../executor.ts'
import type { CallEnd } from './model-call.ts'
import type { ModelFailure } from './model-failure.ts'
import { abortCause, delay } from './stage.ts'

export interface RetryLimits {
  /** How many retries may follow the first call. */
  readonly maxRetries: number
  readonly baseDelayMs: number
  /** The longest wait, unless the provider asks for a longer one. */
  readonly maxDelayMs: number
  /** A provider that asks for a longer wait is given up; the run's deadline is a limit in any case. */
  readonly maxAskedMs: number
  /** Answers numbers from 0 to 1, for the jitter. */
  readonly random: () => number
}

export type PersistentEnd = CallEnd & {
  /** With a failure: true where the retries were used up, false where a retry would not have helped. */
  readonly exhausted?: boolean
}

/** Calls until there is a reply, an abort, or a failure that another call can't mend. */
export async function callWithRetries(
  port: RunPort,
  limits: RetryLimits,
  call: () => Promise<CallEnd>,
): Promise<PersistentEnd> {
  let emptyBefore = false
  for (let attempt = 1; ; attempt++) {
    const end = await call()
    if (end.type !== 'failed') return end
    const { failure, turn } = end
    if (failure.kind === undefined || (failure.once === true && emptyBefore)) return end
    emptyBefore ||= failure.once === true
    const delayMs = delayBefore(attempt, failure, limits)
    if (attempt > limits.maxRetries || delayMs === undefined || delayMs >= port.deadline.remainingMs) {
      return { ...end, failure: givenUp(failure, attempt, port.deadline.remainingMs), exhausted: true }
    }
    const { kind, message } = failure
    port.retrying({ turn, attempt, maxRetries: limits.maxRetries, delayMs, kind, message })
    if (!(await delay(port, delayMs))) return { ...end, type: 'stopped', cause: abortCause(port.signal) ?? 'deadline' }
    port.retry(attempt)
  }
}

/** Doubles from the base to the limit, with jitter; undefined where the provider asks for more than the limit. */
function delayBefore(attempt: number, { retryAfterMs }: ModelFailure, limits: RetryLimits): number | undefined {
  if (retryAfterMs !== undefined) return retryAfterMs > limits.maxAskedMs ? undefined : retryAfterMs
  const full = Math.min(limits.maxDelayMs, limits.baseDelayMs * 2 ** (attempt - 1))
  return Math.round(full * (0.5 + limits.random() / 2))
}

function givenUp(failure: ModelFailure, attempts: number, leftMs: number): ModelFailure {
  const { retryAfterMs } = failure
  const left = Number.isFinite(leftMs) ? `, and the run has ${Math.floor(leftMs / 1000)} s left` : ''
  const wait = retryAfterMs === undefined ? '' : `, it asks to wait ${Math.ceil(retryAfterMs / 1000)} s${left}`
  return {
    ...failure,
    message: `${failure.message} (given up after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}${wait})`,
  }
}
