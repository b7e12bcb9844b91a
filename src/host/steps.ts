/** What a host asks of a registered session, by the transactions of the runtime. */
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { RunId, SessionId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { phaseShown } from '../kernel/regions/lifecycle/state.ts'
import type { ControlOperation } from '../session/api.ts'
import { change } from '../session/change.ts'
import { type CancelAnswer, type CancelRequest, cancel, control } from '../session/control.ts'
import type { Core } from '../session/core.ts'
import type { LiveSession } from '../session/live-session.ts'
import { notReady, unlessLeaving } from '../session/serving/registration.ts'
import type { ControlReport } from '../session/views.ts'
import type { Entries } from './entries.ts'
import { type RecoveryReport, recover, recoveryReport } from './recovery.ts'

export class HostSteps {
  readonly #core: Core
  readonly #entries: Entries

  constructor(core: Core, entries: Entries) {
    this.#core = core
    this.#entries = entries
  }

  /** The session, registered and loaded. */
  registered(sessionId: SessionId): LiveSession {
    this.#entries.of(sessionId)
    return this.#entries.live(sessionId)
  }

  /** Acts on a registered session. What its teardown refuses is `not-ready`: the host may try again. */
  async act<T>(sessionId: SessionId, act: (live: LiveSession) => Promise<T>): Promise<T> {
    const live = this.registered(sessionId)
    return unlessLeaving(this.#entries.of(sessionId).registration, act(live))
  }

  async step(sessionId: SessionId, input: MeerkatInput): Promise<readonly MeerkatEffect[]> {
    const { effects, told } = await this.act(sessionId, live => change(this.#core, live, tx => tx.step(input)))
    await told
    return effects
  }

  lifecycle(sessionId: SessionId, operation: ControlOperation): Promise<ControlReport> {
    return this.act(sessionId, live => control(this.#core, live, operation))
  }

  /** Cancels the named run, or the current one. */
  cancel(sessionId: SessionId, runId: RunId | undefined, how: CancelRequest): Promise<CancelAnswer> {
    const request = { ...how, ...(runId && { runId }) }
    return this.act(sessionId, live => cancel(live, this.#core.store, request, undefined))
  }

  /** The same at the next boundary of the run. `not-ready` where no executor serves the session. */
  async cancelAtBoundary(sessionId: SessionId, runId: RunId | undefined): Promise<void> {
    const { state } = this.registered(sessionId)
    if (!this.#entries.isServed(sessionId)) {
      throw notReady(sessionId, phaseShown(state.lifecycle), 'it has no run to cancel')
    }
    await this.cancel(sessionId, runId, { when: 'boundary', demand: true })
  }

  async recover(sessionId: SessionId): Promise<RecoveryReport> {
    const live = this.registered(sessionId)
    const { effects, told } = await this.act(sessionId, () => change(this.#core, live, recover))
    await told
    // If only conditions ended, there was no commit that would have told the handles.
    this.#entries.of(sessionId).authority.tellOthers(false)
    return recoveryReport(effects, live.state)
  }
}
