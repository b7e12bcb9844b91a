/**
 * Ctrl-C, by how often it was pressed: once cancels at the next boundary, twice cancels now, three times leaves at once.
 */
import { EXIT } from './failure.ts'

/** What a cancel came to. */
export interface Cancelled {
  readonly cancelled: boolean
  readonly runId?: string | undefined
}

/** What is said of it: work that waits for a person has no run, and no boundary to come to. */
export function cancelText({ cancelled, runId }: Cancelled, when: 'boundary' | 'now'): string {
  if (!cancelled) return 'nothing runs or waits for a decision, so nothing was cancelled'
  if (runId === undefined) return 'cancelled the work that waited for a decision: its call is not made'
  return when === 'now' ? 'cancelling now' : 'cancelling at the next boundary'
}

export interface Ladder {
  /** Takes the next step. */
  press(): void
  /** Begins from the first step again. */
  reset(): void
}

export interface Steps {
  readonly atBoundary: () => void
  readonly now: () => void
}

export function ladder(steps: Steps): Ladder {
  let presses = 0
  return {
    press() {
      presses += 1
      if (presses === 1) steps.atBoundary()
      else if (presses === 2) steps.now()
      else process.exit(EXIT.interrupted)
    },
    reset() {
      presses = 0
    },
  }
}
