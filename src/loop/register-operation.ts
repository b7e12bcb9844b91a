/** Registers operations within a transaction, with the records of how they were begun. */
import type { Transaction } from '../driver/transaction.ts'
import type { OperationNature } from '../kernel/regions/operations/state.ts'
import type { OperationRecord } from '../store/records.ts'

type Begun = Omit<OperationRecord, 'at' | 'kind'>
type Nature = OperationNature & { readonly maxConcurrent?: number }

/** Registers an operation; it is provisioning until it is started. */
export function registerOperation(tx: Transaction, nature: Nature, { id, title, ...begun }: Begun): void {
  const { at } = tx
  tx.step({ type: 'RegisterOperation', operationId: id, at, displayName: title, ...nature })
  tx.parts.opened.push(id)
  tx.parts.operations.push({ id, at, kind: nature.kind, title, ...begun })
}
