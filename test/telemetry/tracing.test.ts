/** Tracing across the runtime: from whoever sends, through the run, into tools and providers. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, type ContextManager, context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createRuntime } from '../../src/index.ts'
import { serve } from '../../src/surfaces/server.ts'
import { openTelemetry, type RuntimeObserver } from '../../src/telemetry/index.ts'
import { agentOn, lookup } from '../support/agent-run.ts'
import { startOpenAiServer, text, toolCalls } from '../support/openai-server.ts'

/** What a host's SDK brings: contexts that go along with promises and timers. */
class Contexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    act: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => act.call(self, ...args))
  }
  bind<T>(_: Context, target: T): T {
    return target
  }
  enable(): this {
    return this
  }
  disable(): this {
    return this
  }
}

beforeAll(() => {
  context.setGlobalContextManager(new Contexts())
})
afterAll(() => {
  context.disable()
})

const REMOTE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

/** A traced runtime whose tool traces, too. */
async function traced(more: Partial<RuntimeObserver> = {}) {
  const server = await startOpenAiServer()
  const exporter = new InMemorySpanExporter()
  const tracers = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const tracer = tracers.getTracer('t')
  const told: (string | undefined)[] = []
  const look = lookup(async (place, { traceparent }) => {
    told.push(traceparent)
    tracer.startSpan('database').end()
    await Promise.resolve()
    tracer.startActiveSpan('after a wait', span => span.end())
    return place
  })
  const observer = { ...openTelemetry({ tracer }), ...more }
  const runtime = await createRuntime({ executor: agentOn(server, { tools: [look] }), observer })
  onTestFinished(async () => {
    await runtime.close()
    await server.close()
  })
  server.script([toolCalls([{ id: 'c', name: 'look', args: { place: 'here' } }]), text('done')])
  await runtime.open({ sessionId: 's' })
  const span = (name: string) => exporter.getFinishedSpans().find(one => one.name === name)
  const parentOf = (name: string): string | undefined => span(name)?.parentSpanContext?.spanId
  const idOf = (name: string): string | undefined => span(name)?.spanContext().spanId
  return { runtime, server, tracer, told, span, parentOf, idOf }
}

describe('a span', () => {
  test('of a tool call is active in the tool, and what the tool traces is its child', async () => {
    const { runtime, told, span, parentOf, idOf } = await traced()
    await runtime.send('s', { content: 'look', waitMs: 10_000 })
    await runtime.close()
    expect(idOf('execute_tool look')).toBeDefined()
    expect(parentOf('database')).toBe(idOf('execute_tool look'))
    expect(parentOf('after a wait')).toBe(idOf('execute_tool look'))
    expect(parentOf('execute_tool look')).toBe(idOf('invoke_agent'))
    const trace = span('execute_tool look')?.spanContext()
    expect(told).toEqual([`00-${trace?.traceId}-${trace?.spanId}-01`])
  })

  test('of a model call goes along to the provider', async () => {
    const { runtime, server, span } = await traced()
    await runtime.send('s', { content: 'look', waitMs: 10_000 })
    await runtime.close()
    const chat = span('chat m')?.spanContext()
    expect(server.requests[0]?.headers['traceparent']).toBe(`00-${chat?.traceId}-${chat?.spanId}-01`)
    expect(server.requests[1]?.headers['traceparent']).not.toBe(server.requests[0]?.headers['traceparent'])
  })

  test('in which an input is sent is the parent of its run, also after a restart', async () => {
    const { runtime, tracer, span, parentOf } = await traced()
    const sender = tracer.startSpan('request')
    const sent = context.with(trace.setSpan(ROOT_CONTEXT, sender), () =>
      runtime.send('s', { content: 'look', waitMs: 10_000 }),
    )
    await sent
    sender.end()
    await runtime.close()
    expect(parentOf('invoke_agent')).toBe(sender.spanContext().spanId)
    expect(span('invoke_agent')?.spanContext().traceId).toBe(sender.spanContext().traceId)
    expect(span('invoke_agent')?.parentSpanContext?.isRemote).toBe(true)
  })

  test('of nobody is parent of a run that nobody traced, wherever it happens to be started', async () => {
    const { runtime, span } = await traced({ carrier: () => ({}) })
    await context.with(trace.setSpan(ROOT_CONTEXT, trace.wrapSpanContext(sampled)), () =>
      runtime.send('s', { content: 'look', waitMs: 10_000 }),
    )
    await runtime.close()
    expect(span('invoke_agent')?.parentSpanContext).toBeUndefined()
  })

  test('comes over HTTP in the header of that name, or as a parameter', async () => {
    const { runtime, parentOf } = await traced()
    await using http = await serve({ runtime, port: 0 })
    const response = await fetch(`${http.url}/v1/sessions/s/inputs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: REMOTE },
      body: JSON.stringify({ content: 'look', waitMs: 10_000 }),
    })
    expect(await response.json()).toMatchObject({ status: 'consumed' })
    await http.close()
    await runtime.close()
    expect(parentOf('invoke_agent')).toBe('b7ad6b7169203331')
  })
})

const sampled = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 }

describe('a traceparent', () => {
  test.each(['', 'x', '00-0-0-00', `ff${REMOTE.slice(2)}`, `${REMOTE}\n`, 42, null])(
    'that is none (%j) is refused as a parameter',
    async traceparent => {
      await using runtime = await createRuntime()
      await runtime.open({ sessionId: 's' })
      const sent = runtime.send('s', { content: 'x', traceparent: traceparent as string })
      await expect(sent).rejects.toMatchObject({ code: 'invalid-params' })
    },
  )

  test('that is none in a header means nothing', async () => {
    const { runtime, span } = await traced()
    await using http = await serve({ runtime, port: 0 })
    const response = await fetch(`${http.url}/v1/input/send`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: 'rubbish' },
      body: JSON.stringify({ sessionId: 's', content: 'look', waitMs: 10_000 }),
    })
    expect(response.status).toBe(200)
    await http.close()
    await runtime.close()
    expect(span('invoke_agent')?.parentSpanContext).toBeUndefined()
  })
})

describe('an observer', () => {
  test.each<readonly [what: string, more: Partial<RuntimeObserver>]>([
    [
      'throws before the call begins',
      {
        within: () => {
          throw new Error('no')
        },
      },
    ],
    [
      'throws after it began',
      {
        within: (_, begin) => {
          begin()
          throw new Error('no')
        },
      },
    ],
    [
      'begins it twice',
      {
        within: (_, begin) => {
          begin()
          begin()
        },
      },
    ],
    ['never begins it', { within: () => {} }],
    ['carries what is no trace', { carrier: () => ({ traceparent: 'no' }) }],
    [
      'throws where it is asked what to carry',
      {
        carrier: () => {
          throw new Error('no')
        },
      },
    ],
    ['carries nothing', { carrier: () => undefined as never }],
  ])('that %s harms nothing: each call is made once', async (_, more) => {
    const { runtime, told, server } = await traced(more)
    const { result } = await runtime.send('s', { content: 'look', waitMs: 10_000 })
    expect(result).toMatchObject({ outcome: 'completed', text: 'done' })
    expect(told).toHaveLength(1)
    expect(server.requests).toHaveLength(2)
  })
})
