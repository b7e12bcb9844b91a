/**
 * What a runtime does without being asked: it takes up sessions that need an owner, renews its claims, reads its
 * letters, and prunes what need not be kept.
 *
 * Level-triggered: each sweep asks the store how things are. A hint only makes the next sweep come sooner.
 */
import type { Hint } from '../store/store.ts'
import { LATEST_TIME } from '../time.ts'
import type { Core } from './core.ts'
import { Postman } from './post.ts'
import { Retention } from './retention/retention.ts'

/** Hints come in crowds; those within this time are answered by one sweep. */
const GATHER_MS = 250
/** The same for a store that can't say what changed: there every write of another process is a hint. */
const GATHER_ANY_MS = 1_000
/** The clocks of hosts that share a store differ by less than this. */
const SETBACK_MS = 30_000

export class Caretaker {
  readonly #core: Core
  readonly #postman: Postman
  readonly #offs: (() => void)[] = []
  #everyMs = 0
  #next: { readonly at: number; readonly off: () => void } | undefined
  #sweeping: Promise<void> | undefined
  #stopped = false
  /** The process may have lost claims since it checked them last. */
  #lapsed = false
  /** The wall clock minus the monotonic clock at the last sweep: it falls when the wall clock is set back. */
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
        // A failure is no harm: the next sweep asks again.
        this.#checkClaims().catch(() => {})
      }),
    )
  }

  /**
   * Takes up every session that needs an owner and has none alive, or will need one before the next sweep, if there
   * is an executor for such sessions.
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
      await sessions.resolveDoubts()
      await this.#checkClaims()
      // Without a default executor this process can serve only registered sessions, and those are loaded already.
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
   * Whether schedules may have been planned by a clock that has been set back since: since the last sweep or, at the
   * first one, since the newest record was written. The process that loads such a session plans its schedules again.
   */
  async #isSetBack(): Promise<boolean> {
    const { store, clock } = this.#core
    if (this.#ahead !== undefined) return clock.now() - clock.monotonic() < this.#ahead - SETBACK_MS
    const newest = await store.row(await store.tail())
    return newest !== undefined && clock.now() < newest.record.at - SETBACK_MS
  }

  /** After a lapse: asks the store which claims are left, until it answers. */
  async #checkClaims(): Promise<void> {
    if (!this.#lapsed) return
    await this.#core.sessions.checkClaims()
    this.#lapsed = false
  }

  /** Sweeps at this interval from now on, and soon when another process lets a session go that owes work. */
  sweepEvery(everyMs: number): void {
    if (this.#stopped) return
    this.#everyMs = everyMs
    this.#offs.push(this.#core.store.onCommit(hint => this.#hear(hint)))
    this.#plan(everyMs)
  }

  /** Ends sweeping and the reading of letters. */
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

  /** Plans the next sweep, unless a sooner one is planned. */
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
