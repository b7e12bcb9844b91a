/** The demo agent, through the same loop as any model. */
import { describe, expect, test } from 'vitest'
import { agent, demoModel, demoTools } from '../../src/executor/agent/index.ts'
import type { CallEntry } from '../../src/kernel/regions/calls/state.ts'
import { textOf } from '../support/agent-run.ts'
import { FakePort, type FakeRun } from '../support/fake-port.ts'
import { ManualClock } from '../support/manual-clock.ts'

const clock = new ManualClock()
const notes: string[] = []
const demo = agent({ model: demoModel({ wordDelayMs: 0 }), tools: demoTools({ clock, notes }) })

async function ask(said: string, run: FakeRun = {}) {
  const port = new FakePort({ said, clock, ...run })
  const output = await demo.apply(port)
  return { port, output, text: textOf(output) }
}

describe('the demo agent', () => {
  test('says what it is told, word by word', async () => {
    const { port, text, output } = await ask('say hello to the world')
    expect(text).toBe('hello to the world')
    expect(port.events('text.delta').map(event => event.text)).toEqual(['hello', ' to', ' the', ' world'])
    expect(output).toMatchObject({ type: 'completed', turn: 1, usage: { outputTokens: 4, calls: 1 } })
  })

  test('says plainly that it is a demo without a language model', async () => {
    expect((await ask('how are you?')).text).toContain('not a language model')
    expect((await ask('help')).text).toContain('count to 10')
  })

  test('counts', async () => {
    expect((await ask('count to 12')).text).toBe('1 2 3 4 5 6 7 8 9 10 11 12')
  })

  test('calls a tool and says what came of it', async () => {
    const { port, text } = await ask('what time is it?')
    expect(text).toContain('clock says: {"utc":"2026-01-02T03:04:05.000Z"}')
    expect(port.of('intend')).toMatchObject([{ turn: 1, calls: [{ tool: 'clock', policy: 'retry' }] }])
    expect(port.of('boundary')).toHaveLength(1)
    expect(port.events('turn.started').map(({ turn }) => turn)).toEqual([1, 2])
  })

  test('calls several tools side by side', async () => {
    const { port, text } = await ask('add 2 and 3 and roll 2 dice and note buy milk')
    expect(port.of('intend')[0]?.calls.map(({ tool }) => tool)).toEqual(['calculator', 'dice', 'note'])
    expect(text).toContain('calculator says: {"result":5}')
    expect(notes).toContain('buy milk')
  })

  test('rolls the same with the same call id', async () => {
    const first = await ask('roll 3 dice')
    const [outcome] = first.port.of('outcomes')[0]?.outcomes ?? []
    const again = new FakePort({
      clock,
      journal: first.port.journal().slice(0, 2),
      calls: first.port.calls().map((call): CallEntry => ({ ...call, state: 'owed' })),
    })
    await demo.apply(again)
    expect(again.of('outcomes')[0]?.outcomes).toMatchObject([{ callId: outcome?.callId, output: outcome?.output }])
  })

  test('thinks before it answers', async () => {
    const { port } = await ask('think about cats')
    expect(port.events('reasoning.completed')).toHaveLength(1)
    expect(port.events('reasoning.delta').length).toBeGreaterThan(1)
  })

  test('fails when asked to, and mends a hiccup by a retry', async () => {
    expect((await ask('fail')).output).toMatchObject({ type: 'failed', source: 'llm' })
    const port = new FakePort({ said: 'hiccup' })
    const output = agent({ model: demoModel({ wordDelayMs: 0 }), random: () => 1 }).apply(port)
    await port.until(({ type }) => type === 'retrying')
    ;(port.clock as ManualClock).advance(1000)
    expect(await output).toMatchObject({ type: 'completed', turn: 2 })
  })

  test('answers a value that fits a JSON Schema', async () => {
    const outputSchema = {
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 3 },
        age: { type: 'integer', minimum: 50 },
        tags: { type: 'array', items: { type: 'string' }, minItems: 2, uniqueItems: true },
        kind: { enum: ['cat', 'dog'] },
        at: { type: 'string', format: 'date-time' },
        inner: { $ref: '#/$defs/inner' },
      },
      required: ['name', 'age', 'tags', 'kind', 'inner'],
      additionalProperties: false,
      $defs: {
        inner: {
          type: 'object',
          properties: { deep: { anyOf: [{ type: 'null' }, { type: 'number' }] } },
          required: ['deep'],
        },
      },
    }
    const { output } = await ask('say Tom', { input: { outputSchema } })
    expect(output).toMatchObject({
      type: 'completed',
      output: { name: 'Tom', age: 50, kind: 'cat', inner: { deep: null } },
    })
  })

  test('corrects an answer that it gave badly', async () => {
    const { output, port } = await ask('say badly', { input: { outputSchema: { type: 'object' } } })
    expect(port.of('invalid-answer')).toHaveLength(1)
    expect(output).toMatchObject({ type: 'completed', output: {} })
  })

  test('acknowledges a steer that joined at a boundary', async () => {
    const { text } = await ask('what time is it', { steers: [['also roll dice'], ['say hurry']] })
    expect(text).toContain('You steered me: also roll dice')
  })

  test('a failed turn is over: the next request starts afresh', async () => {
    const context = [
      { role: 'user', content: 'fail', index: 0 },
      { role: 'notice', content: 'The turn failed', index: 1 },
    ] as const
    expect((await ask('say on we go', { context })).text).toBe('on we go')
  })

  test('remembers the conversation', async () => {
    const context = [
      { role: 'user', content: 'say one', index: 0 },
      { role: 'assistant', content: 'one', index: 1 },
      { role: 'user', content: 'say two', index: 2 },
      { role: 'assistant', content: 'two', index: 3 },
    ] as const
    expect((await ask('what did I say first?', { context })).text).toBe('First you said: say one')
  })

  test('takes steps until a steer stops it', async () => {
    const port = new FakePort({ said: 'take 5 steps', steers: [[], ['stop now']] })
    const own = agent({ model: demoModel({ wordDelayMs: 0 }), tools: demoTools({ clock: port.clock }) })
    const output = own.apply(port)
    for (const step of [1, 2]) {
      await port.until(report => report.type === 'intend' && report.turn === step)
      for (let part = 0; part < 3; part++) {
        await (port.clock as ManualClock).waiting(100)
        ;(port.clock as ManualClock).advance(100)
      }
    }
    expect(await output).toMatchObject({ type: 'completed', turn: 3 })
  })

  test('waits for an approval before it transfers anything', async () => {
    const { output, port } = await ask('transfer 5 to Anna')
    expect(output).toEqual({ type: 'parked' })
    const allowed = port.next(() => 'owed')
    expect(await demo.apply(allowed)).toMatchObject({ type: 'completed' })
    expect(allowed.of('outcomes')[0]?.outcomes).toMatchObject([{ ok: true, output: { sent: 5, to: 'Anna' } }])
  })
})
