/** Reads from the database. Each read except the load of a session is one statement, and so sees one moment. */
import type { InputId, SessionId } from '../../kernel/ids.ts'
import { unseal, unsealText } from '../codec.ts'
import { rowsThrough } from '../pages.ts'
import type { Position } from '../records.ts'
import type {
  Claim,
  LoadedSession,
  LocatedId,
  LogRow,
  SessionIndex,
  SessionSummary,
  Store,
  Streamed,
} from '../store.ts'
import { sessionNotFound } from '../store-errors.ts'
import type { Client, Row } from './client.ts'
import { refHex, refId } from './ref-bytes.ts'
import { readable, toHead, toJournalEntry, toListed, toLogRow, toSealed, toSession, toSummary } from './rows.ts'

const SUMMARY = `SELECT h.id, c.created_at, c.crc, c.body, h.commits, h.phase, h.unfinished, h.messages, h.due_at,
    h.updated_at
  FROM heads h JOIN sessions c USING (session)`

/** Head, snapshot and journal of a session, told apart by `part`, and where its records end; without its snapshot if $2. */
const LOAD = `WITH h AS MATERIALIZED (SELECT * FROM heads WHERE id = $1),
    s AS MATERIALIZED (SELECT s.* FROM snapshots s JOIN h USING (session) WHERE NOT $2::boolean)
  SELECT 1 AS part, (SELECT max(position) FROM log l WHERE l.session = h.session) AS position, c.crc, c.body, '' AS work,
      h.phase, h.unfinished, h.messages, h.commits, h.due_at
    FROM h JOIN sessions c USING (session)
  UNION ALL SELECT 2, s.position, s.crc, s.body, '', NULL, NULL, NULL, NULL, NULL FROM s
  UNION ALL SELECT 3, j.idx, j.crc, j.body, j.work, NULL, NULL, NULL, NULL, NULL
    FROM journal j WHERE j.session = (SELECT session FROM h)
  ORDER BY part, work, position`

const NUMBER = '(SELECT session FROM heads WHERE id = $1)'

export class Reader {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  /** All that a cold start needs. The log only grows, so the records up to the head that was read first belong to it. */
  async load(sessionId: SessionId, withoutSnapshot = false): Promise<LoadedSession> {
    const found = await this.#client.read(LOAD, [sessionId, withoutSnapshot])
    const of = (part: number): Row[] => found.filter(row => Number(row['part']) === part)
    const [head] = of(1)
    if (head === undefined) throw sessionNotFound(sessionId)
    const [kept] = of(2)
    const state = kept === undefined ? undefined : snapshotOf(kept, sessionId)
    // A damaged snapshot is ignored: it only saves work, and the log has the same state.
    if (kept !== undefined && state === undefined) return this.load(sessionId, true)
    const after = state === undefined ? 0 : Number(kept?.['position'])
    const read = (page: Omit<Parameters<Store['read']>[0], 'sessionId'>) => this.read({ sessionId, ...page })
    const rows = await rowsThrough(read, { after, last: Number(head['position']) })
    if (rows === undefined) throw sessionNotFound(sessionId)
    return {
      session: toSession(head, sessionId),
      head: toHead(head),
      ...(state === undefined ? {} : { snapshot: { position: after, state } }),
      rows,
      journal: of(3).map(row => toJournalEntry(row, sessionId)),
    }
  }

