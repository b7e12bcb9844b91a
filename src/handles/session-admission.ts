import { defined } from '../defined.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { AgentRuntimeId, InputId, RunId } from '../kernel/ids.ts'
import type { PeerSaid } from '../kernel/peer-conversation.ts'
import type { IngestOrigin } from '../kernel/regions/binding/input.ts'
import type { AcceptInput } from '../kernel/regions/ledger/input.ts'
import type { Content } from '../store/records.ts'
import { systemClock } from '../time.ts'
import { refuseUnreadable } from '../unreadable.ts'
import type { HandleDslAuthority } from './dsl-authority.ts'
import { saidByPeer, saidContent } from './said-content.ts'

/** An input as a caller offers it, with its content. */
type Offer = Omit<AcceptInput, 'type' | 'inputId' | 'withoutWake' | 'at'> & {
  /** Default: the present time. */
  readonly at?: number
  readonly content?: Content
  /** The peer that sent it: its text for the model is made from that, with `content` as the body of a message. */
  readonly peer?: PeerSaid
}

export class SessionAdmissionHandle {
  readonly #authority: HandleDslAuthority

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
  }

  /** Work for the session's present placement; work for another one is refused. Answers the machine's verdict. */
  ingest(runtimeId: AgentRuntimeId, workId: string, origin: IngestOrigin): Promise<readonly MeerkatEffect[]> {
    const { binding, registration } = this.#authority.snapshotState()
    const { sessionId } = registration
    const placed = binding.phase === 'bound' ? binding : undefined
    return this.#authority.applyInputWithEffects({
      type: 'Ingest',
      runtimeId,
      workId,
      origin,
      ...(sessionId && { sessionId }),
      ...defined({ fence: placed?.fence, generation: placed?.generation, epochId: binding.epochId }),
    })
  }

  /** Offers an input that wakes the session as its mode and kind say. */
  acceptWithCompletion(inputId: InputId, offer: Offer): Promise<readonly MeerkatEffect[]> {
    return this.#offer(inputId, offer, {})
  }

  /** Offers an input that waits until another one wakes the session. */
  acceptWithoutWake(inputId: InputId, offer: Offer): Promise<readonly MeerkatEffect[]> {
    return this.#offer(inputId, offer, { withoutWake: true })
  }

  /**
   * Starts a run over the next batch of waiting inputs, which the caller performs. `at`: the present time, ms since the
   * epoch.
   */
  prepare(runId: RunId, at: number): Promise<readonly MeerkatEffect[]> {
    return this.#authority.applyInputWithEffects({ type: 'Prepare', runId, at })
  }

  /** The run's turn completed: its inputs are consumed. */
  commit(runId: RunId): Promise<readonly MeerkatEffect[]> {
    return this.#authority.applyInputWithEffects({ type: 'Commit', runId })
  }

  async #offer(
    inputId: InputId,
    offer: Offer,
    how: { readonly withoutWake?: true },
  ): Promise<readonly MeerkatEffect[]> {
    const { content = '', at = systemClock.now(), peer, ...more } = offer
    const said = peer === undefined ? { content: saidContent(content) } : saidByPeer(peer, content, more)
    const { nature, ...what } = { nature: {}, ...said }
    return this.#authority.offerInput({ ...more, ...nature, ...how, at, type: 'AcceptInput', inputId }, what)
  }

  recycle(): Promise<readonly MeerkatEffect[]> {
    return this.#authority.applyInputWithEffects({ type: 'Recycle' })
  }
}
refuseUnreadable(SessionAdmissionHandle)
