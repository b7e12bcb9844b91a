/** Subscriptions to what follows from a message to a peer, as the code that holds them reports. */
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { PeerCorrelationId } from '../kernel/ids.ts'
import { mapGet } from '../kernel/persistent-map.ts'
import type { StreamAbandonReason } from '../kernel/regions/streams/input.ts'
import type { InteractionStreamState } from '../kernel/regions/streams/state.ts'
import { refuseUnreadable } from '../unreadable.ts'
import { afterwards, type HandleDslAuthority, type HandleInput } from './dsl-authority.ts'
import { ObserverSlot, type Uninstall } from './observers.ts'
import { UnderWay } from './under-way.ts'

/** Told which streams have ended and, where their message was never delivered, why. */
export interface InteractionStreamCleanupObserver {
  onInteractionStreamCleanup(correlationId: PeerCorrelationId, reason?: StreamAbandonReason): void
}

/** The first end of a stream stands; later ones are refused with `guard-rejected`. */
export class InteractionStreamHandle {
  readonly #authority: HandleDslAuthority
  readonly #cleanup = new ObserverSlot<InteractionStreamCleanupObserver>()
  readonly #underWay = new UnderWay<PeerCorrelationId>()

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
    this.#underWay.look(authority.snapshotState().streams.open)
    authority.onOthers(ended => {
      const gone = this.#underWay.look(authority.snapshotState().streams.open)
      afterwards(this.#telling((ended ? [...gone, ...this.#underWay.end()] : gone).map(endOf)))
    })
  }

  reserved(correlationId: PeerCorrelationId): Promise<void> {
    return this.#apply({ type: 'InteractionStreamReserved', correlationId })
  }
  attached(correlationId: PeerCorrelationId): Promise<void> {
    return this.#apply({ type: 'InteractionStreamAttached', correlationId })
  }
  completed(correlationId: PeerCorrelationId): Promise<void> {
    return this.#apply({ type: 'InteractionStreamCompleted', correlationId })
  }
  expired(correlationId: PeerCorrelationId): Promise<void> {
    return this.#apply({ type: 'InteractionStreamExpired', correlationId })
  }
  closedEarly(correlationId: PeerCorrelationId): Promise<void> {
    return this.#apply({ type: 'InteractionStreamClosedEarly', correlationId })
  }
  abandoned(correlationId: PeerCorrelationId, reason: StreamAbandonReason): Promise<void> {
    return this.#apply({ type: 'InteractionStreamAbandoned', correlationId, reason })
  }

  /** Undefined: never reserved, or ended. */
  state(correlationId: PeerCorrelationId): InteractionStreamState | undefined {
    return mapGet(this.#authority.snapshotState().streams.open, correlationId)
  }

  installCleanupObserver(observer: InteractionStreamCleanupObserver): Uninstall {
    return this.#cleanup.install(observer)
  }

  async #apply(input: HandleInput): Promise<void> {
    const tasks = await this.#authority.applyInputWithEffectsAndSample(input, (effects, state) => {
      const said = effects.flatMap(endedIn)
      const gone = this.#underWay.look(state.streams.open)
      const unsaid = gone.filter(id => !said.some(({ correlationId }) => correlationId === id))
      return this.#telling([...said, ...unsaid.map(endOf)])
    })
    afterwards(tasks)
  }

  #telling(ends: readonly StreamEnd[]): readonly (() => void)[] {
    return this.#cleanup.telling(ends, (observer, { correlationId, reason }) =>
      observer.onInteractionStreamCleanup(correlationId, reason),
    )
  }
}

type StreamEnd = Pick<Cleanup, 'correlationId' | 'reason'>

/** The stream ended with its registration. */
function endOf(correlationId: PeerCorrelationId): StreamEnd {
  return { correlationId }
}
refuseUnreadable(InteractionStreamHandle)

type Cleanup = Extract<MeerkatEffect, { readonly type: 'InteractionStreamCleanup' }>

function endedIn(effect: MeerkatEffect): readonly Cleanup[] {
  return effect.type === 'InteractionStreamCleanup' ? [effect] : []
}
