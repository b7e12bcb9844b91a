/** Selects the waiting inputs that the next run takes. */
import type { InputId } from '../../ids.ts'
import { mapGet } from '../../persistent-map.ts'
import { findInOrder, type LaneState } from '../lane.ts'
import type { EntryFacts, Ledger } from './state.ts'

/** What the selection depends on besides the ledger. */
export interface BatchRules {
  /** Whether prompts share runs. */
  readonly merge: boolean
  /** Whether passive inputs go along with the one that starts the run, as in records before version 3. */
  readonly passivesAlong: boolean
}

/** The first input of a lane that may start a run. */
function firstWaking(ledger: Ledger, lane: LaneState): InputId | undefined {
  return findInOrder(lane, id => mapGet(ledger.entries, id)?.wake === true)
}

/** The first waiting input that may start a run; steers go first. The run then takes inputs from the front of that lane. */
export function nextWaking(ledger: Ledger): InputId | undefined {
  if (ledger.waking === 0) return undefined
  return firstWaking(ledger, ledger.steer) ?? firstWaking(ledger, ledger.queue)
}

/**
 * The inputs of the next run, in the order in which they were accepted. If any input may start a run, the steers go first,
 * and each lane from its front, passive inputs in their place. Inputs share a run as `share` decides; in a session with
 * `merge` all prompts do. Work that has a journal is continued alone, with the inputs that it carries.
 */
export function selectBatch(ledger: Ledger, { merge, passivesAlong }: BatchRules): readonly InputId[] {
  return passivesAlong ? batchBefore3(ledger, merge) : batchOf(ledger, merge)
}

function batchOf(ledger: Ledger, merge: boolean): readonly InputId[] {
  if (ledger.waking === 0) return []
  const lane = ledger.steer.slots.size > 0 ? ledger.steer : ledger.queue
  const first = findInOrder(lane, () => true)
  const head = first === undefined ? undefined : mapGet(ledger.entries, first)
  if (head === undefined) return []
  if (head.progressed === true) return [head.id, ...head.carries]
  // Most heads are prompts, which share with no other input: what waits behind one is not looked up.
  if (!merge && !sharesWithSome(head)) return [head.id]
  const batch: InputId[] = []
  findInOrder(lane, id => {
    const entry = mapGet(ledger.entries, id)
    if (entry === undefined || entry.progressed === true || !(merge || share(head, entry))) return true
    batch.push(id)
    return false
  })
  return batch
}

/**
 * Steers share a run, because a waiting one would join it at its boundary anyway. So do inputs of peers and other senders;
 * a prompt has a run of its own, and a passive input shares none.
 */
function sharesWithSome({ lane, wake, kind }: EntryFacts): boolean {
  return lane === 'steer' || (wake && kind !== 'prompt')
}

/** Whether the head, which shares its run with some, shares it with this entry of its lane. */
function share({ lane }: EntryFacts, entry: EntryFacts): boolean {
  return lane === 'steer' || (entry.wake && entry.kind !== 'prompt')
}

/**
 * The selection of releases with records of version 1 or 2: the first input that may start a run leads, and passive ones
 * go along. Used only when such logs are replayed.
 */
function batchBefore3(ledger: Ledger, merge: boolean): readonly InputId[] {
  const leader = nextWaking(ledger)
  const leading = leader === undefined ? undefined : mapGet(ledger.entries, leader)
  if (leading === undefined) return []
  if (leading.progressed) return [leading.id, ...leading.carries]
  const batch = [leading.id]
  if (leading.lane === 'queue') {
    findInOrder(ledger.steer, id => {
      const journal = mapGet(ledger.entries, id)?.progressed === true
      if (!journal) batch.push(id)
      return journal
    })
  }
  const shared = merge || leading.lane === 'steer'
  let led = false
  let prompts = 0
  findInOrder(ledger[leading.lane], id => {
    const entry = mapGet(ledger.entries, id)
    // An input with a journal of its own ends the batch.
    if (entry?.progressed) return true
    const prompt = entry?.kind === 'prompt'
    if (led && !shared && (prompt || prompts > 0)) return true
    if (id === leading.id) led = true
    else batch.push(id)
    if (prompt) prompts++
    return false
  })
  return batch
}
