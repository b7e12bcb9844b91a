/** What every boundary of a run does, whether an executor's port passes it or a host's turn handle. */
import type { Transaction } from '../driver/transaction.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { commitTools } from './offered.ts'

export function isBoundary({ type }: MeerkatInput): boolean {
  return type === 'BoundaryContinue' || type === 'BoundaryComplete'
}

/**
 * Passes a boundary: ends of background work that the session has not been told of come before it, so that they join the run;
 * tools that were staged come into force behind it.
 *
 * @param turn The model call that the boundary ends; 0 where no executor counts them.
 * @param tellEnds Sends the session what has ended.
 * @param pass Takes the kernel's step.
 */
export function passBoundary<T>(tx: Transaction, turn: number, tellEnds: (tx: Transaction) => void, pass: () => T): T {
  tellEnds(tx)
  const passed = pass()
  commitTools(tx, turn)
  return passed
}
