/**
 * A lane: inputs in the order in which they will run.
 *
 * Slots are numbered; `front` is the first occupied one (or equals `back`), `back` the next free one. Taking from the
 * middle leaves a hole that the front skips when it gets there, so every change costs one short path.
 */
import type { InputId } from '../ids.ts'
import { emptyMap, mapDelete, mapGet, mapSet, type PersistentMap } from '../persistent-map.ts'

export interface LaneState {
  readonly front: number
  readonly back: number
  readonly slots: PersistentMap<number, InputId>
}

/** Slots start here, so that what returns to the front finds numbers below. */
const FIRST_SLOT = 1_000_000_000

export const EMPTY_LANE: LaneState = { front: FIRST_SLOT, back: FIRST_SLOT, slots: emptyMap() }

/** The lane with `id` behind everything, and the slot it got. */
export function pushBack(lane: LaneState, id: InputId): readonly [LaneState, number] {
  const slot = lane.back
  return [{ front: lane.front, back: slot + 1, slots: mapSet(lane.slots, slot, id) }, slot]
}

/** The lane with `id` before everything, and the slot it got. */
export function pushFront(lane: LaneState, id: InputId): readonly [LaneState, number] {
  const slot = lane.front - 1
  return [{ front: slot, back: lane.back, slots: mapSet(lane.slots, slot, id) }, slot]
}

/** The lane without the slot. An emptied lane starts over, so equal contents of short histories are equal. */
export function takeOut(lane: LaneState, slot: number): LaneState {
  const slots = mapDelete(lane.slots, slot)
  if (slots.size === 0) return EMPTY_LANE
  let front = lane.front
  while (mapGet(slots, front) === undefined) front++
  return { front, back: lane.back, slots }
}

/** The ids from the front on, lazily. */
export function* inOrder(lane: LaneState): Generator<InputId> {
  for (let slot = lane.front, left = lane.slots.size; left > 0; slot++) {
    const id = mapGet(lane.slots, slot)
    if (id === undefined) continue
    left--
    yield id
  }
}

/** The first id, from the front on, for which `isIt` holds. Cheaper than `inOrder` where steps are counted. */
export function findInOrder(lane: LaneState, isIt: (id: InputId) => boolean): InputId | undefined {
  for (let slot = lane.front, left = lane.slots.size; left > 0; slot++) {
    const id = mapGet(lane.slots, slot)
    if (id === undefined) continue
    if (isIt(id)) return id
    left--
  }
  return undefined
}