  /** A damaged tail is ignored: the whole text comes in a record. */
  async streamed(sessionId: SessionId): Promise<Streamed | undefined> {
    const [row] = await this.#client.read(
      `SELECT s.position, s.crc, s.body FROM streamed s WHERE s.session = ${NUMBER}
         AND s.position = (SELECT max(l.position) FROM log l WHERE l.session = s.session)`,
      [sessionId],
    )
    if (row === undefined) return undefined
    try {
      const events = unseal<Streamed['events']>(toSealed(row), { what: 'streamed text', sessionId })
      return { position: Number(row['position']), events }
    } catch {
      return undefined
    }
  }

  async session(sessionId: SessionId): Promise<SessionSummary | undefined> {
    const [row] = await this.#client.read(`${SUMMARY} WHERE h.id = $1`, [sessionId])
    return row === undefined ? undefined : toSummary(row)
  }

  async sessions(query: Parameters<Store['sessions']>[0]): Promise<SessionSummary[]> {
    const { where, values } = filters(query)
    const limit = values.push(query.limit)
    const text = `${SUMMARY} WHERE ${where.join(' AND ')} ORDER BY h.id LIMIT $${limit}`
    return (await this.#client.read(text, values)).map(toListed)
  }

  async read({ sessionId, after, limit, maxBytes }: Parameters<Store['read']>[0]): Promise<LogRow[]> {
    if (sessionId === undefined) {
      const page = `SELECT l.position, l.crc, l.body, h.id FROM log l JOIN heads h USING (session)
         WHERE l.position > $1 ORDER BY l.position LIMIT $2`
      return readable(await this.#page(page, [after, limit], maxBytes))
    }
    const page = `SELECT position, crc, body FROM log
       WHERE session = ${NUMBER} AND position > $2 ORDER BY position LIMIT $3`
    return readable(await this.#page(page, [sessionId, after, limit], maxBytes), sessionId)
  }

  /** The rows of a page as far as they fit; at least one. The server measures a text without reading it. */
  #page(page: string, values: readonly (string | number)[], maxBytes?: number, order = ''): Promise<readonly Row[]> {
    if (maxBytes === undefined) return this.#client.read(page, [...values])
    const text = `SELECT * FROM (SELECT p.*, sum(octet_length(body)) OVER (ORDER BY position ${order}) AS bytes,
        row_number() OVER (ORDER BY position ${order}) AS place FROM (${page}) p) q
      WHERE bytes <= $${values.length + 1} OR place = 1 ORDER BY position ${order}`
    return this.#client.read(text, [...values, maxBytes])
  }

  async readBack({ sessionId, before, limit, maxBytes }: Parameters<Store['readBack']>[0]): Promise<LogRow[]> {
    const page = `SELECT position, crc, body FROM log WHERE session = ${NUMBER} AND position < $2
       ORDER BY position DESC LIMIT $3`
    const values = [sessionId, before ?? Number.MAX_SAFE_INTEGER, Math.max(0, limit)]
    return readable(await this.#page(page, values, maxBytes, 'DESC'), sessionId)
  }

  async readMessages({ sessionId, index, limit, maxBytes }: Parameters<Store['readMessages']>[0]): Promise<LogRow[]> {
    const page = `SELECT position, crc, body FROM log WHERE session = ${NUMBER} AND position >= (
         SELECT position FROM log WHERE session = ${NUMBER} AND adds AND messages > $2
         ORDER BY messages, position LIMIT 1)
       ORDER BY position LIMIT $3`
    return readable(await this.#page(page, [sessionId, index, Math.max(0, limit)], maxBytes), sessionId)
  }

  async row(position: Position): Promise<LogRow | undefined> {
    const [row] = await this.#client.read(
      'SELECT l.position, l.crc, l.body, h.id FROM log l JOIN heads h USING (session) WHERE l.position = $1',
      [position],
    )
    return row === undefined ? undefined : toLogRow(row)
  }

  async locate(id: LocatedId): Promise<{ sessionId: SessionId; first: Position; last?: Position } | undefined> {
    const [row] = await this.#client.read(
      `SELECT h.id, r.first, r.last FROM refs r JOIN heads h USING (session) WHERE r.id = decode($1, 'hex')`,
      [refHex(id)],
    )
    if (row === undefined) return undefined
    const place = { sessionId: String(row['id']) as SessionId, first: Number(row['first']) }
    return row['last'] === null ? place : { ...place, last: Number(row['last']) }
  }

  async key(sessionId: SessionId, key: string): Promise<{ inputId: InputId; digest: string } | undefined> {
    const text = `SELECT input, digest FROM keys WHERE session = ${NUMBER} AND key = $2`
    const [row] = await this.#client.read(text, [sessionId, JSON.stringify(key)])
    return row === undefined ? undefined : { inputId: String(row['input']) as InputId, digest: String(row['digest']) }
  }

  /** The keys are in the order of the inputs that they are bound to. */
  async index(sessionId: SessionId): Promise<SessionIndex> {
    const [refs, keys, blobs] = await Promise.all([
      this.#client.read(`SELECT id, first, last FROM refs WHERE session = ${NUMBER} ORDER BY first, id`, [sessionId]),
      this.#client.read(`SELECT key, input, digest FROM keys WHERE session = ${NUMBER} ORDER BY key`, [sessionId]),
      this.#client.read(`SELECT digest FROM blob_refs WHERE session = ${NUMBER} ORDER BY digest`, [sessionId]),
    ])
    const places = refs.map(row => ({
      id: refId(row['id'] as Uint8Array) as LocatedId,
      first: Number(row['first']),
      ...(row['last'] === null ? {} : { last: Number(row['last']) }),
    }))
    const firsts = new Map<string, Position>(places.map(({ id, first }) => [id, first]))
    return {
      refs: places,
      keys: keys
        .map(row => ({
          key: JSON.parse(String(row['key'])) as string,
          inputId: String(row['input']) as InputId,
          digest: String(row['digest']),
        }))
        .toSorted((a, b) => (firsts.get(a.inputId) ?? 0) - (firsts.get(b.inputId) ?? 0)),
      blobs: blobs.map(row => String(row['digest'])),
    }
  }

  async blob(digest: string): Promise<Uint8Array | undefined> {
    const [row] = await this.#client.read('SELECT data FROM blobs WHERE digest = $1', [digest])
    return row === undefined ? undefined : new Uint8Array(row['data'] as Uint8Array)
  }

  async tail(): Promise<Position> {
    const [row] = await this.#client.read(
      'SELECT greatest(through, (SELECT coalesce(max(position), 0) FROM log)) AS tail FROM removed',
    )
    return Number(row?.['tail'])
  }

  async current(claims: readonly Claim[]): Promise<Claim[]> {
    const given = JSON.stringify(claims.map(({ sessionId, token }) => ({ id: sessionId, token })))
    const rows = await this.#client.read(
      `SELECT h.id, h.token FROM json_to_recordset($1::text::json) AS g(id text, token bigint) JOIN heads h USING (id, token)`,
      [given],
    )
    const still = new Set(rows.map(row => `${String(row['token'])} ${String(row['id'])}`))
    return claims.filter(({ sessionId, token }) => still.has(`${token} ${sessionId}`))
  }
}

