/**
 * Turns the writes of a batch into SQL, and reads the server's answer.
 *
 * Each kind calls one function of the schema with arrays: the n-th element of each belongs to the n-th write. Lists of a
 * write (ids, keys, journal rows) go into further arrays, whose elements name the write by its index.
 */
import type { MeerkatError } from '../../errors.ts'
import { demandStorable } from '../../names.ts'
import type { Sealed } from '../codec.ts'
import { seal, sealRecord, sealText } from '../codec.ts'
import { demandNames } from '../demand-names.ts'
import type { Position, SessionRecord } from '../records.ts'
import type { Claim, Commit } from '../store.ts'
import type { Holder } from '../store-errors.ts'
import { claimLost, heldByOther, outOfTurn, sessionNotFound } from '../store-errors.ts'
import type { Row } from './client.ts'
import type { Kind, Verdict } from './group-commit.ts'
import { booleans, bytes, ids, numbers, orNull, quote, texts } from './literals.ts'

/** A commit with its rows sealed: later changes to the caller's objects don't reach it. */
export interface SealedCommit {
  readonly commit: Omit<Commit, 'claim'>
  readonly claim: Claim
  readonly record: Sealed
  readonly journal: readonly { readonly work: string; readonly index: number; readonly row: Sealed }[]
  readonly snapshot?: Sealed
  /** Set on the commit that creates the session. */
  readonly first?: { readonly session: SessionRecord; readonly body: Sealed; readonly owner: number }
}

export function sealCommit(commit: Commit): SealedCommit {
  const { claim, snapshot, journal } = commit
  demandStorable(claim.sessionId, 'the session id')
  demandNames(commit)
  for (const { digest } of commit.keys ?? []) demandStorable(digest, 'a digest')
  for (const id of [commit.closed, journal?.drop].flatMap(list => list ?? [])) demandStorable(id, 'an id')
  for (const { digest } of commit.blobs ?? []) demandStorable(digest, 'a digest')
  // Of several entries with one index the last one is written, as if they came one after the other.
  const rows = new Map((journal?.put ?? []).map(entry => [`${entry.index} ${entry.work}`, entry]))
  return {
    commit,
    claim,
    record: sealRecord(commit.record, claim.sessionId),
    journal: [...rows.values()].map(({ work, index, message }) => ({
      work: demandStorable(work, 'an input id'),
      index,
      row: seal(message),
    })),
    ...(snapshot === undefined ? {} : { snapshot: sealText(demandStorable(snapshot, 'the snapshot')) }),
  }
}

/** About how many characters of SQL the commit makes. */
export function sizeOf({ record, journal, snapshot, commit, first }: SealedCommit): number {
  const blobs = (commit.blobs ?? []).reduce((sum, { data }) => sum + 2 * data.length, 0)
  const rows = journal.reduce((sum, { row }) => sum + row.body.length, 0)
  return 200 + record.body.length + rows + blobs + (snapshot?.body.length ?? 0) + (first?.body.body.length ?? 0)
}

/** What a writer needs in order to send statements. */
export interface Sending {
  readonly send: (text: string, sessionId?: string) => Promise<readonly Row[]>
  readonly channel: string
  /** The notification that these sessions changed. */
  readonly notice: (sessions: readonly string[], about?: 'mail' | 'free') => string
}

export interface Writer {
  readonly commit: Kind<SealedCommit, Position>
  readonly create: Kind<SealedCommit, { readonly claim: Claim; readonly position: Position }>
  readonly claim: Kind<{ readonly claim: Claim; readonly owner: number }, Claim>
  readonly release: Kind<Claim, void>
}

export function makeWriter({ send, channel, notice }: Sending): Writer {
  const tell = (writes: readonly { readonly claim: Claim }[]): string =>
    `${quote(channel)},${quote(notice(writes.map(({ claim }) => claim.sessionId)))}`
  return {
    commit: {
      notifies: true,
      send: async writes =>
        verdicts(writes, await send(changingSessions(writes, commitSql(writes, tell(writes)))), (_, row) =>
          Number(row['position']),
        ),
    },
    create: {
      notifies: true,
      send: async writes =>
        verdicts(writes, await send(`${openSql(writes)};${commitSql(writes, tell(writes))}`), ({ claim }, row) => ({
          claim: { ...claim, token: Number(row['token']) },
          position: Number(row['position']),
        })),
    },
    claim: {
      send: async writes => {
        const sessions = writes.map(({ claim }) => claim.sessionId)
        const owners = writes.map(({ owner }) => owner)
        const rows = await send(`SELECT * FROM claim_sessions(${texts(sessions)},${numbers(owners)})`)
        return byPlace(rows, writes, ({ claim }, row) =>
          row['token'] === null
            ? { refusal: refusalOf(claim, row) }
            : { answer: { ...claim, token: Number(row['token']) } },
        )
      },
    },
    release: {
      send: async claims => {
        const sessions = claims.map(claim => claim.sessionId)
        const tokens = numbers(claims.map(claim => claim.token))
        const freed = `${quote(channel)},${quote(notice(sessions, 'free'))}`
        await send(`SELECT release_sessions(${texts(sessions)},${tokens},${freed})`)
        return claims.map(() => ({ answer: undefined }))
      },
    },
  }
}

