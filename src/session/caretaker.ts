/**
 * What a runtime does unasked: it takes up sessions that want an owner, looks after its claims, reads its letters, and
 * lets go what need not be kept.
 *
 * Level-triggered: each look asks the store how things are. Hints only make a look come sooner.
 */
import type { Hint } from '../store/store.ts'
import { LATEST_TIME } from '../time.ts'
import type { Core } from './core.ts'
import { Postman } from './post.ts'
import { Retention } from './retention/retention.ts'

/** Hints that anything may have changed come in crowds; they are followed up together. */
const GATHER_MS = 250
/** Of a store that can't tell what changed, every write of another process is such a hint. */
const GATHER_ANY_MS = 1_000
/** Clocks of hosts that share a store differ by less. */
const SETBACK_MS = 30_000

export class Caretaker {
  readonly #core: Core
  readonly #postman: Postman
  readonly #offs: (() => void)[] = []
  #everyMs = 0
  #next: { readonly at: number; readonly off: () => void } | undefined
  #sweeping: Promise<void> | undefined
  #stopped = false
  /** Claims may have been lost since they were last checked. */
  #lapsed = false
  /** How far the time of day was ahead of the monotonic clock at the last sweep. */
  #ahead: number | undefined

  constructor(core: Core) {
    this.#core = core
    this.#postman = new Postman(core)
    const retention = new Retention(core.pruner, core.retention, core.clock)
    this.#offs.push(
      () => retention.stop(),
      () => this.#postman.stop(),
      core.store.onLapse(() => {
        this.#lapsed = true
        // The next sweep asks again.
        this.#checkClaims().catch(() => {})
      }),
    )
  }

  /**
   * Takes up every session that wants an owner and has none alive, or will before the next sweep, if there is an executor
   * for them.
   */
  async sweep(): Promise<void> {
    this.#sweeping ??= this.#lookAround().finally(() => {
      this.#sweeping = undefined
    })
    await this.#sweeping
    this.#postman.look()
  }

  async #lookAround(): Promise<void> {
    const { sessions, serving, clock } = this.#core
    try {
      await sessions.settleDoubts()
      await this.#checkClaims()
      // What has no executor here is for others to take up; what is registered here is loaded.
      if (serving.byDefault !== undefined) {
        const dueBy = (await this.#isSetBack()) ? LATEST_TIME : Math.ceil(clock.now() + this.#everyMs)
        await sessions.takeUpUnheld(dueBy)
      }
      this.#ahead = clock.now() - clock.monotonic()
      sessions.refusals.swept(undefined)
    } catch (error) {
      sessions.refusals.swept(error)
      throw error
    }
  }

  /**
   * Whether timers may stand at times that the clock has been set back from: since the last sweep, or, at the first one,
   * since whoever wrote last. Who loads their sessions plans them anew.
   */
  async #isSetBack(): Promise<boolean> {
    const { store, clock } = this.#core
    if (this.#ahead !== undefined) return clock.now() - clock.monotonic() < this.#ahead - SETBACK_MS
    const newest = await store.row(await store.tail())
    return newest !== undefined && clock.now() < newest.record.at - SETBACK_MS
  }

  /** After a lapse, until the store has said which claims are left. */
  async #checkClaims(): Promise<void> {
    if (!this.#lapsed) return
    await this.#core.sessions.checkClaims()
    this.#lapsed = false
  }

  /** Sweeps every so often from now on, and soon when somebody lets sessions go that owe something. */
  sweepEvery(everyMs: number): void {
    if (this.#stopped) return
    this.#everyMs = everyMs
    this.#offs.push(this.#core.store.onCommit(hint => this.#hear(hint)))
    this.#plan(everyMs)
  }

  /** No more sweeps and letters. */
  stop(): void {
    this.#stopped = true
    this.#next?.off()
    for (const off of this.#offs.splice(0)) off()
  }

  #hear({ sessionId, about }: Hint): void {
    if (about === 'free') {
      if (sessionId === undefined || this.#core.sessions.peek(sessionId) === undefined) this.#planWithin(GATHER_MS)
    } else if (about === undefined && sessionId === undefined) this.#planWithin(GATHER_ANY_MS)
  }

  #planWithin(ms: number): void {
    this.#plan(Math.min(ms, this.#everyMs))
  }

  /** Plans the next sweep, unless one comes sooner. */
  #plan(delayMs: number): void {
    const { clock } = this.#core
    const at = clock.monotonic() + delayMs
    if (this.#stopped || (this.#next !== undefined && this.#next.at <= at)) return
    this.#next?.off()
    const sweep = (): void => {
      this.#next = undefined
      const again = (): void => this.#plan(this.#everyMs)
      this.sweep().then(again, again)
    }
    this.#next = { at, off: clock.after(delayMs, sweep, { background: true }) }
  }
}