function snapshotOf(row: Row, sessionId: SessionId): string | undefined {
  try {
    return unsealText(toSealed(row), { what: 'snapshot', sessionId })
  } catch {
    return undefined
  }
}

/** Sessions that were released with work left, and those of owners that have fallen silent. */
const UNHELD = `h.session IN (
    SELECT w.session FROM heads w WHERE w.waiting
    UNION ALL SELECT d.session FROM owners o JOIN heads d ON d.owner = o.n WHERE o.expires_at <= clock_timestamp())`

function filters({ after, phase, label, owed, unheld }: Parameters<Store['sessions']>[0]): {
  readonly where: readonly string[]
  readonly values: (string | number)[]
} {
  const where: string[] = ['h.id > $1']
  const values: (string | number)[] = [after ?? '']
  const value = (given: string | number): string => `$${values.push(given)}`
  if (phase !== undefined) where.push(`h.phase = ${value(phase)}`)
  if (owed === true) where.push('h.unfinished > 0')
  if (unheld !== undefined) where.push(UNHELD, `(h.unfinished > 0 OR h.due_at <= ${value(unheld.dueBy)})`)
  if (label !== undefined) {
    const key = `l.key = ${value(JSON.stringify(label.key))}`
    const text = label.value === undefined ? key : `${key} AND l.value = ${value(JSON.stringify(label.value))}`
    where.push(`EXISTS (SELECT 1 FROM labels l WHERE l.session = h.session AND ${text})`)
  }
  return { where, values }
}
