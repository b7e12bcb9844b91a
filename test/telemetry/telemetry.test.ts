/** What a run looks like in OpenTelemetry, with the real SDK. */
import { SpanStatusCode } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createRuntime } from '../../src/index.ts'
import { openTelemetry } from '../../src/telemetry/index.ts'
import { agentOn, lookup } from '../support/agent-run.ts'
import { type OpenAiServer, quotaExceeded, startOpenAiServer, text, toolCalls } from '../support/openai-server.ts'

let server: OpenAiServer

beforeEach(async () => {
  server = await startOpenAiServer()
})
afterEach(async () => {
  await server.close()
})

/** A runtime that is measured, and what was measured. */
async function measured() {
  const spans = new InMemorySpanExporter()
  const tracers = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] })
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const meters = new MeterProvider({ readers: [reader] })
  const observer = openTelemetry({ tracer: tracers.getTracer('t'), meter: meters.getMeter('t') })
  const runtime = await createRuntime({
    executor: agentOn(server, { tools: [lookup()], retries: 0 }),
    observer,
  })
  onTestFinished(() => runtime.close())
  const metricNames = async (): Promise<readonly string[]> => {
    await reader.forceFlush()
    return exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) =>
        scopeMetrics.flatMap(scope => scope.metrics.map(({ descriptor }) => descriptor.name)),
      )
  }
  return { runtime, spans, metricNames }
}

describe('a run', () => {
  test('is a span with its model and tool calls as children, by the GenAI conventions', async () => {
    server.script([toolCalls([{ id: 'c', name: 'look', args: { place: 'here' } }]), text('done')])
    const { runtime, spans } = await measured()
    await runtime.open({ sessionId: 's' })
    const { result } = await runtime.send('s', { content: 'the secret word is xyzzy', waitMs: 10_000 })
    await runtime.close()
    const all = spans.getFinishedSpans()
    expect(all.map(({ name }) => name)).toEqual(['chat m', 'execute_tool look', 'chat m', 'invoke_agent'])
    const run = all.at(-1)
    expect(run?.attributes).toMatchObject({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.conversation.id': 's',
      'meerkat.run.id': result?.runId,
      'meerkat.run.outcome': 'completed',
    })
    for (const one of all.slice(0, 3)) {
      expect(one.parentSpanContext?.spanId).toBe(run?.spanContext().spanId)
      expect(one.spanContext().traceId).toBe(run?.spanContext().traceId)
    }
    expect(all[0]?.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'm',
      'gen_ai.usage.input_tokens': expect.any(Number) as unknown,
      'gen_ai.response.finish_reasons': ['tool-calls'],
    })
    expect(all[1]?.attributes).toMatchObject({ 'gen_ai.tool.name': 'look', 'gen_ai.operation.name': 'execute_tool' })
    // What people said is nobody's measurement.
    expect(JSON.stringify(all.map(({ attributes, events }) => [attributes, events]))).not.toContain('xyzzy')
  })

  test('that fails says why', async () => {
    server.script([quotaExceeded()])
    const { runtime, spans } = await measured()
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: 'x', waitMs: 10_000 })
    await runtime.close()
    const [chat, run] = spans.getFinishedSpans()
    expect(chat?.status.code).toBe(SpanStatusCode.ERROR)
    expect(run?.status.code).toBe(SpanStatusCode.ERROR)
    expect(run?.attributes['error.type']).toBe(chat?.attributes['error.type'])
  })

  test('is measured: accepting, waiting, running, calling, writing and holding', async () => {
    server.script([toolCalls([{ id: 'c', name: 'look', args: { place: 'here' } }]), text('done')])
    const { runtime, metricNames } = await measured()
    await runtime.open({ sessionId: 's' })
    await runtime.send('s', { content: 'x', waitMs: 10_000 })
    expect(new Set(await metricNames())).toEqual(
      new Set([
        'meerkat.input.accept.duration',
        'meerkat.input.queue.age',
        'meerkat.run.duration',
        'gen_ai.client.operation.duration',
        'gen_ai.client.token.usage',
        'meerkat.tool.duration',
        'meerkat.store.commit.duration',
        'meerkat.store.commit.size',
        'meerkat.lease.events',
      ]),
    )
  })

  test('is not harmed by an observer that throws', async () => {
    server.script([text('done')])
    const fails = (): never => {
      throw new Error('the collector is down')
    }
    const observer = {
      inputAccepted: fails,
      runStarted: fails,
      runEnded: fails,
      modelCalled: fails,
      committed: fails,
      lease: fails,
    }
    const runtime = await createRuntime({ executor: agentOn(server), observer })
    onTestFinished(() => runtime.close())
    await runtime.open({ sessionId: 's' })
    expect(await runtime.send('s', { content: 'x', waitMs: 10_000 })).toMatchObject({ result: { text: 'done' } })
  })
})
