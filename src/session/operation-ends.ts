/** Ends operations within a transaction, with their results. */
import { defined } from '../defined.ts'
import type { Transaction } from '../driver/transaction.ts'
import type { OperationId } from '../kernel/ids.ts'
import { MOST_CALL_CRASHES } from '../kernel/owed.ts'
import { isUnfinishedOperation } from '../kernel/regions/operations/state.ts'
import type { OperationEndedRecord } from '../store/records.ts'

type EndFields = Pick<OperationEndedRecord, 'outcome' | 'output' | 'error'>
/** How an operation ended that this process waited for. `reason`: why it was given up. */
export type OperationEnding = EndFields & { readonly outcome: keyof typeof ENDS; readonly reason?: 'timed-out' }

const ENDS = { completed: 'CompleteOperation', failed: 'FailOperation', cancelled: 'CancelOperation' } as const

/** Ends an operation within a transaction, with its result. */
export function endOperation(tx: Transaction, operationId: OperationId, { reason, ...how }: OperationEnding): void {
  const { outcome } = how
  tx.step(
    outcome === 'failed'
      ? { type: 'FailOperation', operationId, ...defined({ reason }) }
      : { type: ENDS[outcome], operationId },
  )
  tell(tx, operationId, how)
}

/**
 * Takes up an operation that another process began. False if the kernel ended it instead, because with this one it
 * would have ended too many processes.
 */
export function takeUpOperation(tx: Transaction, operationId: OperationId): boolean {
  if (!isUnfinishedOperation(tx.state.operations, operationId)) return false
  tx.step({ type: 'TakeUpOperation', operationId, mostCrashes: MOST_CALL_CRASHES })
  if (isUnfinishedOperation(tx.state.operations, operationId)) return true
  const error = `${MOST_CALL_CRASHES} processes that had taken it up again ended soon afterwards: it is not taken up any more`
  tell(tx, operationId, { outcome: 'failed', error })
  return false
}

/** Adds to an end what the kernel does not know of it. */
function tell({ parts: { operationsEnded } }: Transaction, id: OperationId, how: EndFields): void {
  const last = operationsEnded.findLastIndex(one => one.id === id)
  operationsEnded[last] = { ...operationsEnded[last], id, ...defined(how) }
}
