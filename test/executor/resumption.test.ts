/** After a crash, a park or a decision: the work goes on where it stands, and no call is repeated by guess. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type AgentTool, tool } from '../../src/executor/agent/index.ts'
import { agentOn, lookup, saying, start, textOf } from '../support/agent-run.ts'
import { type FakePort, type FakeRun } from '../support/fake-port.ts'
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

const calls = (...names: readonly string[]) =>
  toolCalls(names.map((name, index) => ({ id: `c${index}`, name, args: { place: 'here' } })))

function told(index: number): readonly string[] {
  const request = server.requests[index]
  return request === undefined ? [] : trailingToolResults(request.body).map(result => result.text)
}

/** Runs until `name` is dispatched, then the process dies: nothing is reported any more. */
async function crashDuring(name: string, tools: readonly AgentTool[], run: FakeRun = {}): Promise<FakePort> {
  const { port } = start(agentOn(server, { tools }), run)
  await port.until(report => report.type === 'intend' && report.calls.some(call => call.tool === name))
  return port
}

/** A tool whose calls are counted by id; the first never ends, as if the process died in it. */
function dying(onLost: AgentTool['onLost']) {
  const ids: string[] = []
  const look = lookup((_, { callId }) => (ids.push(callId) === 1 ? new Promise(() => {}) : 'done at last'), { onLost })
  return { look, ids }
}

describe('a call whose outcome was lost', () => {
  test('retry: is made again with the same call id', async () => {
    server.script([calls('look'), text('fine')])
    const { look, ids } = dying('retry')
    const died = await crashDuring('look', [look])
    const port = died.next()
    expect(textOf(await agentOn(server, { tools: [look] }).apply(port))).toBe('fine')
    expect(port.of('dispatch')).toHaveLength(1)
    expect(port.of('boundary')).toHaveLength(1)
    expect(ids).toHaveLength(2)
    expect(new Set(ids).size).toBe(1)
    expect(told(1)).toEqual(['done at last'])
  })

  test('ask: the run parks until a person says what happened', async () => {
    server.script([calls('look'), text('fine')])
    const { look, ids } = dying('ask')
    const died = await crashDuring('look', [look])
    const port = died.next()
    expect(await agentOn(server, { tools: [look] }).apply(port)).toEqual({ type: 'parked' })
    const settled = port.next(() => 'succeeded')
    expect(textOf(await agentOn(server, { tools: [look] }).apply(settled))).toBe('fine')
    expect(ids).toHaveLength(1)
    expect(told(1)).toEqual([saying('A person confirmed')])
  })

  test('fail: the model is told that nobody knows', async () => {
    server.script([calls('look'), text('fine')])
    const { look, ids } = dying('fail')
    const died = await crashDuring('look', [look])
    const port = died.next()
    expect(textOf(await agentOn(server, { tools: [look] }).apply(port))).toBe('fine')
    expect(ids).toHaveLength(1)
    expect(told(1)).toEqual([saying('unknown')])
  })

  test('results that were recorded before stay as they are', async () => {
    server.script([calls('quick', 'look'), text('fine')])
    const quick: string[] = []
    const { look } = dying('retry')
    const tools = [look, lookup(() => quick.push('ran'), { name: 'quick' })]
    const { port: died } = start(agentOn(server, { tools }))
    await died.until(({ type }) => type === 'outcomes')
    await agentOn(server, { tools }).apply(died.next())
    expect(quick).toEqual(['ran'])
    expect(told(1)).toEqual(['1', 'done at last'])
  })

  test('a tool that is gone after the restart', async () => {
    server.script([calls('look'), text('fine')])
    const { look } = dying('retry')
    const died = await crashDuring('look', [look])
    await agentOn(server).apply(died.next())
    expect(told(1)).toEqual([saying('There is no tool named look')])
  })

  test('a tool that its request did not show is not called after the restart either, though it is shown then', async () => {
    server.script([calls('hidden'), text('fine'), text('fine')])
    const ran: string[] = []
    const tools = [lookup(), lookup(() => ran.push('ran'), { name: 'hidden', onLost: 'retry' })]
    const first = start(agentOn(server, { tools }), { session: { tools: ['look'] } })
    await first.port.until(({ type }) => type === 'intend')
    await agentOn(server, { tools }).apply(first.port.next(() => 'owed', { session: {} }))
    await first.output
    expect(ran).toEqual([])
    expect(told(1)).toEqual([saying('There is no tool named hidden. The tools are: look.')])
  })

  test('arguments that were no JSON are not dispatched after the restart either', async () => {
    server.script([toolCalls([{ id: 'c', name: 'look', rawArgs: '{"place": "h' }]), text('fine'), text('fine')])
    const ran: string[] = []
    const look = tool({
      name: 'look',
      description: 'Looks.',
      input: z.object({ place: z.string().optional() }),
      execute: () => ran.push('ran'),
    })
    const first = start(agentOn(server, { tools: [look] }))
    await first.port.until(({ type }) => type === 'intend')
    await agentOn(server, { tools: [look] }).apply(first.port.next(() => 'owed'))
    await first.output
    expect(ran).toEqual([])
  })
})

