/** When what the session knows last changed, for those who keep a copy of it in step. */
import { afterwards, type HandleDslAuthority, unlessGuarded } from './dsl-authority.ts'
import { ObserverSlot, type Uninstall } from './observers.ts'
import { refuseUnreadable } from './unreadable.ts'

/** Hears of each advance once, in order. */
export interface SessionContextAdvancedObserver {
  /** `updatedAt` in ms since the epoch. */
  onSessionContextAdvanced(updatedAt: number): void
}

/**
 * The runtime itself says so at each boundary and at the end of a run. Whoever changes what the session knows by another
 * way says it here.
 */
export class SessionContextHandle {
  readonly #authority: HandleDslAuthority
  readonly #slot = new ObserverSlot<SessionContextAdvancedObserver>()
  /** What the observer has heard of, or found there. */
  #seen: number

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
    this.#seen = this.currentWatermarkMs()
    authority.onOthers(() => afterwards(this.#news(this.currentWatermarkMs())))
  }

  /** Says that it changed at this time, ms since the epoch; answers whether that is news. */
  contextAdvanced(updatedAt: number): Promise<boolean> {
    const advance = this.#authority.applyInputWithEffectsAndSample(
      { type: 'AdvanceSessionContext', updatedAt },
      (_, { context }) => this.#news(context.updatedAt),
    )
    return unlessGuarded(advance.then(afterwards))
  }

  /** 0 before the first change this process heard of. */
  currentWatermarkMs(): number {
    return this.#authority.snapshotState().context.updatedAt
  }

  installObserver(observer: SessionContextAdvancedObserver): Uninstall {
    return this.installObserverWithBaseline(observer).uninstall
  }

  /** Installs an observer that will hear of everything after the watermark that is answered, and of nothing before. */
  installObserverWithBaseline(observer: SessionContextAdvancedObserver): {
    readonly watermarkMs: number
    readonly uninstall: Uninstall
  } {
    return this.#authority.withStateLock(({ context }) => {
      this.#seen = context.updatedAt
      return { watermarkMs: context.updatedAt, uninstall: this.#slot.install(observer) }
    })
  }

  #news(updatedAt: number): readonly (() => void)[] {
    if (updatedAt <= this.#seen) return []
    this.#seen = updatedAt
    return this.#slot.telling([updatedAt], (one, at) => one.onSessionContextAdvanced(at))
  }
}
refuseUnreadable(SessionContextHandle)
