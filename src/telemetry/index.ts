/**
 * `meerkat-ts/telemetry`: a runtime's facts as OpenTelemetry spans and metrics, by the GenAI conventions.
 *
 * A run is an `invoke_agent` span, child of the span in which its input was sent, also across processes. Its model calls
 * (`chat MODEL`) and tool calls (`execute_tool NAME`) are its children, and active during the call: spans of a tool become
 * children of its call, and providers get the trace context. Spans contain neither prompts nor answers. Without an SDK
 * registered by the host, all of it is a no-op.
 */
import {
  type Attributes,
  context,
  type Histogram,
  type Meter,
  metrics,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { RuntimeObserver } from '../observer.ts'
import { checkOptions, type Fields, optional, withMethods } from '../options.ts'
import type { UsageRecord } from '../store/records.ts'
import { version } from '../version.ts'
import { activeCarrier, OpenSpans } from './spans.ts'

export type { RuntimeObserver } from '../observer.ts'

export interface OpenTelemetryOptions {
  /** Default: the tracer of the registered provider. */
  readonly tracer?: Tracer
  /** Default: the meter of the registered provider. */
  readonly meter?: Meter
}

const OPTIONS: Fields<OpenTelemetryOptions> = {
  tracer: optional(withMethods('a tracer', 'startSpan')),
  meter: optional(withMethods('a meter', 'createHistogram', 'createCounter')),
}

const NAME = 'meerkat-ts'

/** An observer for `createRuntime({ observer })`. */
export function openTelemetry(options: OpenTelemetryOptions = {}): RuntimeObserver {
  checkOptions('openTelemetry', options, OPTIONS)
  const meters = instruments(options.meter ?? metrics.getMeter(NAME, version))
  const spans = new OpenSpans(options.tracer ?? trace.getTracer(NAME, version))
  return {
    inputAccepted: ({ durableMs }) => meters.accepted.record(durableMs / 1_000),
    runStarted({ sessionId, runId, attempt, at, queuedMs, traceparents = [] }) {
      meters.queueAge.record(queuedMs / 1_000)
      const attributes = {
        'gen_ai.operation.name': 'invoke_agent',
        'gen_ai.conversation.id': sessionId,
        'meerkat.run.id': runId,
        'meerkat.run.attempt': attempt,
      }
      spans.openRun(runId, at, attributes, traceparents)
    },
    runEnded({ runId, at, durationMs, outcome, error, usage }) {
      meters.run.record(durationMs / 1_000, { 'meerkat.run.outcome': outcome, ...errorType(error) })
      const span = spans.closeRun(runId)
      span?.setAttributes({ 'meerkat.run.outcome': outcome, ...usageAttributes(usage), ...errorType(error) })
      if (error !== undefined) span?.setStatus({ code: SpanStatusCode.ERROR, message: error })
      span?.end(at)
    },
    modelCalled(fact) {
      const { provider, model, turn, durationMs, finish, failed, usage } = fact
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
      spans.end({ kind: 'model', ...fact }, { durationMs, attributes, failed })
      meters.model.record(durationMs / 1_000, { ...common, ...error })
      for (const [type, tokens] of tokenCounts(usage)) {
        meters.tokens.record(tokens, { ...common, 'gen_ai.token.type': type })
      }
    },
    toolCalled(fact) {
      const { tool, callId, turn, durationMs, ok, code } = fact
      const common = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': tool, ...errorType(code) }
      const attributes = { ...common, 'gen_ai.tool.call.id': callId, 'meerkat.turn': turn }
      spans.end({ kind: 'tool', ...fact }, { durationMs, attributes, failed: !ok })
      meters.tool.record(durationMs / 1_000, common)
    },
    committed({ durationMs, bytes, failed }) {
      meters.commit.record(durationMs / 1_000, errorType(failed))
      meters.commitSize.record(bytes)
    },
    lease: ({ event }) => meters.lease.add(1, { 'meerkat.lease.event': event }),
    within: (call, begin) => context.with(spans.begin(call), begin),
    carrier: activeCarrier,
  }
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
