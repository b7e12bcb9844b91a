/**
 * Remembers what a handle knows to be under way, so that it tells each end once, whether by a step or by a teardown.
 */
import { mapEntries, type PersistentMap } from '../kernel/persistent-map.ts'

export class UnderWay<Id extends string> {
  #seen: PersistentMap<Id, unknown> | undefined
  #ids: ReadonlySet<Id> = new Set()

  /** Takes the present entries; answers those of the last look that are gone. */
  look(now: PersistentMap<Id, unknown>): readonly Id[] {
    if (now === this.#seen) return []
    this.#seen = now
    const before = this.#ids
    this.#ids = new Set([...mapEntries(now)].map(([id]) => id))
    return [...before].filter(id => !this.#ids.has(id))
  }

  /** The handle has ended; answers what was under way. */
  end(): readonly Id[] {
    const left = [...this.#ids]
    this.#ids = new Set()
    return left
  }
}