/** Why a claim or a commit was refused, from the row that says so. */
export function refusalOf(claim: Claim, row: Row, given = 0): MeerkatError {
  const holder = toHolder(row)
  switch (row['refusal']) {
    case 'missing':
      return sessionNotFound(claim.sessionId)
    case 'held':
      return heldByOther(claim.sessionId, holder ?? { owner: 'unknown' })
    case 'turn':
      return outOfTurn(claim.sessionId, given, Number(row['commits']))
    default:
      return claimLost(claim, holder)
  }
}

function toHolder(row: Row): Holder | undefined {
  const { owner } = row
  if (typeof owner !== 'string') return undefined
  return { owner, pid: Number(row['pid']), host: String(row['host']) }
}

function byPlace<W, A>(
  rows: readonly Row[],
  writes: readonly W[],
  judge: (write: W, row: Row) => Verdict<A>,
): Verdict<A>[] {
  const places = new Map(rows.map(row => [Number(row['place']), row]))
  return writes.map((write, i) => judge(write, places.get(i + 1) ?? {}))
}

function verdicts<A>(
  writes: readonly SealedCommit[],
  rows: readonly Row[],
  answer: (write: SealedCommit, row: Row) => A,
): Verdict<A>[] {
  return byPlace(rows, writes, (write, row) =>
    row['position'] === null
      ? { refusal: refusalOf(write.claim, row, write.commit.head.commits) }
      : { answer: answer(write, row) },
  )
}

/** The elements of all writes in one list, each with the index of its write. */
function spread<T>(
  writes: readonly SealedCommit[],
  of: (write: SealedCommit) => readonly T[],
): readonly (readonly [place: number, element: T])[] {
  return writes.flatMap((write, i) => of(write).map(element => [i + 1, element] as const))
}

function commitSql(writes: readonly SealedCommit[], tell: string): string {
  const heads = writes.map(({ commit }) => commit.head)
  const messages = heads.map(head => head.messages)
  return `SELECT * FROM write_commits(${[
    texts(writes.map(({ claim }) => claim.sessionId)),
    numbers(writes.map(({ claim }) => claim.token)),
    numbers(heads.map(head => head.commits)),
    texts(heads.map(head => head.phase)),
    numbers(heads.map(head => head.unfinished)),
    numbers(messages),
    numbers(writes.map(({ commit }) => commit.record.at)),
    numbers(heads.map(head => head.dueAt)),
    booleans(writes.map(({ commit, first }) => first !== undefined || (commit.record.messages?.length ?? 0) > 0)),
    numbers(writes.map(({ record }) => record.crc)),
    texts(writes.map(({ record }) => record.body)),
    ...refArguments(writes),
    ...keyArguments(writes),
    ...journalArguments(writes),
    ...contentArguments(writes),
  ].join(',')},${tell})`
}

function refArguments(writes: readonly SealedCommit[]): string[] {
  const opened = spread(writes, ({ commit }) => {
    const closed = new Set(commit.closed)
    return (commit.opened ?? []).map(id => ({ id, closes: closed.has(id) }))
  })
  const closed = spread(writes, ({ commit }) => {
    const opens = new Set(commit.opened)
    return [...new Set(commit.closed)].filter(id => !opens.has(id))
  })
  return [
    ...orNull(
      opened.length,
      numbers(
        opened.map(([place]) => place),
        'integer',
      ),
      ids(opened.map(([, { id }]) => id)),
      booleans(opened.map(([, { closes }]) => closes)),
    ),
    ...orNull(
      closed.length,
      numbers(
        closed.map(([place]) => place),
        'integer',
      ),
      ids(closed.map(([, id]) => id)),
    ),
  ]
}

function keyArguments(writes: readonly SealedCommit[]): string[] {
  const keys = spread(writes, ({ commit }) => commit.keys ?? [])
  return orNull(
    keys.length,
    numbers(
      keys.map(([place]) => place),
      'integer',
    ),
    texts(keys.map(([, { key }]) => JSON.stringify(key))),
    texts(keys.map(([, { inputId }]) => inputId)),
    texts(keys.map(([, { digest }]) => digest)),
  )
}

