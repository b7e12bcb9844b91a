/** What the shipped agent's model is sent while an approval is pending, and what becomes of what it says. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type AgentTool, tool } from '../../src/executor/agent/index.ts'
import type { Runtime, RuntimeOptions } from '../../src/index.ts'
import { agentOn, lookup } from '../support/agent-run.ts'
import { empty, type OpenAiServer, startOpenAiServer, status, text, toolCalls } from '../support/openai-server.ts'
import { eventsOf, freshStore, LONG_MS, STORES, start, until } from './support.ts'

let server: OpenAiServer

beforeEach(async () => {
  server = await startOpenAiServer()
})
afterEach(async () => {
  await server.close()
  server.assertOrderly()
  expect(server.unused).toBe(0)
})

/** A tool that waits for a person, and where it went. */
function deploying(): { readonly deploy: AgentTool; readonly deployed: string[] } {
  const deployed: string[] = []
  const deploy = tool({
    name: 'deploy',
    description: 'Deploys.',
    input: z.object({ to: z.string() }),
    needsApproval: true,
    execute: ({ to }) => `deployed as number ${deployed.push(to)}`,
  })
  return { deploy, deployed }
}

const asksToDeploy = () => toolCalls([{ id: 'c', name: 'deploy', args: { to: 'prod' } }])

/** What the model was sent, a line a message. */
function sent(index: number): readonly string[] {
  const messages = (server.requests[index]?.body.messages ?? []) as readonly {
    readonly role: string
    readonly content?: unknown
    readonly tool_calls?: readonly unknown[]
  }[]
  return messages.map(({ role, content, tool_calls: calls }) => {
    const said = typeof content === 'string' ? content : JSON.stringify(content ?? '')
    return `${role}: ${calls === undefined ? said : 'calls'}`
  })
}

async function parked(options: RuntimeOptions, steer = 'is it done?') {
  const runtime = await start(options)
  await runtime.open({ sessionId: 's' })
  const { inputId } = await runtime.send('s', { content: 'deploy to prod' })
  await until(runtime, 's', 'run.parked')
  const { inputId: steerId } = await runtime.send('s', { content: steer, mode: 'steer' })
  return { runtime, inputId, steerId }
}

async function parkedTwice(runtime: Runtime): Promise<void> {
  const [first] = (await eventsOf(runtime, 's')).filter(({ type }) => type === 'run.parked')
  await until(runtime, 's', 'run.parked', ({ runId }) => runId !== first?.runId)
}

async function allow(runtime: Runtime): Promise<void> {
  const [approval] = await runtime.approvals('s')
  await runtime.decide('s', approval?.id ?? '', { decision: 'allow' })
}

