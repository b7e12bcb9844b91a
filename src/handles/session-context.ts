/** Tells when the content of the session last changed, for code that keeps a copy of it. */

import { refuseUnreadable } from '../unreadable.ts'
import { afterwards, type HandleDslAuthority, unlessGuarded } from './dsl-authority.ts'
import { ObserverSlot, type Uninstall } from './observers.ts'

/** Told each advance once, in order. */
export interface SessionContextAdvancedObserver {
  /** `updatedAt` in ms since the epoch. */
  onSessionContextAdvanced(updatedAt: number): void
}

/**
 * The runtime reports each boundary and the end of a run itself. Code that changes the session's content in another way
 * reports that here.
 */
export class SessionContextHandle {
  readonly #authority: HandleDslAuthority
  readonly #slot = new ObserverSlot<SessionContextAdvancedObserver>()
  /** The newest watermark that the observer has heard, or got when it was installed. */
  #seen: number

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
    this.#seen = this.currentWatermarkMs()
    authority.onOthers(() => afterwards(this.#advance(this.currentWatermarkMs())))
  }

  /** Reports a change at this time, ms since the epoch; answers whether it is newer than the last. */
  contextAdvanced(updatedAt: number): Promise<boolean> {
    const advance = this.#authority.applyInputWithEffectsAndSample(
      { type: 'AdvanceSessionContext', updatedAt },
      (_, { context }) => this.#advance(context.updatedAt),
    )
    return unlessGuarded(advance.then(afterwards))
  }

  /** ms since the epoch; 0 before the first change that this process heard of. */
  currentWatermarkMs(): number {
    return this.#authority.snapshotState().context.updatedAt
  }

  installObserver(observer: SessionContextAdvancedObserver): Uninstall {
    return this.installObserverWithBaseline(observer).uninstall
  }

  /** Installs an observer that hears everything after the watermark that is answered, and nothing before. */
  installObserverWithBaseline(observer: SessionContextAdvancedObserver): {
    readonly watermarkMs: number
    readonly uninstall: Uninstall
  } {
    return this.#authority.withStateLock(({ context }) => {
      this.#seen = context.updatedAt
      return { watermarkMs: context.updatedAt, uninstall: this.#slot.install(observer) }
    })
  }

  #advance(updatedAt: number): readonly (() => void)[] {
    if (updatedAt <= this.#seen) return []
    this.#seen = updatedAt
    return this.#slot.telling([updatedAt], (one, at) => one.onSessionContextAdvanced(at))
  }
}
refuseUnreadable(SessionContextHandle)
