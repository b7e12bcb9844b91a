/** Tool calls: recorded before they run, side by side, bounded, and told to the model as they are. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type AgentTool, type ToolContext, tool } from '../../src/executor/agent/index.ts'
import { agentOn, lookup, saying, start, textOf } from '../support/agent-run.ts'
import * as openai from '../support/openai-server.ts'
import { type OpenAiServer, startOpenAiServer, text, toolCalls, trailingToolResults } from '../support/openai-server.ts'

let server: OpenAiServer

beforeEach(async () => {
  server = await startOpenAiServer()
})
afterEach(async () => {
  await server.close()
  server.assertOrderly()
  expect(server.unused).toBe(0)
})

const lookHere = (id = 'c1', place: unknown = 'here') => toolCalls([{ id, name: 'look', args: { place } }])

/** What the model was told about its calls in request `index`. */
function told(index: number): readonly string[] {
  const request = server.requests[index]
  return request === undefined ? [] : trailingToolResults(request.body).map(result => result.text)
}

/** A tool that hangs until its signal aborts, and notes what it was given. */
function hanging(more: Partial<Pick<AgentTool, 'timeoutMs'>> = {}, onAbort: 'stops' | 'ignores' = 'stops') {
  const begun = Promise.withResolvers<ToolContext>()
  const hang = lookup((_, context) => {
    begun.resolve(context)
    return new Promise((__, reject) => {
      if (onAbort === 'stops') context.signal.addEventListener('abort', () => reject(new Error('I stop')))
    })
  }, more)
  return { tool: hang, begun: begun.promise }
}

describe('a tool call', () => {
  test('its intent is recorded before it runs, its outcome after, then the boundary', async () => {
    server.script([lookHere(), text('done')])
    const order: string[] = []
    const look = lookup(place => {
      order.push(...run.port.reports.flatMap(({ type }) => (type === 'event' ? [] : [type])), 'runs')
      return `seen: ${place}`
    })
    const run = start(agentOn(server, { tools: [look] }))
    expect(textOf(await run.output)).toBe('done')
    expect(order).toEqual(['intend', 'runs'])
    expect(run.port.reports.filter(({ type }) => type !== 'event').map(({ type }) => type)).toEqual([
      'intend',
      'outcomes',
      'boundary',
    ])
    expect(told(1)).toEqual(['seen: here'])
  })

  test('has an id of our own, the same in the record, for the tool and towards the model', async () => {
    server.script([lookHere('same'), lookHere('same'), text('done')])
    const ids: string[] = []
    const run = start(agentOn(server, { tools: [lookup((_, { callId }) => ids.push(callId))] }))
    await run.output
    const intended = run.port.of('intend').flatMap(({ calls }) => calls.map(({ callId }) => callId))
    expect(ids).toEqual(intended)
    expect(new Set(ids).size).toBe(2)
    expect(server.requests[2]?.body.messages.flatMap(message => message.tool_call_id ?? [])).toEqual(ids)
  })

  test('several run side by side, and the model gets the results in the order of its calls', async () => {
    server.script([
      toolCalls(
        ['a', 'b', 'c'].map(place => ({ id: place, name: 'look', args: { place } })),
        { interleave: true },
      ),
      text('done'),
    ])
    const waiting = new Map<string, () => void>()
    const all = Promise.withResolvers<void>()
    const look = lookup(async place => {
      await new Promise<void>(resolve => {
        waiting.set(place, resolve)
        if (waiting.size === 3) all.resolve()
      })
      return place
    })
    const run = start(agentOn(server, { tools: [look] }))
    await all.promise
    waiting.get('c')?.()
    await run.port.until(({ type }) => type === 'outcomes')
    waiting.get('b')?.()
    waiting.get('a')?.()
    await run.output
    expect(run.port.of('outcomes').map(({ outcomes }) => outcomes.map(({ output }) => output))).toEqual([
      ['c'],
      ['b', 'a'],
    ])
    expect(told(1)).toEqual(['a', 'b', 'c'])
  })

  test('shows its progress', async () => {
    server.script([lookHere(), text('done')])
    const run = start(agentOn(server, { tools: [lookup((_, { progress }) => progress({ percent: 50 }))] }))
    await run.output
    expect(run.port.events('tool.progress')).toMatchObject([{ turn: 1, data: { percent: 50 } }])
  })

  test('knows its session, its run and its deadline', async () => {
    server.script([lookHere(), text('done')])
    const contexts: ToolContext[] = []
    const run = start(agentOn(server, { tools: [lookup((_, context) => contexts.push(context), { timeoutMs: 7000 })] }))
    await run.output
    expect(contexts).toMatchObject([
      { sessionId: 'session-1', runId: 'run-1', deadline: { at: run.clock.now() + 7000 } },
    ])
  })
})

