/** Writes and reads the operations; counts and feed are computed from the entries. */
import { mapOf, mapValues } from '../../persistent-map.ts'
import type { Codec } from '../../region.ts'
import { isEnded, type OperationEntry, type Operations, wakes } from './state.ts'

/** The fields that can't be computed from the entries. */
interface EncodedOperations
  extends Pick<Operations, 'completions' | 'droppedThrough' | 'cursors' | 'announcement' | 'wait'> {
  /** In the order of their ids. */
  readonly entries: readonly OperationEntry[]
}

export const operationsCodec: Codec<Operations> = { encode: encodeOperations, decode: decodeOperations }

function encodeOperations(operations: Operations): EncodedOperations {
  const entries = [...mapValues(operations.entries)].sort((a, b) => (a.id < b.id ? -1 : 1))
  const { completions, droppedThrough, cursors, announcement, wait } = operations
  const more = { ...(announcement !== undefined && { announcement }), ...(wait !== undefined && { wait }) }
  return { entries, completions, droppedThrough, cursors, ...more }
}

function decodeOperations({ entries, ...rest }: EncodedOperations): Operations {
  const ended = entries.filter(isEnded)
  return {
    ...rest,
    entries: mapOf(entries.map(entry => [entry.id, entry] as const)),
    active: entries.length - ended.length,
    feed: mapOf(ended.map(({ id, seq }) => [seq, id] as const)),
    newestWaking: Math.max(0, ...ended.flatMap(({ kind, seq }) => (wakes(kind) ? [seq] : []))),
  }
}
