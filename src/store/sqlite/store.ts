/** The store on one SQLite file: writes go through the group commit, reads run at once. */
import { statSync } from 'node:fs'
import type { InputId, SessionId } from '../../kernel/ids.ts'
import { demandStorable } from '../../names.ts'
import type { Clock } from '../../time.ts'
import { nextTurn } from '../../turns.ts'
import { seal, sealRecord } from '../codec.ts'
import { demandNames } from '../demand-names.ts'
import type { StoreFaults } from '../faults.ts'
import { type CommitListener, Listeners } from '../listeners.ts'
import { rowsThrough } from '../pages.ts'
import type { CommitRecord, Position, SessionRecord } from '../records.ts'
import type {
  Claim,
  Commit,
  LoadedSession,
  LocatedId,
  LogRow,
  SessionIndex,
  SessionSummary,
  Store,
  Streamed,
} from '../store.ts'
import { sessionNotFound, storeClosed } from '../store-errors.ts'
import type { SqlDriver, SqlStatement } from './driver.ts'
import { openedReadOnly, toStoreError } from './errors.ts'
import { GroupCommit } from './group-commit.ts'
import { type Finding, inspectFile } from './inspect.ts'
import { Letters } from './letters.ts'
import { Maintenance } from './maintenance.ts'
import { Owners } from './owners.ts'
import { Reader } from './reader.ts'
import { SqliteRegistry } from './registry.ts'
import { Writer } from './writer.ts'

/** How often the store looks for commits of other processes while it has listeners. */
const WATCH_EVERY_MS = 100

export interface SqliteStoreOptions {
  readonly db: SqlDriver
  readonly path: string
  readonly lockTimeoutMs: number
  readonly clock: Clock
  readonly leaseMs: number
  readonly faults: StoreFaults
  readonly readOnly: boolean
}

/** Identifies the file, whichever of its names was used. */
function identityOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true })
  return `sqlite:${dev}:${ino}`
}

