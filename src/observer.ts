/**
 * Facts that an operator may want to measure, as plain data, after they happened.
 *
 * An observer only watches. It is called synchronously, its answer is not read, and what it throws is ignored: no run
 * fails or waits because it is measured. Two methods go further, for tracing: `within` may run a call of a model or a
 * tool in a context of its own, and `carrier` answers the trace context to pass on to other systems.
 */
import { unheard } from './foreign.ts'
import type { CallId, InputId, RunId, SessionId } from './kernel/ids.ts'
import type { UsageRecord } from './store/records.ts'

/** A call that an observer may run in a context of its own. */
export type ObservedCall = {
  readonly sessionId: SessionId
  readonly runId: RunId
  readonly turn: number
  readonly at: number
} & (
  | { readonly kind: 'model'; readonly provider: string; readonly model: string }
  | { readonly kind: 'tool'; readonly callId: CallId; readonly tool: string }
)

/** A W3C trace context, which connects work in another process to this one. */
export interface TraceCarrier {
  readonly traceparent?: string
  readonly tracestate?: string
}

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
    /** The trace contexts of its inputs' senders, head first, as far as the senders were traced. */
    readonly traceparents?: readonly string[]
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
    /** Why the call ended: stop, tool-calls, length, or the code of its failure. */
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
  /** The store answered a commit: `bytes` of its record, and `failed` with the code of a refusal. */
  committed?(fact: {
    readonly sessionId: SessionId
    readonly durationMs: number
    readonly bytes: number
    readonly failed?: string
  }): void
  lease?(fact: {
    readonly sessionId: SessionId
    readonly event: 'claimed' | 'released' | 'lost'
    /** Why the session was lost: `not-owner`, or `store-unavailable` where the store refused for too long. */
    readonly error?: string
    readonly message?: string
  }): void
  /** Has to call `begin` once, synchronously, in the context that the call is to run in. */
  within?(call: ObservedCall, begin: () => void): void
  /** The active trace context of the caller. */
  carrier?(): TraceCarrier
}

type FactName = Exclude<keyof RuntimeObserver, 'within' | 'carrier'>
export type Fact<Name extends FactName> = Parameters<NonNullable<RuntimeObserver[Name]>>[0]

/** Tells the observer a fact, if there is one that listens to this kind. */
export function tell<Name extends FactName>(
  observer: RuntimeObserver | undefined,
  name: Name,
  fact: () => Fact<Name>,
): void {
  const hear = observer?.[name] as ((fact: Fact<Name>) => unknown) | undefined
  if (hear === undefined) return
  try {
    unheard(hear.call(observer, fact()))
  } catch {
    // An observer that throws must not affect what it observes.
  }
}

/** Begins a call in the observer's context, exactly once whatever the observer does; answers the call's answer. */
export function within<T>(observer: RuntimeObserver | undefined, call: ObservedCall, begin: () => T): T {
  if (observer?.within === undefined) return begin()
  let begun: { readonly value: T } | { readonly error: unknown } | undefined
  const once = (): typeof begun => (begun ??= attempted(begin))
  try {
    observer.within(call, once)
  } catch {
    // An observer that throws must not affect what it observes.
  }
  const result = once()
  if (result !== undefined && 'value' in result) return result.value
  throw result?.error
}

function attempted<T>(begin: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: begin() }
  } catch (error) {
    return { error }
  }
}

/** Version, trace, span and flags, as https://www.w3.org/TR/trace-context/ writes them. */
const TRACEPARENT: RegExp = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

export function isTraceparent(value: unknown): value is string {
  return typeof value === 'string' && TRACEPARENT.test(value)
}

/** The trace context to pass on to another system: none if it is malformed, or there is no tracing. */
export function carried(observer: RuntimeObserver | undefined): TraceCarrier {
  if (observer?.carrier === undefined) return {}
  try {
    const { traceparent, tracestate } = observer.carrier()
    if (!isTraceparent(traceparent)) return {}
    const isState = typeof tracestate === 'string' && /^[\x20-\x7e]{1,512}$/.test(tracestate)
    return { traceparent, ...(isState && { tracestate }) }
  } catch {
    return {}
  }
}
