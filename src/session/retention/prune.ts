/**
 * Retention: removes what no operation needs any more.
 *
 * Facts of the log decide what may be removed, under the session's claim. A session with another living owner is left
 * alone, and so is one that this process is working on. Unfinished work is out of reach: a session is removed as a
 * whole once it is destroyed (or retired) and owes nothing, and of other sessions only events of ended runs are
 * removed.
 */
import { stateOf } from '../../driver/load.ts'
import { asMeerkatError } from '../../errors.ts'
import type { SessionId } from '../../kernel/ids.ts'
import type { Position } from '../../store/records.ts'
import type { Claim, SessionSummary, Store } from '../../store/store.ts'
import { dropEvents, joinDeltas, type Pass, type Passed } from './lighten.ts'
import { demandRetention, type RetentionPolicy } from './policy.ts'
import { isSpent, looksRemovable } from './removable.ts'

const PAGE = 100
/** A session is held for this many rows at a time; a caller that needs it meanwhile waits that long. */
const CHUNK = 500
/** The progress of this many sessions is remembered; the log of others is searched again. */
const REMEMBERED = 10_000

/** What a pruner needs from the runtime. */
export interface PruneHost {
  readonly store: Store
  readonly now: () => number
  /**
   * Acts on the session as its owner. `alone`: no copy of it is loaded meanwhile. Fails with `not-owner`, or
   * `not-ready` where the session is busy.
   */
  readonly own: <T>(id: SessionId, act: (claim: Claim) => Promise<T>, alone: boolean) => Promise<T>
  /** Called after records were changed or removed. */
  readonly changed: () => void
}

export interface PruneReport {
  /** True: nothing was changed, and this is what would have been. */
  readonly dryRun: boolean
  /** How many sessions were looked at. */
  readonly sessions: number
  /** How many sessions were removed as a whole. */
  readonly removed: number
  /** How many records lost events. */
  readonly amended: number
  /** How many characters of JSON these lost. */
  readonly bytes: number
  /** How many sessions were left alone, because another process owns them or they are busy. */
  readonly skipped: number
}

/** How far the two passes of a session have come. */
interface Progress {
  readonly deltas: Position
  readonly events: Position
}

interface Tally {
  sessions: number
  removed: number
  amended: number
  bytes: number
  skipped: number
}

export class Pruner {
  readonly #host: PruneHost
  readonly #progress = new Map<SessionId, Progress>()
  /** The next round begins behind this session. */
  #after: SessionId | undefined

  constructor(host: PruneHost) {
    this.#host = host
  }

  /** Prunes every session, from the first to the last. */
  async all(policy: RetentionPolicy, dryRun: boolean): Promise<PruneReport> {
    demandRetention(policy)
    const tally = noTally()
    for (let after: SessionId | undefined; ; ) {
      const page = await this.#page(after)
      for (const summary of page) await this.#session(summary, policy, dryRun, Number.POSITIVE_INFINITY, tally)
      after = page.at(-1)?.id
      if (after === undefined) return { dryRun, ...tally }
    }
  }

  /** Prunes a bounded number of rows; the next round continues behind them. */
  async round(policy: RetentionPolicy, rows: number): Promise<PruneReport> {
    const tally = noTally()
    const page = await this.#page(this.#after)
    this.#after = page.at(-1)?.id
    let left = rows
    for (const summary of page) {
      left -= await this.#session(summary, policy, false, left, tally)
      this.#after = summary.id
      if (left <= 0) break
    }
    if (page.length < PAGE && left > 0) this.#after = undefined
    return { dryRun: false, ...tally }
  }

  #page(after: SessionId | undefined): Promise<readonly SessionSummary[]> {
    return this.#host.store.sessions({ limit: PAGE, ...(after && { after }) })
  }

  /** Looks at no more than `rows` rows of the session; answers how many it looked at. */
  async #session(
    summary: SessionSummary,
    policy: RetentionPolicy,
    dryRun: boolean,
    rows: number,
    tally: Tally,
  ): Promise<number> {
    tally.sessions++
    try {
      if (looksRemovable(summary, policy, this.#host.now())) {
        const isGone = dryRun ? await this.#isSpent(summary.id) : await this.#remove(summary.id, policy)
        if (isGone) {
          tally.removed++
          return 1
        }
      }
      return await this.#lighten(summary, policy, dryRun, rows, tally)
    } catch (error) {
      const { code } = asMeerkatError(error)
      if (code !== 'not-owner' && code !== 'not-ready' && code !== 'session-not-found') throw error
      tally.skipped++
      return 1
    }
  }

  async #isSpent(id: SessionId): Promise<boolean> {
    return isSpent(await stateOf(await this.#host.store.load(id)))
  }

  #remove(id: SessionId, policy: RetentionPolicy): Promise<boolean> {
    const { store, own, now, changed } = this.#host
    return own(
      id,
      async claim => {
        // Read again under the claim: from here on no other process can change it.
        const summary = await store.session(id)
        if (summary === undefined || !looksRemovable(summary, policy, now()) || !(await this.#isSpent(id))) return false
        await store.remove(claim)
        changed()
        this.#progress.delete(id)
        return true
      },
      true,
    )
  }

  async #lighten({ id }: SessionSummary, policy: RetentionPolicy, dryRun: boolean, rows: number, tally: Tally) {
    const { deltasAfterMs, eventsAfterMs } = policy
    const done = this.#progress.get(id) ?? { deltas: 0, events: 0 }
    const events = await this.#pass(dropEvents, id, done.events, eventsAfterMs, dryRun, rows)
    const deltas = await this.#pass(joinDeltas, id, Math.max(done.deltas, events.after), deltasAfterMs, dryRun, rows)
    if (!dryRun && events.records + deltas.records > 0) this.#host.changed()
    if (!dryRun) this.#remember(id, { deltas: deltas.after, events: events.after })
    tally.amended += events.records + deltas.records
    tally.bytes += events.bytes + deltas.bytes
    return events.rows + deltas.rows
  }

  async #pass(
    act: (pass: Pass) => Promise<Passed>,
    sessionId: SessionId,
    after: Position,
    keptMs: number | undefined,
    dryRun: boolean,
    rows: number,
  ): Promise<Passed> {
    const { store, now, own } = this.#host
    let passed: Passed = { after, rows: 0, records: 0, bytes: 0 }
    while (keptMs !== undefined && passed.rows < rows) {
      const most = Math.min(CHUNK, rows - passed.rows)
      const pass: Pass = { store, sessionId, after: passed.after, before: now() - keptMs, rows: most }
      // Most sessions have nothing to remove: that is found out first, without a claim.
      const looked = dryRun || passed.records === 0 ? await act(pass) : undefined
      const isDone = looked !== undefined && (dryRun || looked.records === 0)
      const next = isDone ? looked : await own(sessionId, claim => act({ ...pass, claim }), false)
      passed = sum(passed, next)
      if (next.rows < most) break
    }
    return passed
  }

  #remember(id: SessionId, progress: Progress): void {
    if (this.#progress.size >= REMEMBERED && !this.#progress.has(id)) this.#progress.clear()
    this.#progress.set(id, progress)
  }
}

const sum = (passed: Passed, next: Passed): Passed => ({
  after: next.after,
  rows: passed.rows + next.rows,
  records: passed.records + next.records,
  bytes: passed.bytes + next.bytes,
})

const noTally = (): Tally => ({ sessions: 0, removed: 0, amended: 0, bytes: 0, skipped: 0 })
