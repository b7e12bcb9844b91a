/**
 * Ctrl-C, by how often it was pressed: once cancels at the next boundary, twice cancels now, three times leaves at once.
 */
import { EXIT } from './failure.ts'

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
