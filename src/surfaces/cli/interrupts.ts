/**
 * Ctrl-C: the first cancels at the next boundary, the second cancels now, the third ends the command at once.
 */
import { EXIT } from './failure.ts'

/** What a cancel did. */
export interface Cancelled {
  readonly cancelled: boolean
  readonly runId?: string | undefined
}

/** Says what the cancel did. Work that waits for a person has no run, and will reach no boundary. */
export function cancelText({ cancelled, runId }: Cancelled, when: 'boundary' | 'now'): string {
  if (!cancelled) return 'nothing runs or waits for a decision, so nothing was cancelled'
  if (runId === undefined) return 'cancelled the work that waited for a decision: its call is not made'
  return when === 'now' ? 'cancelling now' : 'cancelling at the next boundary'
}

export interface Ladder {
  /** Ctrl-C was pressed. */
  press(): void
  /** The next press counts as the first again. */
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
