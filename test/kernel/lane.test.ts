import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EMPTY_LANE, inOrder, type LaneState, pushBack, pushFront, takeOut } from '../../src/kernel/regions/lane.ts'
import { inputId } from './support/play.ts'

type Move = { readonly do: 'back' | 'front' } | { readonly do: 'take'; readonly at: number }

const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    fc.constant({ do: 'back' } as const),
    fc.constant({ do: 'front' } as const),
    fc.record({ do: fc.constant('take' as const), at: fc.nat(20) }),
  ),
  { maxLength: 80 },
)

describe('a lane', () => {
  test('keeps the order of a list that grows at both ends and shrinks anywhere', () => {
    fc.assert(
      fc.property(moves, script => {
        let lane: LaneState = EMPTY_LANE
        let model: { readonly id: string; readonly slot: number }[] = []
        for (const [index, move] of script.entries()) {
          const id = `i${index}`
          if (move.do === 'take') {
            const gone = model[move.at]
            if (gone === undefined) continue
            lane = takeOut(lane, gone.slot)
            model = model.filter(one => one !== gone)
          } else {
            const slot = move.do === 'back' ? lane.back : lane.front - 1
            lane = (move.do === 'back' ? pushBack : pushFront)(lane, inputId(id))
            model = move.do === 'back' ? [...model, { id, slot }] : [{ id, slot }, ...model]
          }
          expect([...inOrder(lane)]).toEqual(model.map(one => one.id))
          expect(lane.slots.size).toBe(model.length)
        }
      }),
    )
  })

  test('starts over once it is empty', () => {
    const lane = pushBack(EMPTY_LANE, inputId('a'))
    expect(takeOut(lane, lane.front)).toBe(EMPTY_LANE)
  })
})
