/** Writes and reads the slice `endings`. */
import type { Codec } from '../../region.ts'
import { bounds, type EncodedLane, entriesOf, laneOf } from '../ledger/codec.ts'
import { type LedgerEntry, unfinishedInputs } from '../ledger/state.ts'
import type { Endings, GivenUp } from './state.ts'

interface EncodedGroup extends Pick<GivenUp, 'reason'> {
  readonly entries: readonly LedgerEntry[]
  readonly queue: EncodedLane
  readonly steer: EncodedLane
}

export const endingsCodec: Codec<Endings> = { encode: encodeEndings, decode: decodeEndings }

function encodeEndings({ groups }: Endings): readonly EncodedGroup[] {
  return groups.map(({ reason, entries, queue, steer }) => ({
    reason,
    entries: unfinishedInputs({ entries }),
    queue: bounds(queue),
    steer: bounds(steer),
  }))
}

function decodeEndings(groups: readonly EncodedGroup[]): Endings {
  return {
    groups: groups.map(({ reason, entries, queue, steer }) => ({
      reason,
      entries: entriesOf(entries),
      queue: laneOf(entries, 'queue', queue),
      steer: laneOf(entries, 'steer', steer),
    })),
  }
}
