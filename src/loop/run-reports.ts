/** Reports runs to the observer. */
import { defined } from '../defined.ts'
import { messageOf } from '../foreign.ts'
import { type RuntimeObserver, tell } from '../observer.ts'
import type { UsageRecord } from '../store/records.ts'
import type { Clock } from '../time.ts'
import type { Ending } from './closing.ts'
import type { LoopPort } from './port.ts'

/** Reports the start of a run; `queuedMs`: how long its oldest input has waited. */
export function reportRunStart(
  observer: RuntimeObserver | undefined,
  port: LoopPort,
  { at, queuedMs }: { readonly at: number; readonly queuedMs: number },
): void {
  const { sessionId, runId, attempt } = port
  tell(observer, 'runStarted', () => {
    const traceparents = port.inputs.flatMap(({ traceparent }) => traceparent ?? [])
    return { sessionId, runId, attempt, at, queuedMs, ...(traceparents.length > 0 && { traceparents }) }
  })
}

/** Reports the end of a run; `since`: its start on the monotonic clock. */
export function reportRunEnd(
  { observer, clock }: { readonly observer?: RuntimeObserver | undefined; readonly clock: Clock },
  { sessionId, runId }: LoopPort,
  {
    since,
    ending,
    usage,
  }: { readonly since: number; readonly ending: Ending; readonly usage: UsageRecord | undefined },
): void {
  tell(observer, 'runEnded', () => {
    const at = clock.now()
    const why = ending.type === 'failed' ? ending.error.code : ending.type === 'threw' ? 'executor-failed' : undefined
    const message = ending.type === 'failed' || ending.type === 'threw' ? messageOf(ending.error) : undefined
    const more = defined({ usage, error: why, message })
    return { sessionId, runId, at, durationMs: Math.round(clock.monotonic() - since), outcome: ending.type, ...more }
  })
}
