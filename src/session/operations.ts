/** Background operations, as people read them and end them. */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import type { CallId, OperationId } from '../kernel/ids.ts'
import { mapGet, mapValues } from '../kernel/persistent-map.ts'
import { isEnded, isUnfinishedOperation, type OperationEntry } from '../kernel/regions/operations/state.ts'
import type { LetterId } from '../store/mail.ts'
import type { OperationRecord } from '../store/records.ts'
import type { Core } from './core.ts'
import type { LiveSession } from './live-session.ts'
import { endOperation, type OperationEnding } from './operation-ends.ts'
import { type OperationEnd, operationEnds, operationRecords } from './records.ts'
import type { OperationView } from './views.ts'

/** The end of an operation, as a caller outside reports it. */
export type FinishRequest = Omit<OperationEnding, 'reason'> & { readonly operationId: OperationId }

/** Ends an operation that is performed outside. The same end again is answered, another one is refused. */
export async function finishOperation(
  core: Core,
  live: LiveSession,
  { operationId: id, ...how }: FinishRequest,
  letter: LetterId | undefined,
): Promise<OperationView> {
  const ended = await live.driver.mutate(tx => {
    if (!isUnfinishedOperation(tx.state.operations, id)) return false
    tx.performs(letter)
    endOperation(tx, id, how)
    return true
  })
  const view = await operationView(core, live.id, id)
  if (ended || view.status === how.outcome) return view
  const message = `operation ${id} of session ${live.id} ended already: ${view.status}`
  throw new MeerkatError('conflict', message, { details: { operationId: id, status: view.status } })
}

/** Unfinished operations and the newest ended ones, oldest first. */
export async function operationViews(core: Core, sessionId: string): Promise<readonly OperationView[]> {
  const { operations } = await core.state(sessionId)
  const entries = [...mapValues(operations.entries)]
  const ids = entries.map(({ id }) => id)
  const [records, ends] = await Promise.all([
    operationRecords(core.store, ids),
    operationEnds(
      core.store,
      entries.filter(isEnded).map(({ id }) => id),
    ),
  ])
  return records
    .map(record =>
      viewOf(
        record,
        mapGet(operations.entries, record.id),
        ends.find(({ id }) => id === record.id),
      ),
    )
    .toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : 0))
}

export async function operationView(core: Core, sessionId: string, operationId: string): Promise<OperationView> {
  const id = operationId as OperationId
  const [record, end, place] = await Promise.all([
    operationRecords(core.store, [id]),
    operationEnds(core.store, [id]),
    core.store.locate(id),
  ])
  const [begun] = record
  if (begun === undefined || place?.sessionId !== sessionId) {
    throw new MeerkatError(
      'not-found',
      `session ${sessionId} has no operation ${operationId}: \`operation/list\` lists those kept`,
      {
        details: { sessionId, operationId },
      },
    )
  }
  const { operations } = await core.state(sessionId)
  return viewOf(begun, mapGet(operations.entries, id), end[0])
}

function viewOf(
  record: OperationRecord,
  entry: OperationEntry | undefined,
  end: OperationEnd | undefined,
): OperationView {
  const { id, kind, title, tool, callId, at } = record
  return {
    id,
    kind,
    title,
    status: end?.outcome ?? entry?.status ?? 'running',
    startedAt: new Date(at).toISOString(),
    progress: entry !== undefined && !isEnded(entry) ? entry.progress : 0,
    ...defined({
      endedAt: end && new Date(end.at).toISOString(),
      tool,
      callId: callId as CallId | undefined,
      output: end?.output,
      error: end?.error,
      reason: end?.reason,
    }),
  }
}
