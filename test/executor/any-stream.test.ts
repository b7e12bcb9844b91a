/** However the bytes of an answer are cut into pieces, and whatever stands between its events: the same answer. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Collector } from '../../src/executor/agent/collect.ts'
import { agent } from '../../src/executor/agent/index.ts'
import { isRecord } from '../../src/executor/agent/parts.ts'
import { answerBody } from '../../src/executor/wire/answer-body.ts'
import { WIRE_LIMITS } from '../../src/executor/wire/fault.ts'
import { systemClock } from '../../src/time.ts'
import { FakePort } from '../support/fake-port.ts'

/** What costs nothing between two events. */
const NOISE = [
  '',
  ': ping',
  'data:',
  'data: ',
  'event: ping',
  'id: 7',
  'retry: 3',
  'data: {"choices":[]}',
  'data: {"choices":null}',
  'data: null',
  'x',
]

interface Told {
  readonly text: string
  readonly calls: readonly (readonly [string, string])[]
  readonly finish: unknown
}

/** What a strict client of the protocol makes of a body. */
async function read(body: ReadableStream<Uint8Array>): Promise<Told> {
  const text = await new Response(body).text()
  const frames = text
    .split('\n\n')
    .flatMap(frame => (frame === '' ? [] : [JSON.parse(frame.slice('data: '.length)) as unknown]))
  const choices = frames.flatMap(frame =>
    isRecord(frame) && Array.isArray(frame['choices']) ? (frame['choices'] as unknown[]) : [],
  )
  const deltas = choices.flatMap(choice => (isRecord(choice) && isRecord(choice['delta']) ? [choice['delta']] : []))
  const calls = deltas.flatMap(delta => (Array.isArray(delta['tool_calls']) ? (delta['tool_calls'] as unknown[]) : []))
  return {
    text: deltas.map(({ content }) => (typeof content === 'string' ? content : '')).join(''),
    calls: calls.flatMap(call => {
      const told = isRecord(call) ? call['function'] : undefined
      return isRecord(told) ? [[String(told['name']), String(told['arguments'])] as const] : []
    }),
    finish: choices
      .map(choice => (isRecord(choice) ? choice['finish_reason'] : undefined))
      .findLast(reason => reason !== null),
  }
}

function bodyOf(bytes: Uint8Array, cuts: readonly number[]): ReadableStream<Uint8Array> {
  const at = [0, ...cuts.map(cut => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
  const pieces = at.slice(1).map((end, index) => bytes.slice(at[index], end))
  return answerBody(ReadableStream.from(pieces), {
    limits: WIRE_LIMITS,
    toolNames: ['look'],
    heard: () => {},
    isChat: true,
  })
}

const argument = fc.record({ place: fc.string({ unit: 'grapheme' }), n: fc.integer() }).map(one => JSON.stringify(one))

test('any cut, any line end, any noise', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1, maxLength: 6 }),
      fc.array(argument, { maxLength: 3 }),
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.array(fc.constantFrom(...NOISE), { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
      async (texts, args, eol, noise, cuts, sizes) => {
        const deltas: object[] = texts.map(content => ({ content }))
        for (const [index, json] of args.entries()) {
          deltas.push({ tool_calls: [{ index, id: `c${index}`, function: { name: 'look', arguments: '' } }] })
          for (let from = 0, round = 0; from < json.length; round++) {
            const size = sizes[round % sizes.length] ?? 1
            deltas.push({ tool_calls: [{ index, function: { arguments: json.slice(from, from + size) } }] })
            from += size
          }
        }
        const events = deltas.map(
          delta => `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }] })}`,
        )
        const lines = [...events, 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}', 'data: [DONE]']
        const text = lines.map((line, index) => [line, '', noise[index % noise.length], ''].join(eol)).join(eol)
        expect(await read(bodyOf(new TextEncoder().encode(text), cuts))).toEqual({
          text: texts.join('').toWellFormed(),
          calls: args.map(json => ['look', json.toWellFormed()]),
          finish: 'stop',
        })
      },
    ),
    { numRuns: 200 },
  )
})

/** Pieces of a body that nobody should send. */
const junk = fc.array(
  fc.oneof(
    fc.json().map(json => `data: {"choices":[${json}],"usage":${json}}\n\n`),
    fc.json().map(json => `data: {"error":${json},"detail":${json}}\n\n`),
    fc
      .json()
      .map(json => `data: {"error":{"code":${json},"status":${json},"retry_after":${json},"message":${json}}}\n\n`),
    fc.json().map(json => `data: {"choices":[{"delta":{"tool_calls":[{"index":{"toString":${json}}}]}}]}\n\n`),
    fc.constantFrom('data: ', 'data:{', '}', '\n', '\r', '\n\n', '[', ']', '"', '\\', ...NOISE),
    fc.string(),
    fc.json().map(json => `data: ${json}\n\n`),
    fc.json().map(json => `data: {"choices":[{"delta":{"tool_calls":[${json}],"content":${json}}}]}\n\n`),
    fc
      .json()
      .map(
        json => `data: {"choices":[{"delta":{"tool_calls":[{"index":${json},"id":${json},"function":${json}}]}}]}\n\n`,
      ),
  ),
  { maxLength: 12 },
)

test('any bytes at all end the body, and leave nothing open', async () => {
  await fc.assert(
    fc.asyncProperty(junk, fc.array(fc.nat(), { maxLength: 10 }), async (pieces, cuts) => {
      const body = bodyOf(new TextEncoder().encode(pieces.join('')), cuts)
      expect(typeof (await new Response(body).text())).toBe('string')
    }),
    { numRuns: 500 },
  )
})

test('any answer of a provider ends the run, with a name', async () => {
  await fc.assert(
    fc.asyncProperty(junk, fc.constantFrom(200, 200, 400, 429, 500), async (pieces, status) => {
      const headers = { 'content-type': 'text/event-stream' }
      const answer = (): Promise<Response> => Promise.resolve(new Response(pieces.join(''), { status, headers }))
      const model = createOpenAICompatible({ name: 'x', baseURL: 'http://127.0.0.1/v1', fetch: answer })('m')
      const port = new FakePort({ clock: systemClock })
      const output = await agent({ model, retries: 0, maxTurns: 2 }).apply(port)
      expect(['completed', 'failed']).toContain(output.type)
      if (output.type === 'failed') expect(output.error.message).not.toMatch(/TypeError|undefined|\[object/)
      expect(JSON.stringify(port.reports).isWellFormed()).toBe(true)
    }),
    { numRuns: 200 },
  )
})

test('text cut anywhere, also inside a character, is the same text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(), { maxLength: 10 }), (text, cuts) => {
      const told: string[] = []
      const collector = new Collector({
        turn: 1,
        limits: WIRE_LIMITS,
        newCallId: () => {
          throw new Error('no calls here')
        },
        stream: event => {
          if (event.type === 'text.delta') told.push(event.text)
        },
      })
      const at = [0, ...cuts.map(cut => cut % (text.length + 1)), text.length].toSorted((a, b) => a - b)
      for (const [index, from] of at.entries())
        collector.add({ type: 'text-delta', id: '0', delta: text.slice(from, at[index + 1] ?? from) })
      collector.end()
      expect(told.join('')).toBe(text.toWellFormed())
      expect(told.every(delta => delta.isWellFormed())).toBe(true)
    }),
  )
})
