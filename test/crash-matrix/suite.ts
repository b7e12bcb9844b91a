/** The matrix as a suite over a store: the same cells on each. */
import { describe, expect, test } from 'vitest'
import type { StoreSource } from '../../src/store/store.ts'
import type { Clock } from '../../src/time.ts'
import { isInTurn } from '../support/sample.ts'
import { CUTS, playCell, SITUATIONS, type SituationName } from './matrix.ts'

export const NAMES = Object.keys(SITUATIONS) as SituationName[]

/** Cuts that nothing comes to, with the reason. Whatever else is not come to fails the test, and so does what is. */
const UNREACHED: Readonly<Record<SituationName | 'anywhere', Readonly<Record<string, string>>>> = (() => {
  const opened = { 'before create': 'the session is open already', 'after create': 'the session is open already' }
  return {
    anywhere: {
      'before amend': 'a runtime does not amend by itself',
      'after amend': 'a runtime does not amend by itself',
    },
    idle: {},
    queued: opened,
    running: opened,
    calling: opened,
    steering: opened,
    pending: opened,
    cancelling: opened,
    stopping: opened,
    waiting: {
      ...opened,
      ...Object.fromEntries(
        ['mail.answer', 'before mail.post', 'after mail.post', 'before mail.answer', 'after mail.answer'].map(cut => [
          cut,
          'nothing is asked of the owner until the end was told',
        ]),
      ),
    },
    compacting: opened,
  }
})()

/**
 * After a process ended, wherever that was: every accepted input has ended once, sends that are repeated are known,
 * receipts have no gaps, and no tool took effect more often than its policy allows.
 */
export function crashMatrix(
  name: string,
  options: {
    /** How many of the times that a cut is come to are played. */
    readonly most: number
    /** Into how many parts the cells are divided, of which one is played where not all are; absent: all are. */
    readonly parts?: number
    /** A store that sessions of several plays may share. */
    readonly fresh: () => Promise<(clock: Clock) => StoreSource>
  },
): void {
  describe(`a process that ends (${name})`, () => {
    test.each(NAMES)('%s: at any place', { timeout: 240_000 }, async situation => {
      const store = await options.fresh()
      const unreached: string[] = []
      const wrong: string[] = []
      const cuts = CUTS.filter((cut, n) => isPlayed(situation, cut, n, options.parts))
      for (const cut of cuts) {
        const { crashes, violations } = await playCell(store, situation, cut, options.most)
        if (crashes === 0) unreached.push(cut)
        wrong.push(...violations.map(({ crossing, rule, text }) => `${cut}, time ${crossing}: ${rule}: ${text}`))
      }
      expect(wrong).toEqual([])
      const expected = [...Object.keys(UNREACHED.anywhere), ...Object.keys(UNREACHED[situation])]
      expect(unreached.toSorted()).toEqual(expected.filter(cut => cuts.includes(cut)).toSorted())
    })
  })
}

/** In every turn each situation has some of the cuts, and each cut some of the situations, the only one that reaches it among them. */
function isPlayed(situation: SituationName, cut: string, n: number, parts = 1): boolean {
  const isOnlyHere = situation === 'idle' && Object.hasOwn(UNREACHED.queued, cut)
  return isOnlyHere || isInTurn(n + NAMES.indexOf(situation), parts)
}
