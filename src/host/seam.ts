/**
 * How other machines reach the sessions of a host, and what they hear from them.
 *
 * A request that was routed here is applied in the session's turn, behind no lock of whoever sent it; a session that is not
 * registered refuses by code. A signal is sent after the commit that it speaks of: one that gets lost takes nothing back.
 */

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
import { stepsBefore } from '../kernel/owed.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { Core } from '../session/core.ts'
import type { Clock } from '../time.ts'
import * as takes from './arguments.ts'
import type { Entries } from './entries.ts'

/** Hears what other machines have to know of a session: that it was placed, retired or destroyed. */
export interface CompositionSignalDispatcher {
  dispatch(sessionId: SessionId, signal: SessionSignal): Promise<void>
}

/** How long a dispatcher may take for a signal, ms. */
const SIGNAL_MS = 5_000

export class SessionSeam {
  readonly #entries: Entries
  readonly #clock: Clock
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
    this.#clock = core.clock
    core.lifecycleHeard = (sessionId, before, effects) => this.#told(sessionId, before, effects)
  }

  /** Who is told. Absent: nobody. */
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

  /** The epoch a session is registered in: what a mob has to give with a placement. */
  epochOf(sessionId: SessionId): RuntimeEpochId | undefined {
    return this.#entries.peek(sessionId)?.authority.snapshotState().binding.epochId
  }

  /** Applies a routed request; a refusal has the kind of the rejection as its code. */
  async apply(sessionId: SessionId, request: SessionRequest): Promise<Applied<MeerkatEffect>> {
    const refusal = requestRefusal(sessionId, request)
    if (refusal !== undefined) return { ok: false, ...refusal }
    const { live } = this.#entries.of(sessionId)
    const { before, result } = await live.driver.mutate(tx => {
      const [before, mark] = [tx.state, tx.mark()]
      for (const step of stepsBefore(request, before)) tx.step(step)
      const result = tx.try(request)
      // A refusal changes nothing, and what went before it goes with it.
      if (!result.ok) tx.rewind(mark)
      return { before, result }
    })
    if (!result.ok) return { ok: false, code: result.kind, message: `${result.context}: ${result.reason}` }
    live.loop.sync()
    await this.signal(sessionId, before, result.effects)
    return { ok: true, effects: result.effects }
  }

  /** What befalls a session that is registered here, whoever asked for it. */
  async #told(sessionId: SessionId, before: MeerkatState, effects: readonly MeerkatEffect[]): Promise<void> {
    if (this.#entries.peek(sessionId) !== undefined) await this.signal(sessionId, before, effects)
  }

  /**
   * Sends what a committed step has to tell; `before` is the state it was taken in. A dispatcher that fails or does not
   * answer is warned of: what was committed stands, and whoever asked for it is answered.
   */
  async signal(sessionId: SessionId, before: MeerkatState, effects: readonly MeerkatEffect[]): Promise<void> {
    const dispatcher = this.#dispatcher
    if (dispatcher === undefined) return
    for (const signal of sessionSignals(before, effects)) {
      await inTime(async () => dispatcher.dispatch(sessionId, signal), this.#clock, SIGNAL_MS)
    }
  }
}
