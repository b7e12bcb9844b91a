/** Looks up the records of schedules and operations: how they were made, and how they ended. */
import type { InputId, OperationId, ScheduleId } from '../kernel/ids.ts'
import type {
  CommitRecord,
  MessageRecord,
  OperationEndedRecord,
  OperationRecord,
  ScheduleRecord,
} from '../store/records.ts'
import type { JournalEntry, LoadedSession, LocatedId, Store } from '../store/store.ts'

export function scheduleRecords(store: Store, ids: readonly ScheduleId[]): Promise<readonly ScheduleRecord[]> {
  return found(store, ids, 'first', record => record.schedules)
}

export function operationRecords(store: Store, ids: readonly OperationId[]): Promise<readonly OperationRecord[]> {
  return found(store, ids, 'first', record => record.operations)
}

/** How an operation ended, and when: ms since the epoch. */
export interface OperationEnd extends OperationEndedRecord {
  readonly at: number
}

export function operationEnds(store: Store, ids: readonly OperationId[]): Promise<readonly OperationEnd[]> {
  return found(store, ids, 'last', ({ operationsEnded, at }) => operationsEnded?.map(end => ({ ...end, at })))
}

async function found<Id extends LocatedId, T extends { readonly id: Id }>(
  store: Store,
  ids: readonly Id[],
  end: 'first' | 'last',
  pick: (record: CommitRecord) => readonly T[] | undefined,
): Promise<readonly T[]> {
  const all: T[] = []
  for (const id of ids) {
    const position = (await store.locate(id))?.[end]
    const row = position === undefined ? undefined : await store.row(position)
    const one = row === undefined ? undefined : pick(row.record)?.find(({ id: other }) => other === id)
    if (one !== undefined) all.push(one)
  }
  return all
}

/** The journals of unfinished work, by the id of its first input. */
export function journalsOf(loaded: LoadedSession): Map<InputId, readonly MessageRecord[]> {
  const byWork = Map.groupBy(loaded.journal, entry => entry.work)
  const inOrder = (entries: readonly JournalEntry[]): readonly MessageRecord[] =>
    entries.toSorted((a, b) => a.index - b.index).map(entry => entry.message)
  return new Map([...byWork].map(([work, entries]) => [work, inOrder(entries)]))
}
