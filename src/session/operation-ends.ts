/** How an operation ends within a transaction, with what it came to. */
import { defined } from '../defined.ts'
import type { Transaction } from '../driver/transaction.ts'
import type { OperationId } from '../kernel/ids.ts'
import { MOST_CALL_CRASHES } from '../kernel/owed.ts'
import { isLive } from '../kernel/regions/operations/state.ts'
import type { OperationEndedRecord } from '../store/records.ts'

type How = Pick<OperationEndedRecord, 'outcome' | 'output' | 'error'>
/** How an operation that was waited for here ended. `reason`: why it was given up. */
export type Came = How & { readonly outcome: keyof typeof ENDS; readonly reason?: 'timed-out' }

const ENDS = { completed: 'CompleteOperation', failed: 'FailOperation', cancelled: 'CancelOperation' } as const

/** Ends an operation within a transaction, with what it came to. */
export function endOperation(tx: Transaction, operationId: OperationId, { reason, ...how }: Came): void {
  const { outcome } = how
  tx.step(
    outcome === 'failed'
      ? { type: 'FailOperation', operationId, ...defined({ reason }) }
      : { type: ENDS[outcome], operationId },
  )
  tell(tx, operationId, how)
}

/** Takes up what another process began. False if it is over: with this one, it would have ended too many. */
export function takeUpOperation(tx: Transaction, operationId: OperationId): boolean {
  if (!isLive(tx.state.operations, operationId)) return false
  tx.step({ type: 'TakeUpOperation', operationId, mostCrashes: MOST_CALL_CRASHES })
  if (isLive(tx.state.operations, operationId)) return true
  const error = `${MOST_CALL_CRASHES} processes that had taken it up again ended soon afterwards: it is not taken up any more`
  tell(tx, operationId, { outcome: 'failed', error })
  return false
}

/** Says more of an end than the kernel does. */
function tell({ parts: { operationsEnded } }: Transaction, id: OperationId, how: How): void {
  const last = operationsEnded.findLastIndex(one => one.id === id)
  operationsEnded[last] = { ...operationsEnded[last], id, ...defined(how) }
}
