/**
 * Who is told what a handle's steps said: one observer a handle, the last that was installed.
 *
 * A slot is read in the moment in which a step becomes visible and its observer is called afterwards, so an observer that
 * was installed with a baseline never hears of what the baseline has, and never misses what came after it.
 */

/** Takes an observer out again, if it is still the one that is installed. */
export type Uninstall = () => void

export class ObserverSlot<Observer extends object> {
  #installed: Observer | undefined

  /** In place of whoever was there; who was there hears nothing more. */
  install(observer: Observer): Uninstall {
    this.#installed = observer
    return () => {
      if (this.#installed === observer) this.#installed = undefined
    }
  }

  /** What is to be told of, for whoever listens now. Nobody: it is dropped, not kept. */
  telling<Fact>(facts: readonly Fact[], tell: (observer: Observer, fact: Fact) => void): readonly (() => void)[] {
    const observer = this.#installed
    return observer === undefined ? [] : facts.map(fact => () => tell(observer, fact))
  }
}
