/** From an id to a model, and no key to where it does not belong. */

import type { LanguageModelV2 } from '@ai-sdk/provider'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { agent, demoModel, resolveModel } from '../../src/executor/agent/index.ts'
import { modelOn, saying, start, textOf } from '../support/agent-run.ts'
import { type OpenAiServer, startOpenAiServer, text } from '../support/openai-server.ts'

let server: OpenAiServer

beforeEach(async () => {
  server = await startOpenAiServer()
})
afterEach(async () => {
  await server.close()
  server.assertOrderly()
})

describe('ids', () => {
  test.each([
    ['openai/gpt-5.6', 'OPENAI_API_KEY'],
    ['anthropic/claude-5', 'ANTHROPIC_API_KEY'],
    ['google/gemini-4', 'GOOGLE_GENERATIVE_AI_API_KEY'],
  ])('%s, with the key in %s', async (id, variable) => {
    const model = await resolveModel(id, { env: { [variable]: 'sk-test' } })
    expect(model.modelId).toBe(id.slice(id.indexOf('/') + 1))
  })

  test('a missing key: which variable, and how to go on without one', async () => {
    await expect(resolveModel('openai/gpt-5.6', { env: {} })).rejects.toMatchObject({
      code: 'unauthorized',
      message: saying(/OPENAI_API_KEY.*--model demo\/agent/),
    })
  })

  test('a missing package: how to install it', async () => {
    await expect(resolveModel('groq/llama', { env: { GROQ_API_KEY: 'k' } })).rejects.toMatchObject({
      code: 'unsupported',
      message: saying('npm i @ai-sdk/groq'),
    })
  })

  test.each(['gpt', '/x', 'openai/', '../x/y', 'OpenAI/x'])('%s is no id', async id => {
    await expect(resolveModel(id, { env: {} })).rejects.toMatchObject({ code: 'invalid-params' })
  })

  test('the demo agent needs nothing', async () => {
    expect(await resolveModel('demo/agent', { env: {} })).toMatchObject({ provider: 'demo' })
  })
})

describe('compatible servers', () => {
  async function authorizationWith(env: Record<string, string>, baseUrl?: string): Promise<string | undefined> {
    server.script([text('fine')])
    const executor = agent({ model: 'compatible/m', env, ...(baseUrl === undefined ? {} : { baseUrl }) })
    expect(textOf(await start(executor).output)).toBe('fine')
    return server.requests.at(-1)?.headers.authorization
  }

  test("OpenAI's key never goes to another server", async () => {
    expect(await authorizationWith({ OPENAI_API_KEY: 'sk-secret' }, server.url)).toBeUndefined()
    expect(await authorizationWith({ OPENAI_API_KEY: 'sk-secret', OPENAI_BASE_URL: server.url })).toBeUndefined()
  })

  test('its own key does', async () => {
    expect(await authorizationWith({ MEERKAT_API_KEY: 'mine' }, server.url)).toBe('Bearer mine')
    expect(await authorizationWith({ COMPATIBLE_API_KEY: 'its', MEERKAT_BASE_URL: server.url })).toBe('Bearer its')
  })

  test('without a URL: what to say', async () => {
    await expect(resolveModel('compatible/m', { env: {} })).rejects.toMatchObject({
      message: saying('--base-url'),
    })
  })

  test('a base URL for a provider with its own endpoint is refused: its key would go elsewhere', async () => {
    await expect(resolveModel('openai/m', { env: { OPENAI_API_KEY: 'k' }, baseUrl: server.url })).rejects.toMatchObject(
      { message: saying('compatible/m') },
    )
  })
})

describe('which model answers', () => {
  test("the input's, else the session's, else the agent's", async () => {
    const asked: (string | undefined)[] = []
    const executor = agent({
      model: id => {
        asked.push(id)
        return demoModel({ wordDelayMs: 0 })
      },
    })
    await start(executor).output
    await start(executor, { session: { model: 'a/s' } }).output
    await start(executor, { session: { model: 'a/s' }, input: { model: 'a/i' } }).output
    expect(asked).toEqual([undefined, 'a/s', 'a/i'])
  })

  test('a model that can not be had fails the run with the reason', async () => {
    const executor = agent({ model: modelOn(server), env: {} })
    expect(await start(executor, { input: { model: 'openai/gpt' } }).output).toMatchObject({
      type: 'failed',
      source: 'llm',
      error: { code: 'unauthorized' },
    })
  })

  test("the agent's own model may be asked for by its id", async () => {
    server.script([text('fine')])
    expect(textOf(await start(agent({ model: modelOn(server) }), { session: { model: 'test/m' } }).output)).toBe('fine')
  })
})

describe('models of older interfaces', () => {
  test('version 2 is spoken to as it expects', async () => {
    const prompts: unknown[] = []
    const model: LanguageModelV2 = {
      specificationVersion: 'v2',
      provider: 'old',
      modelId: 'v2',
      supportedUrls: {},
      doGenerate: () => Promise.reject(new Error('not here')),
      doStream: ({ prompt }) => {
        prompts.push(prompt)
        return Promise.resolve({
          stream: ReadableStream.from([
            { type: 'text-delta' as const, id: '0', delta: 'fine' },
            {
              type: 'finish' as const,
              finishReason: 'stop' as const,
              usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 },
            },
          ]),
        })
      },
    }
    const journal = [{ role: 'user', content: [{ type: 'file', mediaType: 'image/png', data: 'aGk=' }] }] as const
    const output = await start(agent({ model }), { journal }).output
    expect(textOf(output)).toBe('fine')
    expect(output).toMatchObject({ usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 } })
    expect(prompts).toMatchObject([[{ content: [{ type: 'file', data: 'aGk=' }] }]])
  })

  test('an unknown version fails the run with the reason', async () => {
    const model = { ...demoModel(), specificationVersion: 'v9' as 'v4' }
    expect(await start(agent({ model })).output).toMatchObject({ type: 'failed', error: { code: 'unsupported' } })
  })
})
