/** Whoever cancels a run hangs up on its provider: tokens that nobody will read are neither made nor paid for. */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { expect, onTestFinished, test } from 'vitest'
import { type AgentOptions, agent, demoModel } from '../../src/executor/agent/index.ts'
import { createRuntime, type SessionHandle } from '../../src/index.ts'
import { delta, open, paced, type RawAnswer, RawProvider, say } from '../support/raw-provider.ts'

const MODELS = {
  'by its id': ({ url }) => ({ model: 'compatible/m', baseUrl: url, env: {} }),
  compatible: ({ url }) => ({ model: createOpenAICompatible({ name: 'x', baseURL: url })('m') }),
  openai: ({ url }) => ({ model: createOpenAI({ apiKey: 'k', baseURL: url })('m') }),
  anthropic: ({ url }) => ({ model: createAnthropic({ apiKey: 'k', baseURL: url })('m') }),
  google: ({ url }) => ({ model: createGoogle({ apiKey: 'k', baseURL: url })('m') }),
} satisfies Readonly<Record<string, (provider: RawProvider) => AgentOptions>>

/** How far the answer has come. */
const ANSWERS: Readonly<Record<string, RawAnswer>> = {
  'before it answers': () => {},
  'before it says anything': open(': waiting\n\n'),
  'in the middle of a text': open(say('one '), say('two ')),
  'in the middle of a call': open(
    delta({ tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'look', arguments: '{"pl' } }] }),
  ),
  'in the middle of a line': open(`data: ${JSON.stringify({ choices: [] }).slice(0, 9)}`),
  'while it goes on and on': paced(
    5,
    Array.from({ length: 2_000 }, () => say('on and ')),
  ),
}

/** Answers that all protocols have in common, and with those of one of them the others stop by themselves. */
const COMMON = ['before it answers', 'before it says anything', 'in the middle of a line']
const cases = Object.keys(MODELS).flatMap(model => {
  const isChat = model === 'by its id' || model === 'compatible'
  return (isChat ? Object.keys(ANSWERS) : COMMON).map(answer => [model, answer] as const)
})

/** Where the text of the model is heard before the cancel. */
const SAYS: ReadonlySet<string> = new Set(['in the middle of a text', 'while it goes on and on'])

async function heard(session: SessionHandle): Promise<void> {
  for await (const { type } of session.events()) if (type === 'text.delta') return
}

async function runOn(provider: RawProvider, model: keyof typeof MODELS) {
  const runtime = await createRuntime({ executor: agent(MODELS[model](provider)), recover: false })
  onTestFinished(() => runtime.close())
  const session = await runtime.sessions.open('s')
  const sent = await session.send('hi')
  await expect.poll(() => provider.requests.length).toBe(1)
  return { runtime, session, sent }
}

/** Whether the first request's connection is gone a second from now. */
async function isGone({ gone }: RawProvider): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => late.resolve(false), 1_000)
  try {
    return (await Promise.race([gone[0]?.then(() => true), late.promise])) === true
  } finally {
    clearTimeout(timer)
  }
}

test.each(cases)('%s: a cancel %s closes the connection', async (model, answer) => {
  await using provider = await RawProvider.start(ANSWERS[answer] ?? open())
  const { session, sent } = await runOn(provider, model as keyof typeof MODELS)
  if (SAYS.has(answer)) await heard(session)
  const cancelled = await session.cancel({ when: 'now' })
  expect(cancelled).toMatchObject({ cancelled: true })
  expect(await isGone(provider)).toBe(true)
  expect(await sent.result).toMatchObject({ outcome: 'cancelled' })
})

test('a run that takes too long hangs up, too', async () => {
  await using provider = await RawProvider.start(open(say('one ')))
  const runtime = await createRuntime({ executor: agent(MODELS.compatible(provider)), recover: false, maxRunMs: 300 })
  onTestFinished(() => runtime.close())
  const sent = await (await runtime.sessions.open('s')).send('hi')
  expect(await sent.result).toMatchObject({ outcome: 'failed' })
  expect(await isGone(provider)).toBe(true)
})

test('a runtime that closes hangs up, too', async () => {
  await using provider = await RawProvider.start(open(say('one ')))
  const { runtime, session } = await runOn(provider, 'compatible')
  await heard(session)
  await runtime.close()
  expect(await isGone(provider)).toBe(true)
})

test('a stream that a provider opens after the cancel, deaf to its signal, is dropped unread', async () => {
  const opening = Promise.withResolvers<{ readonly stream: ReadableStream }>()
  const asked = Promise.withResolvers<void>()
  const dropped = Promise.withResolvers<boolean>()
  const deaf = {
    ...demoModel(),
    doStream: () => {
      asked.resolve()
      return opening.promise
    },
  }
  const runtime = await createRuntime({ executor: agent({ model: deaf }), recover: false })
  onTestFinished(() => runtime.close())
  const session = await runtime.sessions.open('s')
  const sent = await session.send('hi')
  await asked.promise
  await session.cancel({ when: 'now' })
  expect(await sent.result).toMatchObject({ outcome: 'cancelled' })
  opening.resolve({ stream: new ReadableStream({ cancel: () => dropped.resolve(true) }) })
  expect(await dropped.promise).toBe(true)
})