export class SqliteStore implements Store {
  readonly name: string
  readonly identity: string
  readonly leaseMs: number
  readonly mail: Letters
  readonly registry: SqliteRegistry
  readonly #db: SqlDriver
  readonly #path: string
  readonly #owners: Owners
  readonly #writer: Writer
  readonly #reader: Reader
  readonly #writes: GroupCommit
  readonly #listeners = new Listeners()
  readonly #version: SqlStatement
  readonly #maintenance: Maintenance
  readonly #lapsed = new Set<() => void>()
  readonly #clock: Clock
  readonly #readOnly: boolean
  #offHeart = (): void => {}
  #watch: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor({ db, path, lockTimeoutMs, faults, clock, leaseMs, readOnly }: SqliteStoreOptions) {
    this.#readOnly = readOnly
    this.leaseMs = leaseMs
    this.#clock = clock
    this.name = `sqlite:${path}`
    this.identity = identityOf(path)
    this.#db = db
    this.#path = path
    this.#owners = new Owners(db, clock, leaseMs)
    this.#maintenance = new Maintenance(db)
    this.#writer = new Writer(db, this.#owners, this.#maintenance)
    this.#reader = new Reader(db)
    this.#version = db.prepare('PRAGMA data_version')
    this.#writes = new GroupCommit({
      db,
      path,
      tentative: this.#writer,
      lockTimeoutMs,
      faults,
      readOnly,
      onWritten: sessionId => this.#listeners.notify({ sessionId }),
    })
    this.mail = new Letters({
      db,
      clock,
      write: async (apply, changed = () => undefined) => {
        const value = await this.#writes.add(apply)
        const sessionId = changed()
        if (sessionId !== undefined) this.#listeners.notify({ sessionId, about: 'mail' })
        return value
      },
      read: body => this.#read(body),
    })
    this.registry = new SqliteRegistry({
      db,
      owners: this.#owners,
      write: apply => this.#writes.add(apply),
      read: body => this.#read(body),
      register: owner => void this.#writer.register(owner),
      notify: () => this.#listeners.notify({ about: 'registry' }),
    })
    if (!readOnly) this.#planBeat()
  }

  async create(
    session: SessionRecord,
    first: Omit<Commit, 'claim'>,
    owner: string,
  ): Promise<{ claim: Claim; position: Position }> {
    demandNames(first, session.id)
    const [birth, record] = [seal(session), sealRecord(first.record, session.id)]
    return this.#writes.add(() => this.#writer.create(session, birth, first, record, owner), session.id, true)
  }

  async claim(sessionId: SessionId, owner: string): Promise<Claim> {
    demandStorable(sessionId, 'the session id')
    return this.#writes.add(() => this.#writer.claim(sessionId, owner), sessionId)
  }

  async release(claim: Claim): Promise<void> {
    const { sessionId } = claim
    const owes = await this.#writes.add(() => this.#writer.release(claim), sessionId)
    if (owes) this.#listeners.notify({ sessionId, about: 'free' })
  }

  async current(claims: readonly Claim[]): Promise<readonly Claim[]> {
    return this.#read(() => this.#writer.current(claims))
  }

  onLapse(listener: () => void): () => void {
    this.#lapsed.add(listener)
    return () => this.#lapsed.delete(listener)
  }

  async commit(commit: Commit): Promise<Position> {
    demandNames(commit)
    const record = sealRecord(commit.record, commit.claim.sessionId)
    // Awaited here, because returning the promise costs two more passes of the microtask queue.
    return await this.#writes.add(() => this.#writer.commit(commit, record), commit.claim.sessionId, true)
  }

  async load(sessionId: SessionId): Promise<LoadedSession> {
    const { loaded, last } = this.#read(() => this.#reader.begin(sessionId), sessionId)
    const read = (page: { readonly after: Position; readonly limit: number; readonly maxBytes: number }): LogRow[] =>
      this.#read(() => this.#reader.read({ sessionId, ...page }), sessionId)
    const rows = await rowsThrough(read, { after: loaded.snapshot?.position ?? 0, last })
    if (rows === undefined) throw sessionNotFound(sessionId)
    return { ...loaded, rows }
  }

  async session(sessionId: SessionId): Promise<SessionSummary | undefined> {
    return this.#read(() => this.#reader.session(sessionId), sessionId)
  }

  async sessions(query: Parameters<Store['sessions']>[0]): Promise<readonly SessionSummary[]> {
    return this.#read(
      () => {
        const alive = query.unheld === undefined ? [] : this.#owners.alive()
        return this.#reader.sessions(query, alive)
      },
      query.after,
      query.phase,
    )
  }

  async read(query: Parameters<Store['read']>[0]): Promise<readonly LogRow[]> {
    return this.#read(() => this.#reader.read(query), query.sessionId)
  }

  async readBack(query: Parameters<Store['readBack']>[0]): Promise<readonly LogRow[]> {
    return this.#read(() => this.#reader.readBack(query), query.sessionId)
  }

  async readMessages(query: Parameters<Store['readMessages']>[0]): Promise<readonly LogRow[]> {
    return this.#read(() => this.#reader.readMessages(query), query.sessionId)
  }

  async row(position: Position): Promise<LogRow | undefined> {
    return this.#read(() => this.#reader.row(position))
  }

  async keepStreamed(claim: Claim, { position, events }: Streamed): Promise<void> {
    const kept = events.length === 0 ? undefined : seal(events)
    return this.#writes.add(() => this.#maintenance.keepStreamed(claim, position, kept), claim.sessionId)
  }

  async streamed(sessionId: SessionId): Promise<Streamed | undefined> {
    return this.#read(() => this.#maintenance.streamed(sessionId), sessionId)
  }

  async locate(id: LocatedId): Promise<{ sessionId: SessionId; first: Position; last?: Position } | undefined> {
    return this.#read(() => this.#reader.locate(id), undefined, id)
  }

  async key(sessionId: SessionId, key: string): Promise<{ inputId: InputId; digest: string } | undefined> {
    return this.#read(() => this.#reader.key(sessionId, key), sessionId, key)
  }

  async index(sessionId: SessionId): Promise<SessionIndex> {
    const making = this.#read(() => this.#maintenance.index(sessionId), sessionId)
    for (;;) {
      const { done, value } = this.#read(() => making.next(), sessionId)
      if (done === true) return value
      await nextTurn()
    }
  }

  async blob(digest: string): Promise<Uint8Array | undefined> {
    return this.#read(() => this.#maintenance.blob(digest))
  }

  async amend(
    claim: Claim,
    rows: readonly { readonly position: Position; readonly record: CommitRecord }[],
  ): Promise<void> {
    return this.#writes.add(() => this.#maintenance.amend(claim, rows), claim.sessionId)
  }

  async remove(claim: Claim): Promise<void> {
    // A part at a time, between the writes that come meanwhile.
    while (!(await this.#writes.add(() => this.#writer.removePart(claim), claim.sessionId, true))) continue
  }

  async compact(): Promise<void> {
    if (this.#readOnly) throw openedReadOnly(this.#path)
    this.#read(() => this.#maintenance.prepareCompact())
    // A step at a time, between the writes that come meanwhile.
    while (await this.#writes.add(() => this.#maintenance.compactStep())) continue
    this.#read(() => this.#maintenance.checkpoint())
  }

  async tail(): Promise<Position> {
    return this.#read(() => this.#reader.tail())
  }

  async inspect(): Promise<readonly Finding[]> {
    return this.#read(() => inspectFile(this.#db, this.#path, this.#owners))
  }

  onCommit(listener: CommitListener): () => void {
    const remove = this.#listeners.add(listener)
    this.#watch ??= this.#watchOthers()
    return () => {
      remove()
      if (this.#listeners.size === 0) this.#unwatch()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#offHeart()
    this.#unwatch()
    try {
      await this.#writes.finish(() => this.#owners.leave())
    } catch {
      // The file can't be written. The claims end without it: with this process, or when its heartbeat is stale.
    }
    this.#db.close()
  }

  #read<T>(body: () => T, sessionId?: SessionId, ...names: readonly (string | undefined)[]): T {
    if (this.#closing !== undefined) throw storeClosed(this.name)
    for (const name of [sessionId, ...names]) if (name !== undefined) demandStorable(name, 'an id or a key')
    try {
      return body()
    } catch (error) {
      throw toStoreError(error, { path: this.#path, sessionId })
    }
  }

  #planBeat(): void {
    const beat = (): void => {
      this.#beat()
      this.#planBeat()
    }
    this.#offHeart = this.#clock.after(this.leaseMs / 3, beat, { background: true })
  }

  #beat(): void {
    if (!this.#owners.hasOwn) return
    this.#writes
      .add(() => this.#owners.beat())
      .then(at => {
        if (!this.#owners.noteBeat(at)) for (const listener of this.#lapsed) listener()
      })
      // The next beat makes up for a failed one; until then other processes may at worst take this one for silent.
      .catch(() => {})
  }

  #watchOthers(): NodeJS.Timeout {
    const version = (): unknown => this.#version.get()?.['data_version']
    let seen = version()
    return setInterval(() => {
      const now = this.#ignoringErrors(version)
      if (now === seen) return
      seen = now
      this.#listeners.notify({})
    }, WATCH_EVERY_MS).unref()
  }

  /** Ignores an error: a hint can't report a fault, and a reader that it wakes meets the fault itself. */
  #ignoringErrors(body: () => unknown): unknown {
    try {
      return body()
    } catch {
      return undefined
    }
  }

  #unwatch(): void {
    clearInterval(this.#watch)
    this.#watch = undefined
  }
}
