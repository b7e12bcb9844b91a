/** What a provider is sent, and what of it comes back. */

import type { LanguageModelV4 } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { agent, demoModel, echo } from '../../src/executor/agent/index.ts'
import type { CallOptions, StreamPart } from '../../src/executor/agent/model.ts'
import type { ContextMessage } from '../../src/executor/executor.ts'
import { lookup, said, saying, start } from '../support/agent-run.ts'
import { entry, FakePort, type FakeRun } from '../support/fake-port.ts'

/** A model that says these parts, one list a call, and remembers what it was asked. */
function recorded(...answers: readonly (readonly StreamPart[])[]) {
  const requests: CallOptions[] = []
  const left = [...answers]
  const model: LanguageModelV4 = {
    ...demoModel(),
    doStream: options => {
      requests.push(options)
      return Promise.resolve({ stream: ReadableStream.from(left.shift() ?? []) })
    },
  }
  return { model, requests }
}

const none = { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined }
const finish = (unified: 'stop' | 'tool-calls' = 'stop'): StreamPart => ({
  type: 'finish',
  finishReason: { unified, raw: undefined },
  usage: { inputTokens: none, outputTokens: { total: undefined, text: undefined, reasoning: undefined } },
})
const spoken = (delta: string): StreamPart[] => [{ type: 'text-delta', id: '0', delta }, finish()]

async function promptOf(run: FakeRun, options: Partial<Parameters<typeof agent>[0]> = {}) {
  const { model, requests } = recorded(spoken('fine'))
  await agent({ model, ...options }).apply(new FakePort(run))
  return requests[0]?.prompt
}

describe('the system prompt', () => {
  test("a session's own stands over the agent's; neither is in the transcript", async () => {
    const context: readonly ContextMessage[] = [{ role: 'system', content: 'an event of the past', index: 0 }]
    expect(await promptOf({ context, session: { system: 'session' } }, { system: 'agent' })).toEqual([
      { role: 'system', content: 'session' },
      { role: 'user', content: [{ type: 'text', text: '[SYSTEM NOTICE] an event of the past' }] },
      { role: 'user', content: [{ type: 'text', text: 'hello' }] },
    ])
    expect((await promptOf({}, { system: 'agent' }))?.[0]).toEqual({ role: 'system', content: 'agent' })
    expect((await promptOf({}))?.[0]).toMatchObject({ role: 'user' })
  })
})

describe('content', () => {
  test('files, links and JSON', async () => {
    const content = [
      { type: 'text', text: 'see' },
      { type: 'file', mediaType: 'image/png', data: 'aGk=', filename: 'a.png' },
      { type: 'file', mediaType: 'image/png', data: 'data:image/png;base64,aGk=' },
      { type: 'file', mediaType: 'image/*', data: 'https://example.com/a.png' },
      { type: 'json', value: { a: 1 } },
    ] as const
    const prompt = await promptOf({ journal: [{ role: 'user', content }] })
    expect(prompt?.[0]?.content).toEqual([
      { type: 'text', text: 'see' },
      { type: 'file', mediaType: 'image/png', filename: 'a.png', data: { type: 'data', data: 'aGk=' } },
      { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } },
      { type: 'file', mediaType: 'image/*', data: { type: 'url', url: new URL('https://example.com/a.png') } },
      { type: 'text', text: '{"a":1}' },
    ])
  })

  test('every call has exactly one result, in the order of the calls, even if none was recorded', async () => {
    const calls = ['a', 'b', 'c', 'd'].map(callId => ({
      type: 'tool-call' as const,
      callId,
      name: 'look',
      args: { callId },
    }))
    const prompt = await promptOf({
      journal: [
        { role: 'user', content: 'look' },
        { role: 'assistant', content: calls },
        { role: 'tool', content: [{ type: 'tool-result', callId: 'b', name: 'look', output: { b: 1 } }] },
        { role: 'tool', content: [{ type: 'tool-result', callId: 'a', name: 'look', output: 'dark', isError: true }] },
        { role: 'user', content: 'and?' },
      ],
      calls: [
        entry('a', 'look', 'failed'),
        entry('b', 'look', 'succeeded'),
        entry('c', 'look', 'failed'),
        entry('d', 'look', 'succeeded'),
      ],
    })
    expect(prompt?.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user'])
    expect(prompt?.[2]?.content).toMatchObject([
      { toolCallId: 'a', output: { type: 'error-text', value: 'dark' } },
      { toolCallId: 'b', output: { type: 'json', value: { b: 1 } } },
      { toolCallId: 'c', output: { type: 'error-text', value: saying('unknown') } },
      { toolCallId: 'd', output: { type: 'text', value: saying('confirmed') } },
    ])
  })

  test('arguments that are no object are sent as one', async () => {
    const content = [{ type: 'tool-call', callId: 'a', name: 'look', args: [1] }] as const
    const prompt = await promptOf({ context: [{ role: 'assistant', content, index: 0 }] })
    expect(prompt?.[0]?.content).toMatchObject([{ input: {} }])
  })
})

describe('what a provider attaches', () => {
  test('goes back to it with the part: thoughts, redacted thoughts, texts and calls', async () => {
    const signed = (key: string) => ({ test: { key } })
    const { model, requests } = recorded(
      [
        { type: 'reasoning-start', id: 'r' },
        { type: 'reasoning-delta', id: 'r', delta: 'hm' },
        { type: 'reasoning-end', id: 'r', providerMetadata: signed('thought') },
        { type: 'reasoning-start', id: 'x', providerMetadata: signed('redacted') },
        { type: 'text-start', id: '0', providerMetadata: signed('text') },
        { type: 'text-delta', id: '0', delta: 'I look.' },
        { type: 'text-end', id: '0' },
        {
          type: 'tool-call',
          toolCallId: 't',
          toolName: 'look',
          input: '{"place":"x"}',
          providerMetadata: signed('call'),
        },
        finish('tool-calls'),
      ],
      spoken('fine'),
    )
    const port = new FakePort()
    await agent({ model, tools: [lookup()] }).apply(port)
    expect(requests[1]?.prompt[1]?.content).toMatchObject([
      { type: 'reasoning', text: 'hm', providerOptions: signed('thought') },
      { type: 'reasoning', text: '', providerOptions: signed('redacted') },
      { type: 'text', text: 'I look.', providerOptions: signed('text') },
      { type: 'tool-call', providerOptions: signed('call') },
    ])
    expect(port.events('reasoning.completed')).toEqual([{ type: 'reasoning.completed', turn: 1, text: 'hm' }])
  })

  test('blocks that come in turns: the text is what was streamed, in that order', async () => {
    const delta = (id: string, text: string): StreamPart => ({ type: 'text-delta', id, delta: text })
    const { model } = recorded([delta('a', '1'), delta('b', '2'), delta('a', '3'), finish()])
    const port = new FakePort()
    const output = await agent({ model }).apply(port)
    expect('message' in output ? said(output.message) : '').toBe('123')
    expect(port.textOf(1)).toBe('123')
  })

  test('warnings become notices', async () => {
    const { model } = recorded([
      { type: 'stream-start', warnings: [{ type: 'unsupported', feature: 'seed' }] },
      ...spoken('x'),
    ])
    const port = new FakePort()
    await agent({ model }).apply(port)
    expect(port.events('notice')).toMatchObject([{ code: 'model-warning', message: 'seed: unsupported' }])
  })
})

describe('echo', () => {
  test('says back what it is told', async () => {
    expect(await start(echo(), { said: 'marco' }).output).toEqual({
      type: 'completed',
      message: { role: 'assistant', content: 'marco' },
    })
  })
})