describe.each(STORES)('a steer while an approval is pending (%s)', kind => {
  test('is answered by a model that sees the pending call, and the later decision runs the tool once', async () => {
    server.script([asksToDeploy(), text('Not yet: it waits for approval.'), text('Now it is deployed.')])
    const { deploy, deployed } = deploying()
    const { runtime, inputId, steerId } = await parked({
      store: freshStore(kind),
      executor: agentOn(server, { tools: [deploy] }),
    })
    await parkedTwice(runtime)
    expect(sent(1)).toEqual([
      'user: deploy to prod',
      'assistant: calls',
      expect.stringMatching(/^tool: .*waiting-for-approval.*has not run yet/),
      'user: is it done?',
    ])
    expect(await runtime.input('s', { inputId: steerId })).toMatchObject({ receipt: { type: 'steered', boundary: 1 } })
    const said = (await eventsOf(runtime, 's')).filter(({ type }) => type === 'text.completed')
    expect(said).toMatchObject([{ text: 'Not yet: it waits for approval.' }])
    expect(deployed).toEqual([])
    await allow(runtime)
    const { result } = await runtime.wait('s', inputId, LONG_MS)
    expect(result?.text).toBe('Now it is deployed.')
    expect(result?.usage?.calls).toBe(3)
    expect(deployed).toEqual(['prod'])
    expect(sent(2)).toEqual([
      'user: deploy to prod',
      'assistant: calls',
      'tool: deployed as number 1',
      'user: is it done?',
      'assistant: Not yet: it waits for approval.',
      expect.stringContaining('user: [SYSTEM NOTICE] The call '),
    ])
    const { messages } = await runtime.history('s')
    expect(JSON.stringify(messages)).not.toContain('waiting-for-approval')
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant', 'tool', 'assistant'])
  })

  test('may lead to further calls, while the approval stays open', async () => {
    const looks = toolCalls([{ id: 'l', name: 'look', args: { place: 'prod' } }])
    server.script([asksToDeploy(), looks, text('Prod is fine, the deployment waits.'), text('Then not.')])
    const { deploy, deployed } = deploying()
    const { runtime, steerId } = await parked({
      store: freshStore(kind),
      executor: agentOn(server, { tools: [deploy, lookup()] }),
    })
    await parkedTwice(runtime)
    expect(sent(2).slice(3)).toEqual(['user: is it done?', 'assistant: calls', 'tool: seen: prod'])
    const [approval] = await runtime.approvals('s')
    expect(approval).toMatchObject({ tool: 'deploy' })
    await runtime.decide('s', approval?.id ?? '', { decision: 'deny', reason: 'too risky' })
    expect(await runtime.wait('s', steerId, LONG_MS)).toMatchObject({
      status: 'consumed',
      result: { text: 'Then not.' },
    })
    expect(sent(3)[2]).toContain('too risky')
    expect(deployed).toEqual([])
  })

  test('that the model can not be asked about costs the work nothing', async () => {
    server.script([asksToDeploy(), status(401), text('Deployed.')])
    const { deploy, deployed } = deploying()
    const { runtime, inputId } = await parked({
      store: freshStore(kind),
      executor: agentOn(server, { tools: [deploy] }),
    })
    await parkedTwice(runtime)
    await until(runtime, 's', 'notice', event => event['code'] === 'steer-unanswered')
    await allow(runtime)
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ result: { text: 'Deployed.' } })
    expect(deployed).toEqual(['prod'])
    expect(sent(2)).toContain('user: is it done?')
  })

  test('may be answered with nothing', async () => {
    server.script([asksToDeploy(), empty(), empty(), text('Deployed.')])
    const { deploy } = deploying()
    const executor = agentOn(server, { tools: [deploy], retryDelayMs: 1 })
    const { runtime, inputId } = await parked({ store: freshStore(kind), executor })
    await parkedTwice(runtime)
    await allow(runtime)
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ result: { text: 'Deployed.' } })
  })

  test('counts as a call of the model where those are limited', async () => {
    server.script([asksToDeploy(), text('Not yet.')])
    const { deploy } = deploying()
    const executor = agentOn(server, { tools: [deploy], maxTurns: 2 })
    const { runtime, inputId } = await parked({ store: freshStore(kind), executor })
    await parkedTwice(runtime)
    await allow(runtime)
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({
      result: { outcome: 'failed', error: { code: 'max-turns-reached' } },
    })
  })

  test('is no answer of a structured kind', async () => {
    server.script([asksToDeploy(), text('Not yet.'), text('{"ok":true}')])
    const { deploy } = deploying()
    const runtime = await start({ store: freshStore(kind), executor: agentOn(server, { tools: [deploy] }) })
    await runtime.open({ sessionId: 's' })
    const outputSchema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] }
    const { inputId } = await runtime.send('s', { content: 'deploy to prod', outputSchema })
    await until(runtime, 's', 'run.parked')
    await runtime.send('s', { content: 'is it done?', mode: 'steer' })
    await parkedTwice(runtime)
    expect(server.requests[1]?.body).not.toHaveProperty('response_format')
    await allow(runtime)
    expect(await runtime.wait('s', inputId, LONG_MS)).toMatchObject({ result: { output: { ok: true } } })
  })
})
