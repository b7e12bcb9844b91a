/** The store on one PostgreSQL schema: writes go through the group commit, reads through a pool of their own. */
import { asMeerkatError } from '../../errors.ts'
import type { InputId, SessionId } from '../../kernel/ids.ts'
import { demandStorable } from '../../names.ts'
import { seal, sealRecord } from '../codec.ts'
import { demandNames } from '../demand-names.ts'
import type { StoreFaults } from '../faults.ts'
import type { Mail } from '../mail.ts'
import type { CommitRecord, Position, SessionRecord } from '../records.ts'
import type { Registry } from '../registry.ts'
import type {
  Claim,
  Commit,
  Hint,
  LoadedSession,
  LocatedId,
  LogRow,
  SessionIndex,
  SessionSummary,
  Store,
  Streamed,
} from '../store.ts'
import { storeClosed } from '../store-errors.ts'
import type { Client, Row } from './client.ts'
import { codeOf, LEASE_OVER } from './errors.ts'
import { GroupCommit } from './group-commit.ts'
import { Hints } from './hints.ts'
import { type Finding, inspectDatabase } from './inspect.ts'
import { numbers, quote, texts } from './literals.ts'
import { PostgresMail } from './mail.ts'
import { demandUsable, type Place } from './migrations.ts'
import { Owners } from './owners.ts'
import { Reader } from './reader.ts'
import { PostgresRegistry } from './registry.ts'
import { makeWriter, refusalOf, sealCommit, sizeOf, type Writer } from './writer.ts'

export interface PostgresStoreOptions {
  readonly identity: string
  readonly place: Place
  /** Connections for writes, so that reads can't delay them. */
  readonly writes: Client
  readonly reads: Client
  readonly leases: Client
  /** A connection without a time limit, for VACUUM and for the doctor. */
  readonly upkeep: Client
  readonly version: number
  readonly leaseMs: number
  readonly faults: StoreFaults
}

function demandId(sessionId: SessionId): SessionId {
  demandStorable(sessionId, 'the session id')
  return sessionId
}

/** How long closing waits for calls under way. */
const CLOSE_MS = 5000

export class PostgresStore implements Store {
  readonly name: string
  readonly identity: string
  readonly leaseMs: number
  readonly mail: Mail
  readonly registry: Registry
  readonly #writes: Client
  readonly #upkeep: Client
  readonly #leases: Client
  readonly #all: readonly Client[]
  readonly #version: number
  readonly #owners: Owners
  readonly #reader: Reader
  readonly #writer: Writer
  readonly #commits: GroupCommit
  readonly #hints: Hints
  readonly #channel: string
  readonly #lapses = new Set<{ readonly listener: () => void }>()
  /** Whether only newer releases can use the schema by now. */
  #shutOut = false
  #closing: Promise<void> | undefined

