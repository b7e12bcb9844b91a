/**
 * The tool calls of one turn, side by side. Outcomes that are there at the same time are recorded together.
 */
import { setImmediate } from 'node:timers/promises'
import { messageOf } from '../../foreign.ts'
import type { CallId } from '../../kernel/ids.ts'
import type { AbortCause, CallOutcome } from '../executor.ts'
import { type CallRun, type PreparedCall, runCall } from './run-tool.ts'

/** Runs calls whose intents are recorded and records their outcomes. Resolves when every call has ended. */
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
      // What else ended by now goes along.
      if (open > 0) await setImmediate()
      if (finished.length > 0) await port.outcomes(finished.splice(0))
    }
  } finally {
    // Outcomes that can't be recorded leave the remaining calls to their policies.
    batch.abort('closing' satisfies AbortCause)
    await Promise.all(running)
  }
}

/** What went wrong around a call is that call's end, and no other's. */
function failed({ part }: PreparedCall, error: unknown): CallOutcome {
  return { callId: part.callId as CallId, name: part.name, ok: false, code: 'internal', output: messageOf(error) }
}
