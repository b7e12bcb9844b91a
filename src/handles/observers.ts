/**
 * Which observer hears the effects of a handle's steps: one a handle, the last that was installed.
 *
 * The slot is read at the moment in which a step becomes visible, and its observer is called afterwards. So an observer
 * that was installed with a baseline never hears what the baseline contains, and never misses what follows it.
 */

/** Removes an observer, if it is still the one that is installed. */
export type Uninstall = () => void

export class ObserverSlot<Observer extends object> {
  #installed: Observer | undefined

  /** Replaces the observer; the one before hears nothing more. */
  install(observer: Observer): Uninstall {
    this.#installed = observer
    return () => {
      if (this.#installed === observer) this.#installed = undefined
    }
  }

  /** The calls that tell the present observer these facts. Without an observer they are dropped, not kept. */
  telling<Fact>(facts: readonly Fact[], tell: (observer: Observer, fact: Fact) => void): readonly (() => void)[] {
    const observer = this.#installed
    return observer === undefined ? [] : facts.map(fact => () => tell(observer, fact))
  }
}
