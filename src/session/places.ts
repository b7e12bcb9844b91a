/**
 * The order in which a session's inputs are admitted: that of the calls, though some have to be looked into before. While one
 * waits for a store or an executor the others are prepared, too; only to be admitted each waits for those before it.
 */
export interface Place {
  /** Resolves when every offer before this one was admitted or refused; absent: at once. */
  readonly turn?: Promise<void>
  /** The offer was given to the driver, or refused. To be called in any case. */
  readonly leave: () => void
}

export class Places {
  /** Resolves when the newest offer that is being prepared, and all before it, have left. */
  #newest: Promise<void> | undefined

  /**
   * Takes a place for an offer. One that has nothing to prepare must wait for its turn at once: those that are offered behind
   * it do not wait for it.
   */
  take(prepares: boolean): Place {
    const before = this.#newest
    const turn = before === undefined ? {} : { turn: before }
    if (!prepares) return { ...turn, leave: () => {} }
    const left = Promise.withResolvers<void>()
    const newest = before === undefined ? left.promise : before.then(() => left.promise)
    this.#newest = newest
    const forget = (): void => {
      if (this.#newest === newest) this.#newest = undefined
    }
    void newest.then(forget)
    return { ...turn, leave: left.resolve }
  }
}
