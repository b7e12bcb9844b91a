/**
 * Reads from the file. They run at once on the store's one connection: a flush is never half done between two turns of the
 * event loop, so a read only sees durable rows.
 *
 * A session's rows are found by walking back from a mark (or from the head) along `prev`, and turned round: reading L
 * rows from anywhere costs L rows and at most two marks' distance more, however long the session is.
 */
import type { InputId, SessionId } from '../../kernel/ids.ts'
import { unseal, unsealRecord, unsealText } from '../codec.ts'
import { firstIndex } from '../first-index.ts'
import { idKey } from '../id-key.ts'
import type { MessageRecord, Position, SessionRecord } from '../records.ts'
import type { Head, JournalEntry, LoadedSession, LocatedId, LogRow, SessionSummary, Store } from '../store.ts'
import { sessionNotFound } from '../store-errors.ts'
import type { SqlDriver, SqlRow, SqlStatement, SqlValue } from './driver.ts'
import { brokenLog } from './errors.ts'
import { MARK_EVERY, TAIL } from './schema.ts'

const SUMMARY = `s.id, s.created_at, s.crc, s.body, h.commits, h.phase, h.unfinished, h.messages, h.due_at, h.updated_at
  FROM sessions s JOIN heads h ON h.session = s.n`

/** A row of the log without its text. */
interface RowPlace {
  readonly position: Position
  readonly prev: Position
  /** Messages in the transcript after this row. */
  readonly messages: number
  /** How long its text is. */
  readonly bytes: number
}

/** Where a session's chain of rows ends. */
interface Chain {
  readonly id: SessionId
  readonly n: number
  readonly last: Position
  readonly rows: number
  readonly messages: number
}

export class Reader {
  readonly #db: SqlDriver
  readonly #sql: ReturnType<typeof prepare>
  /** List statements by their text: one for each combination of filters. */
  readonly #lists = new Map<string, SqlStatement>()

  constructor(db: SqlDriver) {
    this.#db = db
    this.#sql = prepare(db)
  }

  /** What a cold start needs besides the records, as of one moment, and the position of the last record. */
  begin(sessionId: SessionId): { readonly loaded: Omit<LoadedSession, 'rows'>; readonly last: Position } {
    this.#db.exec('BEGIN')
    try {
      const chain = this.#chain(sessionId)
      const summary = this.#sql.summary.get(sessionId)
      if (chain === undefined || summary === undefined) throw sessionNotFound(sessionId)
      const snapshot = this.#snapshot(chain)
      const [session, head, journal] = [toSession(summary), toHead(summary), this.#journal(chain)]
      return { loaded: { session, head, ...(snapshot && { snapshot }), journal }, last: chain.last }
    } finally {
      this.#db.exec('COMMIT')
    }
  }

  session(sessionId: SessionId): SessionSummary | undefined {
    const row = this.#sql.summary.get(sessionId)
    return row === undefined ? undefined : { ...toSession(row), ...toFacts(row) }
  }

  /** `alive`: the numbers of the owners that live. */
  sessions(
    { after, limit, phase, label, owed, unheld }: Parameters<Store['sessions']>[0],
    alive: readonly number[],
  ): SessionSummary[] {
    const where: string[] = ['s.id > ?']
    const values: SqlValue[] = [after ?? '']
    if (phase !== undefined) {
      where.push('h.phase = ?')
      values.push(phase)
    }
    if (owed === true) where.push('h.unfinished > 0')
    if (unheld !== undefined) {
      where.push('(h.unfinished > 0 OR h.due_at <= ?)')
      where.push('(h.owner IS NULL OR h.owner NOT IN (SELECT value FROM json_each(?)))')
      values.push(unheld.dueBy, JSON.stringify(alive))
    }
    if (label !== undefined) {
      const value = label.value === undefined ? '' : 'AND l.value = ?'
      // A body that is damaged has no labels; without the guard it would fail the whole list.
      where.push(`CASE WHEN json_valid(s.body) THEN EXISTS (
        SELECT 1 FROM json_each(s.body, '$.options.labels') l WHERE l.key = ? ${value}) ELSE 0 END`)
      values.push(label.key)
      if (label.value !== undefined) values.push(label.value)
    }
    const sql = `SELECT ${SUMMARY} WHERE ${where.join(' AND ')} ORDER BY s.id LIMIT ?`
    return this.#list(sql)
      .all(...values, limit)
      .map(toListed)
  }

  read({ sessionId, after, limit, maxBytes }: Parameters<Store['read']>[0]): LogRow[] {
    if (sessionId === undefined) {
      const places = fitting(this.#sql.placesOfAll.all(after, limit).map(toPlace), maxBytes)
      const rows = this.#sql.readAll.all(after, places.at(-1)?.position ?? 0)
      return decodeReadable(rows, row => toLogRow(row, String(row['id']) as SessionId))
    }
    const chain = this.#chain(sessionId)
    if (chain === undefined || chain.last <= after) return []
    return this.#forward(
      chain,
      { limit, maxBytes },
      mark => mark.position > after,
      row => row.position > after,
    )
  }

  readBack({ sessionId, before, limit, maxBytes }: Parameters<Store['readBack']>[0]): LogRow[] {
    const chain = this.#chain(sessionId)
    if (chain === undefined || limit <= 0) return []
    const start = before === undefined ? chain.last : this.#end(chain, mark => mark.position >= before, 0)
    const places: RowPlace[] = []
    this.#walk(chain, start, row => {
      if (before === undefined || row.position < before) places.push(row)
      return places.length < limit
    })
    return decodeReadable(fitting(places, maxBytes), place => this.#row(place, sessionId))
  }

