/** Recovery on demand, and what it did with the session's inputs. */

import type { Transaction } from '../driver/transaction.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import { isStopPending } from '../kernel/owed.ts'
import type { MeerkatState } from '../kernel/state.ts'

export interface RecoveryReport {
  /** How many inputs are unfinished and go on. */
  readonly inputsRecovered: number
  /** How many of these a run held, and wait again. */
  readonly inputsRequeued: number
  /** How many inputs ended: it was their last attempt, or a stop was under way. */
  readonly inputsAbandoned: number
}

/** Ends the conditions of the session's former process, and completes a stop that was under way. */
export function recover(tx: Transaction): readonly MeerkatEffect[] {
  const stopped = isStopPending(tx.state) ? tx.step({ type: 'RuntimeExecutorExited' }) : []
  return [...stopped, ...tx.step({ type: 'Recover' })]
}

export function recoveryReport(effects: readonly MeerkatEffect[], after: MeerkatState): RecoveryReport {
  const count = (type: MeerkatEffect['type']): number => effects.filter(effect => effect.type === type).length
  return {
    inputsRecovered: after.ledger.entries.size,
    inputsRequeued: count('InputRequeued'),
    inputsAbandoned: count('InputTerminated'),
  }
}
