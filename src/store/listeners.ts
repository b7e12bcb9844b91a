/** Who wants to hear of commits. A hint is sent after the fact, so a listener that throws can't harm a commit. */
import type { Hint } from './store.ts'

export type CommitListener = (hint: Hint) => void

export class Listeners {
  readonly #entries = new Set<{ readonly listener: CommitListener }>()

  get size(): number {
    return this.#entries.size
  }

  /** Returns the way to stop; a listener that is added twice is called twice. */
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
