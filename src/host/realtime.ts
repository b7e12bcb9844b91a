/**
 * The bindings of a machine's sessions to providers' realtime transports, as the code that makes the connections
 * reports them.
 *
 * A report for a binding shows the binding's authority. There is one authority object a binding: one of an earlier
 * binding or registration, or a copy, is refused, whatever its numbers are.
 */

import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import { type HandleInput, unlessGuarded } from '../handles/dsl-authority.ts'
import { Mint, type Minted } from '../handles/minted.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { SessionId } from '../kernel/ids.ts'
import { phaseShown } from '../kernel/regions/lifecycle/state.ts'
import { surfaceOf } from '../kernel/regions/llm/state.ts'
import {
  type BoundState,
  boundEpoch,
  type LiveTopologyPhase,
  type Realtime,
  type RealtimeAttachmentStatus,
  type RealtimeChannelState,
  realtimeAttachmentStatus,
  realtimeChannelState,
} from '../kernel/regions/realtime/state.ts'
import { beingTornDown, isDraining, notReady } from '../session/serving/registration.ts'
import * as takes from './arguments.ts'
import type { Entries, Entry } from './entries.ts'
import { validated } from './errors.ts'

/** The right to report for one binding. */
export type RealtimeAttachmentAuthority = Minted<{ readonly sessionId: SessionId; readonly authorityEpoch: number }>

/** ms since the epoch */
export interface ReconnectTimes {
  readonly nextRetryAtMs?: number
  readonly deadlineAtMs?: number
}

/** What is done around a step: before it in its turn, with it, and when it is visible. */
interface Turn<T> {
  readonly admit: () => void
  readonly taken?: () => void
  readonly published?: (effects: readonly MeerkatEffect[]) => T
}

export class RealtimeAttachments {
  readonly #entries: Entries
  readonly #authorities = new Mint<object>()
  /** The authority of the present binding, by registration. */
  readonly #current = new WeakMap<Entry, RealtimeAttachmentAuthority>()

  readonly #following = new Map<SessionId, Promise<void>>()

  static {
    const { id, later, now, optional, ofSession } = takes
    const ofId = later(id)
    const speaks = later(ofSession)
    takes.checkArguments(this, {
      projectRealtimeAttachmentIntent: later(id, takes.flag),
      followModel: ofId,
      attachLive: ofId,
      replaceRealtimeAttachment: ofId,
      detachLive: ofId,
      requireRealtimeAttachmentReattach: ofId,
      requireRealtimeAttachmentReattachForAuthority: speaks,
      publishRealtimeAttachmentSignal: later(ofSession, id),
      currentRealtimeAttachmentAuthority: now(id),
      beginRealtimeReconnectCycle: later(id, optional(takes.reconnectTimes)),
      scheduleRealtimeReconnectRetry: later(id, optional(takes.time)),
      exhaustRealtimeReconnectCycle: ofId,
      clearRealtimeReconnectProgress: ofId,
      beginLiveTopologyReconfigure: speaks,
      markLiveTopologyDetached: ofId,
      applyLiveTopologyIdentity: ofId,
      applyLiveTopologyVisibility: ofId,
      completeLiveTopology: ofId,
      abortLiveTopologyBeforeDetach: ofId,
      failLiveTopologyAfterDetach: ofId,
      realtimeAttachmentStatus: now(id),
      realtimeChannelState: now(id),
      liveTopologyPhase: now(id),
    })
  }

  constructor(entries: Entries) {
    this.#entries = entries
  }

  /** Says whether the session is wanted to be attached. */
  projectRealtimeAttachmentIntent(sessionId: SessionId, present: boolean): Promise<void> {
    return this.#apply(sessionId, { type: 'ProjectRealtimeIntent', present })
  }

  /**
   * Begins a binding and answers its authority. Needs an executor (`not-ready`), and a model that is not known to lack
   * realtime (`rejected`).
   */
  attachLive(sessionId: SessionId): Promise<RealtimeAttachmentAuthority> {
    return this.#bind(sessionId, { type: 'BeginRealtimeBinding' }, 'attachLive')
  }

  /** The same in place of the present binding, whose authority ends. */
  replaceRealtimeAttachment(sessionId: SessionId): Promise<RealtimeAttachmentAuthority> {
    return this.#bind(sessionId, { type: 'ReplaceRealtimeBinding' }, 'replaceRealtimeAttachment')
  }

  /** Ends the binding; whether the session is wanted to be attached stays as it is. */
  detachLive(sessionId: SessionId): Promise<void> {
    return this.#apply(sessionId, { type: 'DetachRealtimeBinding' })
  }

  /** The binding is lost, and a new one has to be made. */
  requireRealtimeAttachmentReattach(sessionId: SessionId): Promise<void> {
    return this.#apply(sessionId, { type: 'RequireRealtimeReattach' })
  }

