/** Requests between peers, as the comms runtime reports them. Observers hear the end of each once. */
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { PeerCorrelationId } from '../kernel/ids.ts'
import { mapGet } from '../kernel/persistent-map.ts'
import type { PeerResponseTerminality } from '../kernel/regions/comms/effect.ts'
import type { PeerResponseStatus } from '../kernel/regions/comms/input.ts'
import type { PeerTerminalDisposition } from '../kernel/regions/interactions/input.ts'
import type { OutboundRequestState } from '../kernel/regions/interactions/state.ts'
import type { Lane } from '../kernel/regions/ledger/state.ts'
import { refuseUnreadable } from '../unreadable.ts'
import { afterwards, type HandleDslAuthority, type HandleInput } from './dsl-authority.ts'
import { ObserverSlot, type Uninstall } from './observers.ts'
import { UnderWay } from './under-way.ts'
import { verdict } from './verdict.ts'

/** Told which of this session's requests have ended, so that their waiters can stop. */
export interface PeerInteractionCleanupObserver {
  onPeerInteractionCleanup(correlationId: PeerCorrelationId): void
}

/** A second end of a request is refused with `guard-rejected`: only the first one cleans up. */
export class PeerInteractionHandle {
  readonly #authority: HandleDslAuthority
  readonly #cleanup = new ObserverSlot<PeerInteractionCleanupObserver>()
  readonly #underWay = new UnderWay<PeerCorrelationId>()

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
    this.#underWay.look(authority.snapshotState().interactions.outbound)
    authority.onOthers(ended => {
      const gone = this.#underWay.look(authority.snapshotState().interactions.outbound)
      afterwards(this.#telling(ended ? [...gone, ...this.#underWay.end()] : gone))
    })
  }

  requestSent(correlationId: PeerCorrelationId): Promise<void> {
    return this.#apply({ type: 'PeerRequestSent', correlationId })
  }
  responseProgress(correlationId: PeerCorrelationId): Promise<void> {
    return this.#apply({ type: 'PeerResponseProgressArrived', correlationId })
  }
  responseTerminal(correlationId: PeerCorrelationId, disposition: PeerTerminalDisposition): Promise<void> {
    return this.#apply({ type: 'PeerResponseTerminalArrived', correlationId, disposition })
  }
  responseRejected(correlationId: PeerCorrelationId): Promise<void> {
    return this.#apply({ type: 'PeerResponseRejected', correlationId })
  }
  requestTimedOut(correlationId: PeerCorrelationId): Promise<void> {
    return this.#apply({ type: 'PeerRequestTimedOut', correlationId })
  }
  requestSendFailed(correlationId: PeerCorrelationId): Promise<void> {
    return this.#apply({ type: 'PeerRequestSendFailed', correlationId })
  }
  requestReceived(correlationId: PeerCorrelationId, lane: Lane = 'queue'): Promise<void> {
    return this.#apply({ type: 'PeerRequestReceived', correlationId, lane })
  }
  responseReplied(correlationId: PeerCorrelationId): Promise<void> {
    return this.#apply({ type: 'PeerResponseReplied', correlationId })
  }

  /** Whether an answer with this status ends its request. Changes nothing. */
  async classifyResponseReply(status: PeerResponseStatus): Promise<PeerResponseTerminality> {
    const said = await this.#authority.applyInputWithEffects({ type: 'ClassifyPeerResponseReply', status })
    return verdict(said, 'PeerResponseReplyClassified').terminality
  }

  /** Undefined: never sent, or ended. */
  outboundState(correlationId: PeerCorrelationId): OutboundRequestState | undefined {
    return mapGet(this.#authority.snapshotState().interactions.outbound, correlationId)
  }
  /** Undefined: never received, or answered. */
  inboundState(correlationId: PeerCorrelationId): 'Received' | undefined {
    return this.inboundHandlingMode(correlationId) === undefined ? undefined : 'Received'
  }
  /** The lane that the request came in. */
  inboundHandlingMode(correlationId: PeerCorrelationId): Lane | undefined {
    return mapGet(this.#authority.snapshotState().interactions.inbound, correlationId)
  }

  installCleanupObserver(observer: PeerInteractionCleanupObserver): Uninstall {
    return this.#cleanup.install(observer)
  }

  async #apply(input: HandleInput): Promise<void> {
    const tasks = await this.#authority.applyInputWithEffectsAndSample(input, (effects, state) =>
      this.#telling([...new Set([...effects.flatMap(endedIn), ...this.#underWay.look(state.interactions.outbound)])]),
    )
    afterwards(tasks)
  }

  #telling(ids: readonly PeerCorrelationId[]): readonly (() => void)[] {
    return this.#cleanup.telling(ids, (observer, id) => observer.onPeerInteractionCleanup(id))
  }
}
refuseUnreadable(PeerInteractionHandle)

function endedIn(effect: MeerkatEffect): readonly PeerCorrelationId[] {
  return effect.type === 'PeerInteractionCleanup' ? [effect.correlationId] : []
}
