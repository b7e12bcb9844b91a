/**
 * Fires the schedules of a session when they are due, and decides expired approvals as their tools declare.
 *
 * 1. A timer is only a hint: while it runs, the clock is read again every few seconds, because the clock may jump.
 *    Where the clock was set back, schedules planned by the old time are planned again.
 * 2. However many schedules are due, one commit fires a few of them, so that other sessions get their turn between
 *    two commits.
 */
import { defined } from '../defined.ts'
import type { SessionDriver } from '../driver/driver.ts'
import type { Transaction } from '../driver/transaction.ts'
import type { Ids } from '../ids.ts'
import type { ScheduleId } from '../kernel/ids.ts'
import { mapGet } from '../kernel/persistent-map.ts'
import { type ExpiringCall, expiredCalls, nextExpiryAt } from '../kernel/regions/calls/expiry.ts'
import type { ScheduleEntry } from '../kernel/regions/schedules/state.ts'
import { schedulesOf } from '../kernel/regions/schedules/state.ts'
import { dueSchedules, nextDueAt } from '../kernel/regions/schedules/table.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { InputRecord, ScheduleRecord } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { type Clock, LOOK_EVERY_MS } from '../time.ts'
import type { Gate } from './gate.ts'
import { scheduleRecords } from './records.ts'
import { dueAfterSetback, missedSince, nextDue } from './schedule-times.ts'

export interface AlarmOptions {
  readonly driver: SessionDriver
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  /** A session with this many unfinished inputs takes no other in. */
  readonly maxQueuedInputs: number
  /** Shared by all sessions of the process. */
  readonly gate: Gate
  /** Holds the content of an input while the input is unfinished. */
  readonly keep: (record: InputRecord) => void
  /** Decides a call as its tool declared, because its time to be decided is over. */
  readonly expire: (call: ExpiringCall) => Promise<unknown>
}

/**
 * A firing later than this counts as missed: no process could fire it in time. A timer in a busy process is late by
 * less.
 */
const LATE_MS = 5_000
/** With more missed times than this, the policy `all` fires one input, like `once`. */
const MISSED_MOST = 100
/** How many schedules one commit fires or moves. */
const AT_ONCE = 50
/** After the store refused a commit, it is tried again this much later. */
const AGAIN_MS = 1_000
/** Hosts that correct their clocks set them back by less than this. */
const SETBACK_MS = 1_000

export class Alarm {
  readonly #options: AlarmOptions
  #next: { readonly at: number; readonly off: () => void } | undefined
  /** The latest time of day this session has seen; undefined until the first schedule is waited for. */
  #latest: number | undefined
  #busy = false
  #stopped = false

  constructor(options: AlarmOptions) {
    this.#options = options
  }

  /** Sets the timer for whatever is due next. */
  sync(): void {
    if (this.#stopped || this.#busy) return
    const dueAt = earliest(this.#options.driver.state)
    if (dueAt !== undefined && dueAt <= this.#options.clock.now()) return this.#look(dueAt)
    if (dueAt === this.#next?.at) return
    this.#next?.off()
    this.#next = undefined
    if (dueAt !== undefined) this.#wait(dueAt)
  }

  stop(): void {
    this.#stopped = true
    this.#next?.off()
  }

  #wait(dueAt: number): void {
    const { clock } = this.#options
    const leftMs = dueAt - clock.now()
    // The first look comes soon: a clock may have been set back before the session was loaded.
    const off = clock.after(Math.min(leftMs, LOOK_EVERY_MS), () => this.#look(dueAt), { background: true })
    this.#next = { at: dueAt, off }
  }

  #look(dueAt: number): void {
    const now = this.#options.clock.now()
    const isSetBack = this.#latest === undefined || now < this.#latest - SETBACK_MS
    if (!isSetBack) this.#latest = Math.max(this.#latest ?? now, now)
    this.#next?.off()
    this.#next = undefined
    if (dueAt <= now) this.#act(() => this.#fireAll())
    else if (isSetBack) this.#act(() => this.#planAnew())
    else this.#wait(dueAt)
  }

  #act(act: () => Promise<void>): void {
    this.#busy = true
    const goOn = (): void => {
      this.#busy = false
      this.sync()
    }
    act()
      .then(() => goOn())
      .catch(() => void this.#options.clock.after(AGAIN_MS, goOn, { background: true }))
  }

  async #fireAll(): Promise<void> {
    const { driver, clock, ids, keep, maxQueuedInputs, expire } = this.#options
    for (const call of expiredCalls(driver.state, clock.now())) if (!this.#stopped) await expire(call)
    for (;;) {
      const due = dueSchedules(driver.state, clock.now()).slice(0, AT_ONCE)
      if (due.length === 0 || this.#stopped) return
      const fired = await this.#change(due, (tx, records) => {
        const now = clock.now()
        return due.filter(({ id: scheduleId }) => {
          const entry = mapGet(tx.state.schedules.entries, scheduleId)
          const record = records.get(scheduleId)
          if (entry === undefined) return true
          // The content of its input is lost, so the schedule can't fire any more.
          if (record === undefined) return tx.try({ type: 'CancelSchedule', scheduleId }).ok
          return fire(tx, entry, record, { ids, keep, now, mostUnfinished: maxQueuedInputs })
        }).length
      })
      if (fired === 0) throw new Error('what is due was refused: it is tried again a little later')
    }
  }

  /** Plans schedules again whose due time was computed before the clock was set back. */
  async #planAnew(): Promise<void> {
    const { driver, clock } = this.#options
    const now = clock.now()
    if (now < (await this.#knownTime()) - SETBACK_MS) {
      const all = schedulesOf(driver.state.schedules)
      for (let from = 0; from < all.length && !this.#stopped; from += AT_ONCE) {
        await this.#change(all.slice(from, from + AT_ONCE), (tx, records) => {
          for (const [scheduleId, { rule }] of records) {
            const entry = mapGet(tx.state.schedules.entries, scheduleId)
            const dueAt = entry && dueAfterSetback(rule, entry.dueAt, now)
            if (dueAt !== undefined) tx.try({ type: 'UpdateSchedule', scheduleId, dueAt })
          }
        })
      }
    }
    this.#latest = now
  }

