/**
 * The executor of a run that a program drives through the session's handles: the loop performs that run like any other, and
 * it lasts until a handle ends it. One that is cancelled, or whose time is up, and that its program does not end within the
 * grace, is closed by the loop, so that it traps nobody.
 */
import type { Transaction } from '../driver/transaction.ts'
import type { ApplyOutput, CoreExecutor, RunPort } from '../executor/executor.ts'
import type { RunId } from '../kernel/ids.ts'
import type { Ending, Verdict } from './closing.ts'

export class Hand implements CoreExecutor {
  readonly name = 'by hand'
  #runId: RunId | undefined
  #over = (): void => {}

  /** The run is its maker's from now on. */
  take(runId: RunId): void {
    this.#runId = runId
  }

  /** Whether this run is the one. */
  holds(runId: RunId): boolean {
    return runId === this.#runId
  }

  /** A handle ended the run. */
  release(): void {
    this.#over()
  }

  apply(port: RunPort): Promise<ApplyOutput> {
    const { promise, resolve } = Promise.withResolvers<ApplyOutput>()
    this.#over = () => resolve({ type: 'cancelled' })
    port.signal.addEventListener('abort', () => {
      if (port.signal.reason === 'closing') this.#over()
    })
    return promise
  }
}

/** Closes a run that its maker did not end: as its turn has ended, or else both as the loop says. */
export function closeByHand(tx: Transaction, runId: RunId, { type }: Ending): Verdict {
  if (type === 'interrupted' || type === 'threw') {
    tx.step({ type: 'RollbackRun', runId, cause: type === 'threw' ? 'attempt-failed' : 'interrupted' })
    return 'over'
  }
  if (tx.state.turn.phase === 'ready') tx.step({ type: 'StartImmediateAppend', runId })
  // Refused where the turn has ended, or is being cancelled already.
  tx.try({ type: type === 'failed' ? 'TimeBudgetExceeded' : 'CancelNow', runId })
  if (tx.state.turn.phase === 'cancelling') tx.step({ type: 'CancellationObserved', runId })
  const { phase } = tx.state.turn
  tx.step({ type: phase === 'completed' ? 'Commit' : phase === 'failed' ? 'Fail' : 'CancelRun', runId })
  return 'over'
}