  readMessages({ sessionId, index, limit, maxBytes }: Parameters<Store['readMessages']>[0]): LogRow[] {
    const chain = this.#chain(sessionId)
    if (chain === undefined || chain.messages <= index) return []
    return this.#forward(
      chain,
      { limit, maxBytes },
      mark => mark.messages > index,
      row => row.messages > index,
    )
  }

  row(position: Position): LogRow | undefined {
    const row = this.#sql.rowWithId.get(position)
    return row === undefined ? undefined : toLogRow(row, String(row['id']) as SessionId)
  }

  locate(id: LocatedId): { sessionId: SessionId; first: Position; last?: Position } | undefined {
    const row = this.#sql.locate.get(idKey(id))
    if (row === undefined) return undefined
    const place = { sessionId: String(row['id']) as SessionId, first: Number(row['first']) }
    return row['last'] === null ? place : { ...place, last: Number(row['last']) }
  }

  key(sessionId: SessionId, key: string): { inputId: InputId; digest: string } | undefined {
    const row = this.#sql.key.get(sessionId, key)
    return row === undefined ? undefined : { inputId: String(row['input']) as InputId, digest: String(row['digest']) }
  }

  tail(): Position {
    return Number(this.#sql.tail.get()?.['tail'])
  }

  #chain(id: SessionId): Chain | undefined {
    const row = this.#sql.chain.get(id)
    if (row === undefined) return undefined
    const [n, last, rows, messages] = [row['session'], row['last'], row['rows'], row['messages']].map(Number)
    return n === undefined ? undefined : { id, n, last: last ?? 0, rows: rows ?? 0, messages: messages ?? 0 }
  }

  /** The first rows for which `wanted` holds, oldest first; it holds from some row on to the newest. */
  #forward(
    chain: Chain,
    { limit, maxBytes }: { readonly limit: number; readonly maxBytes: number | undefined },
    markWanted: (mark: { readonly position: Position; readonly messages: number }) => boolean,
    wanted: (row: RowPlace) => boolean,
  ): LogRow[] {
    if (limit <= 0) return []
    const places: RowPlace[] = []
    const end = this.#end(chain, markWanted, Math.ceil((limit - 1) / MARK_EVERY))
    this.#walk(chain, end, row => wanted(row) && places.push(row) > 0)
    return decodeReadable(fitting(places.toReversed().slice(0, limit), maxBytes), place => this.#row(place, chain.id))
  }

  /** Position of the first mark for which `holds`, or of the one `further` marks on, or of the newest row. */
  #end(
    chain: Chain,
    holds: (mark: { readonly position: Position; readonly messages: number }) => boolean,
    further: number,
  ): Position {
    const count = Math.floor(chain.rows / MARK_EVERY)
    const index = firstIndex(count, i => holds(this.#mark(chain, i))) + further
    return index < count ? this.#mark(chain, index).position : chain.last
  }

  #mark(chain: Chain, index: number): { readonly position: Position; readonly messages: number } {
    const row = this.#sql.mark.get(chain.n, index + 1)
    if (row === undefined) throw brokenLog(chain.id, `its mark ${index + 1} is missing`)
    return { position: Number(row['position']), messages: Number(row['messages']) }
  }

  #row({ position }: RowPlace, sessionId: SessionId): LogRow {
    const row = this.#sql.row.get(position)
    if (row === undefined) throw brokenLog(sessionId, `row ${position} is missing or of another session`, position)
    return toLogRow(row, sessionId)
  }

  /**
   * Visits the session's rows from `start` back to its first, until `visit` answers false. It reads no texts, because a walk
   * passes rows that the caller did not ask for, and each may be megabytes long.
   */
  #walk(chain: Chain, start: Position, visit: (row: RowPlace) => boolean): void {
    for (let position = start; position > 0; ) {
      const found = this.#sql.place.get(position)
      if (found === undefined || found['session'] !== chain.n) {
        throw brokenLog(chain.id, `row ${position} is missing or of another session`, position)
      }
      const row = toPlace(found)
      if (row.prev >= position) throw brokenLog(chain.id, `row ${position} does not lead back`, position)
      if (!visit(row)) return
      position = row.prev
    }
  }

  /** A damaged snapshot is ignored: it only saves work, and the log has the same state. */
  #snapshot({ n, id }: Chain): { readonly position: Position; readonly state: string } | undefined {
    const row = this.#sql.snapshot.get(n)
    if (row === undefined) return undefined
    try {
      return {
        position: Number(row['position']),
        state: unsealText(toSealed(row), { what: 'snapshot', sessionId: id }),
      }
    } catch {
      return undefined
    }
  }

  #journal({ n, id }: Chain): JournalEntry[] {
    return this.#sql.journal.all(n).map(row => ({
      work: String(row['work']) as InputId,
      index: Number(row['idx']),
      message: unseal<MessageRecord>(toSealed(row), { what: 'journal', sessionId: id }),
    }))
  }

  #list(sql: string): SqlStatement {
    const known = this.#lists.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql)
    this.#lists.set(sql, statement)
    return statement
  }
}

