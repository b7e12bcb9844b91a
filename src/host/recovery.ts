/** What a recovery made of a session's inputs. */
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { MeerkatState } from '../kernel/machine.ts'

export interface RecoveryReport {
  /** Inputs that are unfinished and go on. */
  readonly inputsRecovered: number
  /** Those of them that a run had, which wait again. */
  readonly inputsRequeued: number
  /** Inputs whose last attempt it was. */
  readonly inputsAbandoned: number
}

export function recoveryReport(effects: readonly MeerkatEffect[], after: MeerkatState): RecoveryReport {
  const count = (type: MeerkatEffect['type']): number => effects.filter(effect => effect.type === type).length
  return {
    inputsRecovered: after.ledger.entries.size,
    inputsRequeued: count('InputRequeued'),
    inputsAbandoned: count('InputTerminated'),
  }
}
