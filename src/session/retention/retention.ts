/** Retention in the background: a bounded round at intervals, as long as the runtime is open. */
import type { Clock } from '../../time.ts'
import type { RetentionPolicy } from './policy.ts'
import type { Pruner } from './prune.ts'

/** How many rows a round looks at, so that it never occupies the store for long. */
const ROWS_PER_ROUND = 5_000
const LEAST_EVERY_MS = 1_000
const MOST_EVERY_MS = 60_000

export class Retention {
  readonly #pruner: Pruner
  readonly #policy: RetentionPolicy
  readonly #everyMs: number
  readonly #clock: Clock
  #off: (() => void) | undefined
  #stopped = false

  constructor(pruner: Pruner, policy: RetentionPolicy, clock: Clock) {
    this.#pruner = pruner
    this.#policy = policy
    this.#clock = clock
    const { deltasAfterMs, eventsAfterMs, destroyedAfterMs, retiredAfterMs } = policy
    const kept = [deltasAfterMs, eventsAfterMs, destroyedAfterMs, retiredAfterMs].filter(keptMs => keptMs !== undefined)
    this.#everyMs = Math.min(Math.max(Math.min(...kept) / 10, LEAST_EVERY_MS), MOST_EVERY_MS)
    if (kept.length > 0) this.#plan()
  }

  /** Ends the rounds; the one in progress ends at its next step. */
  stop(): void {
    this.#stopped = true
    this.#off?.()
  }

  #plan(): void {
    if (this.#stopped) return
    this.#off = this.#clock.after(this.#everyMs, () => this.#begin(), { background: true })
  }

  #begin(): void {
    const again = (): void => this.#plan()
    // After a failure of the store the next round asks again.
    this.#pruner.round(this.#policy, ROWS_PER_ROUND).then(again, again)
  }
}
