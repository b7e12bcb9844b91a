/** Writes and reads the ledger; its lanes and counts are computed from its entries. */
import type { InputId } from '../../ids.ts'
import { mapEntries, mapOf } from '../../persistent-map.ts'
import type { Codec } from '../../region.ts'
import type { LaneState } from '../lane.ts'
import { type Lane, type Ledger, type LedgerEntry, unfinishedInputs } from './state.ts'

/** A lane without its slots, which are in the entries. */
export interface EncodedLane {
  readonly front: number
  readonly back: number
}

interface EncodedLedger {
  readonly entries: readonly LedgerEntry[]
  readonly queue: EncodedLane
  readonly steer: EncodedLane
  /** By supersession key, in the order in which the inputs would be replaced. */
  readonly keyed: readonly (readonly [string, readonly InputId[]])[]
}

export const ledgerCodec: Codec<Ledger> = { encode: encodeLedger, decode: decodeLedger }

function encodeLedger(ledger: Ledger): EncodedLedger {
  const keyed = mapEntries(ledger.keyed).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return { entries: unfinishedInputs(ledger), queue: bounds(ledger.queue), steer: bounds(ledger.steer), keyed }
}

export const bounds = ({ front, back }: LaneState): EncodedLane => ({ front, back })

function decodeLedger({ entries, queue, steer, keyed }: EncodedLedger): Ledger {
  return {
    entries: entriesOf(entries),
    queue: laneOf(entries, 'queue', queue),
    steer: laneOf(entries, 'steer', steer),
    waking: entries.filter(({ status, wake }) => status === 'queued' && wake).length,
    keyed: mapOf(keyed),
  }
}

export const entriesOf = (entries: readonly LedgerEntry[]): Ledger['entries'] =>
  mapOf(entries.map(entry => [entry.id, entry] as const))

export function laneOf(entries: readonly LedgerEntry[], name: Lane, { front, back }: EncodedLane): LaneState {
  const queued = entries.flatMap(entry =>
    entry.status === 'queued' && entry.lane === name ? [[entry.slot, entry.id] as const] : [],
  )
  return { front, back, slots: mapOf(queued) }
}
