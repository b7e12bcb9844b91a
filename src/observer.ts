/**
 * What an operator may want to measure: facts after they happened, as plain data.
 *
 * An observer only looks. It is called synchronously, its answer is not read, and one that throws is not heard of: no
 * run fails and none waits because somebody measured it.
 */
import type { CallId, InputId, RunId, SessionId } from './kernel/ids.ts'
import type { UsageRecord } from './store/records.ts'

/** Times are ms since the epoch, durations ms. */
export interface RuntimeObserver {
  /** An input is durable; `durableMs` after it was offered. */
  inputAccepted?(fact: { readonly sessionId: SessionId; readonly inputId: InputId; readonly durableMs: number }): void
  /** A run begins; its oldest input has waited `queuedMs`. */
  runStarted?(fact: {
    readonly sessionId: SessionId
    readonly runId: RunId
    readonly attempt: number
    readonly at: number
    readonly queuedMs: number
  }): void
  runEnded?(fact: {
    readonly sessionId: SessionId
    readonly runId: RunId
    readonly at: number
    readonly durationMs: number
    /** completed, failed, cancelled, parked, interrupted, threw. */
    readonly outcome: string
    /** The code of the failure. */
    readonly error?: string
    /** What the failure said. */
    readonly message?: string
    readonly usage?: UsageRecord
  }): void
  modelCalled?(fact: {
    readonly sessionId: SessionId
    readonly runId: RunId
    readonly turn: number
    readonly provider: string
    readonly model: string
    readonly at: number
    readonly durationMs: number
    /** Why it ended: stop, tool-calls, length, or the code of its failure. */
    readonly finish: string
    readonly failed: boolean
    readonly usage?: UsageRecord
  }): void
  toolCalled?(fact: {
    readonly sessionId: SessionId
    readonly runId: RunId
    readonly turn: number
    readonly callId: CallId
    readonly tool: string
    readonly at: number
    readonly durationMs: number
    readonly ok: boolean
    readonly code?: string
  }): void
  /** A commit was answered; `bytes` of its record, `failed` with the code of the refusal. */
  committed?(fact: {
    readonly sessionId: SessionId
    readonly durationMs: number
    readonly bytes: number
    readonly failed?: string
  }): void
  lease?(fact: { readonly sessionId: SessionId; readonly event: 'claimed' | 'released' | 'lost' }): void
}

export type Fact<Name extends keyof RuntimeObserver> = Parameters<NonNullable<RuntimeObserver[Name]>>[0]

/** Tells the observer, if there is one that wants to hear of this. */
export function tell<Name extends keyof RuntimeObserver>(
  observer: RuntimeObserver | undefined,
  name: Name,
  fact: () => Fact<Name>,
): void {
  const hear = observer?.[name] as ((fact: Fact<Name>) => void) | undefined
  if (hear === undefined) return
  try {
    hear.call(observer, fact())
  } catch {
    // Who measures must not harm what is measured.
  }
}
