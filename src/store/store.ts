/**
 * The store contract: load, commit, claim, read. Memory, SQLite and PostgreSQL stand behind it, and one conformance
 * suite holds them to it.
 *
 * 1. A commit is atomic and durable before it is answered: the record, the indexes and the head, or nothing.
 * 2. A commit carries the claim's token; a store refuses a token that is no longer the current one (`not-owner`).
 * 3. Commits of one session are answered in the order in which they were given.
 * 4. Positions rise in commit order; reading from a position never misses a commit that was answered before.
 * 5. A commit says which one of its session it is (`head.commits`); one that is not beyond the last is refused
 *    (`conflict`). So a commit that comes late, after its session was claimed anew or written to, never lands.
 * 6. A claim lasts while its owner shows that it lives, and `leaseMs` longer. Nobody else gets the session before; the
 *    first who asks gets it after. Claiming again what one holds already raises the token: whatever was under way under
 *    the old one is decided from then on.
 * 7. A failed commit leaves nothing behind, and the next one may succeed. Faults are `MeerkatError`s:
 *    `store-unavailable` (full disk, locked, read-only or lost file; nothing was acknowledged), `unsupported` (a store
 *    written by a newer release), `internal` with `details.record` (a record that fails its checksum or can't be read).
 * 8. Ids and keys are names (`src/names.ts`): a session, an opened id or a key that is none is refused (`invalid-params`)
 *    before anything is written, and so is asking for one that holds a NUL or half a surrogate pair, for a store may not
 *    tell such apart. Every other text (options, records, journal, letters) comes back as it was given, those included.
 */
import type { InputId, OperationId, RunId, ScheduleId, SessionId } from '../kernel/ids.ts'
import type { LetterId, Mail } from './mail.ts'
import type { CommitRecord, EventRecord, MessageRecord, Position, SessionRecord } from './records.ts'
import type { Registry } from './registry.ts'

/** Who may write a session, until it is released or taken over. */
export interface Claim {
  readonly sessionId: SessionId
  readonly owner: string
  /** Fencing token: rises with every claim of the session. */
  readonly token: number
}

/** What a store can tell the place of. */
export type LocatedId = InputId | RunId | OperationId | ScheduleId | LetterId

/** Facts of a session that lists and cold starts need without reading its log. */
export interface Head {
  /** Lifecycle phase after the last commit. */
  readonly phase: string
  /** Inputs that have not reached their terminal state. */
  readonly unfinished: number
  /** Messages in the transcript. */
  readonly messages: number
  /** Durable commits so far. */
  readonly commits: number
  /**
   * From when on somebody has to own it though no input waits, ms since the epoch: its earliest timer, or 0 while
   * operations of it run. Absent where nobody has to.
   */
  readonly dueAt?: number
}

export interface SessionSummary extends SessionRecord, Head {
  readonly updatedAt: number
  /** Set in lists on a session whose birth certificate can't be read: `options` is empty then, and opening it says why. */
  readonly unreadable?: true
}

/** A message of work that is not finished, kept so that a later attempt continues instead of repeating. */
export interface JournalEntry {
  /** The input that the work belongs to. */
  readonly work: InputId
  /** Place within the work, from 0. */
  readonly index: number
  readonly message: MessageRecord
}

/** Content that is kept once however often it is spoken of, by the SHA-256 of its bytes. */
export interface Blob {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string
  readonly data: Uint8Array
}

export interface Commit {
  readonly claim: Claim
  readonly record: CommitRecord
  readonly head: Head
  /** Ids first seen in this record, findable by `locate` from now on. */
  readonly opened?: readonly LocatedId[]
  /** Ids whose last word is this record. */
  readonly closed?: readonly LocatedId[]
  /** Idempotency keys bound here, for ever. `digest` identifies the content. */
  readonly keys?: readonly { readonly key: string; readonly inputId: InputId; readonly digest: string }[]
  readonly journal?: { readonly put?: readonly JournalEntry[]; readonly drop?: readonly InputId[] }
  /** Content that the record speaks of by digest. The session refers to it until it is removed. */
  readonly blobs?: readonly Blob[]
  /** The kernel's live state after this record, encoded; replaces the session's earlier snapshot. */
  readonly snapshot?: string
  /** The session's record from here on, where the commit changes how it is served. */
  readonly session?: SessionRecord
}

