import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lengthen, shorten } from '../../src/store/short-ids.ts'
import { uuid } from '../../src/testing/store-contract/kit.ts'

const [RUN, INPUT] = [uuid(1), uuid(2)]

describe('ids written once', () => {
  test('make a record shorter', () => {
    const json = JSON.stringify({ v: 1, runId: RUN, inputId: INPUT, steps: [{ run: RUN, inputs: [INPUT, INPUT] }] })
    const short = shorten(json, RUN, INPUT)
    expect(short.split(RUN).length).toBe(2)
    expect(short.length).toBeLessThan(json.length - 50)
    expect(lengthen(short)).toBe(json)
  })

  test('any record comes back as it was, whatever its ids and texts are', () => {
    const id = fc.constantFrom(RUN, INPUT, '@r', '@i', '', '@', 'a@b', '"', '\\', '$&', undefined)
    const piece = fc.constantFrom(
      RUN,
      INPUT,
      `"${RUN}"`,
      `"${RUN}`,
      '@r',
      '"@r"',
      '"@i',
      '@',
      '"',
      '\\',
      '\\"',
      '$&',
      'ü',
    )
    const text = fc.array(piece, { maxLength: 4 }).map(pieces => pieces.join(''))
    const value = fc.dictionary(text, fc.array(fc.oneof(text, fc.constant(null)), { maxLength: 3 }), { maxKeys: 3 })
    fc.assert(
      fc.property(id, id, value, (runId, inputId, data) => {
        const json = JSON.stringify({ v: 1, runId, inputId, data })
        expect(lengthen(shorten(json, runId, inputId))).toBe(json)
      }),
      { numRuns: 5000 },
    )
  })
})
