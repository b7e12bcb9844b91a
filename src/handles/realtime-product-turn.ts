/** The state of a conversation over a realtime transport, as the code that holds the transport reports it. */
import { DslTransitionError } from '../kernel/authority.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { ProductTurnInput } from '../kernel/regions/product-turn/input.ts'
import type {
  ProductTurn,
  ProductTurnPhase,
  ProjectionFreshness,
  RealtimeReconnectPolicy,
} from '../kernel/regions/product-turn/state.ts'
import { shouldPreemptOnInput } from '../kernel/regions/product-turn/table.ts'
import { refuseUnreadable } from '../unreadable.ts'
import { afterwards, type HandleDslAuthority } from './dsl-authority.ts'
import { ObserverSlot, type Uninstall } from './observers.ts'

/** Told each change of what the transport knows of the session, once and in order. */
export interface RealtimeProjectionFreshnessObserver {
  /** `frontierMs` in ms since the epoch. */
  onRealtimeProjectionFreshnessChanged(freshness: ProjectionFreshness, frontierMs: number): void
}

/** What the transport knows of the session now. */
export interface RealtimeProjectionSnapshot {
  readonly freshness: ProjectionFreshness
  /** ms since the epoch */
  readonly frontierMs: number
}

/**
 * Reports answer whether they changed anything: providers repeat themselves and come late, so a report that does not
 * fit is false and no error. A session that is destroyed or torn down throws a `DslTransitionError`.
 */
export class RealtimeProductTurnHandle {
  readonly #authority: HandleDslAuthority
  readonly #freshness = new ObserverSlot<RealtimeProjectionFreshnessObserver>()

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
  }

  turnInFlight(): Promise<boolean> {
    return this.#report({ type: 'ProductTurnInFlight' })
  }
  turnCommitted(): Promise<boolean> {
    return this.#report({ type: 'ProductTurnCommitted' })
  }
  outputStarted(): Promise<boolean> {
    return this.#report({ type: 'ProductOutputStarted' })
  }
  turnInterrupted(): Promise<boolean> {
    return this.#report({ type: 'ProductTurnInterrupted' })
  }
  /** The turn is over: what was deferred until its end is due. */
  turnTerminal(): Promise<boolean> {
    return this.#report({ type: 'ProductTurnTerminal' })
  }

  currentPhase(): ProductTurnPhase {
    return this.#slice.phase
  }
  isInFlight(): boolean {
    return this.#slice.phase !== 'idle'
  }
  /** Whether a client that speaks now means to interrupt. */
  shouldPreemptOnInput(): boolean {
    return shouldPreemptOnInput(this.#slice)
  }

  /** The session's content advanced at this time, ms since the epoch. */
  projectionAdvanceObserved(advancedAtMs: number): Promise<boolean> {
    return this.#report({ type: 'RealtimeProjectionAdvanceObserved', advancedAtMs })
  }
  /** The transport has been told everything up to this time, ms since the epoch. */
  projectionRefreshed(observedMs: number): Promise<boolean> {
    return this.#report({ type: 'RealtimeProjectionRefreshed', observedMs })
  }
  /** A new transport begins with everything up to this time, ms since the epoch. */
  projectionReset(baselineMs: number): Promise<boolean> {
    return this.#report({ type: 'RealtimeProjectionReset', baselineMs })
  }

  projectionFreshness(): ProjectionFreshness {
    return this.#slice.freshness
  }
  /**
   * ms since the epoch. Up to when the transport knows the session; while it is stale, the time that it has to be told
   * up to.
   */
  projectionFrontierMs(): number {
    return this.#slice.frontierMs
  }
  /** Whether the transport has to be told now. */
  isProjectionStaleImmediate(): boolean {
    return this.#slice.freshness === 'StaleImmediate'
  }

  installProjectionFreshnessObserver(observer: RealtimeProjectionFreshnessObserver): Uninstall {
    return this.#freshness.install(observer)
  }
  /** Installs an observer that hears everything after the snapshot that is answered, and nothing before. */
  installProjectionFreshnessObserverWithSnapshot(
    observer: RealtimeProjectionFreshnessObserver,
  ): RealtimeProjectionSnapshot & { readonly uninstall: Uninstall } {
    return this.#authority.withStateLock(({ productTurn: { freshness, frontierMs } }) => ({
      freshness,
      frontierMs,
      uninstall: this.#freshness.install(observer),
    }))
  }

  /** A client gave input: until the turn ends, a close of the transport counts as too early, even a clean one. */
  classifyClientInputSubmitted(): Promise<boolean> {
    return this.#report({ type: 'ClassifyRealtimeClientInputSubmitted' })
  }
  /** The provider is at work: the same as after a client's input. */
  classifyMidTurnActivity(): Promise<boolean> {
    return this.#report({ type: 'ClassifyRealtimeMidTurnActivity' })
  }
  /** The turn is over: a clean close counts as one again. */
  classifyTurnTerminated(): Promise<boolean> {
    return this.#report({ type: 'ClassifyRealtimeTurnTerminated' })
  }
  /** What the host has to do when the provider closes the transport without an error. */
  reconnectPolicyOnCleanClose(): RealtimeReconnectPolicy {
    return this.#slice.policy
  }

  get #slice(): ProductTurn {
    return this.#authority.snapshotState().productTurn
  }

  async #report(input: ProductTurnInput): Promise<boolean> {
    try {
      const tasks = await this.#authority.applyInputWithEffectsAndSample(input, effects =>
        this.#freshness.telling(effects.flatMap(freshnessIn), (observer, { freshness, frontierMs }) =>
          observer.onRealtimeProjectionFreshnessChanged(freshness, frontierMs),
        ),
      )
      afterwards(tasks)
      return true
    } catch (error) {
      if (error instanceof DslTransitionError && this.#isAlive) return false
      throw error
    }
  }

  /** False: the session itself is the reason of a refusal, and not a report that came at the wrong time. */
  get #isAlive(): boolean {
    return !this.#authority.closed && this.#authority.snapshotState().lifecycle.phase !== 'destroyed'
  }
}
refuseUnreadable(RealtimeProductTurnHandle)

type FreshnessChanged = Extract<MeerkatEffect, { readonly type: 'RealtimeProjectionFreshnessChanged' }>

function freshnessIn(effect: MeerkatEffect): readonly FreshnessChanged[] {
  return effect.type === 'RealtimeProjectionFreshnessChanged' ? [effect] : []
}
