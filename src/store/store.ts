/**
 * The store contract: load, commit, claim, read. Memory, SQLite and PostgreSQL stand behind it, and one conformance
 * suite holds them to it.
 *
 * 1. A commit is atomic and durable before it is answered: the record, the indexes and the head, or nothing.
 * 2. A commit carries the claim's token; a store refuses a token that is no longer the current one (`not-owner`).
 * 3. Commits of one session are answered in the order in which they were given.
 * 4. Positions rise in commit order; reading from a position never misses a commit that was answered before.
 * 5. A failed commit leaves nothing behind, and the next one may succeed. Faults are `MeerkatError`s:
 *    `store-unavailable` (full disk, locked, read-only or lost file; nothing was acknowledged), `unsupported` (a store
 *    written by a newer release), `internal` with `details.record` (a record that fails its checksum or can't be read).
 */
import type { InputId, RunId, SessionId } from '../kernel/ids.ts'
import type { CommitRecord, MessageRecord, Position, SessionRecord } from './records.ts'

/** Who may write a session, until it is released or taken over. */
export interface Claim {
  readonly sessionId: SessionId
  readonly owner: string
  /** Fencing token: rises with every claim of the session. */
  readonly token: number
}

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

export interface Commit {
  readonly claim: Claim
  readonly record: CommitRecord
  readonly head: Head
  /** Ids first seen in this record, findable by `locate` from now on. */
  readonly opened?: readonly (InputId | RunId)[]
  /** Ids whose last word is this record. */
  readonly closed?: readonly (InputId | RunId)[]
  /** Idempotency keys bound here, for ever. `digest` identifies the content. */
  readonly keys?: readonly { readonly key: string; readonly inputId: InputId; readonly digest: string }[]
  readonly journal?: { readonly put?: readonly JournalEntry[]; readonly drop?: readonly InputId[] }
  /** The kernel's live state after this record, encoded; replaces the session's earlier snapshot. */
  readonly snapshot?: string
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

/** A store that isn't open yet, as `createRuntime({ store })` takes it. Each `open` gives a store of its own. */
export interface StoreSource {
  /** The name its stores carry: `memory:`, `sqlite:PATH`. */
  readonly name: string
  open(): Promise<Store>
}

export interface Store {
  /** For people and `runtime/info`: `memory:`, `sqlite:PATH`. */
  readonly name: string
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
  load(sessionId: SessionId): Promise<LoadedSession>
  commit(commit: Commit): Promise<Position>

  session(sessionId: SessionId): Promise<SessionSummary | undefined>
  /** Sessions in order of their ids. `owed` keeps those with unfinished inputs. */
  sessions(query: {
    readonly after?: SessionId
    readonly limit: number
    readonly phase?: string
    readonly label?: { readonly key: string; readonly value?: string }
    readonly owed?: boolean
  }): Promise<readonly SessionSummary[]>
  /** Records of one session or of all, after a position (exclusive), oldest first. */
  read(query: {
    readonly sessionId?: SessionId
    readonly after: Position
    readonly limit: number
  }): Promise<readonly LogRow[]>
  /** Records of one session before a position (exclusive; absent: the newest), newest first. */
  readBack(query: {
    readonly sessionId: SessionId
    readonly before?: Position
    readonly limit: number
  }): Promise<readonly LogRow[]>
  /** Records of one session, oldest first, from the one that holds message `index` on. */
  readMessages(query: {
    readonly sessionId: SessionId
    readonly index: number
    readonly limit: number
  }): Promise<readonly LogRow[]>
  row(position: Position): Promise<LogRow | undefined>
  /** Where an input or a run was first and last written of; `last` is absent while it is unfinished. */
  locate(id: InputId | RunId): Promise<{ sessionId: SessionId; first: Position; last?: Position } | undefined>
  /** The input a key is bound to. */
  key(sessionId: SessionId, key: string): Promise<{ inputId: InputId; digest: string } | undefined>
  /** The newest position. */
  tail(): Promise<Position>
  /** Calls back when something was committed by anyone; a hint that may come late or twice. Returns the way to stop. */
  onCommit(listener: (hint: { readonly sessionId?: SessionId }) => void): () => void
  /** Integrity facts for `meerkat doctor`: a line a finding, none when sound. */
  inspect(): Promise<readonly { readonly level: 'ok' | 'warning' | 'error'; readonly text: string }[]>
  close(): Promise<void>
}
