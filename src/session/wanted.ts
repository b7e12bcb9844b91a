/**
 * Sessions that a caller in this process waits for while another process owns them.
 *
 * Their owner may end at any moment, in good order or not, with its work unfinished. No hint has to come then: these
 * sessions are looked at repeatedly, and taken up here as soon as no living process owns them.
 */
import type { SessionId } from '../kernel/ids.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from '../time.ts'

const LOOK_EVERY_MS = 1_000

export interface WantedOptions {
  readonly store: Store
  readonly clock: Clock
  /** Whether this process has an executor for the session. */
  readonly serves: (id: SessionId) => boolean
  /** Whether the session is loaded here. */
  readonly has: (id: SessionId) => boolean
  /** Takes the session up; fails while a living process owns it. */
  readonly take: (id: SessionId) => Promise<unknown>
}

export class Wanted {
  readonly #options: WantedOptions
  readonly #ids = new Set<SessionId>()
  #offs: readonly (() => void)[] = []
  #looking = false
  #stopped = false

  constructor(options: WantedOptions) {
    this.#options = options
  }

  add(id: SessionId): void {
    if (this.#stopped || !this.#options.serves(id)) return
    this.#ids.add(id)
    if (this.#offs.length === 0) this.#watch()
  }

  stop(): void {
    this.#stopped = true
    this.#rest()
  }

  #watch(): void {
    const { store, clock } = this.#options
    const offHint = store.onCommit(({ sessionId, about }) => {
      if (about === 'free' && sessionId !== undefined && this.#ids.has(sessionId)) this.#look()
    })
    let offTimer = (): void => {}
    const plan = (): void => {
      offTimer = clock.after(
        LOOK_EVERY_MS,
        () => {
          plan()
          this.#look()
        },
        { background: true },
      )
    }
    plan()
    this.#offs = [offHint, () => offTimer()]
  }

  #rest(): void {
    for (const off of this.#offs) off()
    this.#offs = []
  }

  #look(): void {
    if (this.#looking) return
    this.#looking = true
    this.#lookAtAll()
      // After a failure of the store the next look asks again.
      .catch(() => {})
      .finally(() => {
        this.#looking = false
        if (this.#ids.size === 0) this.#rest()
      })
  }

  async #lookAtAll(): Promise<void> {
    const { store, has, take } = this.#options
    for (const id of this.#ids) {
      if (this.#stopped) return
      const summary = has(id) ? undefined : await store.session(id)
      const isOwed = summary !== undefined && summary.unfinished > 0
      // The next look asks again for what could not be taken.
      if (isOwed) await take(id).catch(() => {})
      if (!isOwed || has(id)) this.#ids.delete(id)
    }
  }
}
