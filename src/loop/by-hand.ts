/**
 * The run that somebody drives by hand, through the session's handles: no executor is to perform it. One that is cancelled
 * and that its maker does not end is ended after the grace that an executor has, so that it traps nobody.
 */
import type { SessionDriver } from '../driver/driver.ts'
import type { Transaction } from '../driver/transaction.ts'
import type { RunId } from '../kernel/ids.ts'
import type { Run } from '../kernel/regions/run/state.ts'
import type { Clock } from '../time.ts'

interface Needs {
  readonly driver: SessionDriver
  readonly clock: Clock
  /** How long its maker may take to end a run that was cancelled. */
  readonly abortGraceMs: number
}

export class RunByHand {
  readonly #options: Needs
  #runId: RunId | undefined
  #isEnding = false

  constructor(options: Needs) {
    this.#options = options
  }

  /** The run is its maker's from now on. */
  leave(runId: RunId): void {
    this.#runId = runId
    this.#isEnding = false
  }

  /** Whether this run is the one. */
  holds({ runId, cancel }: Extract<Run, { readonly phase: 'bound' }>): boolean {
    if (runId !== this.#runId) return false
    if (cancel === 'now' && !this.#isEnding) this.#end(runId)
    return true
  }

  #end(runId: RunId): void {
    const { driver, clock, abortGraceMs } = this.#options
    this.#isEnding = true
    clock.after(abortGraceMs, () => {
      // A store that can't take it is asked again by the next commit.
      driver
        .mutate(tx => end(tx, runId))
        .catch(() => {
          this.#isEnding = false
        })
    })
  }
}

/** Ends the run as its turn has ended, or cancels both. */
function end(tx: Transaction, runId: RunId): void {
  const { run } = tx.state
  if (run.phase !== 'bound' || run.runId !== runId) return
  if (tx.state.turn.phase === 'ready') tx.step({ type: 'StartImmediateAppend', runId })
  // Refused where the turn has ended, or is being cancelled already.
  tx.try({ type: 'CancelNow', runId })
  if (tx.state.turn.phase === 'cancelling') tx.step({ type: 'CancellationObserved', runId })
  const { phase } = tx.state.turn
  tx.step({ type: phase === 'completed' ? 'Commit' : phase === 'failed' ? 'Fail' : 'CancelRun', runId })
}
