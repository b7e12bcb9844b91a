import { describe, expect, test } from 'vitest'
import { asMeerkatError } from '../../src/errors.ts'
import { cutText, errorOf, jsonOf, messageOf, shownOf } from '../../src/foreign.ts'

const cyclic: Record<string, unknown> = {}
cyclic['self'] = cyclic
const trap = (): never => {
  throw new Error('trap')
}
const hostile: readonly (readonly [string, unknown])[] = [
  ['nothing', undefined],
  ['null', null],
  ['a string', 'boom'],
  ['an object without a prototype', Object.create(null)],
  ['a getter that throws', Object.defineProperty({}, 'message', { get: trap, enumerable: true })],
  ['a proxy that throws', new Proxy({}, { get: trap, ownKeys: trap, getPrototypeOf: trap })],
  ['a cycle', cyclic],
  ['a BigInt', 10n],
  ['a symbol', Symbol('s')],
  ['a function', trap],
  ['an error without a message', new Error('')],
  ['half a surrogate pair', 'x\ud83d'],
  ['a toJSON that throws', { toJSON: trap }],
  ['very long', 'x'.repeat(1_000_000)],
]

describe('whatever is thrown has bounded words', () => {
  test.each(hostile)('%s', (_, thrown) => {
    const text = messageOf(thrown)
    expect(text.length).toBeGreaterThan(0)
    expect(text.length).toBeLessThanOrEqual(4096)
    expect(text.isWellFormed()).toBe(true)
  })
})

describe('whatever is answered is JSON or a problem', () => {
  test.each(hostile)('%s', (_, value) => {
    const json = jsonOf(value, 100_000)
    if ('problem' in json) expect(json.problem).not.toBe('')
    else expect(JSON.parse(json.text)).toEqual(json.value)
  })

  test('strings deep inside and keys are well-formed', () => {
    expect(jsonOf({ 'k\udc00': ['\ud83d'] })).toMatchObject({ value: { 'k\ufffd': ['\ufffd'] } })
  })
})

test('a text is never cut inside a surrogate pair', () => {
  expect(cutText('ab😀', 3)).toBe('ab')
  expect(cutText('ab😀', 4)).toBe('ab😀')
})

describe('what was thrown', () => {
  test.each(hostile)('is an error that can be looked at: %s', (_, thrown) => {
    expect(errorOf(thrown)).toBeInstanceOf(Error)
    expect(asMeerkatError(thrown)).toMatchObject({ code: 'internal', message: messageOf(thrown) })
  })
})

describe('what observers are shown', () => {
  test.each(hostile)('is bounded JSON: %s', (_, value) => {
    expect(JSON.stringify(shownOf(value, 100)).length).toBeLessThan(250)
  })
})
