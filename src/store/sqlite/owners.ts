/**
 * Which processes hold sessions of this file, and whether they still live.
 *
 * An owner is alive while its heartbeat is fresh and, on this host, its process exists. The heartbeat guards against a
 * process id that was given to another process; where the system tells when a process started, that does too. A claim
 * that outlives its process by mistake is harmless: the fencing token decides who may write.
 */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Clock } from '../../time.ts'
import type { Holder } from '../store-errors.ts'
import type { SqlDriver, SqlRow, SqlStatement } from './driver.ts'

/** An owner's row: a runtime, and the process it runs in. */
export interface OwnerRow {
  readonly n: number
  readonly owner: string
  readonly pid: number
  readonly host: string
  /** When the process started, in the system's own unit; 0 where that can't be told. */
  readonly started: number
  readonly heartbeat: number
}

const COLUMNS = 'n, owner, pid, host, started, heartbeat'

export class Owners {
  /** Owners that claimed through this store, by name. */
  readonly #ours = new Map<string, number>()
  readonly #host: string = hostname()
  readonly #started: number = processStart(process.pid) ?? 0
  readonly #insert: SqlStatement
  readonly #beat: SqlStatement
  readonly #byNumber: SqlStatement
  readonly #all: SqlStatement
  readonly #remove: SqlStatement

  readonly #clock: Clock
  /** A heartbeat older than this is no sign of life. */
  readonly #leaseMs: number
  /** The time of day minus the monotonic clock, as last observed. */
  #ahead: number
  /** When this store last noticed that the time of day was set, on the monotonic clock. */
  #jumpedAt = Number.NEGATIVE_INFINITY
  /** When the newest heartbeat that is durable was made. */
  #beatAt: number

  constructor(db: SqlDriver, clock: Clock, leaseMs: number) {
    this.#clock = clock
    this.#leaseMs = leaseMs
    this.#beatAt = clock.now()
    this.#ahead = clock.now() - clock.monotonic()
    this.#insert = db.prepare(
      `INSERT INTO owners (owner, pid, host, started, heartbeat) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (owner) DO UPDATE SET pid = excluded.pid, host = excluded.host, started = excluded.started,
         heartbeat = excluded.heartbeat
       RETURNING n`,
    )
    // Another process may have swept the row while this one was suspended, so a beat can also bring it back.
    this.#beat = db.prepare(
      `INSERT INTO owners (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET heartbeat = excluded.heartbeat`,
    )
    this.#byNumber = db.prepare(`SELECT ${COLUMNS} FROM owners WHERE n = ?`)
    this.#all = db.prepare(`SELECT ${COLUMNS} FROM owners ORDER BY n`)
    this.#remove = db.prepare('DELETE FROM owners WHERE n = ?')
  }

  get hasOwn(): boolean {
    return this.#ours.size > 0
  }

  /** The number of an owner of this process; written inside the transaction that is open, once per owner. */
  register(owner: string, undo: (step: () => void) => void): number {
    const known = this.#ours.get(owner)
    if (known !== undefined) return known
    this.#sweep()
    if (this.#ours.size === 0) this.#beatAt = this.#clock.now()
    const row = this.#insert.get(owner, process.pid, this.#host, this.#started, this.#clock.now())
    const n = Number(row?.['n'])
    this.#ours.set(owner, n)
    undo(() => this.#ours.delete(owner))
    return n
  }

  /** The owner with this number, unless it has gone. */
  find(n: number): OwnerRow | undefined {
    const row = this.#byNumber.get(n)
    return row === undefined ? undefined : toOwner(row)
  }

  /** The numbers of the owners that are alive. */
  alive(): number[] {
    return this.all()
      .filter(row => this.isAlive(row))
      .map(({ n }) => n)
  }

  /** The names of the owners that are alive. */
  aliveByName(): ReadonlySet<string> {
    return new Set(
      this.all()
        .filter(row => this.isAlive(row))
        .map(({ owner }) => owner),
    )
  }

  all(): OwnerRow[] {
    return this.#all.all().map(toOwner)
  }

  isAlive(row: OwnerRow): boolean {
    if (!this.#hasJumped() && this.#clock.now() - row.heartbeat > this.#leaseMs) return false
    if (row.host !== this.#host) return true
    if (!processExists(row.pid)) return false
    const started = row.started === 0 ? undefined : processStart(row.pid)
    return started === undefined || started === row.started
  }

  /**
   * Whether the clock was set, or the machine was suspended, so recently that other owners had no time for a heartbeat
   * since: then an old heartbeat proves nothing.
   */
  #hasJumped(): boolean {
    const passed = this.#clock.monotonic()
    const ahead = this.#clock.now() - passed
    if (Math.abs(ahead - this.#ahead) > this.#leaseMs / 3) this.#jumpedAt = passed
    this.#ahead = ahead
    return passed - this.#jumpedAt <= this.#leaseMs
  }

  /** Writes a heartbeat of every owner of this store; answers its time, for `noteBeat` once it is durable. */
  beat(): number {
    const now = this.#clock.now()
    this.#hasJumped()
    for (const [owner, n] of this.#ours) this.#beat.run(n, owner, process.pid, this.#host, this.#started, now)
    return now
  }

  /** Notes that the heartbeat of this time is durable. False if the one before it was older than the lease. */
  noteBeat(at: number): boolean {
    const inTime = at - this.#beatAt <= this.#leaseMs
    this.#beatAt = at
    return inTime
  }

  /** Ends this store's owners, and with them every claim they hold. */
  leave(): void {
    for (const n of this.#ours.values()) this.#remove.run(n)
  }

  /** Removes owners whose process is gone, so that crashes leave no rows. Their sessions become free. */
  #sweep(): void {
    for (const row of this.all()) if (!this.isAlive(row)) this.#remove.run(row.n)
  }
}

/** The parts of an owner that an error may show. */
export function toHolder(row: OwnerRow): Holder {
  return { owner: row.owner, pid: row.pid, host: row.host }
}

function toOwner(row: SqlRow): OwnerRow {
  return {
    n: Number(row['n']),
    owner: String(row['owner']),
    pid: Number(row['pid']),
    host: String(row['host']),
    started: Number(row['started']),
    heartbeat: Number(row['heartbeat']),
  }
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM means that it exists and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** When a process started, in clock ticks since boot; `undefined` where the system has no such file. */
function processStart(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name stands in brackets and may hold spaces; the start time is the 20th field after it.
    const field = text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
    return field === undefined ? undefined : Number(field)
  } catch {
    return undefined
  }
}