describe('calls that are not made', () => {
  test.each([
    ['arguments that are no JSON', () => openai.invalidJsonArgs('c1', 'look'), 'invalid-arguments', 'not valid JSON'],
    [
      'arguments that reach for a prototype',
      () => openai.invalidJsonArgs('c1', 'look', '{"place":"there","__proto__":{"admin":true}}'),
      'invalid-arguments',
      'prototype',
    ],
    [
      'arguments that reach for a prototype by the constructor',
      () => openai.invalidJsonArgs('c1', 'look', '{"place":"there","constructor":{"prototype":{"admin":true}}}'),
      'invalid-arguments',
      'prototype',
    ],
    ['arguments that do not fit', () => openai.schemaViolation('c1', 'look'), 'invalid-arguments', 'do not fit'],
    ['an unknown tool', () => openai.unknownTool('c1', 'fly'), 'unknown-tool', 'The tools are: look.'],
    ['arguments cut off at the output limit', () => openai.lengthLimited(lookHere()), 'invalid-arguments', 'cut off'],
  ])('%s: the model is told what was wrong and goes on', async (_, reply, code, message) => {
    server.script([reply(), lookHere('c2'), text('done')])
    const places: string[] = []
    const run = start(agentOn(server, { tools: [lookup(place => places.push(place))] }))
    expect(textOf(await run.output)).toBe('done')
    expect(places).toEqual(['here'])
    expect(run.port.of('outcomes')[0]?.outcomes).toMatchObject([{ ok: false, code }])
    expect(told(1)).toEqual([saying(message)])
  })

  test('a model that never learns is stopped after its turns', async () => {
    server.script(Array.from({ length: 4 }, (_, index) => openai.unknownTool(`c${index}`, 'fly')))
    const run = start(agentOn(server, { tools: [lookup()], maxTurns: 4 }))
    expect(await run.output).toMatchObject({
      type: 'failed',
      source: 'max-turns-reached',
      turns: { made: 4, allowed: 4 },
    })
  })
})

describe('calls that go wrong', () => {
  test('a tool that throws tells its message, never its stack', async () => {
    server.script([lookHere(), text('done')])
    const run = start(agentOn(server, { tools: [lookup(() => Promise.reject(new TypeError('it is dark')))] }))
    await run.output
    expect(run.port.of('outcomes')[0]?.outcomes).toMatchObject([{ ok: false, code: 'threw', output: 'it is dark' }])
  })

  test.each([
    [
      'a circle',
      () =>
        Object.assign(
          {},
          {
            get self(): unknown {
              return BigInt(1)
            },
          },
        ),
    ],
    ['a function', () => () => 1],
    ['a big integer', () => 1n],
  ])('a result that is no JSON: %s', async (_, result) => {
    server.script([lookHere(), text('done')])
    const run = start(agentOn(server, { tools: [lookup(result)] }))
    await run.output
    expect(run.port.of('outcomes')[0]?.outcomes).toMatchObject([{ ok: false, code: 'invalid-result' }])
  })

  test('a result that does not have its declared form', async () => {
    server.script([lookHere(), text('done')])
    const look = tool({
      name: 'look',
      description: 'Looks.',
      input: z.object({ place: z.string() }),
      output: z.object({ seen: z.string() }),
      execute: () => ({ seen: 1 as never }),
    })
    const run = start(agentOn(server, { tools: [look] }))
    await run.output
    expect(run.port.of('outcomes')[0]?.outcomes).toMatchObject([{ ok: false, code: 'invalid-result' }])
  })

  test('a huge result is cut, with a mark', async () => {
    server.script([lookHere(), text('done')])
    const run = start(agentOn(server, { tools: [lookup(() => 'x'.repeat(300_000))] }))
    await run.output
    expect(told(1)[0]).toHaveLength(262_144 + '\n[truncated: 262144 of 300002 characters]'.length)
    expect(told(1)[0]).toMatch(/\[truncated: 262144 of 300002 characters\]$/)
  })

  test('a tool that takes too long is stopped', async () => {
    server.script([lookHere(), text('done')])
    const hang = hanging({ timeoutMs: 5000 })
    const run = start(agentOn(server, { tools: [hang.tool] }))
    await hang.begun
    run.clock.advance(5000)
    await run.output
    expect(run.port.of('outcomes')[0]?.outcomes).toMatchObject([
      { ok: false, code: 'timeout', output: saying('unknown') },
    ])
  })

  test('a tool that ignores its signal is given up after two seconds', async () => {
    server.script([lookHere(), text('done')])
    const hang = hanging({}, 'ignores')
    const run = start(agentOn(server, { tools: [hang.tool], toolTimeoutMs: 1000 }))
    await hang.begun
    run.clock.advance(1000)
    await run.clock.waiting(2000)
    run.clock.advance(2000)
    expect(textOf(await run.output)).toBe('done')
    expect(run.port.of('outcomes')[0]?.outcomes).toMatchObject([
      { code: 'timeout', durationMs: 3000, output: saying('did not react') },
    ])
  })
})

