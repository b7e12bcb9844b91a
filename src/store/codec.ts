/**
 * How values lie in a store: JSON text with its checksum.
 *
 * A row is sealed as soon as the caller gives it, so that later changes to the caller's object can't reach it. Unsealing
 * proves the checksum first; the error for a damaged row names its place.
 */
import { crc32 } from 'node:zlib'
import { MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { CommitRecord, Position } from './records.ts'
import { RECORD_VERSION } from './records.ts'
import { lengthen, shorten } from './short-ids.ts'
import { newerRelease } from './store-errors.ts'
import { upcast } from './upcast.ts'

/** JSON text and the CRC-32 of its UTF-8 bytes. */
export interface Sealed {
  readonly body: string
  readonly crc: number
}

/** Where a row lies, for the error that names it. */
export interface RowPlace {
  readonly sessionId: string
  /** Position of a log record; absent for other rows. */
  readonly record?: Position
  /** What the row is, for people: `commit record`, `snapshot`. */
  readonly what: string
}

export function seal(value: unknown): Sealed {
  const body = JSON.stringify(value)
  return { body, crc: crc32(body) }
}

/** A commit record of the session, with the ids it repeats most written once. */
export function sealRecord(record: CommitRecord, sessionId: SessionId): Sealed {
  const { runId, inputId } = record
  return sealText(shorten(JSON.stringify(record), { sessionId, runId, inputId }))
}

export function sealText(body: string): Sealed {
  return { body, crc: crc32(body) }
}

/** The text of a sealed row, proven against its checksum. */
export function unsealText(row: Sealed, place: RowPlace): string {
  if (crc32(row.body) !== row.crc) throw unreadable(place, 'its checksum does not match its content')
  return row.body
}

/** The value of a sealed row. The checksum proves that it is what was written, so it has the writer's type. */
export function unseal<T>(row: Sealed, place: RowPlace): T {
  return parsed<T>(unsealText(row, place), place)
}

function parsed<T>(body: string, place: RowPlace): T {
  try {
    return JSON.parse(body) as T
  } catch (error) {
    throw unreadable(place, 'it is not valid JSON', error)
  }
}

/** The commit record of a log row; one that a newer release wrote is `unsupported`, never guessed at. */
export function unsealRecord(row: Sealed, sessionId: string, position: Position): CommitRecord {
  const place: RowPlace = { what: 'commit record', sessionId, record: position }
  const record = parsed<CommitRecord | null>(lengthen(unsealText(row, place), sessionId), place)
  const version: unknown = record?.v
  if (record !== null && version === RECORD_VERSION) return record
  if (record !== null && (version === 1 || version === 2)) return upcast({ ...record, v: version })
  if (typeof version === 'number' && version > RECORD_VERSION) {
    const why = `version ${version}, this release reads up to ${RECORD_VERSION}`
    throw newerRelease({ sessionId, record: position }, why, { version, supported: RECORD_VERSION })
  }
  throw unreadable(place, `it carries no known version (${JSON.stringify(version)})`)
}

function unreadable(place: RowPlace, why: string, cause?: unknown): MeerkatError {
  const at = place.record === undefined ? '' : ` ${place.record}`
  return new MeerkatError(
    'internal',
    `the ${place.what}${at} of session ${place.sessionId} can't be read: ${why}. ` +
      'Other sessions are not affected; restore the store from a backup to get this one back',
    { cause, details: { sessionId: place.sessionId, ...(place.record === undefined ? {} : { record: place.record }) } },
  )
}
