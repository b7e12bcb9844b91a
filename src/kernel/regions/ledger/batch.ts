/** Which waiting inputs the next run takes. */
import type { InputId } from '../../ids.ts'
import { mapGet } from '../../persistent-map.ts'
import { findInOrder, type LaneState } from '../lane.ts'
import type { EntryFacts, Ledger } from './state.ts'

/** What a batch depends on besides the ledger. */
export interface BatchRules {
  /** Whether prompts share runs. */
  readonly merge: boolean
  /** Whether passive inputs go along with the one that woke the session, as records before version 3 mean it. */
  readonly passivesAlong: boolean
}

/** The first input of a lane that may start a run. */
function firstWaking(ledger: Ledger, lane: LaneState): InputId | undefined {
  return findInOrder(lane, id => mapGet(ledger.entries, id)?.wake === true)
}

/** The first waiting input that may start a run: because of it, work is taken from its lane's front. Steers go first. */
export function nextWaking(ledger: Ledger): InputId | undefined {
  if (ledger.waking === 0) return undefined
  return firstWaking(ledger, ledger.steer) ?? firstWaking(ledger, ledger.queue)
}

/**
 * The inputs of the next run, in the order in which they were accepted. Once anything wakes the session the steers go
 * first, and each lane from its front, passive inputs in their place. Inputs share a run where `share` says so, the
 * prompts of a session that merges all of them. Work that has a journal already is continued alone, with what it carries.
 */
export function selectBatch(ledger: Ledger, { merge, passivesAlong }: BatchRules): readonly InputId[] {
  return passivesAlong ? batchBefore3(ledger, merge) : batchOf(ledger, merge)
}

function batchOf(ledger: Ledger, merge: boolean): readonly InputId[] {
  if (ledger.waking === 0) return []
  const lane = ledger.steer.slots.size > 0 ? ledger.steer : ledger.queue
  const batch: InputId[] = []
  let head: EntryFacts | undefined
  findInOrder(lane, id => {
    const entry = mapGet(ledger.entries, id)
    if (entry === undefined) return true
    head ??= entry
    if (entry !== head && (entry.progressed === true || !(merge || share(head, entry)))) return true
    batch.push(id)
    return head.progressed === true
  })
  return head?.progressed === true ? [...batch, ...head.carries] : batch
}

/**
 * Steers share a run: one that waited would join it at its boundary. So does what peers and others say, while a prompt
 * has one of its own, and who wakes nobody joins nobody.
 */
function share(head: EntryFacts, entry: EntryFacts): boolean {
  if (head.lane === 'steer') return true
  return head.wake && entry.wake && head.kind !== 'prompt' && entry.kind !== 'prompt'
}

/**
 * The batch as releases took it whose records are of version 1 or 2: the first input that may start a run leads,
 * and passive ones ride along. Only a replay of their logs asks for it.
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
    // What has work of its own to continue ends the batch.
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
