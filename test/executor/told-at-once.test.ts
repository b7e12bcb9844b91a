/** Pieces of text and thought are told as they come, ahead of the package that reads the answer, and once. */
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { expect, test } from 'vitest'
import { agent } from '../../src/executor/agent/index.ts'
import type { LanguageModel } from '../../src/executor/agent/model.ts'
import type { ApplyOutput } from '../../src/executor/executor.ts'
import { systemClock } from '../../src/time.ts'
import { FakePort } from '../support/fake-port.ts'
import { closed, DONE, delta, finish, paced, type RawAnswer, RawProvider } from '../support/raw-provider.ts'

const thought = (text: string): string => delta({ reasoning_content: text })
const said = (text: string): string => delta({ content: text })

const FRAMES = [
  ...['Let ', 'me ', 'see. '].map(thought),
  ...['It ', 'is ', '🦦'].map(said),
  ...['Or ', 'not? '].map(thought),
  ...[' a ', 'meerkat', '.'].map(said),
]
const TEXT = 'It is 🦦 a meerkat.'

async function ran(answers: readonly RawAnswer[], modelOf: (url: string) => LanguageModel) {
  await using provider = await RawProvider.start(...answers)
  const executor = agent({ model: modelOf(provider.url), retryDelayMs: 1 })
  const port = new FakePort({ clock: systemClock, maxRunMs: 20_000 })
  return { output: await executor.apply(port), port }
}

const compatible = (baseURL: string): LanguageModel => createOpenAICompatible({ name: 'm', baseURL })('m')
const official = (baseURL: string): LanguageModel => createOpenAI({ baseURL, apiKey: 'k' }).chat('m')

function partsOf(output: ApplyOutput): readonly unknown[] {
  const message = 'message' in output ? output.message : undefined
  return Array.isArray(message?.content) ? message.content : []
}

test.each<[string, RawAnswer]>([
  ['one by one', paced(5, [...FRAMES, finish(), DONE])],
  ['all at once', closed(...FRAMES, finish(), DONE)],
  ['two at a time', paced(5, [0, 2, 4, 6, 8, 10].map(at => FRAMES.slice(at, at + 2).join('')).concat(finish(), DONE))],
])('thoughts and text by turns, %s', async (_, answer) => {
  const { output, port } = await ran([answer], compatible)
  expect(partsOf(output)).toMatchObject([
    { type: 'reasoning', text: 'Let me see. ' },
    { type: 'text', text: 'It is 🦦' },
    { type: 'reasoning', text: 'Or not? ' },
    { type: 'text', text: ' a meerkat.' },
  ])
  const told = port.events('text.delta').map(({ text }) => text)
  expect(told.join('')).toBe(TEXT)
  expect(
    port
      .events('reasoning.delta')
      .map(({ text }) => text)
      .join(''),
  ).toBe('Let me see. Or not? ')
  expect(port.events('reasoning.completed').map(({ text }) => text)).toEqual(['Let me see. ', 'Or not? '])
})

test('thoughts that a package does not know are not told, and the text is', async () => {
  const { output, port } = await ran([paced(5, [...FRAMES, finish(), DONE])], official)
  expect(
    port
      .events('text.delta')
      .map(({ text }) => text)
      .join(''),
  ).toBe(TEXT)
  expect(partsOf(output)).toMatchObject([{ type: 'text', text: TEXT }])
})

test('a piece is told before the next one comes', async () => {
  const heard: string[] = []
  let next = Promise.withResolvers<void>()
  const answer: RawAnswer = async response => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const word of ['Once ', 'upon ', 'a ', 'time']) {
      const told = next.promise
      response.write(said(word))
      await told
    }
    response.end(`${finish()}${DONE}`)
  }
  await using provider = await RawProvider.start(answer)
  const port = new FakePort({ clock: systemClock, maxRunMs: 20_000 })
  const stream = port.stream.bind(port)
  port.stream = event => {
    stream(event)
    if (event.type !== 'text.delta') return
    heard.push(event.text)
    const { resolve } = next
    next = Promise.withResolvers<void>()
    resolve()
  }
  const output = await agent({ model: compatible(provider.url) }).apply(port)
  expect(heard).toEqual(['Once ', 'upon ', 'a ', 'time'])
  expect(partsOf(output)).toMatchObject([{ type: 'text', text: 'Once upon a time' }])
})