  /** The same, reported with the binding's authority. */
  requireRealtimeAttachmentReattachForAuthority(authority: RealtimeAttachmentAuthority): Promise<void> {
    return this.#speak(authority, { type: 'RequireRealtimeReattachForAuthority', ...epochOf(authority) })
  }

  /** Reports the status of the binding. A status that a binding can't have is `rejected`. */
  async publishRealtimeAttachmentSignal(
    authority: RealtimeAttachmentAuthority,
    status: RealtimeAttachmentStatus,
  ): Promise<void> {
    if (!isBoundState(status)) throw notPublishable(authority.sessionId, status)
    return this.#speak(authority, { type: 'PublishRealtimeSignal', ...epochOf(authority), nextBindingState: status })
  }

  /** The authority of the present binding; `not-ready` without one. */
  currentRealtimeAttachmentAuthority(sessionId: SessionId): RealtimeAttachmentAuthority {
    const entry = this.#entries.of(sessionId)
    const state = entry.authority.snapshotState()
    const authorityEpoch = boundEpoch(this.#slice(sessionId).attachment)
    if (authorityEpoch === undefined)
      throw notReady(sessionId, phaseShown(state.lifecycle), 'it has no realtime binding')
    const known = this.#current.get(entry)
    return known?.authorityEpoch === authorityEpoch ? known : this.#granted(entry, authorityEpoch)
  }

  /** Records the first attempt to attach again. */
  beginRealtimeReconnectCycle(sessionId: SessionId, times: ReconnectTimes = {}): Promise<void> {
    return this.#apply(sessionId, { type: 'BeginRealtimeReconnectCycle', ...times })
  }
  /** Records one more attempt, at this time, ms since the epoch. */
  scheduleRealtimeReconnectRetry(sessionId: SessionId, nextRetryAtMs?: number): Promise<void> {
    const at = nextRetryAtMs === undefined ? {} : { nextRetryAtMs }
    return this.#apply(sessionId, { type: 'ScheduleRealtimeReconnectRetry', ...at })
  }
  /** Records that no more attempts are made. */
  exhaustRealtimeReconnectCycle(sessionId: SessionId): Promise<void> {
    return this.#apply(sessionId, { type: 'ExhaustRealtimeReconnectCycle' })
  }
  clearRealtimeReconnectProgress(sessionId: SessionId): Promise<void> {
    return this.#apply(sessionId, { type: 'ClearRealtimeReconnectProgress' })
  }

  /** Begins a change of model under the binding. */
  beginLiveTopologyReconfigure(authority: RealtimeAttachmentAuthority): Promise<void> {
    return this.#speak(authority, { type: 'BeginLiveTopologyReconfigure', ...epochOf(authority) })
  }
  /** Detaches the binding where the turn stands still. False while it does not: ask again at its next boundary. */
  async markLiveTopologyDetached(sessionId: SessionId): Promise<boolean> {
    const { authority } = this.#entries.of(sessionId)
    const detached = unlessGuarded(authority.applyInput({ type: 'MarkLiveTopologyDetached' }))
    return validated('MarkLiveTopologyDetached', detached)
  }
  applyLiveTopologyIdentity(sessionId: SessionId): Promise<void> {
    return this.#apply(sessionId, { type: 'ApplyLiveTopologyIdentity' })
  }
  applyLiveTopologyVisibility(sessionId: SessionId): Promise<void> {
    return this.#apply(sessionId, { type: 'ApplyLiveTopologyVisibility' })
  }
  completeLiveTopology(sessionId: SessionId): Promise<void> {
    return this.#apply(sessionId, { type: 'CompleteLiveTopology' })
  }
  /** The change is called off, and the binding stays as it is. */
  abortLiveTopologyBeforeDetach(sessionId: SessionId): Promise<void> {
    return this.#apply(sessionId, { type: 'AbortLiveTopologyBeforeDetach' })
  }
  /** The binding is gone and the change failed: a new binding has to be made. */
  failLiveTopologyAfterDetach(sessionId: SessionId): Promise<void> {
    return this.#apply(sessionId, { type: 'FailLiveTopologyAfterDetach' })
  }

  /** The attachment as callers see it. */
  realtimeAttachmentStatus(sessionId: SessionId): RealtimeAttachmentStatus {
    return realtimeAttachmentStatus(this.#slice(sessionId))
  }
  /** The channel as people see it, with the attempts to connect again. */
  realtimeChannelState(sessionId: SessionId): RealtimeChannelState {
    return realtimeChannelState(this.#slice(sessionId))
  }
  liveTopologyPhase(sessionId: SessionId): LiveTopologyPhase {
    return this.#slice(sessionId).phase
  }

  /**
   * Attaches or detaches as the session's model needs it: a model known to do realtime is bound, one known not to is
   * not. A failure is only a warning, because the session works without. A call under way is waited for and repeated,
   * because it may have seen the model before.
   */
  async followModel(sessionId: SessionId): Promise<void> {
    const following = (this.#following.get(sessionId) ?? Promise.resolve()).then(() => this.#follow(sessionId))
    this.#following.set(sessionId, following)
    await following
    if (this.#following.get(sessionId) === following) this.#following.delete(sessionId)
  }

  async #follow(sessionId: SessionId): Promise<void> {
    try {
      const state = this.#entries.of(sessionId).authority.snapshotState()
      const surface = surfaceOf(state.llm)
      const isBound = boundEpoch(state.realtime.attachment) !== undefined
      if (surface?.realtime === true && !isBound) await this.attachLive(sessionId)
      if (surface?.realtime === false && isBound) await this.detachLive(sessionId)
    } catch (error) {
      const detail = `the realtime attachment of session ${sessionId} does not follow its model`
      process.emitWarning(error instanceof Error ? error : String(error), { detail })
    }
  }

  #slice(sessionId: SessionId): Realtime {
    return this.#entries.of(sessionId).authority.snapshotState().realtime
  }

  async #apply(sessionId: SessionId, input: HandleInput): Promise<void> {
    return validated(input.type, this.#entries.of(sessionId).authority.applyInput(input))
  }

  async #bind(
    sessionId: SessionId,
    input: Extract<HandleInput, { readonly type: 'BeginRealtimeBinding' | 'ReplaceRealtimeBinding' }>,
    operation: string,
  ): Promise<RealtimeAttachmentAuthority> {
    const entry = this.#entries.of(sessionId)
    const granted = await this.#inTurn(entry, input, {
      admit: () => this.#admitBinding(entry, operation),
      // Forgotten with the step itself: in another process the numbers begin again, and an old authority must not
      // match.
      taken: () => this.#current.delete(entry),
      published: effects => {
        const rotated = effects.find(effect => effect.type === 'RealtimeBindingRotated')
        return rotated && this.#granted(entry, rotated.authorityEpoch)
      },
    })
    if (granted === undefined) throw new MeerkatError('internal', `${operation} made a binding without an epoch`)
    return granted
  }

