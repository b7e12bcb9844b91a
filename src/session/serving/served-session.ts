/** A session with an executor of its own, as the program that gave the executor holds it. */
import { defined } from '../../defined.ts'
import { MeerkatError } from '../../errors.ts'
import type { CoreExecutor } from '../../executor/executor.ts'
import type { SessionId } from '../../kernel/ids.ts'
import { demandDurations } from '../../time.ts'
import { fieldsOf } from '../door.ts'
import type { LeaveOptions } from './leave.ts'
import type { ServingEnd } from './registration.ts'
import { demandExecutor, type Registrations } from './registrations.ts'

export class ServedSession implements AsyncDisposable {
  readonly sessionId: SessionId
  /**
   * Resolves with the reason when the executor no longer serves the session. A session that was `lost` may be served
   * again.
   */
  readonly ended: Promise<ServingEnd>
  readonly #registrations: Registrations
  readonly #tellEnd: (why: ServingEnd) => void
  #isOver = false

  private constructor(registrations: Registrations, sessionId: SessionId) {
    const { promise, resolve } = Promise.withResolvers<ServingEnd>()
    this.sessionId = sessionId
    this.ended = promise
    this.#registrations = registrations
    this.#tellEnd = why => {
      this.#isOver = true
      resolve(why)
    }
  }

  static async begin(
    registrations: Registrations,
    sessionId: SessionId,
    executor: CoreExecutor,
  ): Promise<ServedSession> {
    demandExecutor(executor)
    const served = new ServedSession(registrations, sessionId)
    const isNew = !registrations.has(sessionId)
    try {
      const claim = await registrations.ensureExecutor(sessionId, () => executor, served.#tellEnd)
      if (claim === 'Claimed') return served
    } catch (error) {
      // A registration without an executor would keep the session loaded.
      if (isNew) await registrations.unregister(sessionId).catch(() => {})
      throw error
    }
    throw new MeerkatError('conflict', `session ${sessionId} has an executor of its own already`, {
      details: { sessionId },
    })
  }

  /**
   * Takes the executor away. The current run is asked to end at its boundary, and is cut off after `graceMs` (default
   * 5 s); an answer that it gives by then counts. Afterwards the runtime's executor serves the session, or the
   * session waits.
   */
  async end(options: LeaveOptions = {}): Promise<void> {
    const { graceMs } = fieldsOf(options, 'options') as LeaveOptions
    demandDurations({ graceMs })
    if (!this.#isOver) await this.#registrations.unregister(this.sessionId, defined({ graceMs }))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end()
  }
}
