/** Long work at a terminal says how far it is, and leaves nothing on the screen. */
import { afterEach, expect, test, vi } from 'vitest'
import { countText, ticking } from '../../src/surfaces/cli/ticker.ts'

afterEach(() => void vi.useRealTimers())

test('work of a moment says nothing, longer work says what, how far and for how long, and the line goes', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  const shown: (string | undefined)[] = []
  const { promise, resolve } = Promise.withResolvers<string>()
  let records = 0
  const output = { status: (text: string | undefined) => void shown.push(text) }
  const work = ticking(output, { what: 'auditing s', detail: () => countText(records, 'records') }, promise)
  vi.advanceTimersByTime(900)
  expect(shown).toEqual([])
  records = 12_000
  vi.advanceTimersByTime(200)
  expect(shown).toEqual(['auditing s, 12,000 records (1.0 s; Ctrl-C gives it up)'])
  resolve('done')
  expect(await work).toBe('done')
  expect(shown.at(-1)).toBeUndefined()
  vi.advanceTimersByTime(5_000)
  expect(shown).toHaveLength(2)
})

test('the line goes, too, when the work fails', async () => {
  const shown: (string | undefined)[] = []
  const output = { status: (text: string | undefined) => void shown.push(text) }
  await expect(ticking(output, { what: 'importing' }, Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(shown).toEqual([undefined])
})
