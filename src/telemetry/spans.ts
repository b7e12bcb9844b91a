/** The open spans of runs and their calls, and the trace context that is passed to other systems. */
import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { RunId } from '../kernel/ids.ts'
import type { ObservedCall, TraceCarrier } from '../observer.ts'

/** Most open runs that are kept; the end of a run whose owner lost the session is never reported. */
const OPEN_RUNS = 10_000

interface OpenRun {
  readonly span: Span
  /** The open calls, by a key that is unique within the run. */
  readonly calls: Map<string, Span>
}

interface Done {
  readonly durationMs: number
  readonly attributes: Attributes
  readonly failed: boolean
}

export class OpenSpans {
  readonly #tracer: Tracer
  /** Oldest first. */
  readonly #runs = new Map<RunId, OpenRun>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** Opens the span of a run, below the first of its senders' spans and with links to the others. */
  openRun(runId: RunId, startTime: number, attributes: Attributes, traceparents: readonly string[]): void {
    const [oldest] = this.#runs
    if (oldest !== undefined && this.#runs.size >= OPEN_RUNS) this.closeRun(oldest[0])?.end()
    const [sender, ...others] = traceparents.flatMap(spanContextOf)
    // Not the span that happens to be active where the run is started: that may belong to another request.
    const parent = sender === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, sender)
    const options = { kind: SpanKind.INTERNAL, startTime, attributes, links: others.map(one => ({ context: one })) }
    this.#runs.set(runId, { span: this.#tracer.startSpan('invoke_agent', options, parent), calls: new Map() })
  }

  /** Removes and answers the run's span. Ends its calls that are still open. */
  closeRun(runId: RunId): Span | undefined {
    const run = this.#runs.get(runId)
    this.#runs.delete(runId)
    for (const call of run?.calls.values() ?? []) call.end()
    return run?.span
  }

  /** Opens the span of a call; answers the context in which it is active. */
  begin(call: ObservedCall): Context {
    const calls = this.#runs.get(call.runId)?.calls
    calls?.get(keyOf(call))?.end()
    const span = this.#start(call)
    calls?.set(keyOf(call), span)
    return trace.setSpan(this.#contextOf(call.runId), span)
  }

  /** Ends the span of a call with what is known of it now. */
  end(call: ObservedCall, { durationMs, attributes, failed }: Done): void {
    const calls = this.#runs.get(call.runId)?.calls
    const span = calls?.get(keyOf(call)) ?? this.#start(call)
    calls?.delete(keyOf(call))
    span.setAttributes(attributes)
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end(call.at + durationMs)
  }

  #start(call: ObservedCall): Span {
    const [name, kind] =
      call.kind === 'tool' ? [`execute_tool ${call.tool}`, SpanKind.INTERNAL] : [`chat ${call.model}`, SpanKind.CLIENT]
    return this.#tracer.startSpan(name, { kind, startTime: call.at }, this.#contextOf(call.runId))
  }

  #contextOf(runId: RunId): Context {
    const run = this.#runs.get(runId)
    return run === undefined ? context.active() : trace.setSpan(ROOT_CONTEXT, run.span)
  }
}

function keyOf(call: ObservedCall): string {
  return call.kind === 'tool' ? call.callId : `turn ${call.turn}`
}

/** The span that a W3C `traceparent` names, in a list of one, or of none. */
function spanContextOf(traceparent: string): readonly SpanContext[] {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-')
  const span = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  return isSpanContextValid(span) ? [span] : []
}

/** The active span's context, as headers for other systems. */
export function activeCarrier(): TraceCarrier {
  const span = trace.getActiveSpan()?.spanContext()
  if (span === undefined || !isSpanContextValid(span)) return {}
  const { traceId, spanId, traceFlags, traceState } = span
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
  const tracestate = traceState?.serialize() ?? ''
  return tracestate === '' ? { traceparent } : { traceparent, tracestate }
}