/** A record with its place. */
export interface LogRow {
  readonly position: Position
  readonly sessionId: SessionId
  readonly record: CommitRecord
}

export interface LoadedSession {
  readonly session: SessionRecord
  readonly head: Head
  /** The newest snapshot and the position it was taken at. */
  readonly snapshot?: { readonly position: Position; readonly state: string }
  /** Records after the snapshot (or all), oldest first. */
  readonly rows: readonly LogRow[]
  readonly journal: readonly JournalEntry[]
}

/** Where the ids and keys of a session are first and last spoken of: what `locate` and `key` answer from. */
export interface SessionIndex {
  readonly refs: readonly { readonly id: LocatedId; readonly first: Position; readonly last?: Position }[]
  readonly keys: readonly { readonly key: string; readonly inputId: InputId; readonly digest: string }[]
  readonly blobs: readonly string[]
}

/** What a session says and its log does not have yet. */
export interface Streamed {
  /** The session's newest record when it was said. */
  readonly position: Position
  readonly events: readonly StreamedEvent[]
}

/** An event that is not in a record yet. */
export interface StreamedEvent extends EventRecord {
  /** When it was said, ms since the epoch. */
  readonly at: number
  readonly n: number
}

/** That something changed; it may come late, twice or for nothing. Without a session, any may be meant. */
export interface Hint {
  readonly sessionId?: SessionId
  /**
   * `mail`: a letter or an answer; `free`: let go while it owes something; `registry`: an entry of it. Absent: a commit,
   * or anything.
   */
  readonly about?: 'mail' | 'free' | 'registry'
}

/** A store that isn't open yet, as `createRuntime({ store })` takes it. Each `open` gives a store of its own. */
export interface StoreSource {
  /** The name its stores carry: `memory:`, `sqlite:PATH`. */
  readonly name: string
  open(): Promise<Store>
}

/**
 * Phase in the head of a session that is not all there: it is being imported or removed, or a process died while it did
 * that. A session that is whole is never in it.
 */
export const PARTIAL = 'initializing'

export interface Store {
  /** For people and `runtime/info`: `memory:`, `sqlite:PATH`, `postgres://HOST/DATABASE`. Never a secret. */
  readonly name: string
  /** What makes it slower than it is when all is well, in words for people; absent when nothing does. */
  readonly trouble?: string | undefined
  /**
   * Which database and schema it is: equal for all who opened the same one, whatever they called it, and for nobody else.
   * Absent: whatever one source opens is one.
   */
  readonly identity?: string
  /** How long an owner that falls silent keeps its sessions. */
  readonly leaseMs: number
  /** Requests to the owner of a session, from whoever isn't. */
  readonly mail: Mail
  /** What belongs to no session, and who holds it. */
  readonly registry: Registry
  /** Creates a session with its first record; `session-conflict` if the id exists. The caller owns it. */
  create(
    session: SessionRecord,
    first: Omit<Commit, 'claim'>,
    owner: string,
  ): Promise<{ claim: Claim; position: Position }>
  /** Makes `owner` the session's writer. `not-owner` if a live other one is; `session-not-found`. */
  claim(sessionId: SessionId, owner: string): Promise<Claim>
  /** Ends the claim; a claim that was taken over is no error. */
  release(claim: Claim): Promise<void>
  /** Those of the claims that are still current. */
  current(claims: readonly Claim[]): Promise<readonly Claim[]>
  /** Calls back when this store's owners were silent for longer than the lease: their claims may be others' by now. */
  onLapse(listener: () => void): () => void
  load(sessionId: SessionId): Promise<LoadedSession>
  commit(commit: Commit): Promise<Position>

