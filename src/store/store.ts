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
 * 6. A claim lasts while its owner renews its lease, and `leaseMs` longer. No other owner gets the session before; the
 *    first one that asks gets it after. An owner that claims its own session again gets a higher token: commits that are
 *    under way under the old one are refused from then on.
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

/** An owner's right to write a session, until it is released or taken over. */
export interface Claim {
  readonly sessionId: SessionId
  readonly owner: string
  /** Fencing token: rises with every claim of the session. */
  readonly token: number
}

/** Ids that a store can find by `locate`. */
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
   * From when on the session needs an owner though no input waits, ms since the epoch: its earliest timer, or 0 while
   * it has running operations. Absent: it needs none.
   */
  readonly dueAt?: number
}

export interface SessionSummary extends SessionRecord, Head {
  readonly updatedAt: number
  /** Set in lists on a session whose first record can't be read: `options` is empty then, and opening it says why. */
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

/** Content that is stored once however often records refer to it, by the SHA-256 of its bytes. */
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
  /** Ids that end in this record. */
  readonly closed?: readonly LocatedId[]
  /** Idempotency keys bound here, for ever. `digest` identifies the content. */
  readonly keys?: readonly { readonly key: string; readonly inputId: InputId; readonly digest: string }[]
  readonly journal?: { readonly put?: readonly JournalEntry[]; readonly drop?: readonly InputId[] }
  /** Content that the record refers to by digest. The session keeps the reference until it is removed. */
  readonly blobs?: readonly Blob[]
  /** The kernel's live state after this record, encoded; replaces the session's earlier snapshot. */
  readonly snapshot?: string
  /** The session's new record, if the commit changes its options. */
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

/** The first and last records of a session's ids and keys: what `locate` and `key` answer from. */
export interface SessionIndex {
  readonly refs: readonly { readonly id: LocatedId; readonly first: Position; readonly last?: Position }[]
  readonly keys: readonly { readonly key: string; readonly inputId: InputId; readonly digest: string }[]
  readonly blobs: readonly string[]
}

/** A session's tail, as its owner keeps it in the store: streamed events that the log does not have yet. */
export interface Streamed {
  /** The session's newest record when it was streamed. */
  readonly position: Position
  readonly events: readonly StreamedEvent[]
}

/** An event that is not in a record yet. */
export interface StreamedEvent extends EventRecord {
  /** When it was streamed, ms since the epoch. */
  readonly at: number
  readonly n: number
}

/** Says that something changed; may come late, twice or without a change. Without a session, any may be meant. */
export interface Hint {
  readonly sessionId?: SessionId
  /**
   * `mail`: a letter or an answer; `free`: released with work left; `registry`: an entry of it. Absent: a commit, or
   * anything.
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
 * Phase in the head of an incomplete session: it is being imported or removed, or a process died while doing that. A
 * complete session is never in it.
 */
export const PARTIAL = 'initializing'

export interface Store {
  /** For people and `runtime/info`: `memory:`, `sqlite:PATH`, `postgres://HOST/DATABASE`. Never a secret. */
  readonly name: string
  /** Why it is slower than usual, in words for people; absent: it is not. */
  readonly trouble?: string | undefined
  /**
   * Identifies database and schema: equal for two stores exactly if they are the same database and schema, under whatever
   * name or address they were opened. Absent: all stores of one source are one.
   */
  readonly identity?: string
  /** How long an owner that falls silent keeps its sessions. */
  readonly leaseMs: number
  /** Requests from other processes to the owner of a session. */
  readonly mail: Mail
  /** Facts that belong to no session, with their holders. */
  readonly registry: Registry
  /** Creates a session with its first record; `session-conflict` if the id exists. The caller owns it. */
  create(
    session: SessionRecord,
    first: Omit<Commit, 'claim'>,
    owner: string,
  ): Promise<{ claim: Claim; position: Position }>
  /** Makes `owner` the session's writer. `not-owner` if a live other one is; `session-not-found`. */
  claim(sessionId: SessionId, owner: string): Promise<Claim>
  /** Ends the claim. Does nothing if it was taken over. */
  release(claim: Claim): Promise<void>
  /** Those of the claims that are still current. */
  current(claims: readonly Claim[]): Promise<readonly Claim[]>
  /** Calls back when this store's owners were silent for longer than the lease: other owners may have their sessions by now. */
  onLapse(listener: () => void): () => void
  load(sessionId: SessionId): Promise<LoadedSession>
  commit(commit: Commit): Promise<Position>

  session(sessionId: SessionId): Promise<SessionSummary | undefined>
  /**
   * Sessions in order of their ids. `owed` keeps those with unfinished inputs. `unheld` keeps those that have no living
   * owner and need one: they have an unfinished input, or a timer of theirs is due by then.
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
   * would be longer than `maxBytes`; it always holds the first one, however long that is. Reading a page costs what it
   * holds, so a reader that asks for bounded pages does not delay other work for long.
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
   * Keeps a session's tail after its newest record, for readers in other processes and for the session's next owner. It
   * replaces what was kept before; without events it removes that. Does nothing if the session has a newer record by now.
   * Refused like a commit when the claim is over.
   */
  keepStreamed(claim: Claim, streamed: Streamed): Promise<void>
  /** The tail that was kept after the session's newest record. */
  streamed(sessionId: SessionId): Promise<Streamed | undefined>
  /** The first and last record of an id; `last` is absent while it is unfinished. */
  locate(id: LocatedId): Promise<{ sessionId: SessionId; first: Position; last?: Position } | undefined>
  /** The input a key is bound to. */
  key(sessionId: SessionId, key: string): Promise<{ inputId: InputId; digest: string } | undefined>
  /** Every id and key of a session, in the order of their first positions. */
  index(sessionId: SessionId): Promise<SessionIndex>
  blob(digest: string): Promise<Uint8Array | undefined>
  /** The newest position. */
  tail(): Promise<Position>
  /** Calls back after writes, of any process. Answers the function that stops it. */
  onCommit(listener: (hint: Hint) => void): () => void
  /**
   * Replaces records in place by smaller ones, for retention. The caller keeps `steps`, `inputs`, `ended` and `messages` as
   * they are. Refused like a commit when the claim is over.
   */
  amend(claim: Claim, rows: readonly { readonly position: Position; readonly record: CommitRecord }[]): Promise<void>
  /**
   * Removes the session: its rows, index, journal, snapshot, and blobs that no other session refers to. Ends the claim.
   * A large session may be removed in parts, between other writes; meanwhile its head is in the phase `PARTIAL`. If the
   * process dies in the middle, another one claims what is left and calls `remove` again.
   */
  remove(claim: Claim): Promise<void>
  /** Returns free space inside the store to the system, as far as that is possible without blocking others. */
  compact(): Promise<void>
  /** Integrity facts for `meerkat doctor`: a line a finding, none when sound. */
  inspect(): Promise<readonly { readonly level: 'ok' | 'warning' | 'error'; readonly text: string }[]>
  close(): Promise<void>
}
