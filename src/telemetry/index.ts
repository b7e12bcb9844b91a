/**
 * `meerkat-ts/telemetry`: a runtime's facts as OpenTelemetry spans and metrics, by the GenAI conventions.
 *
 * A run is an `invoke_agent` span; its model calls (`chat MODEL`) and tool calls (`execute_tool NAME`) are its children.
 * Neither prompts nor answers are in them. Without an SDK registered by the host, all of it is a no-op.
 */
import {
  type Attributes,
  type Context,
  context,
  type Histogram,
  type Meter,
  metrics,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { RunId } from '../kernel/ids.ts'
import type { RuntimeObserver } from '../observer.ts'
import type { UsageRecord } from '../store/records.ts'
import { version } from '../version.ts'

export type { RuntimeObserver } from '../observer.ts'

export interface OpenTelemetryOptions {
  /** Default: the tracer of the registered provider. */
  readonly tracer?: Tracer
  /** Default: the meter of the registered provider. */
  readonly meter?: Meter
}

const NAME = 'meerkat-ts'
/** Runs whose end was never told (their owner lost them) are forgotten beyond this many. */
const OPEN_RUNS = 10_000

/** An observer for `createRuntime({ observer })`. */
export function openTelemetry(options: OpenTelemetryOptions = {}): RuntimeObserver {
  const tracer = options.tracer ?? trace.getTracer(NAME, version)
  const meters = instruments(options.meter ?? metrics.getMeter(NAME, version))
  const runs = new OpenRuns()
  return {
    inputAccepted: ({ durableMs }) => meters.accepted.record(durableMs / 1_000),
    runStarted({ sessionId, runId, attempt, at, queuedMs }) {
      meters.queueAge.record(queuedMs / 1_000)
      const attributes = {
        'gen_ai.operation.name': 'invoke_agent',
        'gen_ai.conversation.id': sessionId,
        'meerkat.run.id': runId,
        'meerkat.run.attempt': attempt,
      }
      runs.open(runId, tracer.startSpan('invoke_agent', { kind: SpanKind.INTERNAL, startTime: at, attributes }))
    },
    runEnded({ runId, at, durationMs, outcome, error, usage }) {
      meters.run.record(durationMs / 1_000, { 'meerkat.run.outcome': outcome, ...errorType(error) })
      const span = runs.close(runId)
      span?.setAttributes({ 'meerkat.run.outcome': outcome, ...usageAttributes(usage), ...errorType(error) })
      if (error !== undefined) span?.setStatus({ code: SpanStatusCode.ERROR, message: error })
      span?.end(at)
    },
    modelCalled({ runId, provider, model, turn, at, durationMs, finish, failed, usage }) {
      const common = {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': provider,
        'gen_ai.request.model': model,
      }
      const error = failed ? errorType(finish) : {}
      const attributes = {
        ...common,
        ...error,
        ...usageAttributes(usage),
        'meerkat.turn': turn,
        'gen_ai.response.finish_reasons': [finish],
      }
      child(tracer, runs.contextOf(runId), `chat ${model}`, SpanKind.CLIENT, { at, durationMs, attributes, failed })
      meters.model.record(durationMs / 1_000, { ...common, ...error })
      for (const [type, tokens] of tokenCounts(usage)) {
        meters.tokens.record(tokens, { ...common, 'gen_ai.token.type': type })
      }
    },
    toolCalled({ runId, tool, callId, turn, at, durationMs, ok, code }) {
      const common = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': tool, ...errorType(code) }
      const attributes = { ...common, 'gen_ai.tool.call.id': callId, 'meerkat.turn': turn }
      const name = `execute_tool ${tool}`
      child(tracer, runs.contextOf(runId), name, SpanKind.INTERNAL, { at, durationMs, attributes, failed: !ok })
      meters.tool.record(durationMs / 1_000, common)
    },
    committed({ durationMs, bytes, failed }) {
      meters.commit.record(durationMs / 1_000, errorType(failed))
      meters.commitSize.record(bytes)
    },
    lease: ({ event }) => meters.lease.add(1, { 'meerkat.lease.event': event }),
  }
}

/** The spans of runs that have begun, oldest first. */
class OpenRuns {
  readonly #spans = new Map<RunId, Span>()

  open(runId: RunId, span: Span): void {
    const [oldest] = this.#spans
    if (oldest !== undefined && this.#spans.size >= OPEN_RUNS) this.close(oldest[0])?.end()
    this.#spans.set(runId, span)
  }

  close(runId: RunId): Span | undefined {
    const span = this.#spans.get(runId)
    this.#spans.delete(runId)
    return span
  }

  contextOf(runId: RunId): Context {
    const span = this.#spans.get(runId)
    return span === undefined ? context.active() : trace.setSpan(context.active(), span)
  }
}

interface Done {
  readonly at: number
  readonly durationMs: number
  readonly attributes: Attributes
  readonly failed: boolean
}

/** A span of something that is over already. */
function child(
  tracer: Tracer,
  parent: Context,
  name: string,
  kind: SpanKind,
  { at, durationMs, attributes, failed }: Done,
): void {
  const span = tracer.startSpan(name, { kind, startTime: at, attributes }, parent)
  if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end(at + durationMs)
}

interface Instruments {
  readonly accepted: Histogram
  readonly queueAge: Histogram
  readonly run: Histogram
  readonly model: Histogram
  readonly tokens: Histogram
  readonly tool: Histogram
  readonly commit: Histogram
  readonly commitSize: Histogram
  readonly lease: ReturnType<Meter['createCounter']>
}

function instruments(meter: Meter): Instruments {
  const seconds = (name: string, description: string): Histogram =>
    meter.createHistogram(name, { unit: 's', description })
  return {
    accepted: seconds('meerkat.input.accept.duration', 'From the offer of an input until it is durable'),
    queueAge: seconds('meerkat.input.queue.age', 'How long the oldest input of a run has waited'),
    run: seconds('meerkat.run.duration', 'Duration of a run'),
    model: seconds('gen_ai.client.operation.duration', 'Duration of a model call'),
    tokens: meter.createHistogram('gen_ai.client.token.usage', {
      unit: '{token}',
      description: 'Tokens of a model call',
    }),
    tool: seconds('meerkat.tool.duration', 'Duration of a tool call'),
    commit: seconds('meerkat.store.commit.duration', 'From a commit until the store has answered'),
    commitSize: meter.createHistogram('meerkat.store.commit.size', {
      unit: 'By',
      description: 'Size of a commit record',
    }),
    lease: meter.createCounter('meerkat.lease.events', { description: 'Sessions claimed, released and lost' }),
  }
}

const errorType = (code: string | undefined): Attributes => (code === undefined ? {} : { 'error.type': code })

function tokenCounts(usage: UsageRecord | undefined): readonly (readonly [type: string, tokens: number])[] {
  const counts = [
    ['input', usage?.inputTokens],
    ['output', usage?.outputTokens],
  ] as const
  return counts.flatMap(([type, tokens]) => (tokens === undefined ? [] : [[type, tokens] as const]))
}

function usageAttributes(usage: UsageRecord | undefined): Attributes {
  return Object.fromEntries(tokenCounts(usage).map(([type, tokens]) => [`gen_ai.usage.${type}_tokens`, tokens]))
}