  /** The time of day that this process read last, or that the writer of the newest record read. */
  async #knownTime(): Promise<number> {
    if (this.#latest !== undefined) return this.#latest
    const { store, driver } = this.#options
    const row = driver.position === 0 ? undefined : await store.row(driver.position)
    return row?.record.at ?? 0
  }

  #change<T>(
    entries: readonly ScheduleEntry[],
    change: (tx: Transaction, records: ReadonlyMap<ScheduleId, ScheduleRecord>) => T,
  ): Promise<T> {
    const { store, driver, gate } = this.#options
    return gate.pass(async () => {
      const records = await scheduleRecords(
        store,
        entries.map(({ id }) => id),
      )
      const byId = new Map(records.map(record => [record.id, record]))
      return driver.mutate(tx => change(tx, byId))
    })
  }
}

/** The earliest time at which this session has something to do; undefined: never. */
function earliest(state: MeerkatState): number | undefined {
  const due = nextDueAt(state)
  const expires = nextExpiryAt(state)
  return due === undefined || expires === undefined ? (due ?? expires) : Math.min(due, expires)
}

interface FireOptions {
  readonly ids: Ids
  readonly keep: (record: InputRecord) => void
  readonly now: number
  readonly mostUnfinished: number
}

/**
 * Fires a due schedule within a transaction: the kernel decides between an input and letting the time pass. False
 * where the kernel refuses.
 */
function fire(
  tx: Transaction,
  entry: ScheduleEntry,
  { rule, content }: ScheduleRecord,
  { ids, keep, now, mostUnfinished }: FireOptions,
): boolean {
  const late = now - entry.dueAt > LATE_MS
  const missed = late ? 1 + missedSince(rule, entry.dueAt, now, MISSED_MOST) : 0
  const each = entry.misfire === 'all' && late && missed <= MISSED_MOST
  const next = rule.type === 'once' ? undefined : nextDue(rule, each ? entry.dueAt : now)
  const inputId = ids.input()
  const fired = tx.try({
    type: 'FireSchedule',
    scheduleId: entry.id,
    at: now,
    inputId,
    ...(missed > 0 && { missed }),
    ...defined({ nextDueAt: next }),
    mostUnfinished,
  })
  if (!fired.ok || !fired.effects.some(({ type }) => type === 'ScheduleFired')) return fired.ok
  const replaces = entry.overlap === 'replace'
  const key = replaces ? ({ mode: 'supersede', supersessionKey: `schedule:${entry.id}` } as const) : {}
  tx.step({ type: 'AcceptInput', inputId, at: tx.at, kind: 'external-event', origin: 'system', ...key })
  const record: InputRecord = {
    id: inputId,
    at: tx.at,
    mode: replaces ? 'supersede' : 'queue',
    kind: 'external-event',
    content,
    scheduleId: entry.id,
    ...('supersessionKey' in key && { supersessionKey: key.supersessionKey }),
  }
  tx.parts.inputs.push(record)
  keep(record)
  return true
}
