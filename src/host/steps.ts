/** Steps of a registered session that a host asks for, each told to whoever the session's placement concerns. */
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/machine.ts'
import type { ControlOperation, ControlReport } from '../session/api.ts'
import { control } from '../session/control.ts'
import type { Core } from '../session/core.ts'
import type { LiveSession } from '../session/live-session.ts'
import type { Entries } from './entries.ts'
import { notReady, unlessDraining, validated } from './errors.ts'
import { type RecoveryReport, recover, recoveryReport } from './recovery.ts'
import type { SessionSeam } from './seam.ts'

/** What a run's executor may take beyond its grace, ms. */
const MORE_MS = 2_000

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
    if (this.#entries.of(sessionId).executor === undefined) throw notReady(sessionId, live.state.lifecycle.phase, needs)
    return live
  }

  async step(sessionId: SessionId, input: MeerkatInput): Promise<readonly MeerkatEffect[]> {
    const live = this.registered(sessionId)
    const { before, effects } = await validated(
      input.type,
      unlessDraining(
        live,
        live.driver.mutate(tx => ({ before: tx.state, effects: tx.step(input) })),
      ),
    )
    await this.#seam.signal(sessionId, before, effects)
    return effects
  }

  async lifecycle(sessionId: SessionId, operation: ControlOperation): Promise<ControlReport> {
    const live = this.registered(sessionId)
    const { clock, ids, abortGraceMs } = this.#core
    let telling = Promise.resolve()
    const asked = control(live, operation, clock, abortGraceMs + MORE_MS, {
      ids,
      mark: () => {},
      said: (effects, before) => {
        telling = this.#seam.signal(sessionId, before, effects)
      },
    })
    const report = await unlessDraining(live, asked)
    await telling
    return report
  }

  async recover(sessionId: SessionId): Promise<RecoveryReport> {
    const live = this.registered(sessionId)
    const { before, effects } = await live.driver.mutate(recover)
    await this.#seam.signal(sessionId, before, effects)
    this.#entries.of(sessionId).authority.tellOthers(false)
    live.loop?.sync()
    return recoveryReport(effects, live.state)
  }
}
