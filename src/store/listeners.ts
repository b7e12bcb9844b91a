/** Listeners to commits. They are called after the commit, so a listener that throws can't harm it. */
import type { Hint } from './store.ts'

export type CommitListener = (hint: Hint) => void

export class Listeners {
  readonly #entries = new Set<{ readonly listener: CommitListener }>()

  get size(): number {
    return this.#entries.size
  }

  /** Answers the function that removes it; a listener that is added twice is called twice. */
  add(listener: CommitListener): () => void {
    const entry = { listener }
    this.#entries.add(entry)
    return () => void this.#entries.delete(entry)
  }

  notify(hint: Hint): void {
    for (const { listener } of this.#entries) {
      try {
        listener(hint)
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error), {
          detail: 'thrown by an onCommit listener',
        })
      }
    }
  }
}
