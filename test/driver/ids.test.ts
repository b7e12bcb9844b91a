import { describe, expect, test } from 'vitest'
import { uuidIds } from '../../src/ids.ts'
import type { Clock } from '../../src/time.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

function clockAt(start: number): Pick<Clock, 'now'> & { set(now: number): void } {
  let now = start
  return { now: () => now, set: to => void (now = to) }
}

/** Bytes that anyone can make again. */
function seeded(seed: number): (into: Uint8Array) => void {
  let state = seed
  return into => {
    for (let index = 0; index < into.length; index++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      into[index] = state >>> 24
    }
  }
}

const timeOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)

describe('an id', () => {
  test('is a UUID v7 of the time it was made', () => {
    const ids = uuidIds(clockAt(1_700_000_000_000))
    for (const id of [ids.session(), ids.input(), ids.run(), ids.call(), ids.epoch()]) {
      expect(id).toMatch(UUID_V7)
      expect(timeOf(id)).toBe(1_700_000_000_000)
    }
  })

  test('rises, within one millisecond, beyond what one can number, and while the clock goes back', () => {
    const clock = clockAt(1_700_000_000_000)
    const ids = uuidIds(clock)
    const made = Array.from({ length: 10_000 }, () => ids.input())
    clock.set(1_600_000_000_000)
    made.push(...Array.from({ length: 10_000 }, () => ids.input()))
    clock.set(1_700_000_001_000)
    made.push(ids.input())
    expect(made.every((id, index) => index === 0 || id > (made[index - 1] ?? ''))).toBe(true)
    expect(made.every(id => UUID_V7.test(id))).toBe(true)
  })

  test('is the same again from the same clock and seed', () => {
    const make = (seed: number): readonly string[] => {
      const ids = uuidIds(clockAt(1_700_000_000_000), seeded(seed))
      return Array.from({ length: 2000 }, () => ids.run())
    }
    expect(make(7)).toEqual(make(7))
    expect(make(7)).not.toEqual(make(8))
  })
})