function prepare(
  db: SqlDriver,
): Record<
  | 'summary'
  | 'chain'
  | 'place'
  | 'row'
  | 'rowWithId'
  | 'placesOfAll'
  | 'readAll'
  | 'mark'
  | 'snapshot'
  | 'journal'
  | 'locate'
  | 'key'
  | 'tail',
  SqlStatement
> {
  const number = '(SELECT n FROM sessions WHERE id = ?)'
  return {
    summary: db.prepare(`SELECT ${SUMMARY} WHERE s.id = ?`),
    chain: db.prepare(`SELECT session, last, rows, messages FROM heads WHERE session = ${number}`),
    place: db.prepare(`SELECT position, session, prev, messages, ${BYTES} FROM log WHERE position = ?`),
    row: db.prepare('SELECT position, crc, body FROM log WHERE position = ?'),
    rowWithId: db.prepare('SELECT l.*, s.id FROM log l JOIN sessions s ON s.n = l.session WHERE l.position = ?'),
    placesOfAll: db.prepare(
      `SELECT position, prev, messages, ${BYTES} FROM log WHERE position > ? ORDER BY position LIMIT ?`,
    ),
    readAll: db.prepare(
      `SELECT l.*, s.id FROM log l CROSS JOIN sessions s ON s.n = l.session
       WHERE l.position > ? AND l.position <= ? ORDER BY l.position`,
    ),
    mark: db.prepare('SELECT position, messages FROM marks WHERE session = ? AND mark = ?'),
    snapshot: db.prepare('SELECT position, crc, body FROM snapshots WHERE session = ?'),
    journal: db.prepare('SELECT work, idx, crc, body FROM journal WHERE session = ? ORDER BY work, idx'),
    locate: db.prepare('SELECT s.id, r.first, r.last FROM refs r JOIN sessions s ON s.n = r.session WHERE r.id = ?'),
    key: db.prepare(`SELECT input, digest FROM keys WHERE session = ${number} AND key = ?`),
    tail: db.prepare(TAIL),
  }
}

const toSealed = (row: SqlRow): { body: string; crc: number } => ({
  body: String(row['body']),
  crc: Number(row['crc']),
})

/** How long a text is, from the row's header: the text itself is not read. */
const BYTES = 'octet_length(body) AS bytes'

function toPlace(row: SqlRow): RowPlace {
  return {
    position: Number(row['position']),
    prev: Number(row['prev']),
    messages: Number(row['messages']),
    bytes: Number(row['bytes']),
  }
}

function toLogRow(row: SqlRow, sessionId: SessionId): LogRow {
  const position = Number(row['position'])
  return { position, sessionId, record: unsealRecord(toSealed(row), sessionId, position) }
}

/** The first rows whose texts fit into `maxBytes` together; at least one. */
function fitting(places: readonly RowPlace[], maxBytes: number = Number.POSITIVE_INFINITY): readonly RowPlace[] {
  let bytes = 0
  const end = places.findIndex((place, index) => (bytes += place.bytes) > maxBytes && index > 0)
  return end < 0 ? places : places.slice(0, end)
}

/**
 * The rows up to the first that can't be read. Only when that is the very first one does the read fail, so a reader
 * gets everything before it, then an error that names it, and may go on behind it.
 */
function decodeReadable<T>(rows: readonly T[], decode: (row: T) => LogRow): LogRow[] {
  const decoded: LogRow[] = []
  for (const row of rows) {
    try {
      decoded.push(decode(row))
    } catch (error) {
      if (decoded.length === 0) throw error
      break
    }
  }
  return decoded
}

function toSession(row: SqlRow): SessionRecord {
  return unseal<SessionRecord>(toSealed(row), { what: 'birth certificate', sessionId: String(row['id']) })
}

function toHead(row: SqlRow): Head {
  return {
    phase: String(row['phase']),
    unfinished: Number(row['unfinished']),
    messages: Number(row['messages']),
    commits: Number(row['commits']),
    ...(row['due_at'] === null ? {} : { dueAt: Number(row['due_at']) }),
  }
}

function toFacts(row: SqlRow): Head & { readonly updatedAt: number } {
  return { ...toHead(row), updatedAt: Number(row['updated_at']) }
}

/** Marks a damaged session as unreadable, so that it does not fail the list. */
function toListed(row: SqlRow): SessionSummary {
  try {
    return { ...toSession(row), ...toFacts(row) }
  } catch {
    const id = String(row['id']) as SessionId
    return { id, createdAt: Number(row['created_at']), options: {}, ...toFacts(row), unreadable: true }
  }
}