  /** Reports with a binding's authority: only if it is still current when the report's turn comes. */
  async #speak(authority: RealtimeAttachmentAuthority, input: HandleInput): Promise<void> {
    const entry = this.#entries.of(authority.sessionId)
    const admit = (): void => {
      if (this.#authorities.isGenuine(authority) && this.#current.get(entry) === authority) return
      const reason = 'the authority is not the one of the realtime binding there is'
      throw new DslTransitionError({ context: `meerkat/${input.type}`, kind: 'guard-rejected', reason })
    }
    await this.#inTurn(entry, input, { admit })
  }

  async #inTurn<T>(entry: Entry, input: HandleInput, { admit, taken, published }: Turn<T>): Promise<T | undefined> {
    const { sessionId, gate } = entry
    let answer: T | undefined
    const run = (tx: Transaction): readonly MeerkatEffect[] => {
      if (gate.closed) throw beingTornDown(sessionId, tx.state)
      admit()
      const step = tx.try(input)
      if (!step.ok && isDraining(tx.state)) throw beingTornDown(sessionId, tx.state)
      if (!step.ok) throw new DslTransitionError(step)
      taken?.()
      return step.effects
    }
    const { driver } = this.#entries.live(sessionId)
    const done = driver.mutate(run, {
      published: effects => {
        answer = published?.(effects)
      },
    })
    await validated(input.type, done)
    return answer
  }

  #admitBinding(entry: Entry, operation: string): void {
    const { sessionId } = entry
    const { state } = this.#entries.live(sessionId)
    const { llm } = state
    if (!this.#entries.isServed(sessionId))
      throw notReady(sessionId, phaseShown(state.lifecycle), `${operation} needs an executor`)
    if (surfaceOf(llm)?.realtime !== false || llm.phase === 'unknown') return
    const { model } = llm.identity
    const message = `${operation} was refused: the model ${model} of session ${sessionId} has no realtime transport`
    throw new MeerkatError('rejected', message, { details: { sessionId, operation, model } })
  }

  #granted(entry: Entry, authorityEpoch: number): RealtimeAttachmentAuthority {
    const authority = this.#authorities.mint({ sessionId: entry.sessionId, authorityEpoch })
    this.#current.set(entry, authority)
    return authority
  }
}

function epochOf({ authorityEpoch }: RealtimeAttachmentAuthority): { readonly authorityEpoch: number } {
  return { authorityEpoch }
}

function isBoundState(status: RealtimeAttachmentStatus): status is BoundState {
  return status === 'BindingNotReady' || status === 'BindingReady' || status === 'ReplacementPending'
}

function notPublishable(sessionId: SessionId, status: RealtimeAttachmentStatus): MeerkatError {
  const message = `${status} can't be published for session ${sessionId}: detach it or require another attachment instead`
  return new MeerkatError('rejected', message, { details: { sessionId, status } })
}
