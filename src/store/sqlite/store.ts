/** The store on one SQLite file: writes go through the group commit, reads run at once. */
import type { InputId, RunId, SessionId } from '../../kernel/ids.ts'
import { seal, sealRecord } from '../codec.ts'
import type { StoreFaults } from '../faults.ts'
import { type CommitListener, Listeners } from '../listeners.ts'
import type { Position, SessionRecord } from '../records.ts'
import type { Claim, Commit, LoadedSession, LogRow, SessionSummary, Store } from '../store.ts'
import { storeClosed } from '../store-errors.ts'
import type { SqlDriver, SqlStatement } from './driver.ts'
import { toStoreError } from './errors.ts'
import { GroupCommit } from './group-commit.ts'
import { type Finding, inspectFile } from './inspect.ts'
import { HEARTBEAT_EVERY_MS, Owners } from './owners.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/** How often other processes' commits are looked for while somebody listens. */
const WATCH_EVERY_MS = 100

export interface SqliteStoreOptions {
  readonly db: SqlDriver
  readonly path: string
  readonly lockTimeoutMs: number
  readonly faults: StoreFaults
}

export class SqliteStore implements Store {
  readonly name: string
  readonly #db: SqlDriver
  readonly #path: string
  readonly #owners: Owners
  readonly #writer: Writer
  readonly #reader: Reader
  readonly #writes: GroupCommit
  readonly #listeners = new Listeners()
  readonly #version: SqlStatement
  readonly #heart: NodeJS.Timeout
  #watch: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor({ db, path, lockTimeoutMs, faults }: SqliteStoreOptions) {
    this.name = `sqlite:${path}`
    this.#db = db
    this.#path = path
    this.#owners = new Owners(db)
    this.#writer = new Writer(db, this.#owners)
    this.#reader = new Reader(db)
    this.#version = db.prepare('PRAGMA data_version')
    this.#writes = new GroupCommit({
      db,
      path,
      tentative: this.#writer,
      lockTimeoutMs,
      faults,
      onWritten: sessionId => this.#listeners.notify({ sessionId }),
    })
    this.#heart = setInterval(() => this.#beat(), HEARTBEAT_EVERY_MS).unref()
  }

  async create(
    session: SessionRecord,
    first: Omit<Commit, 'claim'>,
    owner: string,
  ): Promise<{ claim: Claim; position: Position }> {
    const [birth, record] = [seal(session), sealRecord(first.record)]
    return this.#writes.add(() => this.#writer.create(session, birth, first, record, owner), session.id, true)
  }

  async claim(sessionId: SessionId, owner: string): Promise<Claim> {
    return this.#writes.add(() => this.#writer.claim(sessionId, owner), sessionId)
  }

  async release(claim: Claim): Promise<void> {
    return this.#writes.add(() => this.#writer.release(claim), claim.sessionId)
  }

  async commit(commit: Commit): Promise<Position> {
    const record = sealRecord(commit.record)
    return this.#writes.add(() => this.#writer.commit(commit, record), commit.claim.sessionId, true)
  }

  async load(sessionId: SessionId): Promise<LoadedSession> {
    return this.#read(() => this.#reader.load(sessionId), sessionId)
  }

  async session(sessionId: SessionId): Promise<SessionSummary | undefined> {
    return this.#read(() => this.#reader.session(sessionId), sessionId)
  }

  async sessions(query: Parameters<Store['sessions']>[0]): Promise<readonly SessionSummary[]> {
    return this.#read(() => this.#reader.sessions(query))
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

  async locate(id: InputId | RunId): Promise<{ sessionId: SessionId; first: Position; last?: Position } | undefined> {
    return this.#read(() => this.#reader.locate(id))
  }

  async key(sessionId: SessionId, key: string): Promise<{ inputId: InputId; digest: string } | undefined> {
    return this.#read(() => this.#reader.key(sessionId, key), sessionId)
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
    clearInterval(this.#heart)
    this.#unwatch()
    try {
      await this.#writes.finish(() => this.#owners.leave())
    } catch {
      // The file can't be written. The claims end all the same: with this process, or when its heartbeat is stale.
    }
    this.#db.close()
  }

  #read<T>(body: () => T, sessionId?: SessionId): T {
    if (this.#closing !== undefined) throw storeClosed(this.name)
    try {
      return body()
    } catch (error) {
      throw toStoreError(error, { path: this.#path, sessionId })
    }
  }

  #beat(): void {
    if (!this.#owners.hasOwn) return
    // A beat that fails is made up for by the next one; until then other processes may only find this one silent.
    this.#writes.add(() => this.#owners.beat()).catch(() => {})
  }

  #watchOthers(): NodeJS.Timeout {
    const version = (): unknown => this.#version.get()?.['data_version']
    let seen = version()
    return setInterval(() => {
      const now = this.#quietly(version)
      if (now === seen) return
      seen = now
      this.#listeners.notify({})
    }, WATCH_EVERY_MS).unref()
  }

  /** A hint can't report a fault; the reader that it wakes meets the fault itself. */
  #quietly(body: () => unknown): unknown {
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