function journalArguments(writes: readonly SealedCommit[]): string[] {
  const drops = spread(writes, ({ commit }) => [...new Set(commit.journal?.drop)])
  const puts = spread(writes, ({ journal }) => journal)
  return [
    ...orNull(
      drops.length,
      numbers(
        drops.map(([place]) => place),
        'integer',
      ),
      texts(drops.map(([, work]) => work)),
    ),
    ...orNull(
      puts.length,
      numbers(
        puts.map(([place]) => place),
        'integer',
      ),
      texts(puts.map(([, { work }]) => work)),
      numbers(puts.map(([, { index }]) => index)),
      numbers(puts.map(([, { row }]) => row.crc)),
      texts(puts.map(([, { row }]) => row.body)),
    ),
  ]
}

function contentArguments(writes: readonly SealedCommit[]): string[] {
  const snapshots = spread(writes, ({ snapshot }) => (snapshot === undefined ? [] : [snapshot]))
  const blobs = spread(writes, ({ commit }) => commit.blobs ?? [])
  return [
    ...orNull(
      snapshots.length,
      numbers(
        snapshots.map(([place]) => place),
        'integer',
      ),
      numbers(snapshots.map(([, { crc }]) => crc)),
      texts(snapshots.map(([, { body }]) => body)),
    ),
    ...orNull(
      blobs.length,
      numbers(
        blobs.map(([place]) => place),
        'integer',
      ),
      texts(blobs.map(([, { digest }]) => digest)),
      bytes(blobs.map(([, { data }]) => data)),
    ),
  ]
}

/** The commits, and the session records that successful ones among them change. */
function changingSessions(writes: readonly SealedCommit[], commits: string): string {
  const changed = spread(writes, ({ commit }) => (commit.session === undefined ? [] : [commit.session]))
  if (changed.length === 0) return commits
  const sealed = changed.map(([, session]) => seal(session))
  const labels = changed.flatMap(([place, { options }]) =>
    Object.entries(options.labels ?? {}).map(([key, value]) => ({ place, key, value })),
  )
  const places = numbers(
    changed.map(([place]) => place),
    'integer',
  )
  const crcs = numbers(sealed.map(({ crc }) => crc))
  const bodies = texts(sealed.map(({ body }) => body))
  const sessions = texts(changed.map(([, { id }]) => id))
  const labelsAt = numbers(
    labels.map(({ place }) => place),
    'integer',
  )
  const keys = texts(labels.map(({ key }) => JSON.stringify(key)))
  const values = texts(labels.map(({ value }) => JSON.stringify(value)))
  return `WITH written AS (${commits}),
    changed AS (SELECT h.session, u.place, u.crc, u.body FROM written w
      JOIN unnest(${places},${sessions},${crcs},${bodies}) AS u(place, id, crc, body) ON u.place = w.place
      JOIN heads h ON h.id = u.id WHERE w.position IS NOT NULL),
    named AS (SELECT c.session, u.key, u.value FROM changed c
      JOIN unnest(${labelsAt},${keys},${values}) AS u(place, key, value) ON u.place = c.place),
    put AS (UPDATE sessions s SET crc = c.crc, body = c.body FROM changed c WHERE s.session = c.session),
    gone AS (DELETE FROM labels l USING changed c WHERE l.session = c.session
      AND NOT EXISTS (SELECT 1 FROM named n WHERE n.session = l.session AND n.key = l.key)),
    kept AS (INSERT INTO labels (session, key, value) SELECT session, key, value FROM named
      ON CONFLICT (session, key) DO UPDATE SET value = excluded.value)
    SELECT * FROM written`
}

function openSql(writes: readonly SealedCommit[]): string {
  const births = writes.flatMap(({ first, commit }) => (first === undefined ? [] : [{ ...first, commit }]))
  const labels = births.flatMap(({ session }, i) =>
    Object.entries(session.options.labels ?? {}).map(([key, value]) => ({ place: i + 1, key, value })),
  )
  return `SELECT open_sessions(${[
    texts(births.map(({ session }) => session.id)),
    numbers(births.map(({ owner }) => owner)),
    numbers(births.map(({ commit }) => commit.head.commits - 1)),
    numbers(births.map(({ session }) => session.createdAt)),
    numbers(births.map(({ body }) => body.crc)),
    texts(births.map(({ body }) => body.body)),
    ...orNull(
      labels.length,
      numbers(
        labels.map(({ place }) => place),
        'integer',
      ),
      texts(labels.map(({ key }) => JSON.stringify(key))),
      texts(labels.map(({ value }) => JSON.stringify(value))),
    ),
  ].join(',')})`
}
