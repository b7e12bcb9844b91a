/**
 * Performs the tool calls of one turn, side by side. Outcomes that come at the same time are recorded together.
 */
import { setImmediate } from 'node:timers/promises'
import { messageOf } from '../../foreign.ts'
import type { CallId } from '../../kernel/ids.ts'
import type { AbortCause, CallOutcome } from '../executor.ts'
import { type CallRun, type PreparedCall, runCall } from './run-tool.ts'

/** Performs calls whose intents are recorded, and records their outcomes. Resolves when every call has ended. */
export async function runCalls(calls: readonly PreparedCall[], run: Omit<CallRun, 'signal'>): Promise<void> {
  const { port } = run
  const batch = new AbortController()
  const signal = AbortSignal.any([port.signal, batch.signal])
  const finished: CallOutcome[] = []
  let wake = Promise.withResolvers<void>()
  let open = calls.length
  const running = calls.map(async call => {
    const outcome = await runCall(call, { ...run, signal }).catch((error: unknown) => failed(call, error))
    if (outcome !== undefined) finished.push(outcome)
    open--
    wake.resolve()
  })
  try {
    while (open > 0 || finished.length > 0) {
      if (finished.length === 0) {
        await wake.promise
        wake = Promise.withResolvers()
      }
      // Other calls that end now are recorded with it.
      if (open > 0) await setImmediate()
      if (finished.length > 0) await port.outcomes(finished.splice(0))
    }
  } finally {
    // If outcomes can't be recorded, the remaining calls are left to their policies.
    batch.abort('closing' satisfies AbortCause)
    await Promise.all(running)
  }
}

/** An error around one call ends that call alone. */
function failed({ part }: PreparedCall, error: unknown): CallOutcome {
  return { callId: part.callId as CallId, name: part.name, ok: false, code: 'internal', output: messageOf(error) }
}
