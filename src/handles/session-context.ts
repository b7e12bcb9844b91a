/** When what the session knows last changed, for those who keep a copy of it in step. */
import type { MeerkatEffect } from '../kernel/effects.ts'
import { afterwards, type HandleDslAuthority, unlessGuarded } from './dsl-authority.ts'
import { ObserverSlot, type Uninstall } from './observers.ts'
import { refuseUnreadable } from './unreadable.ts'

/** Hears of each advance once, in order. */
export interface SessionContextAdvancedObserver {
  /** `updatedAt` in ms since the epoch. */
  onSessionContextAdvanced(updatedAt: number): void
}

export class SessionContextHandle {
  readonly #authority: HandleDslAuthority
  readonly #slot = new ObserverSlot<SessionContextAdvancedObserver>()

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
  }

  /** Says that it changed at this time, ms since the epoch; answers whether that is news. */
  contextAdvanced(updatedAt: number): Promise<boolean> {
    const advance = this.#authority.applyInputWithEffectsAndSample(
      { type: 'AdvanceSessionContext', updatedAt },
      effects => this.#slot.telling(effects.flatMap(advancedIn), (one, at) => one.onSessionContextAdvanced(at)),
    )
    return unlessGuarded(advance.then(afterwards))
  }

  /** 0 before the first change this process heard of. */
  currentWatermarkMs(): number {
    return this.#authority.snapshotState().context.updatedAt
  }

  installObserver(observer: SessionContextAdvancedObserver): Uninstall {
    return this.#slot.install(observer)
  }

  /** Installs an observer that will hear of everything after the watermark that is answered, and of nothing before. */
  installObserverWithBaseline(observer: SessionContextAdvancedObserver): {
    readonly watermarkMs: number
    readonly uninstall: Uninstall
  } {
    return this.#authority.withStateLock(({ context }) => ({
      watermarkMs: context.updatedAt,
      uninstall: this.#slot.install(observer),
    }))
  }
}
refuseUnreadable(SessionContextHandle)

function advancedIn(effect: MeerkatEffect): readonly number[] {
  return effect.type === 'SessionContextAdvanced' ? [effect.updatedAt] : []
}
