/** The one place for a session's comms drain task: it starts the task, ends it, and never leaves one behind. */
import type { HandleDslAuthority } from '../handles/dsl-authority.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import type { DrainExitReason } from '../kernel/regions/drain/input.ts'
import type { DrainMode } from '../kernel/regions/drain/state.ts'
import type { Clock } from '../time.ts'

/** Takes envelopes out of the inbox until the signal aborts or there is nothing to do; answers why it ended. */
export type DrainTask = (signal: AbortSignal) => Promise<DrainExitReason>

interface Running {
  readonly controller: AbortController
  readonly done: Promise<void>
}

export class DrainSlot {
  readonly #authority: HandleDslAuthority
  #running: Running | undefined
  /** How the last task ended, where the session could not be told. */
  #untold: DrainExitReason | undefined

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
  }

  get busy(): boolean {
    return this.#running !== undefined
  }

  /** Starts a drain task; refused while one runs. One that was told to stop is waited for. */
  async spawn(mode: DrainMode, task: DrainTask): Promise<void> {
    if (this.#running?.controller.signal.aborted === true) await this.#running.done
    if (this.#untold !== undefined) await this.#tell(this.#untold)
    await this.#authority.applyInput({ type: 'SpawnDrain', mode })
    const controller = new AbortController()
    const done = this.#perform(task, controller.signal).finally(() => {
      if (this.#running?.controller === controller) this.#running = undefined
    })
    this.#running = { controller, done }
  }

  /** Tells the task to stop; without one, nothing happens. */
  abort(): void {
    this.#running?.controller.abort('Aborted')
  }

  /** Waits for the task to end, no longer than this; answers whether it has. */
  async wait(clock: Clock, limitMs: number): Promise<boolean> {
    const running = this.#running
    if (running === undefined) return true
    const late = Promise.withResolvers<boolean>()
    const cancel = clock.after(limitMs, () => late.resolve(false))
    try {
      return await Promise.race([running.done.then(() => true), late.promise])
    } finally {
      cancel()
    }
  }

  async #perform(task: DrainTask, signal: AbortSignal): Promise<void> {
    const reason = await task(signal).catch((): DrainExitReason => (signal.aborted ? 'Aborted' : 'Failed'))
    // The store may be away, or the session lost: the start of the next task tells it first.
    await this.#tell(reason).catch(() => {})
  }

  async #tell(reason: DrainExitReason): Promise<void> {
    this.#untold = reason
    try {
      await this.#authority.applyInput({ type: 'NotifyDrainExited', reason })
    } catch (error) {
      // The session was torn down meanwhile.
      if (!(error instanceof DslTransitionError)) throw error
    }
    this.#untold = undefined
  }
}
