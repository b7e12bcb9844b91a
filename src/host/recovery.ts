/** Recovery on demand, and what it made of the session's inputs. */

import type { Transaction } from '../driver/transaction.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import { isStopPending } from '../kernel/owed.ts'
import type { MeerkatState } from '../kernel/state.ts'

export interface RecoveryReport {
  /** Inputs that are unfinished and go on. */
  readonly inputsRecovered: number
  /** Those of them that a run had, which wait again. */
  readonly inputsRequeued: number
  /** Inputs that ended: it was their last attempt, or a stop was under way. */
  readonly inputsAbandoned: number
}

/** Ends the conditions of whoever served the session, and completes a stop that it was asked for. */
export function recover(tx: Transaction): {
  readonly before: MeerkatState
  readonly effects: readonly MeerkatEffect[]
} {
  const before = tx.state
  const stopped = isStopPending(before) ? tx.step({ type: 'RuntimeExecutorExited' }) : []
  const recovered = tx.step({ type: 'Recover' })
  return { before, effects: [...stopped, ...recovered] }
}

export function recoveryReport(effects: readonly MeerkatEffect[], after: MeerkatState): RecoveryReport {
  const count = (type: MeerkatEffect['type']): number => effects.filter(effect => effect.type === type).length
  return {
    inputsRecovered: after.ledger.entries.size,
    inputsRequeued: count('InputRequeued'),
    inputsAbandoned: count('InputTerminated'),
  }
}
