import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lengthen, type RecordIds, shorten } from '../../src/store/short-ids.ts'
import { uuid } from '../../src/testing/store-contract/kit.ts'

const [RUN, INPUT, SESSION] = [uuid(1), uuid(2), uuid(3)]

const ids = (sessionId: string, runId: string | undefined, inputId: string | undefined): RecordIds =>
  ({ sessionId, runId, inputId }) as RecordIds

describe('ids written once', () => {
  test('make a record shorter', () => {
    const [runId, inputId, sessionId] = [RUN, INPUT, SESSION]
    const json = JSON.stringify({ v: 2, at: 5, runId, inputId, steps: [{ run: RUN, inputs: [INPUT], sessionId }] })
    const short = shorten(json, ids(SESSION, RUN, INPUT))
    expect(short).toBe(
      '@AZAAAAAAcACAAAAAAAAAAQ@AZAAAAAAcACAAAAAAAAAAg@{"v":2,"at":5,"steps":[{"run":"@r","inputs":["@i"],"sessionId":"@s"}]}',
    )
    expect(lengthen(short, SESSION)).toBe(json)
  })

  test('a record of the first version is read as it was written', () => {
    const text = `@${RUN}@${INPUT}@{"v":1,"at":5,"runId":"@r","inputId":"@i","data":["@r","@s"]}`
    const json = JSON.stringify({ v: 1, at: 5, runId: RUN, inputId: INPUT, data: [RUN, '@s'] })
    expect(lengthen(text, SESSION)).toBe(json)
  })

  test('any record comes back as it was, whatever its ids and texts are', () => {
    const odd = [
      '@r',
      '@i',
      '@s',
      '',
      '@',
      'a@b',
      '"',
      '\\',
      '$&',
      '\0',
      '\ud800',
      'x'.repeat(22),
      'x'.repeat(36),
      RUN.toUpperCase(),
    ]
    const id = fc.constantFrom(RUN, INPUT, SESSION, ...odd)
    const marks = ['@r', '"@r"', '"@i', '"@s"', '@', ',', '{"v":1,', '"', '\\', '\\"', '$&', 'ü', 'x'.repeat(22)]
    const pieces = [RUN, INPUT, SESSION, `"${RUN}"`, `"${RUN}`, `${SESSION}"`, ...marks]
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 4 }).map(some => some.join(''))
    const value = fc.dictionary(text, fc.array(fc.oneof(text, fc.constant(null)), { maxLength: 3 }), { maxKeys: 3 })
    const maybe = fc.option(id, { nil: undefined })
    fc.assert(
      fc.property(id, maybe, maybe, fc.option(value, { nil: undefined }), (sessionId, runId, inputId, data) => {
        const json = JSON.stringify({ v: 2, at: 5, runId, inputId, data })
        const disk = Buffer.from(shorten(json, ids(sessionId, runId, inputId))).toString()
        expect(disk).not.toContain('\0')
        expect(lengthen(disk, sessionId)).toBe(json)
      }),
      { numRuns: 20_000 },
    )
  })
})