describe('the boundary', () => {
  test('is committed first if the process died before it', async () => {
    server.script([calls('look'), text('fine'), text('fine')])
    const first = start(agentOn(server, { tools: [lookup()] }))
    await first.port.until(({ type }) => type === 'outcomes')
    const port = first.port.next(call => call.state, { steers: [['hurry']] })
    expect(textOf(await agentOn(server, { tools: [lookup()] }).apply(port))).toBe('fine')
    await first.output
    expect(port.of('boundary')).toHaveLength(1)
    expect(port.journal().map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user'])
  })

  test('is not repeated once steers have joined behind it', async () => {
    server.script([calls('look'), text('fine'), text('fine')])
    const first = start(agentOn(server, { tools: [lookup()] }), { steers: [['hurry']] })
    await first.output
    const port = first.port.next(call => call.state)
    await agentOn(server, { tools: [lookup()] }).apply(port)
    expect(port.of('boundary')).toEqual([])
  })
})

describe('approvals', () => {
  const pay = (ran: string[] = []) =>
    lookup((place, { callId }) => (ran.push(callId), `paid at ${place}`), { name: 'pay', needsApproval: true })

  test('a call that needs one waits, the others run, the run parks', async () => {
    server.script([calls('pay', 'look')])
    const paid: string[] = []
    const run = start(agentOn(server, { tools: [pay(paid), lookup()] }))
    expect(await run.output).toEqual({ type: 'parked' })
    expect(run.port.calls()).toMatchObject([
      { tool: 'pay', state: 'awaitingApproval' },
      { tool: 'look', state: 'succeeded' },
    ])
    expect(run.port.of('boundary')).toEqual([])
    expect(paid).toEqual([])
  })

  test('a call of a tool that declares it waits for a while only', async () => {
    server.script([calls('pay', 'look')])
    const approval = { expiresMs: 60_000, onExpiry: 'deny' } as const
    const run = start(
      agentOn(server, {
        tools: [
          { ...pay(), approval },
          { ...lookup(), approval },
        ],
      }),
    )
    expect(await run.output).toEqual({ type: 'parked' })
    expect(run.port.of('intend')[0]?.calls).toMatchObject([
      { tool: 'pay', expiry: { afterMs: 60_000, decision: 'deny' } },
      {},
    ])
    expect(run.port.of('intend')[0]?.calls[1]).not.toHaveProperty('expiry')
  })

  test('allowed: it runs with the same call id', async () => {
    server.script([calls('pay', 'look'), text('fine')])
    const paid: string[] = []
    const tools = [pay(paid), lookup()]
    const run = start(agentOn(server, { tools }))
    await run.output
    const port = run.port.next(({ state }) => (state === 'awaitingApproval' ? 'owed' : state))
    expect(textOf(await agentOn(server, { tools }).apply(port))).toBe('fine')
    expect(paid).toEqual([run.port.calls()[0]?.id])
    expect(told(1)).toEqual(['paid at here', 'seen: here'])
  })

  test('denied: the model is told plainly', async () => {
    server.script([calls('pay'), text('fine')])
    const paid: string[] = []
    const run = start(agentOn(server, { tools: [pay(paid)] }))
    await run.output
    await agentOn(server, { tools: [pay(paid)] }).apply(run.port.next(() => 'failed'))
    expect(paid).toEqual([])
    expect(told(1)).toEqual([saying('not allowed')])
  })

  test('still undecided: parks again', async () => {
    server.script([calls('pay')])
    const run = start(agentOn(server, { tools: [pay()] }))
    await run.output
    expect(await agentOn(server, { tools: [pay()] }).apply(run.port.next(({ state }) => state))).toEqual({
      type: 'parked',
    })
  })

  test('decided by the arguments, and what can not be decided needs one', async () => {
    server.script([
      toolCalls([
        { id: 'a', name: 'pay', args: { amount: 5 } },
        { id: 'b', name: 'pay', args: { amount: 50 } },
        { id: 'c', name: 'pay', args: { amount: -1 } },
      ]),
    ])
    const needsApproval = ({ amount }: { amount: number }): boolean => {
      if (amount < 0) throw new Error('who knows')
      return amount > 10
    }
    const run = start(
      agentOn(server, {
        tools: [
          tool({
            name: 'pay',
            description: 'Pays.',
            input: z.object({ amount: z.number() }),
            needsApproval,
            execute: () => 'paid',
          }),
        ],
      }),
    )
    expect(await run.output).toEqual({ type: 'parked' })
    expect(run.port.calls().map(({ state }) => state)).toEqual(['succeeded', 'awaitingApproval', 'awaitingApproval'])
  })
})
