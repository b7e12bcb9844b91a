/**
 * The executor of a run that a host drives through the session's turn handles. The loop performs that run like any other;
 * it lasts until a handle ends it. If the run is cancelled or its time is up and the host does not end it within the grace,
 * the loop closes it, so that the session is not stuck.
 */
import type { Transaction } from '../driver/transaction.ts'
import type { ApplyOutput, CoreExecutor, RunPort } from '../executor/executor.ts'
import type { RunId } from '../kernel/ids.ts'
import type { TurnPhase } from '../kernel/regions/turn/state.ts'
import type { CloseResult, Ending } from './closing.ts'

export class Hand implements CoreExecutor {
  readonly name = 'by hand'
  #runId: RunId | undefined
  #over = (): void => {}

  /** From now on the host drives this run. */
  take(runId: RunId): void {
    this.#runId = runId
  }

  /** Whether the host drives this run. */
  holds(runId: RunId): boolean {
    return runId === this.#runId
  }

  /** Called when a handle has ended the run. */
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

/** Closes a run that its host did not end: by the outcome of its turn if that has ended, else by the ending that the loop saw. */
export function closeByHand(tx: Transaction, runId: RunId, { type }: Ending): CloseResult {
  if (type === 'interrupted' || type === 'threw') {
    tx.step({ type: 'RollbackRun', runId, cause: type === 'threw' ? 'attempt-failed' : 'interrupted' })
    return 'over'
  }
  if (tx.state.turn.phase === 'ready') tx.step({ type: 'StartImmediateAppend', runId })
  // Refused where the turn has ended, or is being cancelled already.
  tx.try({ type: type === 'failed' ? 'TimeBudgetExceeded' : 'CancelNow', runId })
  if (tx.state.turn.phase === 'cancelling') tx.step({ type: 'CancellationObserved', runId })
  tx.step(runEndOf(tx.state.turn.phase, runId))
  return 'over'
}

/** The kernel input that ends a run whose turn has come to this phase. */
export function runEndOf(
  phase: TurnPhase,
  runId: RunId,
): { readonly type: 'Commit' | 'Fail' | 'CancelRun'; readonly runId: RunId } {
  return { type: phase === 'completed' ? 'Commit' : phase === 'failed' ? 'Fail' : 'CancelRun', runId }
}