describe('aborts during a call', () => {
  test('a cancel stops the tool, and its outcome is recorded', async () => {
    server.script([lookHere()])
    const hang = hanging()
    const run = start(agentOn(server, { tools: [hang.tool] }))
    const { signal } = await hang.begun
    run.port.abort('cancelled')
    expect(await run.output).toMatchObject({ type: 'cancelled' })
    expect(signal.aborted).toBe(true)
    expect(run.port.of('outcomes')[0]?.outcomes).toMatchObject([{ ok: false, code: 'cancelled' }])
  })

  test("the run's deadline stops the tool", async () => {
    server.script([lookHere()])
    const hang = hanging()
    const run = start(agentOn(server, { tools: [hang.tool] }), { maxRunMs: 3000 })
    await hang.begun
    run.clock.advance(3000)
    expect(await run.output).toMatchObject({ type: 'failed', source: 'time-budget-exceeded' })
    expect(run.port.of('outcomes')[0]?.outcomes).toMatchObject([{ ok: false, code: 'timeout' }])
  })

  test('a runtime that closes leaves the call to its policy', async () => {
    server.script([lookHere()])
    const hang = hanging({}, 'ignores')
    const run = start(agentOn(server, { tools: [hang.tool] }))
    await hang.begun
    run.port.abort('closing')
    await run.clock.waiting(0)
    run.clock.advance(0)
    await expect(run.output).rejects.toMatchObject({ name: 'Interrupted' })
    expect(run.port.of('outcomes')).toEqual([])
    expect(run.port.calls()).toMatchObject([{ state: 'dispatched' }])
  })

  test('a cancel at the boundary ends the run there', async () => {
    server.script([lookHere()])
    const run = start(agentOn(server, { tools: [lookup()] }), { cancelAtBoundary: 1 })
    expect(await run.output).toMatchObject({ type: 'cancelled' })
  })
})

describe('steers', () => {
  test('join at the boundary and are the next thing the model hears', async () => {
    server.script([lookHere(), text('done')])
    await start(agentOn(server, { tools: [lookup()] }), { steers: [['the database first']] }).output
    expect(server.requests[1]?.body.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user'])
    expect(openai.lastUserText(server.requests[1]!.body)).toBe('the database first')
  })
})

describe('which tools there are', () => {
  test("a session's list limits them", async () => {
    server.script([text('done')])
    const executor = agentOn(server, {
      tools: { a: lookup(undefined, { name: 'a' }), b: lookup(undefined, { name: 'b' }) },
    })
    await start(executor, { session: { tools: ['b'] } }).output
    expect(server.requests[0]?.body.tools?.map(one => one.function.name)).toEqual(['b'])
    expect(executor.tools?.({})?.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(executor.tools?.({ tools: ['a'] })).toMatchObject([{ name: 'a', policy: 'ask', needsApproval: false }])
  })

  test('a function is asked before every model call', async () => {
    server.script([toolCalls([{ id: 'c', name: 'one', args: { place: 'x' } }]), text('done')])
    const generations = [lookup(undefined, { name: 'one' }), lookup(undefined, { name: 'two' })]
    await start(agentOn(server, { tools: () => generations.splice(0, 1) })).output
    expect(server.requests.map(({ body }) => body.tools?.map(one => one.function.name))).toEqual([['one'], ['two']])
  })

  test('two of one name, and a name that providers refuse, are refused at once', () => {
    expect(() => agentOn(server, { tools: [lookup(), lookup()] })).toThrow('two tools are named look')
    expect(() => lookup(undefined, { name: 'look at' })).toThrow("a tool's name")
  })
})
