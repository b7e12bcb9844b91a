/** Steps of a registered session that a host asks for, each told to whoever the session's placement concerns. */

import type { Transaction } from '../driver/transaction.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { phaseShown } from '../kernel/regions/lifecycle/state.ts'
import type { ControlOperation } from '../session/api.ts'
import { control } from '../session/control.ts'
import type { Core } from '../session/core.ts'
import type { LiveSession } from '../session/live-session.ts'
import { notReady, unlessLeaving } from '../session/serving/registration.ts'
import type { ControlReport } from '../session/views.ts'
import type { Entries } from './entries.ts'
import { validated } from './errors.ts'
import { type RecoveryReport, recover, recoveryReport } from './recovery.ts'
import type { SessionSeam } from './seam.ts'

export class HostSteps {
  readonly #core: Core
  readonly #entries: Entries
  readonly #seam: SessionSeam

  constructor(core: Core, entries: Entries, seam: SessionSeam) {
    this.#core = core
    this.#entries = entries
    this.#seam = seam
  }

  /** The session, registered and loaded. */
  registered(sessionId: SessionId): LiveSession {
    this.#entries.of(sessionId)
    return this.#entries.live(sessionId)
  }

  /** The same, served by an executor. */
  served(sessionId: SessionId, needs: string): LiveSession {
    const live = this.registered(sessionId)
    if (!this.#entries.isServed(sessionId)) throw notReady(sessionId, phaseShown(live.state.lifecycle), needs)
    return live
  }

  /** Acts on a registered session; what its teardown stands in the way of is `not-ready`, to be asked again. */
  async act<T>(sessionId: SessionId, act: (live: LiveSession) => Promise<T>): Promise<T> {
    const live = this.registered(sessionId)
    return unlessLeaving(this.#entries.of(sessionId).registration, act(live))
  }

  async step(sessionId: SessionId, input: MeerkatInput): Promise<readonly MeerkatEffect[]> {
    const step = (tx: Transaction) => ({ before: tx.state, effects: tx.step(input) })
    const { before, effects } = await validated(
      input.type,
      this.act(sessionId, ({ driver }) => driver.mutate(step)),
    )
    await this.#seam.signal(sessionId, before, effects)
    return effects
  }

  lifecycle(sessionId: SessionId, operation: ControlOperation): Promise<ControlReport> {
    return this.act(sessionId, live => control(this.#core, live, operation))
  }

  async recover(sessionId: SessionId): Promise<RecoveryReport> {
    const live = this.registered(sessionId)
    const { before, effects } = await this.act(sessionId, ({ driver }) => driver.mutate(recover))
    await this.#seam.signal(sessionId, before, effects)
    this.#entries.of(sessionId).authority.tellOthers(false)
    live.loop.sync()
    return recoveryReport(effects, live.state)
  }
}
