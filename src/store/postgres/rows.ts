/** Rows of the tables as the store's values. */
import type { InputId, SessionId } from '../../kernel/ids.ts'
import { type Sealed, unseal, unsealRecord } from '../codec.ts'
import type { MessageRecord, SessionRecord } from '../records.ts'
import type { Head, JournalEntry, LogRow, SessionSummary } from '../store.ts'
import type { Row } from './client.ts'

export const toSealed = (row: Row): Sealed => ({ body: String(row['body']), crc: Number(row['crc']) })

export function toLogRow(row: Row, sessionId: SessionId = String(row['id']) as SessionId): LogRow {
  const position = Number(row['position'])
  return { position, sessionId, record: unsealRecord(toSealed(row), sessionId, position) }
}

/**
 * The rows up to the first that can't be read. Only when that is the very first one does the read fail, so a reader
 * gets everything before it, then an error that names it, and may go on behind it.
 */
export function readable(rows: readonly Row[], sessionId?: SessionId): LogRow[] {
  const decoded: LogRow[] = []
  for (const row of rows) {
    try {
      decoded.push(toLogRow(row, sessionId))
    } catch (error) {
      if (decoded.length === 0) throw error
      break
    }
  }
  return decoded
}

export function toSession(row: Row, sessionId: SessionId): SessionRecord {
  return unseal<SessionRecord>(toSealed(row), { what: 'birth certificate', sessionId })
}

export function toHead(row: Row): Head {
  return {
    phase: String(row['phase']),
    unfinished: Number(row['unfinished']),
    messages: Number(row['messages']),
    commits: Number(row['commits']),
    ...(row['due_at'] === null ? {} : { dueAt: Number(row['due_at']) }),
  }
}

export function toSummary(row: Row): SessionSummary {
  const id = String(row['id']) as SessionId
  return { ...toSession(row, id), ...toHead(row), updatedAt: Number(row['updated_at']) }
}

/** Marks a damaged session as unreadable, so that it does not fail the list. */
export function toListed(row: Row): SessionSummary {
  try {
    return toSummary(row)
  } catch {
    const id = String(row['id']) as SessionId
    const facts = { ...toHead(row), updatedAt: Number(row['updated_at']) }
    return { id, createdAt: Number(row['created_at']), options: {}, ...facts, unreadable: true }
  }
}

export function toJournalEntry(row: Row, sessionId: SessionId): JournalEntry {
  return {
    work: String(row['work']) as InputId,
    index: Number(row['position']),
    message: unseal<MessageRecord>(toSealed(row), { what: 'journal', sessionId }),
  }
}