  session(sessionId: SessionId): Promise<SessionSummary | undefined>
  /**
   * Sessions in order of their ids. `owed` keeps those with unfinished inputs. `unheld` keeps those that nobody alive
   * holds and that somebody has to take up: they owe an input, or a timer of theirs is due by then.
   */
  sessions(query: {
    readonly after?: SessionId
    readonly limit: number
    readonly phase?: string
    readonly label?: { readonly key: string; readonly value?: string }
    readonly owed?: boolean
    readonly unheld?: { readonly dueBy: number }
  }): Promise<readonly SessionSummary[]>
  /**
   * Records of one session or of all, after a position (exclusive), oldest first.
   *
   * A page of records (here and below) ends with `limit` of them, or before the one with which their texts on disk
   * would be longer than `maxBytes`: it holds the first one, however long that is. What it costs to read is what it
   * holds, so a reader that asks for bounded pages keeps nobody waiting for long.
   */
  read(query: {
    readonly sessionId?: SessionId
    readonly after: Position
    readonly limit: number
    readonly maxBytes?: number
  }): Promise<readonly LogRow[]>
  /** Records of one session before a position (exclusive; absent: the newest), newest first. */
  readBack(query: {
    readonly sessionId: SessionId
    readonly before?: Position
    readonly limit: number
    readonly maxBytes?: number
  }): Promise<readonly LogRow[]>
  /** Records of one session, oldest first, from the one that holds message `index` on. */
  readMessages(query: {
    readonly sessionId: SessionId
    readonly index: number
    readonly limit: number
    readonly maxBytes?: number
  }): Promise<readonly LogRow[]>
  row(position: Position): Promise<LogRow | undefined>
  /**
   * Keeps what a session streams behind its newest record, for readers in other processes and for whoever owns it next;
   * it takes the place of what was kept before. Without events nothing is kept. Nothing happens where the session has a
   * newer record by now. Refused like a commit when the claim is over.
   */
  keepStreamed(claim: Claim, streamed: Streamed): Promise<void>
  /** What was kept behind the session's newest record. */
  streamed(sessionId: SessionId): Promise<Streamed | undefined>
  /** Where an input or a run was first and last written of; `last` is absent while it is unfinished. */
  locate(id: LocatedId): Promise<{ sessionId: SessionId; first: Position; last?: Position } | undefined>
  /** The input a key is bound to. */
  key(sessionId: SessionId, key: string): Promise<{ inputId: InputId; digest: string } | undefined>
  /** Every id and key of a session, in the order of their first positions. */
  index(sessionId: SessionId): Promise<SessionIndex>
  blob(digest: string): Promise<Uint8Array | undefined>
  /** The newest position. */
  tail(): Promise<Position>
  /** Calls back when something was written by anyone. Returns the way to stop. */
  onCommit(listener: (hint: Hint) => void): () => void
  /**
   * Replaces records by what is kept of them, in place. The caller keeps `steps`, `inputs`, `ended` and `messages` as
   * they are; this only takes weight off. Refused like a commit when the claim is over.
   */
  amend(claim: Claim, rows: readonly { readonly position: Position; readonly record: CommitRecord }[]): Promise<void>
  /**
   * Forgets the session: its rows, index, journal, snapshot, and blobs that no other session refers to. Ends the claim.
   * A large one may go in parts, between the writes of others: from the first to the last its head is in the phase
   * `PARTIAL`. Where the process dies in the middle, another one claims what is left and calls `remove` again.
   */
  remove(claim: Claim): Promise<void>
  /** Gives space that is free inside the store back, as far as that goes without keeping others waiting. */
  compact(): Promise<void>
  /** Integrity facts for `meerkat doctor`: a line a finding, none when sound. */
  inspect(): Promise<readonly { readonly level: 'ok' | 'warning' | 'error'; readonly text: string }[]>
  close(): Promise<void>
}
