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

/** Gives Ctrl-C to `press` until the answered function is called. */
export function onInterrupt(press: () => void): () => void {
  const others = process.listeners('SIGINT')
  process.removeAllListeners('SIGINT').on('SIGINT', press)
  return () => {
    process.off('SIGINT', press)
    for (const other of others) process.on('SIGINT', other)
  }
}
