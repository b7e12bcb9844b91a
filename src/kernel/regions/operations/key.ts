/** The slice's part of the explorer's key. It leaves out progress counts, which are only shown to people. */
import { mapValues } from '../../persistent-map.ts'
import { isEnded, type OperationEntry, type Operations } from './state.ts'

export function operationsInWords(operations: Operations): string {
  const { entries, completions, droppedThrough, cursors, announcement, wait } = operations
  const all = [...mapValues(entries)].map(operationInWords).toSorted()
  return `operations ${all.join(' ')} | ${JSON.stringify([completions, droppedThrough, cursors, announcement, wait])}`
}

function operationInWords(entry: OperationEntry): string {
  const { id, kind, status } = entry
  const more = isEnded(entry) ? [entry.seq, entry.taken] : [entry.peerReady, entry.resumable, entry.takeUps]
  return [id, kind, status, ...more].join('/')
}
