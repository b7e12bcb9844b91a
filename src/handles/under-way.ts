/** What is under way by a handle's knowledge, so that its end is told once, whichever step or teardown it came by. */
import { mapEntries, type PersistentMap } from '../kernel/persistent-map.ts'

export class UnderWay<Id extends string> {
  #seen: PersistentMap<Id, unknown> | undefined
  #ids: ReadonlySet<Id> = new Set()

  /** Looks at what is under way now; answers what was when it looked last, and is not any more. */
  look(now: PersistentMap<Id, unknown>): readonly Id[] {
    if (now === this.#seen) return []
    this.#seen = now
    const before = this.#ids
    this.#ids = new Set([...mapEntries(now)].map(([id]) => id))
    return [...before].filter(id => !this.#ids.has(id))
  }

  /** Nobody here has to do with any of it any more; answers what was under way. */
  end(): readonly Id[] {
    const left = [...this.#ids]
    this.#ids = new Set()
    return left
  }
}
