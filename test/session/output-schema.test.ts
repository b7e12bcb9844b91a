/** The form of an answer: as a JSON Schema, as a schema of a library that types it, and as nothing else. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import * as mini from 'zod/mini'
import { agent } from '../../src/executor/agent/index.ts'
import { createRuntime } from '../../src/index.ts'
import { circle, hostileProxy, never, rejecting, revokedProxy, throwing } from '../support/hostile.ts'
import { scriptOf } from '../support/scripted-model.ts'

const verdict = z.object({ cause: z.enum(['disk', 'network']), since: z.string().transform(text => new Date(text)) })
const ANSWER = '{"cause":"disk","since":"2026-01-02T03:04:05Z"}'

async function sessionThatAnswers(...answers: readonly string[]) {
  const model = scriptOf(answers.map(say => ({ say })))
  const runtime = await createRuntime({ executor: agent({ model }) })
  return { runtime, model, session: await runtime.sessions.open('s'), [Symbol.asyncDispose]: () => runtime.close() }
}

/** A Standard Schema of nobody in particular. */
function standard(more: object, validate: (value: unknown) => unknown = value => ({ value })) {
  return { '~standard': { version: 1, vendor: 'nobody', validate, ...more } } as never
}
const anything = { jsonSchema: { input: () => ({ type: 'object' }) } }

describe('an answer whose form is', () => {
  test('a Zod schema comes typed, as the schema makes it', async () => {
    await using here = await sessionThatAnswers(ANSWER)
    const sent = await here.session.send('Why?', { outputSchema: verdict })
    const { output, outcome } = await sent.result
    expectTypeOf(output).toEqualTypeOf<{ cause: 'disk' | 'network'; since: Date } | undefined>()
    expect({ outcome, output }).toEqual({
      outcome: 'completed',
      output: { cause: 'disk', since: new Date('2026-01-02T03:04:05Z') },
    })
    expect(here.model.asked[0]?.responseFormat).toMatchObject({
      type: 'json',
      schema: { type: 'object', properties: { since: { type: 'string' } }, required: ['cause', 'since'] },
    })
  })

  test('a Zod schema is corrected by the model until it fits', async () => {
    await using here = await sessionThatAnswers('{"cause":"fire"}', ANSWER)
    const { output } = await (await here.session.send('Why?', { outputSchema: verdict })).result
    expect(output?.cause).toBe('disk')
  })

  test.each<readonly [what: string, schema: unknown]>([
    ['of the small Zod', mini.object({ cause: mini.string() })],
    ['that can write itself as JSON Schema', standard(anything)],
    ['that is a function', Object.assign(() => 1, standard(anything))],
    ['a JSON Schema', { type: 'object', required: ['cause'] }],
    ['an older JSON Schema', { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' }],
    ['a JSON Schema that takes anything', {}],
  ])('a schema %s', async (_, outputSchema) => {
    await using here = await sessionThatAnswers(ANSWER)
    const { output } = await (await here.session.send('Why?', { outputSchema })).result
    expect(output).toMatchObject({ cause: 'disk' })
  })

  test('a schema that asks for more than JSON Schema can say: what fails it is a failure to the caller', async () => {
    await using here = await sessionThatAnswers(ANSWER)
    const strict = verdict.refine(({ since }) => since.getFullYear() > 2100, 'too early')
    const result = await (await here.session.send('Why?', { outputSchema: strict })).result
    expect(result).toMatchObject({ outcome: 'failed', text: ANSWER, error: { code: 'structured-output-invalid' } })
    expect(result.error?.message).toContain('too early')
    expect(result).not.toHaveProperty('output')
  })

  test.each<readonly [what: string, validate: () => unknown]>([
    ['throws', throwing(undefined)],
    ['rejects', rejecting(circle())],
    ['says nothing', () => undefined],
  ])('a schema whose check %s: a failure to the caller, and a result', async (_, validate) => {
    await using here = await sessionThatAnswers(ANSWER)
    const { result } = await here.session.send('Why?', { outputSchema: standard(anything, validate) })
    expect(await result).toMatchObject({ outcome: 'failed', error: { code: 'structured-output-invalid' } })
  })
})

describe('what is no form', () => {
  test.each<readonly [what: string, schema: unknown]>([
    ['a number', 42],
    ['a text', 'object'],
    ['nothing', null],
    ['true', true],
    ['a list', [{ type: 'object' }]],
    ['a function', () => ({ type: 'object' })],
    ['a date', new Date(0)],
    ['a map', new Map([['type', 'object']])],
    ['a promise', Promise.resolve({ type: 'object' })],
    ['a circle', { type: 'object', properties: circle() }],
    ['a big integer', { type: 'object', maxProperties: 1n }],
    ['a proxy', hostileProxy()],
    ['a revoked proxy', revokedProxy()],
    ['a shape instead of a schema', { cause: z.string() }],
    ['a type that there is not', { type: 'strnig' }],
    ['a schema that was written as JSON as it is', JSON.parse(JSON.stringify(z.object({ cause: z.string() })))],
    ['an object that is no schema', { cause: 'string' }],
    ['a megabyte', { type: 'object', description: 'x'.repeat(1_000_000) }],
    ['a schema that can not be written', z.object({ at: z.date() })],
    ['a schema of a library that can not write it', standard({})],
    ['a schema that throws', standard({ jsonSchema: { input: throwing('no') } })],
    ['a schema that writes nothing', standard({ jsonSchema: { input: () => undefined } })],
    ['a schema that writes a text', standard({ jsonSchema: { input: () => 'object' } })],
    ['a schema that never has one', standard({ jsonSchema: { input: never } })],
  ])('%s: is refused at once, and nothing was accepted', async (_, outputSchema) => {
    await using here = await sessionThatAnswers(ANSWER)
    await expect(here.session.send('Why?', { outputSchema })).rejects.toMatchObject({
      code: 'invalid-params',
      details: { issues: [{ path: 'outputSchema' }] },
    })
    expect((await here.runtime.inputs('s', {})).items).toEqual([])
  })
})
