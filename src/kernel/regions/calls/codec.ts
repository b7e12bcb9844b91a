/** Writes and reads the slice `calls`. */
import { mapEntries, mapOf } from '../../persistent-map.ts'
import type { Codec } from '../../region.ts'
import type { CallEntry, Calls } from './state.ts'

export const callsCodec: Codec<Calls> = { encode: encodeCalls, decode: decodeCalls }

function encodeCalls(calls: Calls): readonly CallEntry[] {
  return [...mapEntries(calls.open)].map(([, entry]) => entry).sort((a, b) => (a.id < b.id ? -1 : 1))
}

function decodeCalls(entries: readonly CallEntry[]): Calls {
  const unsettled = entries.filter(({ state }) => state === 'unknown' || state === 'awaitingApproval').length
  return { open: mapOf(entries.map(entry => [entry.id, entry] as const)), unsettled }
}
