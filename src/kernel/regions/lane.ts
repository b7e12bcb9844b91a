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

/** Slots start here, so that inputs which return to the front get lower numbers. */
const FIRST_SLOT = 1_000_000_000

export const EMPTY_LANE: LaneState = { front: FIRST_SLOT, back: FIRST_SLOT, slots: emptyMap() }

/** Adds `id` at the back, in the slot that was the lane's `back`. */
export function pushBack({ front, back, slots }: LaneState, id: InputId): LaneState {
  return { front, back: back + 1, slots: mapSet(slots, back, id) }
}

/** Adds `id` at the front, in the slot that is the new lane's `front`. */
export function pushFront({ front, back, slots }: LaneState, id: InputId): LaneState {
  return { front: front - 1, back, slots: mapSet(slots, front - 1, id) }
}

/** Removes the slot. An empty lane starts over, so that lanes with equal contents are more often equal. */
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

/** The first id, from the front, for which `isIt` holds. Cheaper than the generator `inOrder`. */
export function findInOrder(lane: LaneState, isIt: (id: InputId) => boolean): InputId | undefined {
  for (let slot = lane.front, left = lane.slots.size; left > 0; slot++) {
    const id = mapGet(lane.slots, slot)
    if (id === undefined) continue
    if (isIt(id)) return id
    left--
  }
  return undefined
}