  constructor({ identity, place, writes, reads, leases, upkeep, version, leaseMs, faults }: PostgresStoreOptions) {
    const { store: name, channel } = place
    this.identity = identity
    this.name = name
    this.leaseMs = leaseMs
    this.#writes = writes
    this.#upkeep = upkeep
    this.#leases = leases
    this.#all = [writes, reads, leases, upkeep]
    this.#version = version
    this.#reader = new Reader(reads)
    const hints = new Hints(reads, channel)
    this.#hints = hints
    this.#channel = channel
    this.mail = new PostgresMail({ client: writes, channel, hints })
    this.#owners = new Owners({
      client: leases,
      leaseMs,
      channel,
      freed: () => hints.notice([], 'free'),
      onLapse: () => this.#lapse(),
      demandUsable: () => this.#demandUsable(place),
    })
    const register = (owner: string): Promise<number> => this.#owners.number(owner)
    this.registry = new PostgresRegistry({ writes, reads, channel, hints, register })
    this.#writer = makeWriter({
      send: text => this.#send(text),
      channel,
      notice: (sessions, about) => hints.notice(sessions, about),
    })
    this.#commits = new GroupCommit({
      store: name,
      faults,
      onWritten: sessionId => hints.notify({ sessionId }),
    })
  }

  get trouble(): string | undefined {
    return this.#hints.trouble
  }

  async create(
    session: SessionRecord,
    first: Omit<Commit, 'claim'>,
    owner: string,
  ): Promise<{ claim: Claim; position: Position }> {
    demandNames(first, session.id)
    // Token 0: the database gives the first one.
    const sealed = sealCommit({ ...first, claim: { sessionId: session.id, owner, token: 0 } })
    const body = seal(session)
    const write = {
      ...sealed,
      first: { session: structuredClone(session), body, owner: await this.#owners.number(owner) },
    }
    const born = await this.#commits.add(this.#writer.create, session.id, write, sizeOf(write))
    this.#hints.wrote(born.position)
    return born
  }

  async claim(sessionId: SessionId, owner: string): Promise<Claim> {
    demandStorable(sessionId, 'the session id')
    const number = await this.#owners.number(owner)
    const write = { claim: { sessionId, owner, token: 0 }, owner: number }
    return this.#commits.add(this.#writer.claim, sessionId, write)
  }

  async release(claim: Claim): Promise<void> {
    demandStorable(claim.sessionId, 'the session id')
    await this.#commits.add(this.#writer.release, claim.sessionId, claim)
    this.#hints.notify({ sessionId: claim.sessionId, about: 'free' })
  }

  async current(claims: readonly Claim[]): Promise<readonly Claim[]> {
    return this.#shutOut ? [] : this.#reader.current(claims)
  }

  onLapse(listener: () => void): () => void {
    const entry = { listener }
    this.#lapses.add(entry)
    return () => void this.#lapses.delete(entry)
  }

  async commit(commit: Commit): Promise<Position> {
    const sealed = sealCommit(commit)
    const position = await this.#commits.add(this.#writer.commit, commit.claim.sessionId, sealed, sizeOf(sealed))
    this.#hints.wrote(position)
    return position
  }

  async load(sessionId: SessionId): Promise<LoadedSession> {
    return this.#reader.load(demandId(sessionId))
  }

  async session(sessionId: SessionId): Promise<SessionSummary | undefined> {
    return this.#reader.session(demandId(sessionId))
  }

  async sessions(query: Parameters<Store['sessions']>[0]): Promise<readonly SessionSummary[]> {
    for (const text of [query.after, query.phase]) if (text !== undefined) demandStorable(text, 'the query')
    return this.#reader.sessions(query)
  }

  async read(query: Parameters<Store['read']>[0]): Promise<readonly LogRow[]> {
    if (query.sessionId !== undefined) demandId(query.sessionId)
    return this.#reader.read(query)
  }

  async readBack(query: Parameters<Store['readBack']>[0]): Promise<readonly LogRow[]> {
    demandId(query.sessionId)
    return this.#reader.readBack(query)
  }

  async readMessages(query: Parameters<Store['readMessages']>[0]): Promise<readonly LogRow[]> {
    demandId(query.sessionId)
    return this.#reader.readMessages(query)
  }

  async row(position: Position): Promise<LogRow | undefined> {
    return this.#reader.row(position)
  }

  async keepStreamed(claim: Claim, { position, events }: Streamed): Promise<void> {
    const kept = events.length === 0 ? undefined : seal(events)
    const { sessionId } = claim
    const given = [
      quote(demandStorable(sessionId, 'the session id')),
      String(claim.token),
      String(position),
      ...(kept === undefined ? ['NULL', 'NULL'] : [String(kept.crc), quote(kept.body)]),
      quote(this.#channel),
      quote(this.#hints.notice([sessionId])),
    ]
    await this.#change(claim, `SELECT * FROM keep_streamed(${given.join(',')})`)
  }

  async streamed(sessionId: SessionId): Promise<Streamed | undefined> {
    return this.#reader.streamed(demandId(sessionId))
  }

  async locate(id: LocatedId): Promise<{ sessionId: SessionId; first: Position; last?: Position } | undefined> {
    demandStorable(id, 'an id')
    return this.#reader.locate(id)
  }

  async key(sessionId: SessionId, key: string): Promise<{ inputId: InputId; digest: string } | undefined> {
    demandStorable(key, 'a key')
    return this.#reader.key(demandId(sessionId), key)
  }

  async index(sessionId: SessionId): Promise<SessionIndex> {
    return this.#reader.index(demandId(sessionId))
  }

  async blob(digest: string): Promise<Uint8Array | undefined> {
    return this.#reader.blob(digest)
  }

  async tail(): Promise<Position> {
    return this.#reader.tail()
  }

  onCommit(listener: (hint: Hint) => void): () => void {
    return this.#hints.add(listener)
  }

  async amend(
    claim: Claim,
    rows: readonly { readonly position: Position; readonly record: CommitRecord }[],
  ): Promise<void> {
    const sealed = rows.map(({ position, record }) => ({ position, ...sealRecord(record, claim.sessionId) }))
    const given = [
      quote(demandStorable(claim.sessionId, 'the session id')),
      String(claim.token),
      numbers(sealed.map(row => row.position)),
      numbers(sealed.map(row => row.crc)),
      texts(sealed.map(row => row.body)),
    ]
    await this.#change(claim, `SELECT * FROM amend_rows(${given.join(',')})`)
  }

  async remove(claim: Claim): Promise<void> {
    const id = quote(demandStorable(claim.sessionId, 'the session id'))
    await this.#change(claim, `SELECT * FROM remove_session(${id},${claim.token})`)
  }

  /** Makes the space of dead rows usable again, and gives back what is free at the end of a table. */
  async compact(): Promise<void> {
    for (const table of [
      'log',
      'heads',
      'refs',
      'keys',
      'journal',
      'snapshots',
      'streamed',
      'blobs',
      'blob_refs',
      'letters',
      'registry',
    ]) {
      await this.#upkeep.write(`VACUUM (SKIP_LOCKED) ${table}`)
    }
  }

  async inspect(): Promise<readonly Finding[]> {
    return inspectDatabase(this.#upkeep, this.name, this.#version)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#hints.stop()
    await this.#commits.finish()
    try {
      await this.#owners.leave()
    } catch {
      // The server can't be reached. The claims end without it, when the lease is over.
    }
    await Promise.all(this.#all.map(client => client.close(CLOSE_MS)))
  }

  /** Changes a session other than by a commit. The caller has awaited the session's earlier commits. */
  async #change(claim: Claim, text: string): Promise<void> {
    if (this.#closing !== undefined) throw storeClosed(this.name)
    const [row] = await this.#writes.write(text, claim.sessionId)
    if (row !== undefined) throw refusalOf(claim, row)
  }

  async #send(text: string): Promise<readonly Row[]> {
    try {
      return await this.#writes.send(text)
    } catch (error) {
      if (codeOf(error) === LEASE_OVER) this.#owners.renewNow()
      throw error
    }
  }

  /** Refuses all calls once a newer release has excluded this one, which might misread the data. */
  async #demandUsable(place: Place): Promise<void> {
    try {
      await demandUsable(this.#leases, place)
    } catch (error) {
      const { code } = asMeerkatError(error)
      if (code === 'unsupported' && !this.#shutOut) {
        this.#shutOut = true
        for (const client of this.#all) client.refuse(asMeerkatError(error))
        // Its claims were ended by the migration.
        this.#lapse()
      }
      throw error
    }
  }

  #lapse(): void {
    for (const { listener } of this.#lapses) listener()
  }
}
