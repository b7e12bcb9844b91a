/**
 * How other machines reach the sessions of a host, and what they hear from them.
 *
 * A request that was routed here is applied in the session's turn, and its sender holds no lock meanwhile. A session
 * that is not registered refuses by code. A signal is sent after the commit that it tells of: a lost signal undoes
 * nothing.
 */

import { KernelRejection } from '../driver/kernel-rejection.ts'
import { inTime } from '../in-time.ts'
import type { Applied, ConsumerSurface } from '../kernel/composition.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { RuntimeEpochId, SessionId } from '../kernel/ids.ts'
import {
  requestRefusal,
  type SessionRequest,
  type SessionSignal,
  sessionSignals,
  sessionsSurface,
} from '../kernel/mob/seam.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { change, stepInOrder } from '../session/change.ts'
import type { Core } from '../session/core.ts'
import * as takes from './arguments.ts'
import type { Entries } from './entries.ts'

/** Sends other machines what they have to know of a session: that it was placed, retired or destroyed. */
export interface CompositionSignalDispatcher {
  dispatch(sessionId: SessionId, signal: SessionSignal): Promise<void>
}

/** How long a dispatcher may take for a signal, ms. */
const SIGNAL_MS = 5_000

export class SessionSeam {
  readonly #entries: Entries
  readonly #core: Core
  #dispatcher: CompositionSignalDispatcher | undefined

  static {
    const { id, later, now } = takes
    takes.checkArguments(this, {
      epochOf: now(id),
      apply: later(id, takes.copied),
      signal: later(id, takes.aState, takes.list),
    })
  }

  constructor(entries: Entries, core: Core) {
    this.#entries = entries
    this.#core = core
    core.lifecycleHeard = (sessionId, before, effects) => this.#signalHost(sessionId, before, effects)
  }

  /** Sets the dispatcher. Undefined: no signal is sent. */
  setDispatcher(dispatcher: CompositionSignalDispatcher | undefined): void {
    this.#dispatcher = dispatcher
  }

  /** Where a composition delivers its requests to the sessions registered here. */
  surface(): ConsumerSurface<SessionRequest> {
    return sessionsSurface(sessionId => {
      const entry = this.#entries.peek(sessionId)
      return entry === undefined || entry.gate.closed ? undefined : request => this.apply(sessionId, request)
    })
  }

  /** The epoch of a registered session: a mob names it with a placement. */
  epochOf(sessionId: SessionId): RuntimeEpochId | undefined {
    return this.#entries.peek(sessionId)?.authority.snapshotState().binding.epochId
  }

  /** Applies a routed request; the code of a refusal is the kind of the kernel's rejection. */
  async apply(sessionId: SessionId, request: SessionRequest): Promise<Applied<MeerkatEffect>> {
    const refusal = requestRefusal(sessionId, request)
    if (refusal !== undefined) return { ok: false, ...refusal }
    const { live } = this.#entries.of(sessionId)
    try {
      const { effects, told } = await change(this.#core, live, tx => stepInOrder(tx, request))
      await told
      return { ok: true, effects }
    } catch (error) {
      if (!(error instanceof KernelRejection)) throw error
      const { kind, context, reason } = error.rejection
      return { ok: false, code: kind, message: `${context}: ${reason}` }
    }
  }

  /** Sends what happened to a registered session, whichever caller caused it. */
  async #signalHost(sessionId: SessionId, before: MeerkatState, effects: readonly MeerkatEffect[]): Promise<void> {
    if (this.#entries.peek(sessionId) !== undefined) await this.signal(sessionId, before, effects)
  }

  /**
   * Sends the signals of a committed step; `before` is the state before it. A dispatcher that fails or does not answer
   * is logged as a warning: what was committed stands, and the caller gets its answer.
   */
  async signal(sessionId: SessionId, before: MeerkatState, effects: readonly MeerkatEffect[]): Promise<void> {
    const dispatcher = this.#dispatcher
    if (dispatcher === undefined) return
    for (const signal of sessionSignals(before, effects)) {
      await inTime(async () => dispatcher.dispatch(sessionId, signal), this.#core.clock, SIGNAL_MS)
    }
  }
}
